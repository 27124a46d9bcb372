"""How far apart answers are, item by item: the view, the expression and scipy on the same random panels."""

from __future__ import annotations

import polars as pl
import pytest

import simframe.metrics as m

from . import oracles
from .agree import agree, by_key, rows_of
from .study import ITEMS

KEY = ("panel_id", "item_id", "attribute", "level")
CHI2 = m.chi2("h", "s", "h2", "s2").struct
EXPRESSIONS = {
    "total_variation": ("options", m.total_variation("h", "s")),
    "kl_divergence": ("options", m.kl_divergence("h", "s")),
    "kl_smoothed": ("options", m.kl_smoothed("h", "s", "n_h", "n_s")),
    "js_divergence": ("options", m.js_divergence("h", "s")),
    "js_distance": ("options", m.js_distance("h", "s")),
    "hellinger": ("options", m.hellinger("h", "s")),
    "chi2": ("options", CHI2.field("statistic")),
    "chi2_df": ("options", CHI2.field("df")),
    "wasserstein": ("points", m.wasserstein("h", "s", "value")),
    "wasserstein_norm": ("points", m.wasserstein_norm("h", "s", "value")),
    "ks": ("points", m.ks("h", "s", "value")),
    "energy": ("points", m.energy("h", "s", "value")),
    "mean_shift": ("points", m.mean_shift("h", "s", "value")),
    "nonresponse_gap": ("asked", m.nonresponse_gap("h_missing", "h", "s_missing", "s")),
    "variance_ratio": ("points", m.variance_ratio("h", "s", "value")),
    "sd_ratio": ("points", m.sd_ratio("h", "s", "value")),
    "entropy_h": ("options", m.entropy("h")),
    "entropy_s": ("options", m.entropy("s")),
    "entropy_ratio": ("options", m.entropy_ratio("h", "s")),
    "modal_share_gap": ("options", m.modal_share_gap("h", "s")),
}
HETEROGENEITY = ("variance_ratio", "sd_ratio", "entropy_h", "entropy_s", "entropy_ratio", "modal_share_gap")
MEANS = ("total_variation", "js_distance", "wasserstein_norm", "variance_ratio", "entropy_ratio")
# Whoever knows the scale leaves these out: the figure needs a declared width, or distances between answers.
UNDECLARED = {
    "wasserstein_norm": [item.id for item in ITEMS.values() if item.width is None],
    "energy": [item.id for item in ITEMS.values() if item.scale == "ordinal"],
}


def figures(tables, metric: str, *, everybody: bool) -> tuple[dict, dict]:
    """Return key -> figure by Polars and by scipy, over all items in everybody, or in every group."""
    frame, expr = EXPRESSIONS[metric]
    wanted = [key for key in tables.cells if (key[2] == "all") == everybody]
    found = by_key(getattr(tables, frame), expr, *KEY)
    polars = {key: None if key[1] in UNDECLARED.get(metric, ()) else found.get(key) for key in wanted}
    scipy = {key: oracles.ITEM[metric](tables.cells[key]) for key in wanted}
    return polars, scipy


def in_full(figures: dict) -> dict:
    """Give figures the keys of the view."""
    return {(panel, item, None, attribute, level, None): x for (panel, item, attribute, level), x in figures.items()}


def family_of(metric: str) -> str:
    return "heterogeneity" if metric in HETEROGENEITY else "divergence"


@pytest.mark.parametrize("metric", EXPRESSIONS)
def test_item(alignment, tables, metric):
    sql = rows_of(alignment.filter(pl.col("item_id").is_not_null(), attribute="all"), family_of(metric), metric)
    polars, scipy = figures(tables, metric, everybody=True)
    agree(sql, in_full(polars), in_full(scipy), least=30)


@pytest.mark.parametrize("metric", MEANS)
def test_mean_over_the_asked_items(alignment, tables, metric):
    sql = rows_of(alignment.filter(pl.col("item_id").is_null(), attribute="all"), family_of(metric), metric)
    agree(sql, *(means(each) for each in figures(tables, metric, everybody=True)), least=8)


def means(figures: dict) -> dict:
    chosen: dict = {}
    for (panel, item, attribute, level), x in figures.items():
        if ITEMS[item].asked:
            chosen.setdefault((panel, None, None, attribute, level, None), []).append(x)
    defined = {key: [x for x in values if x is not None] for key, values in chosen.items()}
    return {key: sum(values) / len(values) if values else None for key, values in defined.items()}
