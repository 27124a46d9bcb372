"""recovery, coefficient_pairs: coefficient beside coefficient, and the latest evaluation alone."""

from math import sqrt

import pytest

from .conftest import figures, reasons

VIEW = "recovery"

# term: (estimate, p) of H and of S. One of each kind, and a reversed sign.
TERMS = {
    "hit": ((2.0, 0.01), (1.0, 0.02)),
    "invented": ((0.1, 0.60), (1.5, 0.01)),
    "missed": ((1.0, 0.03), (0.5, 0.30)),
    "quiet": ((0.0, 0.90), (0.2, 0.50)),
    "reversed": ((1.0, 0.01), (-1.0, 0.01)),
}


def coefficient(panel, term, estimate, p, split, kind="slope", se=0.5, model="model"):
    return {
        "panel_id": panel, "split": split, "regression_id": model, "term": term, "kind": kind, "estimate": estimate,
        "se": se, "p_value": p, "ci_low": estimate - 1, "ci_high": estimate + 1,
    }  # fmt: skip


def fit(panel, split, reason=None):
    return {"panel_id": panel, "split": split, "regression_id": "model", "family": "logit", "n": 50, "reason": reason}


@pytest.fixture
def made(warehouse):
    made = warehouse()
    made.panel("h", tables={})
    made.panel("s", reference="h", tables={})
    return made


def evaluate(made, terms, name="e1", day=1, extra=(), fits=(None, None)):
    rows = [coefficient("h", t, *h, "holdout") for t, (h, s) in terms.items() if h]
    rows += [coefficient("s", t, *s, "all") for t, (h, s) in terms.items() if s]
    tables = {"fits": [fit("h", "holdout", fits[0]), fit("s", "all", fits[1])], "coefficients": [*rows, *extra]}
    made.evaluation(name, "s", day=day, tables=tables)


def test_counts_and_rates(made):
    intercepts = [coefficient("h", "Intercept", 9.0, 0.001, "holdout", "intercept"),
                  coefficient("s", "Intercept", -9.0, 0.001, "all", "intercept")]  # fmt: skip
    evaluate(made, TERMS, extra=intercepts)
    with made.open() as con:
        got = figures(con, "recovery", term="model")
    h, s = ([pair[i][0] for pair in TERMS.values()] for i in (0, 1))
    mean_h, mean_s = sum(h) / 5, sum(s) / 5
    covariance = sum((a - mean_h) * (b - mean_s) for a, b in zip(h, s, strict=True))
    scale = sqrt(sum((a - mean_h) ** 2 for a in h) * sum((b - mean_s) ** 2 for b in s))
    assert got == pytest.approx(
        {
            # A reversed sign is a false claim and a miss.
            "tp": 1, "fp": 2, "fn": 2, "tn": 1, "sign_reversals": 1,
            "sign_precision": 1 / 3, "sign_recall": 1 / 3, "sign_f1": 1 / 3, "false_positive_rate": 2 / 3,
            "coefficient_distance": sqrt(1 + 1.4**2 + 0.5**2 + 0.2**2 + 4),
            "coefficient_correlation": covariance / scale,
            "coefficient_coverage": 3 / 5,
        }
    )  # fmt: skip


def test_coefficient_by_coefficient(made):
    evaluate(made, TERMS)
    with made.open() as con:
        rows = con.execute("""
            SELECT term, class_h, class_s, sign_agreement, interval_overlap, covered, z_difference, standardised_bias
            FROM coefficient_pairs ORDER BY term
        """).fetchall()
    by_term = {row[0]: row[1:] for row in rows}
    assert by_term["hit"] == (1, 1, True, True, True, pytest.approx(-1 / sqrt(0.5)), -2.0)
    assert by_term["reversed"][:5] == (1, -1, False, True, False)
    assert by_term["missed"][:2] == (1, 0)


def test_the_latest_evaluation_speaks(made):
    evaluate(made, TERMS, name="first", day=1)
    evaluate(made, {"hit": TERMS["hit"]}, name="second", day=2)
    with made.open() as con:
        assert con.execute("SELECT count(*) FROM coefficients").fetchone() == (2,)
        assert figures(con, "recovery", term="model")["sign_f1"] == 1.0
        assert con.execute("SELECT count(*) FROM evaluations").fetchone() == (2,)


