"""comparisons, shares: who is compared, and on what grid."""

import pytest

from .conftest import count

VIEW = "shares"


def rows(con, item, attribute="all", level="all"):
    return con.execute(
        """SELECT code, n_h, n_s, p, q, p_cumulative, q_cumulative, value, step FROM shares
        WHERE item_id = ? AND attribute = ? AND level = ? ORDER BY position""",
        [item, attribute, level],
    ).fetchall()


def test_the_grid_is_the_declared_options(warehouse):
    h = count("mood", {"1": 1, "2": 1, "9": 2, None: 1})
    s = count("mood", {"1": 1, "3": 3})
    with warehouse().compare(h, s) as con:
        assert rows(con, "mood") == [
            ("1", 1, 1, 0.5, 0.25, 0.5, 0.25, 1.0, 1.0),
            ("2", 1, 0, 0.5, 0.0, 1.0, 0.25, 2.0, 1.0),
            ("3", 0, 3, 0.0, 0.75, 1.0, 1.0, 3.0, None),
        ]


def test_shares_are_weighted_and_splits_add_up(warehouse):
    h = [*count("party", {"x": 3, "y": 1}, w=1.5), *count("party", {"z": 9}, split="pilot")]
    s = [*count("party", {"x": 1}), *count("party", {"x": 1, "z": 2}, split="pilot")]
    with warehouse().compare(h, s) as con:
        assert [(r[0], r[1], r[2], r[3], r[4]) for r in rows(con, "party")] == [
            ("x", 3, 2, 0.5, 0.5),
            ("y", 1, 0, 0.5, 0.0),
            ("z", 0, 2, 0.0, 0.5),
        ]


def test_bins_are_the_grid_of_an_interval_item(warehouse):
    h = [*count("hours", {2: 1, 5: 1}, code="few"), *count("hours", {20: 2}, code="many")]
    with warehouse().compare(h, count("hours", {10: 4}, code="many")) as con:
        assert [r[:5] for r in rows(con, "hours")] == [("few", 2, 0, 0.5, 0.0), ("many", 2, 4, 0.5, 1.0)]


def test_a_group_not_simulated_is_there_with_unknown_shares(warehouse):
    h = count("party", {"x": 3, "y": 1}, attribute="sex", level="m")
    with warehouse().compare(h, count("party", {"x": 1}, attribute="sex", level="f")) as con:
        assert [(r[0], r[3], r[4]) for r in rows(con, "party", "sex", "m")] == [
            ("x", 0.75, None),
            ("y", 0.25, None),
            ("z", 0.0, None),
        ]
        assert {r[3] for r in rows(con, "party", "sex", "f")} == {None}


def test_only_panels_of_one_study_version_are_compared(warehouse):
    made = warehouse()
    made.panel("h", tables={})
    made.panel("same", reference="h", tables={})
    made.panel("other", reference="h", tables={}, study_hash="0" * 12)
    made.panel("lost", reference="nobody", tables={})
    with made.open() as con:
        assert con.execute("SELECT panel_id, kind, reference_id, reference_split FROM comparisons").fetchall() == [
            ("same", "simulated", "h", "holdout")
        ]


@pytest.mark.parametrize(("split", "expected"), [(None, 0.25), ("holdout", 0.5), ("pilot", 0.0)])
def test_the_reference_counts_in_its_part(warehouse, split, expected):
    made = warehouse()
    h = [*count("party", {"x": 1, "y": 1}), *count("party", {"y": 2}, split="pilot")]
    made.panel("h", tables={"cells": h})
    made.panel("s", reference="h", reference_split=split, tables={"cells": count("party", {"y": 1})})
    with made.open() as con:
        assert rows(con, "party")[0][3] == expected
