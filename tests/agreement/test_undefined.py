"""What cannot be known is NULL with a reason: panels in which a given thing cannot be."""

from __future__ import annotations

import polars as pl
import pytest

# panel, item or pair or block, metrics, words of the reason
UNDEFINED = {
    "all missing in the panel": (
        "s-silent",
        {"item_id": "mood", "attribute": "all"},
        ("js_distance", "chi2", "wasserstein", "ks", "mean_shift", "variance_ratio", "entropy_s", "entropy_ratio"),
        "no answers in the panel",
    ),
    "all missing among people": (
        "s-lively",
        {"item_id": "party", "attribute": "all"},
        ("js_distance", "chi2", "kl_smoothed", "entropy_h", "entropy_ratio", "modal_share_gap"),
        "no answers in the reference",
    ),
    "answers that weigh nothing": (
        "s-silent",
        {"item_id": "vote", "attribute": "all"},
        ("js_distance", "chi2", "entropy_s", "modal_share_gap"),
        "weights sum to zero",
    ),
    "people of one voice": (
        "s-lively",
        {"item_id": "mood", "attribute": "all"},
        ("variance_ratio", "sd_ratio", "entropy_ratio"),
        "the reference",
    ),
    "people without differences between groups": (
        "s-lively",
        {"item_id": "dose", "attribute": "sex"},
        ("eta2_ratio", "group_slope"),
        "equal means",
    ),
    "a panel that does not vary, between groups": (
        "s-silent",
        {"item_id": "dose", "attribute": "sex"},
        ("eta2_ratio",),
        "does not vary",
    ),
    "a group of people alone": (
        "s-narrow",
        {"item_id": "mood", "attribute": "sex", "level": "d"},
        ("js_distance", "total_variation"),
        "not simulated",
    ),
    "a group of the panel alone": (
        "s-lively",
        {"item_id": "mood", "attribute": "sex", "level": "f"},
        ("js_distance", "total_variation"),
        "no answers in the reference",
    ),
    "an item that the panel was not asked": (
        "s-narrow",
        {"item_id": "spend", "attribute": "all"},
        ("wasserstein", "mean_shift", "nonresponse_gap", "variance_ratio"),
        "not simulated",
    ),
    "a single action": (
        "s-one",
        {"term": "walk", "attribute": "all"},
        ("cramers_v_s", "cramers_v_inflation"),
        "in the panel",
    ),
    "a pair in a group of people alone": (
        "s-narrow",
        {"term": "walk", "attribute": "sex", "level": "d"},
        ("cramers_v_s", "mutual_information_inflation", "conditional_js", "conditional_js_coverage"),
        "not simulated",
    ),
    "a pair in a group of the panel alone": (
        "s-lively",
        {"term": "walk", "attribute": "sex", "level": "f"},
        ("cramers_v_h", "goodman_kruskal_tau_inflation", "conditional_js"),
        "no answers in the reference",
    ),
    "a belief nobody answers": (
        "s-silent",
        {"term": "walk", "attribute": "all"},
        ("conditional_js", "conditional_js_coverage", "belief_action_gap", "cramers_v_s"),
        "not simulated",
    ),
    "twins of one voice": ("s-voice", {"item_id": "trust"}, ("pearson_r", "demeaned_r"), "does not vary"),
    "a block that nobody answers": (
        "s-silent",
        {"term": "views"},
        ("unique_structures_s", "rarefied_structures_s", "structure_ratio"),
        "nobody in the panel",
    ),
    "a panel without a pilot": ("s-plain", {}, ("memorised_share", "memorised_share_h"), "no pilot"),
    "one respondent, fitted": (
        "s-one",
        {"family": "recovery", "attribute": "all"},
        ("tp", "sign_f1", "coefficient_coverage"),
        "panel: ",
    ),
    "people of one voice, fitted": ("s-lively", {"term": "line"}, ("tp", "sign_f1"), "reference: "),
}


@pytest.mark.parametrize("case", UNDEFINED)
def test_null_has_its_reason(alignment, case):
    panel, keys, metrics, words = UNDEFINED[case]
    same = [pl.col(name).eq_missing(pl.lit(value, pl.String)) for name, value in keys.items()]
    rows = alignment.filter(*same, panel_id=panel)
    for metric in metrics:
        own = rows.filter(metric=metric).select("estimate", "reason")
        assert own.height > 0
        for estimate, reason in own.iter_rows():
            assert (metric, estimate) == (metric, None)
            assert words in reason


def test_nothing_is_nan_and_null_is_never_silent(alignment):
    numbers = alignment.select(pl.col(pl.Float64).is_nan().any())
    assert not any(numbers.row(0))
    assert alignment.filter(pl.col("estimate").is_null(), pl.col("reason").fill_null("") == "").is_empty()
    infinite = alignment.filter(pl.col("estimate").is_infinite())
    assert set(infinite["metric"]) == {"kl_divergence"}


def test_one_respondent_has_figures_and_no_interval(alignment):
    one = alignment.filter(pl.col("panel_id") == "s-one")
    assert one.filter(pl.col("metric") == "js_distance")["estimate"].count() > 5
    # What is known of people alone has an interval all the same, and so has a share of one respondent (Wilson's).
    both = one.filter(~pl.col("metric").str.ends_with("_h"), pl.col("metric") != "memorised_share")
    drawn = both.filter(pl.any_horizontal(pl.col("ci_low", "ci_high", "floor", "p_value").is_not_null()))
    assert drawn.select("metric", "item_id", "ci_low", "ci_high", "floor", "p_value").rows() == []
