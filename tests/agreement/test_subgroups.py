"""The same figures of single items within every group and crossing, the worst group and the spread."""

from __future__ import annotations

import polars as pl
import pytest

from .agree import agree, rows_of
from .study import ATTRIBUTES
from .test_divergence import EXPRESSIONS, HETEROGENEITY, MEANS, figures, in_full, means


@pytest.mark.parametrize("metric", EXPRESSIONS)
def test_group(alignment, tables, metric):
    """Every group of one attribute and of a crossing; the mean over the asked items where there is one of everybody."""
    family = "heterogeneity" if metric in HETEROGENEITY else "subgroups"
    sql = rows_of(alignment.filter(pl.col("attribute") != "all"), family, metric)
    polars, scipy = (
        in_full(each) | (means(each) if metric in MEANS else {}) for each in figures(tables, metric, everybody=False)
    )
    agree(sql, polars, scipy, least=250)


def by_attribute(figures: dict) -> dict[tuple, dict[str, float]]:
    """Return (panel, item, attribute) -> level -> distance, the mean over items (item None) included."""
    found: dict = {}
    for (panel, item, _, attribute, level, _), x in (in_full(figures) | means(figures)).items():
        levels = found.setdefault((panel, item, attribute), {})
        if x is not None:
            levels[level] = x
    return found


def worst(figures: dict) -> dict:
    """Return the largest distance under its level, the first of equals; level all where no group is defined."""
    found = {}
    for (panel, item, attribute), levels in by_attribute(figures).items():
        order = [level for level in ATTRIBUTES[attribute] if level in levels]
        first = next((level for level in order if levels[level] >= max(levels.values()) - 1e-12), "all")
        found[panel, item, None, attribute, first, None] = levels.get(first)
    return found


def spread(figures: dict) -> dict:
    return {
        (panel, item, None, attribute, "all", None): max(levels.values()) - min(levels.values())
        if len(levels) > 1
        else None
        for (panel, item, attribute), levels in by_attribute(figures).items()
    }


EXTREMES = {"worst_group_js_distance": worst, "spread_js_distance": spread}


@pytest.mark.parametrize("metric", EXTREMES)
def test_extremes(alignment, tables, metric):
    sql = rows_of(alignment, "subgroups", metric)
    polars, scipy = map(EXTREMES[metric], figures(tables, "js_distance", everybody=False))
    agree(sql, polars, scipy, least=150)


def test_excess_is_the_distance_less_its_floor(warehouse):
    """``excess`` is no row of its own: both its parts stand in every row of a subgroup that was evaluated."""
    rows = warehouse.sql(
        "SELECT metric, estimate - floor AS excess FROM alignment "
        "WHERE family = 'subgroups' AND metric = 'js_distance' AND estimate IS NOT NULL AND n_h > 1 AND n_s > 1 "
        "AND panel_id <> reference_id"
    )
    assert rows.filter(pl.col("excess").is_not_null()).height > 0.8 * rows.height > 400
