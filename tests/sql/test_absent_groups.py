"""scorecard: a panel is not fit for subgroups and questions that it leaves out."""

from __future__ import annotations

import pytest

from simframe.warehouse.declarations import declare

from .conftest import TINY, count, cross

MEN = {"1": 30, "3": 30}
WOMEN = {"1": 40, "3": 40}


def _made(warehouse, women, men):
    made = warehouse(TINY + "\n[thresholds]\nsubgroups_margin = 0.1\n")
    for name, each, own in (("h", 80, 60), ("s", women, men)):
        half = {"f": {"1": each / 2, "3": each / 2}, "m": {"1": own / 2, "3": own / 2}}
        rows = count("mood", {"1": (each + own) / 2, "3": (each + own) / 2})
        for level, counts in half.items():
            rows += count("mood", counts, attribute="sex", level=level) if sum(counts.values()) else []
        made.panel(name, reference=None if name == "h" else "h", tables={"cells": rows})
    worst = {"family": "subgroups", "metric": "worst_group_js_distance", "attribute": "sex", "level": "f"}
    near = {"item_id": None, "estimate": 0.0, "ci_low": 0.0, "ci_high": 0.05, "floor": 0.03, "floor_q95": 0.06}
    made.evaluation("e1", "s", tables={"estimates": [worst | near]})
    declare(made.layout, made.study)
    return made


@pytest.mark.parametrize(
    ("women", "men", "verdict", "fit", "reason"),
    [
        (80, 60, "within the margin", "fit for subgroups", "worst of 2 of 3 groups"),
        (80, 0, "undecided", "undecided", "1 group is not simulated; worst of 1 of 3 groups"),
    ],
)
def test_a_group_that_is_left_out_is_said_and_forbids_fit(warehouse, women, men, verdict, fit, reason):
    with _made(warehouse, women, men).open() as con:
        found = con.execute("SELECT verdict, fit, reason FROM scorecard WHERE axis = 'subgroups'").fetchall()
    assert found == [(verdict, fit, reason)]


def test_a_small_group_that_is_left_out_decides_nothing(warehouse):
    made = warehouse()
    for name, levels in (("h", {"f": WOMEN, "m": {"1": 15, "3": 14}}), ("s", {"f": WOMEN})):
        rows = count("mood", WOMEN)
        for level, counts in levels.items():
            rows += count("mood", counts, attribute="sex", level=level)
        made.panel(name, reference=None if name == "h" else "h", tables={"cells": rows})
    worst = {"family": "subgroups", "metric": "worst_group_js_distance", "attribute": "sex", "level": "f"}
    near = {"item_id": None, "estimate": 0.0, "ci_low": 0.0, "ci_high": 0.05, "floor": 0.03, "floor_q95": 0.06}
    made.evaluation("e1", "s", tables={"estimates": [worst | near]})
    with made.open() as con:
        found = con.execute("SELECT verdict, reason FROM scorecard WHERE axis = 'subgroups'").fetchall()
    assert found == [("at the floor", "worst of 1 of 3 groups")]


ALIKE = {"1": 40, "2": 20, "3": 40}
NEAR = {"ci_low": 0.0, "ci_high": 0.05}


def _lacking(warehouse, votes, *, margins=True):
    """A panel like its people in all it answers, ``vote`` too where it has any."""
    declared = "marginals_margin = 0.1\ncoherence_margin = 0.1"
    made = warehouse(TINY + (f"\n[thresholds]\n{declared}\n" if margins else ""))
    both = count("mood", ALIKE) + count("party", {"x": 60, "y": 40})
    people = both + count("vote", {"0": 50, "1": 50})
    made.panel("h", tables={"cells": people, "crosstabs": cross("acts", {("1", "0"): 50, ("3", "1"): 50})})
    shown = both + (count("vote", {"0": votes / 2, "1": votes / 2}) if votes else [])
    pairs = cross("acts", {("1", "0"): votes / 2, ("3", "1"): votes / 2}) if votes else []
    made.panel("s", reference="h", tables={"cells": shown, "crosstabs": pairs})
    found = {"family": "divergence", "metric": "js_distance", "estimate": 0.0, "floor": 0.03, "floor_q95": 0.06} | NEAR
    made.evaluation("e1", "s", tables={"estimates": [found]})
    declare(made.layout, made.study)
    return made


@pytest.mark.parametrize(
    ("votes", "margins", "expected"),
    [
        (100, True, ("within the margin", "fit for marginals", None)),
        (100, False, ("at the floor", "undecided", None)),
        (0, True, ("undecided", "undecided", "mean of 2 of 3 asked items")),
        (0, False, ("undecided", "undecided", "mean of 2 of 3 asked items")),
    ],
)
def test_a_question_that_is_left_out_is_said_and_forbids_fit(warehouse, votes, margins, expected):
    with _lacking(warehouse, votes, margins=margins).open() as con:
        found = con.execute("SELECT verdict, fit, reason FROM scorecard WHERE axis = 'marginals'").fetchall()
        pairs = con.execute("SELECT reason FROM scorecard WHERE axis = 'coherence'").fetchone()
    assert found == [expected]
    assert votes or pairs[0].startswith("1 pair is not simulated"), pairs
