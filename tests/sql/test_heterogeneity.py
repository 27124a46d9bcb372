"""heterogeneity: spread, entropy, structures, groups, memorised answers."""

from math import comb, log2

import pytest

from .conftest import count, figures, reasons

VIEW = "heterogeneity"


def test_spread_and_entropy_of_an_item(warehouse):
    h, s = count("mood", {"1": 1, "3": 1}), count("mood", {"1": 1, "2": 3})
    with warehouse().compare(h, s) as con:
        got = figures(con, "heterogeneity", item_id="mood", attribute="all")
    entropy = -(0.25 * log2(0.25) + 0.75 * log2(0.75))
    assert got == pytest.approx(
        {
            "variance_ratio": 0.1875,
            "sd_ratio": 0.1875**0.5,
            "entropy_h": 1.0,
            "entropy_s": entropy,
            "entropy_ratio": entropy,
            "modal_share_gap": 0.25,
        }
    )


def test_a_unanimous_reference_has_no_ratio(warehouse):
    # Weights that do not sum exactly must not leave a variance of rounding behind.
    h = [r | {"w": 0.1} for r in count("income", {0.3: 3}) + count("income", {0.3: 3}, split="pilot")]
    with warehouse().compare(h, count("income", {0.3: 1, 10: 1})) as con:
        got = figures(con, "heterogeneity", item_id="income", attribute="all")
        why = reasons(con, "heterogeneity", item_id="income", attribute="all")
    assert (got["variance_ratio"], why["variance_ratio"]) == (None, "the reference does not vary")
    with warehouse().compare(count("party", {"x": 3}), count("party", {"x": 1, "y": 1})) as con:
        got = figures(con, "heterogeneity", item_id="party", attribute="all")
        why = reasons(con, "heterogeneity", item_id="party", attribute="all")
    assert (got["entropy_h"], got["entropy_s"]) == (0, 1)
    assert (got["entropy_ratio"], why["entropy_ratio"]) == (None, "the reference is unanimous")


def test_the_mean_variance_ratio(warehouse):
    h = [*count("mood", {"1": 1, "3": 1}), *count("party", {"x": 1, "y": 1})]
    s = [*count("mood", {"1": 1, "2": 3}), *count("party", {"x": 1, "y": 1})]
    with warehouse().compare(h, s) as con:
        got = figures(con, "heterogeneity", item_id=None, attribute="all", term=None)
    entropy = -(0.25 * log2(0.25) + 0.75 * log2(0.75))
    assert got["variance_ratio"] == pytest.approx(0.1875)
    assert got["entropy_ratio"] == pytest.approx((entropy + 1) / 2)


def structures(counts, split="holdout"):
    return [{"structure_id": "views", "split": split, "structure": k, "n": n, "w": n} for k, n in counts.items()]


def test_structures_are_rarefied_to_the_smaller_side(warehouse):
    h = structures({"a": 3, "b": 2, "c": 1})
    s = [*structures({"a": 2}), *structures({"a": 1, "b": 1}, split="pilot")]
    with warehouse().compare(h, s, table="structures") as con:
        got = figures(con, "heterogeneity", term="views")
    rarefied = sum(1 - comb(6 - n, 4) / comb(6, 4) for n in (3, 2, 1))
    assert got == pytest.approx(
        {
            "unique_structures_h": 3,
            "unique_structures_s": 2,
            "rarefied_structures_h": rarefied,
            "rarefied_structures_s": 2,
            "structure_ratio": 2 / rarefied,
        }
    )


