"""Distances between raw samples equal scipy's, whatever the chunks, offsets, nulls, weights and context."""

import warnings
from math import inf, nan

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from polars.testing.parametric import column, dataframes
from scipy import stats

import simframe.metrics as m

from .contexts import per_group, same


def ks_oracle(x, y, x_weight=None, y_weight=None) -> float:
    """scipy's statistic; weighted, the largest gap of numpy's weighted distribution functions at the values."""
    if x_weight is None and y_weight is None:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # about the p-value of tiny samples
            return stats.ks_2samp(x, y, method="asymp").statistic

    def share_up_to(values, weights, at):
        weights = np.ones(len(values)) if weights is None else np.asarray(weights)
        return np.array([weights[np.asarray(values) <= point].sum() for point in at]) / weights.sum()

    at = np.concatenate([x, y])
    return np.abs(share_up_to(x, x_weight, at) - share_up_to(y, y_weight, at)).max()


METRICS = {
    "wasserstein": (m.sample_wasserstein, m.list_wasserstein, stats.wasserstein_distance),
    "ks": (m.sample_ks, m.list_ks, ks_oracle),
    "energy_distance": (m.sample_energy_distance, m.list_energy_distance, stats.energy_distance),
}
VALUES = st.floats(-1e3, 1e3, width=32).map(lambda x: x + 0.0)
FRAMES = dataframes(
    cols=[
        column("g", dtype=pl.Int8, strategy=st.integers(0, 3)),
        column("human", dtype=pl.Boolean),
        column("x", dtype=pl.Float64, strategy=VALUES, allow_null=True),
        column("w", dtype=pl.Float64, strategy=st.floats(0.0, 9.0, width=32)),
    ],
    min_size=1,
    max_size=40,
    allow_null=False,
    allow_chunks=True,
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def close(result: float | None, expected: float, scale: float) -> bool:
    # The square root in the energy distance magnifies rounding near 0.
    return result is not None and (
        abs(result - expected) <= 1e-9 * max(1.0, scale) or abs(result**2 - expected**2) <= 1e-12 * max(1.0, scale)
    )


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
@QUICK
@given(frame=FRAMES, cut=st.integers(0, 5))
def test_equals_scipy_in_every_context(name, weighted, frame, cut):
    sample, _, oracle = METRICS[name]
    frame = frame.slice(cut)
    if frame.is_empty():
        return
    human = pl.col("human")
    sides = [pl.col("x").filter(human), pl.col("x").filter(~human)]
    weights = [pl.col("w").filter(human), pl.col("w").filter(~human)] if weighted else []
    results = per_group(frame, sample(*sides, *weights))
    for (g,), part in frame.drop_nulls("x").group_by("g"):
        h, s = part.filter(human), part.filter(~human)
        if h.is_empty() or s.is_empty() or (weighted and min(h["w"].sum(), s["w"].sum()) == 0):
            assert results[g] is None
        else:
            arguments = [h["x"], s["x"]] + ([h["w"], s["w"]] if weighted else [])
            assert close(results[g], oracle(*arguments), 1e3)


@pytest.mark.parametrize("name", METRICS)
@QUICK
@given(frame=FRAMES, cut=st.integers(0, 5))
def test_the_list_form_gives_the_same_row_by_row(name, frame, cut):
    sample, listed, _ = METRICS[name]
    human = pl.col("human")
    x, y = pl.col("x").filter(human), pl.col("x").filter(~human)
    aggregated = frame.group_by("g").agg(sample(x, y).alias("d"))
    lists = frame.group_by("g").agg(x.alias("x"), y.alias("y"))
    pieces = pl.concat([lists.slice(cut), lists.slice(0, cut)], rechunk=False)
    expected = dict(aggregated.rows())
    assert same(dict(pieces.select("g", listed("x", "y")).rows()), expected)
    assert same(dict(pieces.lazy().select("g", listed("x", "y")).collect(engine="streaming").rows()), expected)


@pytest.mark.parametrize("name", METRICS)
def test_weights_on_one_side_only(name):
    sample, _, oracle = METRICS[name]
    frame = pl.DataFrame({"x": [1.0, 4.0, 2.0], "y": [0.0, 7.0, 3.0], "w": [1.0, 5.0, 2.0]})
    assert frame.select(sample("x", "y", "w")).item() == pytest.approx(oracle(frame["x"], frame["y"], frame["w"]))
    assert frame.select(sample("x", "y", None, "w")).item() == pytest.approx(
        oracle(frame["x"], frame["y"], None, frame["w"])
    )


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt16, pl.Int32, pl.UInt64, pl.Float32, pl.Float64])
def test_lists_of_every_number_type_and_fixed_width(dtype):
    x, y = [[1, 2, 5], [7, 7, 9]], [[3, 3, 4], [1, 2, 3]]
    expected = [stats.wasserstein_distance(a, b) for a, b in zip(x, y, strict=True)]
    for shape in (pl.List(dtype), pl.Array(dtype, 3)):
        frame = pl.DataFrame({"x": x, "y": y}, schema={"x": shape, "y": shape})
        assert frame.select(m.list_wasserstein("x", "y")).to_series().to_list() == pytest.approx(expected)
        assert frame[1:].select(m.list_wasserstein("x", "y")).item() == pytest.approx(expected[1])


