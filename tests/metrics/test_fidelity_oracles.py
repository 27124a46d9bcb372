"""Agreement of twins equals scipy, and the within-arm correlation equals that of regression residuals."""

import numpy as np
import polars as pl
import pytest
import statsmodels.formula.api as smf
from scipy import stats

import simframe.metrics as m
from simframe.errors import MetricError

from .contexts import per_group


@pytest.fixture(scope="module")
def twins() -> pl.DataFrame:
    """Twelve items of 4 to 60 twin pairs in three arms, with missing answers on either side."""
    rng = np.random.default_rng(17)
    frames = []
    for g, n in enumerate([4, 5, 8, 12, 20, 25, 30, 40, 45, 50, 55, 60]):
        arm = rng.integers(0, 3, n)
        y = np.round(rng.normal(arm, 1.0), 1)
        yhat = np.round(0.6 * y + rng.normal(size=n), 1)
        frames.append(pl.DataFrame({"g": [g] * n, "arm": arm, "y": y, "yhat": yhat}))
    twins = pl.concat(frames)
    hole = pl.Series(rng.random(len(twins)) < 0.05)
    big = pl.col("g") > 2
    return twins.with_columns(
        y=pl.when(~(hole & big)).then("y"), yhat=pl.when(~(hole.shift(3, fill_value=False) & big)).then("yhat")
    )


def complete(twins: pl.DataFrame):
    for (g,), pairs in twins.drop_nulls().group_by("g"):
        yield g, pairs


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_pearson_and_its_interval_equal_scipy(twins, level):
    results = per_group(twins, m.pearson_r("y", "yhat", level=level))
    for g, pairs in complete(twins):
        expected = stats.pearsonr(pairs["y"], pairs["yhat"])
        interval = expected.confidence_interval(level)
        assert results[g]["n"] == len(pairs)
        assert results[g]["r"] == pytest.approx(expected.statistic, rel=1e-12)
        assert results[g]["ci_low"] == pytest.approx(interval.low, rel=1e-10)
        assert results[g]["ci_high"] == pytest.approx(interval.high, rel=1e-10)


def test_pearson_without_an_interval_under_four_pairs_and_without_variation():
    frame = pl.DataFrame({"y": [1.0, 2.0, 4.0], "yhat": [2.0, 3.0, 3.5], "same": [0.1, 0.1, 0.1]})
    short = frame.select(m.pearson_r("y", "yhat")).item()
    assert short["r"] == pytest.approx(stats.pearsonr(frame["y"], frame["yhat"]).statistic)
    assert (short["ci_low"], short["ci_high"], short["n"]) == (None, None, 3)
    assert frame.select(m.pearson_r("y", "same")).item()["r"] is None
    assert frame.clear().select(m.pearson_r("y", "yhat")).item() == {"r": None, "ci_low": None, "ci_high": None, "n": 0}


def test_demeaned_r_equals_the_correlation_of_residuals(twins):
    results = per_group(twins, m.demeaned_r("y", "yhat", "arm"))
    checked = 0
    for g, pairs in complete(twins):
        frame = pairs.to_pandas()
        if pairs["arm"].n_unique() < 2 or len(pairs) < 8:
            continue
        residuals = [smf.ols(f"{side} ~ C(arm)", frame).fit().resid for side in ("y", "yhat")]
        assert results[g] == pytest.approx(stats.pearsonr(*residuals).statistic, rel=1e-9)
        checked += 1
    assert checked >= 8


def test_demeaned_r_sees_through_arms_that_differ_while_people_do_not():
    rng = np.random.default_rng(4)
    arm = np.repeat([0, 10], 2000)
    frame = pl.DataFrame({"arm": arm, "y": arm + rng.normal(size=4000), "yhat": arm + rng.normal(size=4000)})
    assert frame.select(m.pearson_r("y", "yhat").struct.field("r")).item() > 0.95
    assert abs(frame.select(m.demeaned_r("y", "yhat", "arm")).item()) < 4 / np.sqrt(4000)
    # Within arms nobody varies: nothing to correlate, whatever the rounding of the arm means.
    flat = pl.DataFrame({"arm": [0] * 3 + [1] * 3, "y": [0.1] * 3 + [0.7] * 3, "yhat": [1, 2, 3, 4, 5, 7]})
    assert flat.select(m.demeaned_r("y", "yhat", "arm")).item() is None


def test_accuracy_and_exact_matches():
    frame = pl.DataFrame({"y": [1, 5, 3, None, 2], "yhat": [1, 1, 4, 2, None]})
    assert frame.select(m.accuracy("y", "yhat", 1, 5)).item() == pytest.approx(1 - (0 + 4 + 1) / 3 / 4)
    assert frame.select(m.exact_match_rate("y", "yhat")).item() == pytest.approx(1 / 3)
    assert frame.tail(2).select(m.accuracy("y", "yhat", 1, 5), m.exact_match_rate("y", "yhat")).row(0) == (None, None)


def test_accuracy_refuses_a_range_that_is_none():
    with pytest.raises(MetricError, match="high > low") as error:
        m.accuracy("y", "yhat", 5, 5)
    assert "largest declared option value" in str(error.value)