def test_a_large_block_keeps_its_precision(warehouse):
    n, m = 200_000, 1_000
    h = structures({str(i): n // 100 for i in range(100)})
    s = structures({str(i): 1 for i in range(m)})
    with warehouse().compare(h, s, table="structures") as con:
        got = figures(con, "heterogeneity", term="views")
    exact = 100 * (1 - comb(n - n // 100, m) / comb(n, m))
    assert got["rarefied_structures_h"] == pytest.approx(exact, rel=1e-7)
    assert got["rarefied_structures_s"] == m


def test_a_block_nobody_completed_has_a_reason(warehouse):
    with warehouse().compare(structures({"a": 3}), [], table="structures") as con:
        got, why = figures(con, "heterogeneity", term="views"), reasons(con, "heterogeneity", term="views")
    assert (got["structure_ratio"], why["structure_ratio"]) == (None, "nobody in the panel answered the whole block")
    assert got["unique_structures_h"] == 1


def by_sex(groups):
    return [row for level, counts in groups.items() for row in count("income", counts, attribute="sex", level=level)]


def test_groups_within_and_between(warehouse):
    # H: women 0, 20 (mean 10, variance 100), men 40, 40, 40, 40 (mean 40, variance 0).
    # S: women 0, 10 (mean 5, variance 25), men 50, 70 (mean 60, variance 100).
    h = by_sex({"f": {0: 1, 20: 1}, "m": {40: 4}})
    s = by_sex({"f": {0: 1, 10: 1}, "m": {50: 1, 70: 1}})
    with warehouse().compare(h, s) as con:
        got = figures(con, "heterogeneity", item_id="income", attribute="sex", level="all")
        why = reasons(con, "heterogeneity", item_id="income", attribute="sex", level="all")
    within_h, between_h = 100 / 3, (1 / 3) * 20**2 + (2 / 3) * 10**2
    within_s, between_s = (25 + 100) / 2, 27.5**2
    assert got == pytest.approx(
        {
            # With the reference's group shares: one third women, two thirds men.
            "within_variance_ratio": (25 / 3 + 200 / 3) / within_h,
            "eta2_ratio": (between_s / (between_s + within_s)) / (between_h / (between_h + within_h)),
            # Two groups: the slope is the ratio of the differences.
            "group_slope": 55 / 30,
        }
    )
    assert set(why.values()) == {"2 of 3 groups on both sides"}


def test_groups_of_equal_means_have_no_slope(warehouse):
    h = [r | {"w": 0.1 * r["n"]} for r in by_sex({"f": {0.1: 3, 0.5: 3}, "m": {0.3: 7}})]
    with warehouse().compare(h, by_sex({"f": {0: 1, 10: 1}, "m": {50: 1, 70: 1}})) as con:
        got = figures(con, "heterogeneity", item_id="income", attribute="sex", level="all")
        why = reasons(con, "heterogeneity", item_id="income", attribute="sex", level="all")
    for metric in ("eta2_ratio", "group_slope"):
        assert (got[metric], why[metric]) == (None, "the groups of the reference have equal means")


def people(answers, split="holdout", start=0, **over):
    """Respondents with (mood, party) answers; their tables."""
    respondents, responses = [], []
    for place, (mood, party) in enumerate(answers):
        name = f"{split}{start + place}"
        respondents.append({"respondent_id": name, "weight": 1.0, "split": split, "draw": place} | over)
        for item, code in (("mood", mood), ("party", party)):
            row = {"respondent_id": name, "item_id": item, "code": code, "missing": code is None}
            responses.append(row | {"value": float(code) if item == "mood" and code else None})
        # An item that is not asked does not count.
        responses.append({"respondent_id": name, "item_id": "income", "value": float(place), "missing": False})
    return respondents, responses


def test_memorised_answers_count_against_the_pilot_that_was_used(warehouse):
    made = warehouse()
    pilot, holdout = (
        people([("1", "x"), ("2", "y"), ("3", "z")], "pilot"),
        people([("1", "x"), ("3", "z"), ("3", None)]),
    )
    made.panel("h", tables={"respondents": pilot[0] + holdout[0], "responses": pilot[1] + holdout[1]})
    answers = people([("1", "x"), ("1", "x"), ("2", "y"), ("3", "z"), ("2", None)])
    tables = {"respondents": answers[0], "responses": answers[1]}
    made.panel("two", reference="h", pilot_n=2, tables=tables)
    made.panel("all", reference="h", pilot_n=3, tables=tables)
    made.panel("none", reference="h", tables=tables)
    with made.open() as con:
        got = {
            p: figures(con, "heterogeneity", panel_id=p, item_id=None, attribute="all") for p in ("two", "all", "none")
        }
        why = reasons(con, "heterogeneity", panel_id="none", item_id=None, attribute="all")
    assert got["two"]["memorised_share"] == pytest.approx(3 / 5)
    assert got["two"]["memorised_share_h"] == pytest.approx(1 / 3)
    assert got["all"]["memorised_share"] == pytest.approx(4 / 5)
    assert got["all"]["memorised_share_h"] == pytest.approx(2 / 3)
    assert (got["none"]["memorised_share"], why["memorised_share"]) == (None, "no pilot")


def test_memorised_shares_are_weighted(warehouse):
    made = warehouse()
    pilot, holdout = people([("1", "x")], "pilot"), people([("2", "x")])
    made.panel("h", tables={"respondents": pilot[0] + holdout[0], "responses": pilot[1] + holdout[1]})
    copied, own = people([("1", "x")], weight=3.0), people([("2", "y")], start=1)
    made.panel(
        "s", reference="h", pilot_n=1, tables={"respondents": copied[0] + own[0], "responses": copied[1] + own[1]}
    )
    with made.open() as con:
        assert figures(con, "heterogeneity", item_id=None, attribute="all")["memorised_share"] == 0.75
