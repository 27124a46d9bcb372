"""coherence: what beliefs imply, how they go with actions, and what people of one belief do."""

from math import log2

import pytest

from .conftest import TINY, cross, figures, reasons

VIEW = "coherence"

# Mood 1 implies vote 0, mood 3 implies vote 1, mood 2 implies nothing. Planted: 25 of 100 people act against it.
H = {("1", "0"): 45, ("1", "1"): 5, ("2", "0"): 30, ("2", "1"): 20, ("3", "1"): 30, ("3", "0"): 20}
S = {("1", "0"): 10, ("3", "1"): 30}
PAIR = {"item_id": "mood", "item_id_2": "vote", "attribute": "all", "term": "acts"}


def test_the_gap_counts_those_whose_belief_implies_an_action(warehouse):
    with warehouse().compare(cross("acts", H), cross("acts", S), table="crosstabs") as con:
        got = figures(con, "coherence", **PAIR)
        n = con.execute(
            "SELECT n_h, n_s FROM coherence WHERE metric = 'belief_action_gap' AND attribute = 'all' AND term = 'acts'"
        )
        assert n.fetchall() == [(100, 40)]
    assert got["belief_action_gap_h"] == 0.25
    assert got["belief_action_gap_s"] == 0.0
    assert got["belief_action_gap"] == -0.25


def test_the_gap_is_weighted(warehouse):
    h = [*cross("acts", {("1", "0"): 3}, w=1.0), *cross("acts", {("1", "1"): 1}, w=3.0)]
    with warehouse().compare(h, cross("acts", S), table="crosstabs") as con:
        assert figures(con, "coherence", **PAIR)["belief_action_gap_h"] == 0.75


def test_a_planted_gap_is_found_in_every_subgroup(warehouse):
    h = [
        r
        for level, against in (("f", 10), ("m", 40))
        for r in cross("acts", {("1", "0"): 100 - against, ("1", "1"): against}, attribute="sex", level=level)
    ]
    s = cross("acts", {("1", "0"): 9, ("1", "1"): 1}, attribute="sex", level="m")
    with warehouse().compare(h, s, table="crosstabs") as con:
        by_level = {
            lv: (
                figures(con, "coherence", **PAIR | {"attribute": "sex", "level": lv}),
                reasons(con, "coherence", **PAIR | {"attribute": "sex", "level": lv}),
            )
            for lv in ("f", "m", "d")
        }
    assert by_level["f"][0]["belief_action_gap_h"] == 0.1
    assert (by_level["f"][0]["belief_action_gap"], by_level["f"][1]["belief_action_gap"]) == (None, "not simulated")
    assert by_level["m"][0]["belief_action_gap"] == pytest.approx(0.1 - 0.4)
    assert by_level["d"][1]["belief_action_gap"] == "no answers in the reference"


def test_beliefs_that_imply_nothing_leave_no_gap(warehouse):
    with warehouse().compare(cross("acts", H), cross("acts", {("2", "0"): 5}), table="crosstabs") as con:
        got, why = figures(con, "coherence", **PAIR), reasons(con, "coherence", **PAIR)
    assert (got["belief_action_gap_s"], why["belief_action_gap_s"]) == (
        None,
        "no belief of the panel implies an action",
    )


def test_perfect_association_inflates(warehouse):
    # H: independent but for a planted lift; S: belief and action are one.
    h = {("1", "0"): 30, ("1", "1"): 10, ("3", "0"): 10, ("3", "1"): 30}
    with warehouse().compare(cross("acts", h), cross("acts", S), table="crosstabs") as con:
        got = figures(con, "coherence", **PAIR)
    # A balanced 2 x 2 table with 3/4 on the diagonal: phi = 1/2.
    assert got["cramers_v_h"] == pytest.approx(0.5)
    assert got["goodman_kruskal_tau_h"] == pytest.approx(0.25)
    assert got["spearman_h"] == pytest.approx(0.5)
    assert got["mutual_information_h"] == pytest.approx(1 + 0.75 * log2(0.75) + 0.25 * log2(0.25))
    assert (got["cramers_v_s"], got["spearman_s"], got["goodman_kruskal_tau_s"]) == pytest.approx((1, 1, 1))
    assert got["mutual_information_s"] == pytest.approx(-(0.25 * log2(0.25) + 0.75 * log2(0.75)))
    assert got["cramers_v_inflation"] == pytest.approx(0.5)
    assert got["cramers_v_inflation_ratio"] == pytest.approx(2.0)