def test_a_failed_refit_leaves_no_old_coefficients(made):
    evaluate(made, TERMS, name="first", day=1)
    made.evaluation("second", "s", day=2, tables={"fits": [fit("s", "all", "perfect separation by income")]})
    with made.open() as con:
        assert figures(con, "recovery", term="model")["sign_f1"] is None
        assert set(reasons(con, "recovery", term="model").values()) == {"panel: perfect separation by income"}
        assert con.execute("SELECT count(*) FROM coefficient_pairs").fetchone() == (0,)


def test_people_are_fitted_once_for_all_panels(made):
    made.panel("t", reference="h", tables={})
    evaluate(made, TERMS)
    made.evaluation("e2", "t", day=2, tables={
        "fits": [fit("h", "holdout"), fit("t", "all")],
        "coefficients": [coefficient("h", "hit", 2.0, 0.01, "holdout"), coefficient("t", "hit", 2.0, 0.01, "all")],
    })  # fmt: skip
    with made.open() as con:
        assert figures(con, "recovery", term="model", panel_id="t")["tp"] == 1
        # The newer fit of people has one slope, the older panel five: four stand in one fit only.
        assert reasons(con, "recovery", term="model", panel_id="s")["tp"] == "4 slopes in one fit only"


def test_a_slope_the_panel_could_not_fit_is_missed(made):
    evaluate(made, TERMS | {"dropped": ((1.0, 0.001), None)})
    with made.open() as con:
        got, why = figures(con, "recovery", term="model"), reasons(con, "recovery", term="model")
    assert (got["fn"], why["fn"]) == (3, "1 slopes in one fit only")


def test_a_missing_standard_error_is_no_class(made):
    evaluate(made, {"hit": TERMS["hit"], "odd": ((1.0, float("nan")), (1.0, 0.01))})
    with made.open() as con:
        assert con.execute("SELECT class_h, p_value_h FROM coefficient_pairs WHERE term = 'odd'").fetchone() == (
            None,
            None,
        )


def test_undefined_rates_have_a_reason(made):
    evaluate(made, {"quiet": TERMS["quiet"]})
    with made.open() as con:
        got, why = figures(con, "recovery", term="model"), reasons(con, "recovery", term="model")
    assert (got["sign_f1"], why["sign_f1"]) == (None, "nothing is significant on either side")
    assert (got["sign_precision"], got["sign_recall"]) == (None, None)
    assert got["false_positive_rate"] == 0
    assert why["coefficient_correlation"] == "fewer than three slopes"


def test_not_evaluated(made):
    with made.open() as con:
        assert set(reasons(con, "recovery", term="model").values()) == {"not evaluated"}


def test_a_larger_panel_is_compared_at_the_peoples_n(made):
    """Significant by its own errors, not at the people's n: no finding, a wider interval, both figures in view."""
    own = coefficient("s", "b", 1.0, 0.001, "all", se=0.2) | {
        "ci_low": 0.6, "ci_high": 1.4, "p_value_equal_n": 0.2, "ci_low_equal_n": -0.5, "ci_high_equal_n": 2.5,
        "p_difference": 0.03,
    }  # fmt: skip
    people = coefficient("h", "b", 2.2, 0.01, "holdout")
    fits = [fit("h", "holdout") | {"n": 50}, fit("s", "all") | {"n": 800}]
    made.evaluation("e1", "s", tables={"fits": fits, "coefficients": [people, own]})
    with made.open() as con:
        row = con.execute("""
            SELECT n_h, n_s, se_s, se_s_equal_n, p_value_s, p_value_s_equal_n, ci_high_s, ci_high_s_equal_n,
                class_s, covered, interval_overlap, z_difference, p_difference
            FROM coefficient_pairs
        """).fetchone()
        got = figures(con, "recovery", term="model")
    assert row == (
        50, 800, 0.2, pytest.approx(0.8), 0.001, 0.2, 1.4, 2.5, 0, True, True, pytest.approx(-1.2 / sqrt(0.29)), 0.03
    )  # fmt: skip
    assert (got["tp"], got["fn"], got["coefficient_coverage"]) == (0, 1, 1)


def test_no_larger_panel_keeps_its_own_errors(made):
    own = coefficient("s", "b", 1.0, 0.001, "all", se=0.2) | {"p_value_equal_n": 0.2}
    fits = [fit("h", "holdout") | {"n": 50}, fit("s", "all") | {"n": 50}]
    people = coefficient("h", "b", 2.2, 0.01, "holdout")
    made.evaluation("e1", "s", tables={"fits": fits, "coefficients": [people, own]})
    with made.open() as con:
        rows = con.execute("SELECT se_s_equal_n, p_value_s_equal_n, class_s FROM coefficient_pairs")
        assert rows.fetchall() == [(0.2, 0.001, 1)]
