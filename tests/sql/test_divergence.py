"""divergence: H has moods 1, 2; S has moods 1, 3, 3, 3. Every figure below is a hand computation."""

from math import inf, log2, sqrt

import pytest

from .conftest import count, figures, reasons

VIEW = "divergence"

H, S = {"1": 1, "2": 1}, {"1": 1, "3": 3}


def test_an_ordinal_item(warehouse):
    with warehouse().compare(count("mood", H), count("mood", S)) as con:
        got = figures(con, "divergence", item_id="mood")
    p, q, m = (0.5, 0.5, 0), (0.25, 0, 0.75), (0.375, 0.25, 0.375)
    js = 0.5 * (0.5 * log2(0.5 / m[0]) + 0.5 * log2(0.5 / m[1])) + 0.5 * (0.25 * log2(0.25 / m[0]) + 0.75 * log2(2))
    smooth_p, smooth_q = [(2 * x + 0.5) / 3.5 for x in p], [(4 * x + 0.5) / 5.5 for x in q]
    assert got == pytest.approx(
        {
            "total_variation": 0.75,
            "kl_divergence": inf,
            "kl_smoothed": sum(a * log2(a / b) for a, b in zip(smooth_p, smooth_q, strict=True)),
            "js_divergence": js,
            "js_distance": sqrt(js),
            "hellinger": sqrt(((sqrt(0.5) - 0.5) ** 2 + 0.5 + 0.75) / 2),
            # Counts (1, 1, 0) and (1, 0, 3): expected (2/3, 1/3, 1) and (4/3, 2/3, 2).
            "chi2": (1 / 9) / (2 / 3) + (4 / 9) / (1 / 3) + 1 + (1 / 9) / (4 / 3) + (4 / 9) / (2 / 3) + 1 / 2,
            "chi2_df": 2,
            "wasserstein": 0.25 + 0.75,
            "wasserstein_norm": 0.5,
            "ks": 0.75,
            "energy": None,
            "mean_shift": 1.0,
            "nonresponse_gap": 0.0,
        },
        abs=1e-14,
    )


def test_a_nominal_item_has_no_distances_on_values(warehouse):
    # vote is nominal, and its options have values: they still measure no distance.
    with warehouse().compare(count("vote", {"0": 1, "1": 1}), count("vote", {"1": 2})) as con:
        got, why = figures(con, "divergence", item_id="vote"), reasons(con, "divergence", item_id="vote")
    for metric in ("wasserstein", "wasserstein_norm", "ks", "energy", "mean_shift"):
        assert (got[metric], why[metric]) == (None, "nominal item")
    assert got["total_variation"] == 0.5


def test_an_interval_item_stands_on_raw_values_and_its_bins_on_counts(warehouse):
    h = [*count("hours", {2: 1, 6: 1}, code="few"), *count("hours", {20: 2}, code="many")]
    s = [*count("hours", {4: 2}, code="few"), *count("hours", {20: 2}, code="many")]
    with warehouse().compare(h, s) as con:
        got = figures(con, "divergence", item_id="hours")
    # Bins agree; raw values do not: a quarter moves from 2 to 4, another from 6 to 4.
    assert (got["total_variation"], got["js_distance"], got["chi2"]) == (0, 0, 0)
    assert got["wasserstein"] == pytest.approx(1.0)
    assert got["wasserstein_norm"] == pytest.approx(1 / 24)
    assert (got["ks"], got["mean_shift"]) == (0.25, 0.0)
    assert got["energy"] == pytest.approx(sqrt(2 * (2 * 0.25**2 + 2 * 0.25**2)))


def test_an_interval_item_without_bins_has_no_grid(warehouse):
    with warehouse().compare(count("income", {10: 1, 30: 1}), count("income", {20: 2})) as con:
        got, why = figures(con, "divergence", item_id="income"), reasons(con, "divergence", item_id="income")
    assert (got["js_distance"], why["js_distance"]) == (None, "neither options nor bins")
    assert (got["wasserstein"], got["wasserstein_norm"]) == (10.0, 0.1)


def test_nonresponse_is_a_share_of_everybody_asked(warehouse):
    h = count("mood", {"1": 6, "9": 1, None: 1})
    with warehouse().compare(h, count("mood", {"1": 1, "9": 1})) as con:
        assert figures(con, "divergence", item_id="mood")["nonresponse_gap"] == 0.25


