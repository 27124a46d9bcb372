"""fidelity: each twin beside its own human, against numpy."""

import numpy as np
import pytest

from .conftest import figures, reasons

VIEW = "fidelity"

MOODS_H = [1, 2, 3, 1, 3, 2, 1, 3]
MOODS_S = [1, 3, 3, 2, 2, 2, 1, 1]
ARMS = ["warm", "cold"] * 4


def people(prefix, moods, twins=None, splits=None, arms=None):
    respondents, responses = [], []
    for i, mood in enumerate(moods):
        name = f"{prefix}{i}"
        split = splits[i] if splits else "holdout"
        respondents.append({"respondent_id": name, "twin_of": twins and twins[i], "weight": 1.0 + i, "split": split})
        missing = mood is None
        row = {"respondent_id": name, "item_id": "mood", "code": None if missing else str(mood), "missing": missing}
        responses.append(row | {"value": None if missing else float(mood)})
        responses.append({"respondent_id": name, "item_id": "party", "code": "xyz"[i % 3], "missing": False})
        if arms:
            responses.append({"respondent_id": name, "item_id": "letter", "code": arms[i], "missing": False})
    return {"respondents": respondents, "responses": responses}


def build(warehouse, moods_s=MOODS_S, twins=None, arms=None, splits=None):
    made = warehouse()
    made.panel("h", tables=people("h", MOODS_H, splits=splits, arms=arms))
    twins = [f"h{i}" for i in range(len(moods_s))] if twins is None else twins
    made.panel("s", reference="h", tables=people("s", moods_s, twins=twins))
    return made.open()


def test_an_item_of_twins(warehouse):
    with build(warehouse, arms=ARMS) as con:
        got = figures(con, "fidelity", item_id="mood")
    y, yhat = np.array(MOODS_H, float), np.array(MOODS_S, float)
    cold = np.array([arm == "cold" for arm in ARMS])
    centred = [v - np.where(cold, v[cold].mean(), v[~cold].mean()) for v in (y, yhat)]
    assert got == pytest.approx(
        {
            "pearson_r": np.corrcoef(y, yhat)[0, 1],
            "accuracy": 1 - np.abs(y - yhat).mean() / 2,
            "exact_match_rate": (y == yhat).mean(),
            "demeaned_r": np.corrcoef(*centred)[0, 1],
        },
        abs=1e-14,
    )


def test_without_arms_there_is_nothing_to_demean(warehouse):
    with build(warehouse) as con:
        assert figures(con, "fidelity", item_id="mood")["demeaned_r"] is None
        assert reasons(con, "fidelity", item_id="mood")["demeaned_r"] == "no treatment arms"


def test_a_nominal_item_has_matches_alone(warehouse):
    with build(warehouse) as con:
        got, why = figures(con, "fidelity", item_id="party"), reasons(con, "fidelity", item_id="party")
    assert got["exact_match_rate"] == 1.0
    assert (got["pearson_r"], why["pearson_r"]) == (None, "options without values")
    assert (got["accuracy"], why["accuracy"]) == (None, "options without values")


def test_a_constant_side_has_no_correlation(warehouse):
    with build(warehouse, moods_s=[2] * 8) as con:
        assert figures(con, "fidelity", item_id="mood")["pearson_r"] is None
        assert reasons(con, "fidelity", item_id="mood")["pearson_r"] == "one side does not vary"


def test_missing_answers_and_other_parts_are_set_aside(warehouse):
    splits = ["pilot"] * 2 + ["holdout"] * 6
    with build(warehouse, moods_s=[*MOODS_S[:7], None], splits=splits) as con:
        rows = con.execute("""SELECT estimate, n_h FROM fidelity
            WHERE item_id = 'mood' AND metric = 'exact_match_rate' AND attribute = 'all'""")
        assert rows.fetchall() == [(3 / 5, 5)]


def test_the_mean_over_items(warehouse):
    with build(warehouse) as con:
        got, why = figures(con, "fidelity", item_id=None), reasons(con, "fidelity", item_id=None)
    assert got["exact_match_rate"] == pytest.approx((1.0 + 4 / 8) / 2)
    assert why["exact_match_rate"] == "mean of 2 of 3 asked items"


def test_panels_without_twins_have_no_fidelity(warehouse):
    with build(warehouse, twins=[None] * 8) as con:
        assert con.execute("SELECT count(*) FROM fidelity").fetchone() == (0,)


def test_an_answer_without_a_number_leaves_both_sides_of_its_pair(warehouse):
    """A "don't know" that counts as a category matches or not; correlation and error know nothing of the pair."""
    made = warehouse()
    tables = people("h", MOODS_H)
    for row in tables["responses"]:
        if row["respondent_id"] == "h0" and row["item_id"] == "mood":
            row.update(code="9", value=None)
    made.panel("h", tables=tables)
    made.panel("s", reference="h", tables=people("s", MOODS_S, twins=[f"h{i}" for i in range(8)]))
    with made.open() as con:
        got = figures(con, "fidelity", item_id="mood")
    y, yhat = np.array(MOODS_H[1:], float), np.array(MOODS_S[1:], float)
    assert got["pearson_r"] == pytest.approx(np.corrcoef(y, yhat)[0, 1], abs=1e-14)
    assert got["accuracy"] == pytest.approx(1 - np.abs(y - yhat).mean() / 2)
    assert got["exact_match_rate"] == pytest.approx((y == yhat).sum() / 8)