def test_an_association_of_each_group_is_its_own(warehouse):
    """Planted: phi = 1/2 among men, 1 among women, in people; the panel has men alone, all of one action."""
    men = {("1", "0"): 30, ("1", "1"): 10, ("3", "0"): 10, ("3", "1"): 30}
    h = [
        *cross("acts", men, attribute="sex", level="m"),
        *cross("acts", {("1", "0"): 7, ("3", "1"): 2}, attribute="sex", level="f"),
        *cross("acts", {("1", "0"): 1, ("2", "1"): 9}, attribute="sex*letter", level="m*warm"),
    ]
    s = cross("acts", {("1", "0"): 5, ("3", "0"): 15}, attribute="sex", level="m")
    with warehouse().compare(h, s, table="crosstabs") as con:
        of = {lv: PAIR | {"attribute": "sex", "level": lv} for lv in ("m", "f", "d")}
        got, why = ({lv: f(con, "coherence", **keys) for lv, keys in of.items()} for f in (figures, reasons))
        declared = con.execute("SELECT DISTINCT attribute FROM coherence ORDER BY 1").fetchall()
    assert (got["m"]["cramers_v_h"], got["m"]["spearman_h"]) == pytest.approx((0.5, 0.5))
    assert got["m"]["goodman_kruskal_tau_h"] == pytest.approx(0.25)
    assert (got["m"]["cramers_v_s"], why["m"]["cramers_v_s"]) == (None, "a single action in the panel")
    assert got["m"]["mutual_information_inflation_ratio"] == 0
    # Of each belief, half of the men: three quarters act as the panel's all do, then one quarter.
    near, far = (0.5 * (p * log2(2 * p / (p + 1)) + (1 - p) * log2(2)) + 0.5 * log2(2 / (p + 1)) for p in (0.75, 0.25))
    assert got["m"]["conditional_js"] == pytest.approx((near + far) / 2)
    assert (got["f"]["cramers_v_h"], why["f"]["cramers_v_h"]) == (pytest.approx(1.0), "small_n")
    assert (got["f"]["conditional_js"], why["f"]["conditional_js"]) == (None, "not simulated")
    assert set(got["d"].values()) == {None}
    assert why["d"]["cramers_v_inflation"] == "no answers in the reference"
    assert declared == [("all",), ("sex",)]


def test_one_action_has_no_association(warehouse):
    with warehouse().compare(cross("acts", H), cross("acts", {("1", "0"): 5, ("2", "0"): 5}), table="crosstabs") as con:
        got, why = figures(con, "coherence", **PAIR), reasons(con, "coherence", **PAIR)
    for metric in ("cramers_v", "goodman_kruskal_tau", "spearman"):
        assert (got[metric + "_s"], why[metric + "_s"]) == (None, "a single action in the panel")
        assert (got[metric + "_inflation"], why[metric + "_inflation"]) == (None, "a single action in the panel")
    assert got["mutual_information_s"] == 0


def test_a_belief_without_an_order_has_no_ranks(warehouse):
    table = cross("nameless", {("x", "0"): 3, ("y", "1"): 4, ("z", "1"): 1})
    with warehouse().compare(table, table, table="crosstabs") as con:
        got, why = (f(con, "coherence", term="nameless", attribute="all") for f in (figures, reasons))
    assert (got["spearman_h"], why["spearman_h"]) == (None, "nominal item without values in the reference")
    assert got["cramers_v_h"] == pytest.approx(1.0)


