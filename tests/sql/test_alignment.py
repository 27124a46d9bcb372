"""alignment: every figure once, with what the evaluation that speaks says of it beside."""

import polars as pl
import pytest

from .conftest import count, cross

VIEW = "alignment"

H = [*count("mood", {"1": 30, "2": 30}), *count("mood", {"1": 40}, attribute="sex", level="f")]
S = [*count("mood", {"1": 30, "3": 30}), *count("mood", {"3": 40}, attribute="sex", level="f")]
KEYS = "panel_id, family, metric, item_id, item_id_2, attribute, level, term"


def uncertainty(family, metric, **over):
    row = {"family": family, "metric": metric, "attribute": "all", "level": "all", "estimate": 99.0}
    return row | {"ci_low": 0.1, "ci_high": 0.9, "floor": 0.05, "floor_q95": 0.2, "p_value": 0.01} | over


@pytest.fixture
def made(warehouse):
    made = warehouse()
    made.panel("h", tables={"cells": H, "crosstabs": cross("acts", {("1", "0"): 50, ("3", "1"): 50})})
    made.panel("s", reference="h", tables={"cells": S, "crosstabs": cross("acts", {("1", "0"): 50, ("3", "0"): 50})})
    return made


def row(con, family, metric, **keys):
    where = " AND ".join(f"{name} IS NOT DISTINCT FROM ?" for name in keys)
    found = con.execute(
        f"SELECT estimate, ci_low, ci_high, floor, floor_q95, p_value, reason FROM alignment "
        f"WHERE family = ? AND metric = ? AND {where}",
        [family, metric, *keys.values()],
    ).fetchall()
    assert len(found) == 1
    return found[0]


def test_intervals_join_on_every_key_null_or_not(made):
    made.evaluation("e", "s", tables={"estimates": [
        uncertainty("divergence", "total_variation", item_id="mood", ci_low=0.3),
        uncertainty("divergence", "total_variation", item_id=None, ci_low=0.4),
        uncertainty("subgroups", "total_variation", item_id="mood", attribute="sex", level="f", ci_low=0.5),
        uncertainty("coherence", "belief_action_gap", item_id="mood", item_id_2="vote", term="acts", ci_low=0.45),
    ]})  # fmt: skip
    with made.open() as con:
        # The estimate is the catalog's own, whatever the evaluation wrote.
        assert row(con, "divergence", "total_variation", item_id="mood")[:6] == (0.5, 0.3, 0.9, 0.05, 0.2, 0.01)
        assert row(con, "divergence", "total_variation", item_id=None)[:2] == (0.5, 0.4)
        assert row(con, "subgroups", "total_variation", item_id="mood", level="f")[:2] == (1.0, 0.5)
        assert row(con, "subgroups", "total_variation", item_id="mood", level="m")[1] is None
        assert row(con, "coherence", "belief_action_gap", term="acts", attribute="all")[:2] == (0.5, 0.45)


def test_the_latest_evaluation_of_the_panel_counts(made):
    for name, day, low in (("zzz", 1, 0.1), ("aaa", 2, 0.2)):
        made.evaluation(name, "s", day=day, tables={
            "estimates": [uncertainty("divergence", "total_variation", item_id="mood", ci_low=low)],
        })  # fmt: skip
    with made.open() as con:
        assert row(con, "divergence", "total_variation", item_id="mood")[1] == 0.2


def test_nan_in_an_evaluation_is_unknown(made):
    odd = uncertainty("divergence", "total_variation", item_id="mood", ci_low=float("nan"), floor=float("inf"))
    made.evaluation("e", "s", tables={"estimates": [odd]})
    with made.open() as con:
        assert row(con, "divergence", "total_variation", item_id="mood")[1:4] == (None, 0.9, None)


def test_what_only_an_evaluation_gives_stands_beside_what_views_give(made):
    rows = [
        uncertainty("coherence", "polychoric_h", item_id="mood", item_id_2="vote", term="acts", n_h=70, n_s=30),
        uncertainty("coherence", "polychoric_s", term="acts", estimate=None, reason="a single action", n_h=70, n_s=30),
        # Its key is a view's: it adds an interval, and no row.
        uncertainty("divergence", "total_variation", item_id="mood", n_h=1, n_s=1),
    ]
    with made.open() as con:
        before = con.execute("SELECT count(*) FROM alignment").fetchone()[0]
    made.evaluation("e", "s", reference_id="h", tables={"estimates": rows})
    with made.open() as con:
        assert con.execute("SELECT count(*) FROM alignment").fetchone()[0] == before + 2
        found = con.execute(
            "SELECT study_id, panel_id, reference_id, metric, item_id_2, attribute, level, estimate, p_value, n_h, n_s,"
            " reason FROM alignment WHERE metric LIKE 'polychoric%' ORDER BY metric"
        ).fetchall()
        assert row(con, "divergence", "total_variation", item_id="mood")[0] == 0.5
    assert found == [
        ("tiny", "s", "h", "polychoric_h", "vote", "all", "all", 99.0, 0.01, 70, 30, None),
        ("tiny", "s", "h", "polychoric_s", None, "all", "all", None, 0.01, 70, 30, "a single action"),
    ]


def test_people_against_themselves_are_a_panel_of_their_own(made):
    own = [
        uncertainty("divergence", "js_distance", item_id="mood", n_h=50, n_s=50, floor=None, p_value=None),
        uncertainty("divergence", "js_distance", item_id=None, n_h=50, n_s=50, floor=None, p_value=None),
    ]
    made.evaluation("e", "h", tables={"estimates": own})
    with made.open() as con:
        found = con.execute(
            "SELECT reference_id, item_id, estimate, ci_low, floor, n_h, n_s FROM alignment "
            "WHERE panel_id = 'h' ORDER BY 2"
        ).fetchall()
        beside = con.execute("SELECT count(ci_low) FROM alignment WHERE panel_id = 's'").fetchone()
    assert beside == (0,)
    assert found == [("h", "mood", 99.0, 0.1, None, 50, 50), ("h", None, 99.0, 0.1, None, 50, 50)]


def test_an_evaluation_from_before_counts_were_kept_still_reads(made):
    row_ = uncertainty("coherence", "polychoric_h", item_id="mood", item_id_2="vote", term="acts")
    made.evaluation("e", "s", tables={"estimates": [row_]})
    file = made.layout.evaluation("e") / "estimates.parquet"
    pl.read_parquet(file, hive_partitioning=False).drop("n_h", "n_s").write_parquet(file)
    with made.open() as con:
        found = con.execute("SELECT estimate, n_h, n_s FROM alignment WHERE metric = 'polychoric_h'").fetchall()
    assert found == [(99.0, None, None)]


def test_no_key_stands_twice(made):
    with made.open() as con:
        total, distinct = con.execute(
            f"SELECT count(*), count(DISTINCT ({KEYS})) FROM (SELECT {KEYS} FROM alignment)"
        ).fetchone()
    assert total == distinct > 100


def test_every_family_is_there_for_every_panel(made):
    made.panel("silent", reference="h", tables={})
    with made.open() as con:
        families = con.execute(
            "SELECT panel_id, list_sort(list(DISTINCT family)) FROM alignment GROUP BY ALL ORDER BY 1"
        )
        everything = ["coherence", "divergence", "heterogeneity", "recovery", "subgroups"]
        assert families.fetchall() == [("s", everything), ("silent", everything)]
        defined = con.execute("SELECT metric FROM alignment WHERE panel_id = 'silent' AND estimate IS NOT NULL")
        # Only what is known of the people alone.
        assert all(metric.endswith("_h") for (metric,) in defined.fetchall())
