"""What cannot be known is null: never NaN, never a silent nought, never a crash."""

from math import inf, nan

import polars as pl
import pytest

import simframe.metrics as m

GOOD = {"h": [3.0, 4.0, 5.0], "s": [1.0, 0.0, 2.0], "v": [1.0, 2.0, 4.0], "k": ["x", "y", "x"], "a": ["p", "p", "q"]}
TWO_SIDED = {
    "total_variation": m.total_variation("h", "s"),
    "kl_divergence": m.kl_divergence("h", "s"),
    "kl_smoothed": m.kl_smoothed("h", "s"),
    "js_divergence": m.js_divergence("h", "s"),
    "js_distance": m.js_distance("h", "s"),
    "hellinger": m.hellinger("h", "s"),
    "chi2": m.chi2("h", "s").struct.field("statistic"),
    "chi2 p": m.chi2("h", "s").struct.field("p"),
    "wasserstein": m.wasserstein("h", "s", "v"),
    "wasserstein_norm": m.wasserstein_norm("h", "s", "v"),
    "ks": m.ks("h", "s"),
    "energy": m.energy("h", "s", "v"),
    "mean_shift": m.mean_shift("h", "s", "v"),
    "nonresponse_gap": m.nonresponse_gap("h", "h", "s", "s"),
    "variance_ratio": m.variance_ratio("h", "s", "v"),
    "sd_ratio": m.sd_ratio("h", "s", "v"),
    "entropy_ratio": m.entropy_ratio("h", "s"),
    "modal_share_gap": m.modal_share_gap("h", "s"),
    "structure_ratio": m.structure_ratio("h", "s"),
    "within_variance_ratio": m.within_variance_ratio("h", "s", "v", "k"),
    "eta2_ratio": m.eta2_ratio("h", "s", "v", "k"),
    "conditional_js": m.conditional_js("h", "s", "k"),
    "conditional_js_coverage": m.conditional_js_coverage("h", "s", "k"),
}
ONE_SIDED = {
    "entropy": m.entropy("s"),
    "unique_structures": m.unique_structures("s"),
    "rarefied_structures": m.rarefied_structures("s", 1),
    "memorised_share": m.memorised_share("s", "h"),
    "cramers_v": m.cramers_v("s", "k", "a"),
    "mutual_information": m.mutual_information("s", "k", "a"),
    "goodman_kruskal_tau": m.goodman_kruskal_tau("s", "k", "a"),
    "spearman": m.spearman("s", "k", "a"),
    "belief_action_gap": m.belief_action_gap("s", "k", "a"),
}
ALL = TWO_SIDED | ONE_SIDED
NEEDS_VALUES = {
    name: expr for name, expr in TWO_SIDED.items() if "v" in expr.meta.root_names() and name != "nonresponse_gap"
}


def value(expr: pl.Expr, **columns: list) -> object:
    return pl.DataFrame(GOOD | {"s": [2.0, 1.0, 2.0]} | columns, strict=False).select(expr.alias("x")).item()


@pytest.mark.parametrize("name", ALL)
def test_the_table_that_is_spoilt_below_is_sound(name):
    result = value(ALL[name])
    assert result is not None
    assert result == result


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "side",
    [[0.0, 0.0, 0.0], [1.0, None, 2.0], [1.0, nan, 2.0], [1.0, inf, 2.0], [1.0, -1.0, 2.0], [None] * 3],
    ids=["nobody", "missing", "nan", "infinite", "negative", "all missing"],
)
def test_a_side_without_usable_counts(name, side):
    assert value(ALL[name], s=pl.Series(side, dtype=pl.Float64)) is None
    if name in TWO_SIDED:
        assert value(ALL[name], h=pl.Series(side, dtype=pl.Float64)) is None


@pytest.mark.parametrize("name", ALL)
def test_no_rows_at_all(name):
    assert pl.DataFrame(GOOD).clear().select(ALL[name].alias("x")).item() is None


@pytest.mark.parametrize("name", NEEDS_VALUES)
@pytest.mark.parametrize("bad", [None, nan, inf])
def test_an_option_without_a_usable_value(name, bad):
    assert value(NEEDS_VALUES[name], v=[1.0, bad, 4.0]) is None


@pytest.mark.parametrize("name", sorted(set(ALL) - {"rarefied_structures", "structure_ratio"}))
def test_weights_near_the_largest_number_never_give_nan(name):
    columns = {"h": [1e307, 2e307, 3e307], "s": [2e307, 1e-300, 4e307]}
    result = value(ALL[name], **columns)
    assert result is None or result == result


@pytest.mark.parametrize(
    ("expr", "columns"),
    [
        (m.wasserstein_norm("h", "s", "v"), {"v": [2.0, 2.0, 2.0]}),
        (m.variance_ratio("h", "s", "v"), {"h": [0.0, 9.0, 0.0]}),
        (m.entropy_ratio("h", "s"), {"h": [0.0, 9.0, 0.0]}),
        (m.within_variance_ratio("h", "s", "v", "k"), {"h": [0.0, 9.0, 1.0]}),
        (m.eta2_ratio("h", "s", "v", "k"), {"k": ["x"] * 3}),
        (m.group_slope("h", "s", "v", "k"), {"k": ["x"] * 3}),
        (m.group_slope("h", "s", "v", "k"), {"k": pl.Series([None] * 3, dtype=pl.String)}),
        (m.cramers_v("s", "k", "a"), {"k": ["x"] * 3}),
        (m.goodman_kruskal_tau("s", "k", "a"), {"a": ["p"] * 3}),
        (m.spearman("s", "k", "a"), {"a": pl.Series([None] * 3, dtype=pl.String)}),
        (m.rarefied_structures("s", 6), {}),
        (m.rarefied_structures("s", -1), {}),
        (m.rarefied_structures("s", pl.lit(None, dtype=pl.Int64)), {}),
    ],
)
def test_a_ratio_to_nought_and_an_association_with_a_constant(expr, columns):
    assert value(expr, **columns) is None


def test_one_shared_answer_is_no_evidence_of_difference():
    result = pl.DataFrame({"h": [5, 0], "s": [9, 0]}).select(m.chi2("h", "s")).item()
    assert result == {"statistic": 0.0, "df": 0, "p": 1.0}


def test_weights_where_people_are_needed_say_so():
    with pytest.raises(pl.exceptions.ComputeError, match=r"column 's' holds 0\.5.*respondents, not weights"):
        value(m.rarefied_structures("s", 1), s=[0.5, 1.0, 2.0])