def test_actions_given_the_belief(warehouse):
    # Beliefs 1 (half of H), 2 and 3 (a quarter each); S lacks belief 3.
    h = {("1", "0"): 10, ("1", "1"): 10, ("2", "0"): 10, ("3", "1"): 10}
    s = {("1", "0"): 5, ("2", "0"): 20}
    with warehouse().compare(cross("acts", h), cross("acts", s), table="crosstabs") as con:
        got = figures(con, "coherence", **PAIR)
        shares = con.execute(
            "SELECT p, q, belief_share_h FROM conditional_actions WHERE belief_code = '1' ORDER BY action_code"
        )
        assert shares.fetchall() == [(0.5, 1.0, 0.5), (0.5, 0.0, 0.5)]
    one = 0.5 * (0.5 * log2(0.5 / 0.75) + 0.5 * log2(0.5 / 0.25)) + 0.5 * log2(1 / 0.75)
    assert got["conditional_js"] == pytest.approx(0.5 * one)
    assert got["conditional_js_coverage"] == 0.75


CONTROLLED = TINY.replace("implies = { 1 = 0, 3 = 1 }", 'implies = { 1 = 0, 3 = 1 }\ncontrols = ["sex", "letter"]')


def test_an_association_that_the_controls_make_is_gone_within_their_strata(warehouse):
    """Two strata of opposite answers: association one in everybody, none to speak of within."""
    whole = cross("acts", {("1", "0"): 40, ("3", "1"): 40})
    strata = [
        *cross("acts", {("1", "0"): 40}, stratum="f*warm"),
        *cross("acts", {("3", "1"): 20, ("3", "0"): 1, ("1", "1"): 3}, stratum="m*cold"),
    ]
    with warehouse(CONTROLLED).compare([*whole, *strata], whole, table="crosstabs") as con:
        got, why = figures(con, "coherence", **PAIR), reasons(con, "coherence", **PAIR)
        n = con.execute(
            "SELECT n_h, n_s FROM coherence WHERE metric = 'cramers_v_partial_h' AND attribute = 'all'"
        ).fetchall()
    assert got["cramers_v_h"] == pytest.approx(1.0)
    # The first stratum has one belief and one action; of the second, phi = 3 * 1 / sqrt(21 * 3 * 23 * 1).
    phi = (20 * 0 - 3 * 1) / (21 * 3 * 23 * 1) ** 0.5
    assert got["cramers_v_partial_h"] == pytest.approx(abs(phi))
    assert got["spearman_partial_h"] == pytest.approx(phi)
    assert got["goodman_kruskal_tau_partial_h"] == pytest.approx(phi**2)
    assert n == [(64, 0)]
    # A panel published before counts by control were kept.
    assert (got["cramers_v_partial_s"], why["cramers_v_partial_s"]) == (None, "no counts by control in the panel")
    assert why["spearman_partial_inflation"] == "no counts by control in the panel"


def test_a_pair_without_controls_has_no_partial_forms(warehouse):
    with warehouse().compare(cross("acts", H), cross("acts", S), table="crosstabs") as con:
        assert not [name for name in figures(con, "coherence", **PAIR) if "partial" in name]


def test_no_belief_in_common(warehouse):
    with warehouse().compare(cross("acts", {("1", "0"): 1}), cross("acts", {("2", "0"): 1}), table="crosstabs") as con:
        got, why = figures(con, "coherence", **PAIR), reasons(con, "coherence", **PAIR)
    assert (got["conditional_js"], why["conditional_js"]) == (None, "no belief in common")
    assert got["conditional_js_coverage"] == 0


def test_weighted_ranks_equal_repeated_respondents(warehouse):
    table = {("1", "0"): 4, ("1", "1"): 1, ("2", "1"): 2, ("3", "0"): 1, ("3", "1"): 5}
    repeated = cross("acts", table)
    weighted = [row | {"n": 1, "w": float(row["n"])} for row in cross("acts", table)]
    with warehouse().compare(repeated, weighted, table="crosstabs") as con:
        got = figures(con, "coherence", **PAIR)
    assert got["spearman_s"] == pytest.approx(got["spearman_h"], abs=1e-14)
    assert 0 < got["spearman_h"] < 1
    assert got["cramers_v_inflation"] == pytest.approx(0, abs=1e-14)
