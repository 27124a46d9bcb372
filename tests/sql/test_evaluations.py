"""Of several evaluations of a panel one speaks, whatever the order they were asked for in."""

from __future__ import annotations

import json

import pytest

from .conftest import cross

VIEW = "coefficients"
OLD, NEW = (json.dumps({"method": method}) for method in ("older", "newer"))


def estimate(low):
    return {"family": "divergence", "metric": "js_distance", "item_id": "mood", "estimate": low + 0.1, "ci_low": low}


def fit(split, n):
    return {"panel_id": "s", "split": split, "regression_id": "model", "family": "logit", "n": n}


@pytest.mark.parametrize(
    ("made", "speaks"),
    [
        # (id, day, replicates, settings) of each evaluation, and the id of the one that speaks
        ([("quick", 2, 100, NEW), ("careful", 1, 2000, NEW)], "careful"),
        ([("quick", 1, 100, NEW), ("careful", 2, 2000, NEW)], "careful"),
        ([("seed0", 1, 2000, NEW), ("seed1", 2, 2000, NEW)], "seed1"),
        ([("more", 1, 9000, OLD), ("fewer", 2, 2000, NEW), ("quick", 3, 100, NEW)], "fewer"),
        ([("unknown", 1, None, None), ("known", 1, 100, None)], "known"),
    ],
)
def test_of_the_latest_method_the_most_replicates_then_the_latest(warehouse, made, speaks):
    world = warehouse()
    world.panel("h", tables={"crosstabs": cross("acts", {("1", "0"): 1})})
    world.panel("s", reference="h", tables={})
    for place, (name, day, replicates, settings) in enumerate(made, 1):
        tables = {"estimates": [estimate(place / 100)], "fits": [fit("all", place), fit("holdout", place)]}
        term = {"panel_id": "s", "split": "all", "regression_id": "model", "term": "mood", "estimate": place}
        world.evaluation(
            name,
            "s",
            tables=tables | {"coefficients": [term]},
            day=day,
            replicates=replicates,
            settings=settings,
            simframe_version="0.1.0",
        )
    place = 1 + [name for name, *_ in made].index(speaks)
    with world.open() as con:
        assert con.execute("SELECT evaluation_id FROM evaluations WHERE speaks").fetchall() == [(speaks,)]
        assert con.execute("SELECT evaluation_id, ci_low FROM estimates").fetchall() == [(speaks, place / 100)]
        assert con.execute("SELECT DISTINCT evaluation_id, n FROM fits").fetchall() == [(speaks, place)]
        assert con.execute("SELECT evaluation_id, estimate FROM coefficients").fetchall() == [(speaks, place)]


def test_a_part_that_only_another_evaluation_fitted_keeps_its_fit(warehouse):
    world = warehouse()
    world.panel("s", tables={})
    for name, replicates, split in (("careful", 2000, "all"), ("quick", 100, "holdout")):
        world.evaluation(name, "s", tables={"fits": [fit(split, replicates)]}, replicates=replicates)
    with world.open() as con:
        found = con.execute("SELECT split, n FROM fits ORDER BY ALL").fetchall()
    assert found == [("all", 2000), ("holdout", 100)]