def test_one_reference_sample_serves_every_row():
    frame = pl.DataFrame({"y": [[1.0, 2.0], [5.0], None, []]})
    reference = pl.lit(pl.Series([[1.0, 2.0]]))
    result = frame.select(m.list_wasserstein(reference, "y")).to_series().to_list()
    assert result == [0.0, 3.5, None, None]


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_values_that_are_not_finite_leave_the_distance_undefined(bad):
    frame = pl.DataFrame({"x": [1.0, bad, None], "y": [1.0, 2.0, 3.0]})
    assert frame.select(m.sample_wasserstein("x", "y"), m.sample_energy_distance("y", "x")).row(0) == (None, None)
    assert frame.select(m.sample_ks("x", "y")).item() is None


@pytest.mark.parametrize("bad", [nan, inf, -1.0, None])
def test_a_weight_that_is_none_leaves_the_distance_undefined(bad):
    frame = pl.DataFrame({"x": [1.0, 2.0], "w": pl.Series([1.0, bad], dtype=pl.Float64)})
    assert frame.select(m.sample_wasserstein("x", "x", "w", "w")).item() is None
    # The weight of a value that is missing does not matter.
    gap = frame.with_columns(x=pl.Series([1.0, None]))
    assert gap.select(m.sample_wasserstein("x", "x", "w", "w")).item() == 0.0


def test_errors_name_the_column():
    frame = pl.DataFrame({"score": [1.0, 2.0], "weight": [1.0, 2.0], "name": [["a"], ["b"]], "flat": [1, 2]})
    with pytest.raises(pl.exceptions.ComputeError, match="'score' has 2 values but its weights 'weight' number 1"):
        frame.select(m.sample_wasserstein("score", "score", pl.col("weight").head(1)))
    with pytest.raises(pl.exceptions.ComputeError, match="column 'flat' holds Arrow type 'l'"):
        frame.select(m.list_wasserstein("flat", "flat"))
    with pytest.raises(pl.exceptions.ComputeError, match="column 'name' holds lists of Arrow type"):
        frame.select(m.list_wasserstein("name", "name"))


def test_a_hundred_thousand_values_are_as_exact_as_ten():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=100_000), rng.normal(0.1, 1.2, size=60_000)
    frame = pl.DataFrame({"side": np.repeat([0, 1], [len(x), len(y)]), "v": np.concatenate([x, y])})
    sides = [pl.col("v").filter(pl.col("side") == side) for side in (0, 1)]
    result = frame.select(w=m.sample_wasserstein(*sides), e=m.sample_energy_distance(*sides), ks=m.sample_ks(*sides))
    assert result["ks"].item() == pytest.approx(stats.ks_2samp(x, y).statistic, abs=1e-12)
    assert result["w"].item() == pytest.approx(stats.wasserstein_distance(x, y), rel=1e-9)
    assert result["e"].item() == pytest.approx(stats.energy_distance(x, y), rel=1e-9)


def test_tied_values_are_one_step_of_the_distribution():
    frame = pl.DataFrame({"x": [1, 1, 2, 2, 2, 3], "y": [1, 2, 2, 3, 3, 3]})
    assert frame.select(m.sample_ks("x", "y")).item() == pytest.approx(stats.ks_2samp(frame["x"], frame["y"]).statistic)
    assert frame.select(m.sample_ks("x", "x")).item() == 0
    # The kernel of counts says the same of the same answers.
    counts = pl.DataFrame({"h": [2, 3, 1], "s": [1, 2, 3]})
    assert frame.select(m.sample_ks("x", "y")).item() == pytest.approx(counts.select(m.ks("h", "s")).item(), abs=1e-15)