@pytest.mark.parametrize(
    ("h", "s", "reason"),
    [
        ({"1": 2}, {}, "not simulated"),
        ({}, {"1": 2}, "no answers in the reference"),
        ({"9": 2}, {"1": 2}, "no answers in the reference"),
        ({"1": 2}, {"9": 2}, "no answers in the panel"),
    ],
)
def test_undefined_has_a_reason(warehouse, h, s, reason):
    with warehouse().compare(count("mood", h), count("mood", s)) as con:
        got, why = figures(con, "divergence", item_id="mood"), reasons(con, "divergence", item_id="mood")
    # energy is for interval items, whoever answers.
    for metric in got.keys() - {"nonresponse_gap", "energy"}:
        assert (metric, got[metric], why[metric]) == (metric, None, reason)


def test_weights_of_zero_are_a_reason(warehouse):
    with warehouse().compare(count("mood", {"1": 2}, w=0.0), count("mood", {"1": 1})) as con:
        assert reasons(con, "divergence", item_id="mood")["js_distance"] == "weights sum to zero"


def test_equal_weights_leave_pearsons_chi_squared(warehouse):
    with (
        warehouse().compare(count("mood", H), count("mood", S)) as plain,
        warehouse().compare(
            [r | {"w": 2.5 * r["n"], "w2": 6.25 * r["n"]} for r in count("mood", H)], count("mood", S)
        ) as scaled,
    ):
        expected, got = (figures(con, "divergence", item_id="mood")["chi2"] for con in (plain, scaled))
    assert got == pytest.approx(expected, abs=1e-12)


def test_one_answer_on_both_sides_leaves_nothing_to_test(warehouse):
    with warehouse().compare(count("mood", {"1": 5}), count("mood", {"1": 7})) as con:
        got = figures(con, "divergence", item_id="mood")
    assert (got["chi2"], got["chi2_df"], got["js_distance"], got["kl_divergence"]) == (0, 0, 0, 0)


def test_a_null_item_is_the_mean_over_the_asked_items(warehouse):
    # mood, party and vote are asked; hours is not, so that its difference does not count.
    h = [*count("mood", {"1": 1}), *count("party", {"x": 1}), *count("hours", {3: 1}, code="few")]
    s = [*count("mood", {"3": 1}), *count("party", {"x": 1, "y": 1}), *count("hours", {12: 1}, code="many")]
    with warehouse().compare(h, s) as con:
        got = figures(con, "divergence", item_id=None)
        why = reasons(con, "divergence", item_id=None)
    assert got["total_variation"] == pytest.approx((1 + 0.5) / 2)
    assert why["total_variation"] == "mean of 2 of 3 asked items"
    assert got["wasserstein_norm"] == 1.0
    assert why["wasserstein_norm"] == "mean of 1 of 3 asked items"


def test_the_mean_says_when_no_item_is_defined(warehouse):
    with warehouse().compare(count("mood", {1: 1}), count("party", {"x": 1})) as con:
        assert figures(con, "divergence", item_id=None)["js_distance"] is None
        assert reasons(con, "divergence", item_id=None)["js_distance"] == "undefined for every asked item"


def test_a_mean_without_items_says_the_one_reason_and_counts_the_people(warehouse):
    h = [row for item in ("mood", "party", "vote") for row in count(item, {"1": 2, "x": 3, "0": 4})]
    women = {"mood": {"1": 5}, "party": {"x": 4}, "vote": {"0": 3}}
    h += [row for item, counts in women.items() for row in count(item, counts, attribute="sex", level="f")]
    with warehouse().compare(h, [row for item in ("mood", "party", "vote") for row in count(item, {None: 6})]) as con:
        assert reasons(con, "divergence", item_id=None)["js_distance"] == "no answers in the panel"
        sizes = (
            "SELECT n_h, n_s, reason FROM item_metrics WHERE metric = 'js_distance' AND item_id IS NULL AND level = ?"
        )
        # The fewest of any item.
        assert con.execute(sizes, ["all"]).fetchall() == [(9, 0, "no answers in the panel")]
        assert con.execute(sizes, ["f"]).fetchall() == [(3, 0, "not simulated")]
