"""Groups, belief structures and memorised answers; variances and entropies of single items stand in test_divergence."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

import simframe.metrics as m

from . import oracles
from .agree import agree, by_key, rows_of
from .count import of_pilot, pilot_vectors, structures, vectors
from .people import Case, People
from .study import ATTRIBUTES, BLOCKS, ITEMS

GROUPS = {
    name: getattr(m, name)("h", "s", "value", "level")
    for name in ("within_variance_ratio", "eta2_ratio", "group_slope")
}


@pytest.mark.parametrize("metric", GROUPS)
def test_between_groups(alignment, tables, metric):
    sql = rows_of(alignment, "heterogeneity", metric)
    points = tables.points.filter(pl.col("attribute") != "all")
    found = by_key(points, GROUPS[metric], "panel_id", "item_id", "attribute")
    wanted = [
        (case.panel_id, item.id, attribute)
        for case in tables.cases
        for item in ITEMS.values()
        for attribute in ATTRIBUTES
        if item.judged
    ]
    scipy = {key: oracles.GROUPS[metric](_levels(tables, *key)) for key in wanted}
    agree(sql, *({_of_groups(key): each.get(key) for key in wanted} for each in (found, scipy)), least=100)


def _of_groups(key: tuple[str, str, str]) -> tuple:
    panel, item, attribute = key
    return (panel, item, None, attribute, "all", None)


def _levels(tables, panel: str, item: str, attribute: str) -> list:
    return [tables.cells[panel, item, attribute, level] for level in ATTRIBUTES[attribute]]


def _seen(people: People, block: str, m: int) -> float:
    """Structures expected among m of the people, by the hypergeometric distribution."""
    _, counts = np.unique([str(tuple_) for tuple_ in structures(people, block)], return_counts=True)
    return float(stats.hypergeom(counts.sum(), counts, m).sf(0).sum())


def unique(case: Case, block: str, side: str) -> float | None:
    return float(len(set(structures(_side(case, side), block)))) or None


def rarefied(case: Case, block: str, side: str) -> float | None:
    smaller = min(len(structures(people, block)) for people in (case.reference, case.s))
    return _seen(_side(case, side), block, smaller) if smaller else None


def ratio(case: Case, block: str) -> float | None:
    h, s = (rarefied(case, block, side) for side in "hs")
    return None if h is None or s is None else s / h


def _side(case: Case, side: str) -> People:
    return case.reference if side == "h" else case.s


M = pl.min_horizontal(pl.col("h").sum(), pl.col("s").sum())
SHARED = pl.when(M > 0)
STRUCTURES = {
    "unique_structures_h": (m.unique_structures("h"), lambda c, b: unique(c, b, "h")),
    "unique_structures_s": (m.unique_structures("s"), lambda c, b: unique(c, b, "s")),
    # Nobody on one side leaves no common size.
    "rarefied_structures_h": (SHARED.then(m.rarefied_structures("h", M)), lambda c, b: rarefied(c, b, "h")),
    "rarefied_structures_s": (SHARED.then(m.rarefied_structures("s", M)), lambda c, b: rarefied(c, b, "s")),
    "structure_ratio": (m.structure_ratio("h", "s"), ratio),
}


@pytest.mark.parametrize("metric", STRUCTURES)
def test_structures(alignment, tables, metric):
    sql = rows_of(alignment, "heterogeneity", metric)
    expr, oracle = STRUCTURES[metric]
    found = by_key(tables.structures, expr, "panel_id", "attribute", "level", "block")
    wanted = {
        (case.panel_id, *place.values(), block): oracle(case, block)
        for case, place in tables.groups
        for block in BLOCKS
    }
    polars, scipy = ({(key[0], None, None, *key[1:]): each.get(key) for key in wanted} for each in (found, wanted))
    agree(sql, polars, scipy, least=120)


def memorised(pilot: list, people: People, pilot_n: int) -> float | None:
    """Weighted mean of whether a respondent's vector is in the pilot, of those outside of it who answered at all."""
    seen, whole = set(pilot), vectors(people)
    counted = [k for k, vector in enumerate(whole) if vector and not of_pilot(people, k, pilot_n)]
    if not seen or not people.weight[counted].sum():
        return None
    return float(np.average([whole[k] in seen for k in counted], weights=people.weight[counted]))


@pytest.mark.parametrize("metric", ["memorised_share", "memorised_share_h"])
def test_memorised(alignment, tables, metric):
    sql = rows_of(alignment, "heterogeneity", metric)
    side = "h" if metric.endswith("_h") else "s"
    pilots = {case.panel_id: pilot_vectors(case) for case in tables.cases}
    found = by_key(tables.vectors, m.memorised_share(side, "pilot"), "panel_id", "attribute", "level")
    polars, scipy = {}, {}
    for case, place in tables.groups:
        key = (case.panel_id, None, None, *place.values(), None)
        # Without a pilot there is nothing to repeat, which is not a share of nought.
        polars[key] = found.get((case.panel_id, *place.values())) if pilots[case.panel_id] else None
        scipy[key] = memorised(pilots[case.panel_id], _side(case, side), (case.pilot_n or 0) * (side == "h"))
    agree(sql, polars, scipy, least=70)
    assert max(value or 0.0 for value in sql.values()) > 0.2
