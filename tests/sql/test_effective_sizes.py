"""How many respondents of equal weight stand behind a figure: of every family alike, and what goes by it."""

import pytest

from .conftest import count, cross
from .test_heterogeneity import people, structures

# Thirty-nine people of weight 1 and one of 39 tell as much as four: (39 + 39)^2 / (39 + 39^2), Kish 1965.
HEADS, WORTH = 40, 3.9
GROUP = {"attribute": "sex", "level": "f"}


def uneven(rows):
    """Let the first of the people behind a row weigh as much as thirty-nine others do."""
    return [row | {"w": row["n"] + 38.0, "w2": row["n"] + 39.0**2 - 1} if k == 0 else row for k, row in enumerate(rows)]


def fit(panel, split, effective=None):
    row = {"panel_id": panel, "split": split, "regression_id": "model", "family": "logit", "n": HEADS} | GROUP
    return row | {"effective": effective}


def coefficient(panel, split):
    own = {"panel_id": panel, "split": split, "regression_id": "model", "term": "mood", "kind": "slope"} | GROUP
    return own | {"estimate": 1.0, "se": 0.1, "p_value": 0.01, "ci_low": 0.8, "ci_high": 1.2}


def estimate(metric, worth=None):
    row = {"family": "coherence", "metric": metric, "estimate": 0.5, "n_h": HEADS, "n_s": HEADS}
    return row | GROUP | {"effective_h": worth, "effective_s": float(HEADS)}


@pytest.fixture
def con(warehouse):
    """Forty women on either side; people's weights are uneven. What ignores weights has none to lose."""
    made = warehouse()
    pairs = {("1", "0"): 15, ("1", "1"): 5, ("3", "0"): 5, ("3", "1"): 15}
    pilot = people([("2", "y")], "pilot")
    vectors = people([("1", "x")], weight=39.0), people([("1", "x"), ("2", "y"), ("3", "z")] * 13, start=1)
    others = people([("1", "x"), ("2", "y")] * 20)
    ids = [row["respondent_id"] for side in vectors for row in side[0]]
    placed = {
        "h": [{"respondent_id": each} | GROUP for each in ids],
        "s": [{"respondent_id": row["respondent_id"]} | GROUP for row in others[0]],
    }
    tables = {
        "cells": count("mood", {"1": 20, "3": 20}, **GROUP),
        "crosstabs": cross("acts", pairs, **GROUP),
        "structures": [row | GROUP for row in structures({"a": 20, "b": 20})],
    }
    weighted = {name: uneven(tables[name]) for name in ("cells", "crosstabs")}
    made.panel(
        "h",
        tables=tables
        | weighted
        | {
            "respondents": [row for side in (pilot, *vectors) for row in side[0]],
            "responses": [row for side in (pilot, *vectors) for row in side[1]],
            "memberships": placed["h"],
        },
    )
    own = {"respondents": others[0], "responses": others[1], "memberships": placed["s"]}
    made.panel("s", reference="h", pilot_n=1, tables=tables | own)
    made.evaluation(
        "e",
        "s",
        tables={
            "estimates": [estimate("polychoric_h", WORTH), estimate("predictability_h")],
            "fits": [fit("h", "holdout", WORTH), fit("s", "all")],
            "coefficients": [coefficient("h", "holdout"), coefficient("s", "all")],
        },
    )
    with made.open() as con:
        yield con


WEIGHTED = ("js_distance", "cramers_v_h", "belief_action_gap", "memorised_share", "tp", "polychoric_h")
EVERYBODY_ONCE = ("structure_ratio", "predictability_h")


def test_figures_with_weights_are_flagged_by_what_the_weights_leave(con):
    found = con.execute(
        """
        SELECT metric, n_h, round(effective_h, 4), effective_s, reason FROM alignment
        WHERE attribute = 'sex' AND level = 'f' AND estimate IS NOT NULL AND coalesce(item_id, 'mood') = 'mood'
            AND list_contains(?, metric)
        """,
        [[*WEIGHTED, *EVERYBODY_ONCE]],
    ).fetchall()
    told = {row[0]: row[1:] for row in found}
    # An evaluation of another time kept nothing of weights: its figures count everybody alike.
    assert told == dict.fromkeys(WEIGHTED, (HEADS, WORTH, HEADS, "small_n")) | dict.fromkeys(
        EVERYBODY_ONCE, (HEADS, HEADS, HEADS, None)
    )


@pytest.mark.parametrize(("weigh", "verdict"), [(lambda rows: rows, "no baseline"), (uneven, "too few respondents")])
def test_verdicts_go_by_it(warehouse, weigh, verdict):
    made = warehouse()
    made.panel("h", tables={"cells": weigh(count("mood", {"1": 20, "3": 20}))})
    made.panel("s", reference="h", tables={"cells": count("mood", {"1": 10, "3": 30})})
    row = {"family": "divergence", "metric": "js_distance", "attribute": "all", "level": "all", "item_id": None}
    made.evaluation("e", "s", tables={"estimates": [row | {"ci_low": 0.01, "ci_high": 0.9, "floor": 0.0}]})
    with made.open() as con:
        found = con.execute("SELECT verdict, n_h, effective_s FROM scorecard WHERE axis = 'marginals'").fetchone()
    assert found == (verdict, HEADS, HEADS)
