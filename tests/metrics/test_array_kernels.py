"""The kernels on arrays: metrics as the expressions have them, draws as survey sampling has them, on any threads."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simframe.metrics as m
from simframe.errors import MetricError
from simframe.metrics.arrays import People, Stream, count_draws, replicated

TABLES, OPTIONS = 200, 5
ON_OPTIONS = ("total_variation", "kl_divergence", "js_divergence", "js_distance", "hellinger", "modal_share_gap")
ON_VALUES = ("wasserstein", "ks", "energy", "mean_shift", "variance_ratio", "sd_ratio")


@pytest.fixture(scope="module")
def counts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Options by tables: sparse counts, fractional weights, empty sides, unanimous sides, equal sides."""
    rng = np.random.default_rng(6)
    h, s = (rng.poisson(rng.gamma(0.7, 4, (OPTIONS, TABLES))).astype(float) for _ in range(2))
    h[:, 100:] *= rng.gamma(2, 0.5, (OPTIONS, TABLES - 100))
    h[:, 0] = s[:, 1] = 0
    h[:, 2:4] = [[0], [7], [0], [0], [0]]
    s[:, 3:6] = [[0], [0], [0], [0], [9]]
    s[:, 6:9] = h[:, 6:9]
    return h, s, np.array([-1.0, 0.0, 2.5, 3.0, 10.0])


def by_expression(h: np.ndarray, s: np.ndarray, expr: pl.Expr, **columns: np.ndarray) -> np.ndarray:
    rows, tables = h.shape
    frame = pl.DataFrame({"g": np.tile(np.arange(tables), rows), "h": h.ravel(), "s": s.ravel()})
    frame = frame.with_columns(**{name: pl.Series(np.repeat(x, tables)) for name, x in columns.items()})
    found = frame.group_by("g", maintain_order=True).agg(expr.alias("x"))["x"]
    return found.cast(pl.Float64).fill_null(np.nan).to_numpy()


def agree(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.isnan(theirs).sum() < len(theirs) / 2
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_measures_share_one_reading_of_the_table(counts):
    h, s, value = counts
    for metric, ours in zip(ON_OPTIONS, replicated(ON_OPTIONS, [h, s]), strict=True):
        agree(ours, by_expression(h, s, getattr(m, metric)("h", "s")))
    for metric, ours in zip(ON_VALUES, replicated(ON_VALUES, [h, s, value]), strict=True):
        agree(ours, by_expression(h, s, getattr(m, metric)("h", "s", "v"), v=value))


def test_kl_smoothed_takes_the_sizes_of_the_samples(counts):
    h, s, _ = counts
    ours = replicated(("kl_smoothed",), [h, s], (40, 25))[0]
    agree(ours, by_expression(h, s, m.kl_smoothed("h", "s", n_h=pl.lit(40), n_s=pl.lit(25))))


def test_crosstabs(counts):
    rng = np.random.default_rng(7)
    h, s = (rng.poisson(rng.gamma(0.7, 4, (12, TABLES))).astype(float) for _ in range(2))
    s[3:, 2] = 0
    h[:3, 4] = s[3:6, 4] = 0
    belief, action = np.repeat(np.arange(1.0, 5), 3), np.tile(np.arange(1.0, 4), 4)
    for metric in ("cramers_v", "mutual_information", "goodman_kruskal_tau", "spearman"):
        theirs = by_expression(s, s, getattr(m, metric)("s", "b", "a"), b=belief, a=action)
        agree(replicated((metric,), [s, belief, action])[0], theirs)
    for metric in ("conditional_js", "conditional_js_coverage"):
        agree(
            replicated((metric,), [h, s, belief])[0], by_expression(h, s, getattr(m, metric)("h", "s", "b"), b=belief)
        )


EVERY_TABLE = {
    "sides": (*ON_OPTIONS, "kl_smoothed", "entropy_ratio", "entropy_h", "entropy_s", "chi2"),
    "values": (*ON_VALUES, "wasserstein_norm", "mean_h", "mean_s", "variance_h", "variance_s"),
    "crosstab": ("cramers_v", "mutual_information", "goodman_kruskal_tau", "spearman", "polychoric"),
    "conditional": ("conditional_js", "conditional_js_coverage"),
    "moments": ("within_variance_ratio", "eta2_ratio", "group_slope"),
}


@pytest.mark.parametrize("kind", EVERY_TABLE)
def test_a_table_does_not_depend_on_those_beside_it(kind):
    rng = np.random.default_rng(12)
    h, s = (rng.poisson(rng.gamma(0.7, 4, (6, 75))).astype(float) for _ in range(2))
    h[:, 40] = s[:, 41] = 0
    h[0, 42], s[0, 43] = np.nan, -1
    codes = np.repeat(np.arange(1.0, 4), 2), np.tile(np.arange(1.0, 3), 3)
    columns, numbers = {
        "sides": ([h, s], (40, 25)),
        "values": ([h, s, np.arange(6.0)], ()),
        "crosstab": ([h, *codes], ()),
        "conditional": ([h, s, codes[0]], ()),
        "moments": ([h, s, h + 1, s + 1, h + 2, s + 2], (9.0,)),
    }[kind]
    whole = replicated(EVERY_TABLE[kind], columns, numbers)
    for part in (slice(0, 1), slice(30, 45), slice(3, 75), slice(40, 41)):
        own = [column[:, part] if column.ndim == 2 else column for column in columns]
        np.testing.assert_array_equal(replicated(EVERY_TABLE[kind], own, numbers), whole[:, part])
    assert np.isfinite(whole).any(axis=1).all()


@settings(max_examples=200, deadline=None)
@given(st.floats(5e-324, 1), st.floats(1e-300, 1e300))
def test_logarithms_are_those_of_the_c_library(part, scale):
    # Of people who all agree, the divergence is the logarithm of one over the panel's share of their answer.
    counts = np.array([[part * scale], [(1 - part) * scale]])
    share = counts[0, 0] / counts.sum()
    if counts[0, 0] > 0:
        found = replicated(("kl_divergence",), [np.array([[1.0], [0.0]]), counts])[0, 0]
        with np.errstate(over="ignore"):
            wanted = float(np.float64(1) / share)
        assert found == pytest.approx(math.log2(wanted), rel=2.5 * 2**-52, abs=0)


def test_contrasts_from_moments_are_those_from_counts():
    rng = np.random.default_rng(8)
    groups, value = 4, np.arange(1.0, 6)
    h, s = (rng.poisson(3, (groups * 5, TABLES)).astype(float) for _ in range(2))
    h[:5, :10] = s[5:10, 5:15] = 0
    moments = [[], [], [], [], [], []]
    for g in range(groups):
        own = slice(5 * g, 5 * g + 5)
        sides = [h[own], s[own]]
        found = replicated(("mean_h", "mean_s", "variance_h", "variance_s"), [*sides, value])
        for place, part in enumerate([*(x.sum(axis=0) for x in sides), *found]):
            moments[place].append(part)
    names = ("within_variance_ratio", "eta2_ratio", "group_slope")
    ours = replicated(names, [np.array(x) for x in moments], (5.0,))
    columns = {"v": np.tile(value, groups), "k": np.repeat(np.arange(groups), 5)}
    for metric, mine in zip(names, ours, strict=True):
        agree(mine, by_expression(h, s, getattr(m, metric)("h", "s", "v", "k"), **columns))


def everybody(codes: np.ndarray, columns: int, weight: np.ndarray | None = None, unit=None, sizes=None) -> People:
    n = len(codes)
    return People(
        codes.astype(np.int32),
        columns,
        np.ones(n) if weight is None else weight,
        np.arange(n, dtype=np.int32) if unit is None else unit,
        np.array([n]) if sizes is None else sizes,
    )


def test_draws_have_the_moments_of_multinomial_samples():
    rng = np.random.default_rng(9)
    codes = rng.choice(4, (60, 1), p=[0.5, 0.3, 0.15, 0.05])
    p = np.bincount(codes[:, 0], minlength=4) / 60
    counts, _ = count_draws(everybody(codes, 4), np.array([60]), Stream(1, 2), 0, 20_000)
    assert counts.n.sum(axis=0) == pytest.approx(np.full(20_000, 60))
    assert counts.n.mean(axis=1) == pytest.approx(60 * p, abs=4 * np.sqrt(60 / 4 / 20_000))
    assert counts.n.var(axis=1) == pytest.approx(60 * p * (1 - p), rel=0.06)


def test_chances_are_kept():
    chance = np.array([1.0, 2.0, 3.0, 0.0, 14.0])
    counts, _ = count_draws(everybody(np.arange(5)[:, None], 5), np.array([10]), Stream(3, 4), 0, 20_000, chance=chance)
    assert counts.n.mean(axis=1) == pytest.approx(10 * chance / 20, abs=4 * np.sqrt(10 / 4 / 20_000))
    assert (counts.n[3] == 0).all()


def test_without_replacement_everybody_is_on_one_side():
    rng = np.random.default_rng(10)
    codes, weight = rng.integers(-1, 3, (50, 2)), rng.gamma(2, 1, 50)
    codes[:, 1] += 3 * (codes[:, 1] >= 0)
    for take in (0, 3, 20, 25, 47, 50):
        drawn, rest = count_draws(
            everybody(codes, 6, weight), np.array([take]), Stream(5, 6), 0, 40, replace=False, squares=True, rest=True
        )
        both = [np.array([w[(codes == k).any(axis=1)].sum() for k in range(6)]) for w in (weight, weight**2)]
        assert drawn.n + rest.n == pytest.approx(np.repeat(both[0][:, None], 40, axis=1))
        assert drawn.squares + rest.squares == pytest.approx(np.repeat(both[1][:, None], 40, axis=1))


def test_units_move_together_within_strata():
    unit = np.repeat(np.arange(10), 3).astype(np.int32)
    people = everybody(unit[:, None].copy(), 10, unit=unit, sizes=np.array([4, 6]))
    counts, _ = count_draws(people, np.array([2, 5]), Stream(7, 8), 0, 500, scale=np.array([2.0, 1.2]))
    assert (counts.n[:4] % 6 == 0).all()
    assert counts.n[:4].sum(axis=0) == pytest.approx(np.full(500, 12))
    assert counts.n[4:].sum(axis=0) == pytest.approx(np.full(500, 18))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 3), st.integers(1, 30), st.integers(0, 50), st.integers(1, 20))
def test_a_replicate_depends_on_its_number_alone(n, slots, columns, first, replicates):
    rng = np.random.default_rng(n)
    people = everybody(rng.integers(-1, columns, (n, slots)), columns, rng.gamma(2, 1, n))
    whole, _ = count_draws(people, np.array([n]), Stream(1, 9), 0, first + replicates)
    part, _ = count_draws(people, np.array([n]), Stream(1, 9), first, replicates)
    assert (whole.n[:, first:] == part.n).all()


PROGRAM = """
import numpy as np
from simframe.metrics.arrays import People, Stream, count_draws, replicated
rng = np.random.default_rng(1)
people = People(rng.integers(0, 9, (300, 1)).astype(np.int32), 9, rng.gamma(2, 1, 300), np.arange(300), np.array([300]))
drawn = [count_draws(people, np.array([300]), Stream(1, k), 0, 333)[0].n for k in (1, 2)]
print(replicated(("js_distance", "kl_divergence"), drawn).tobytes().hex())
codes = np.repeat(np.arange(1.0, 4), 3), np.tile(np.arange(1.0, 4), 3)
print(replicated(("cramers_v", "mutual_information", "spearman"), [drawn[0], *codes]).tobytes().hex())
"""


def test_threads_do_not_matter_in_a_process_that_loads_neither_engine():
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"POLARS_MAX_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "4")
    }
    assert len(found) == 1


def test_what_does_not_fit_is_refused():
    people = everybody(np.zeros((5, 1)), 1)
    with pytest.raises(MetricError, match="do not fit"):
        count_draws(people, np.array([5, 5]), Stream(0, 0), 0, 1)
    for codes, take in ((np.full((5, 1), 7), 5), (np.zeros((5, 1)), -1)):
        with pytest.raises(MetricError, match="refused"):
            count_draws(everybody(codes, 1), np.array([take]), Stream(0, 0), 0, 1)
    with pytest.raises(MetricError, match="refused"):
        count_draws(people, np.array([6]), Stream(0, 0), 0, 1, replace=False)
    with pytest.raises(MetricError, match="differ in length"):
        replicated(("js_distance",), [np.ones(3), np.ones(4)])
    with pytest.raises(MetricError, match="refused"):
        replicated(("no_such_metric",), [np.ones(3), np.ones(3)])
    with pytest.raises(MetricError, match="refused"):
        replicated(("wasserstein",), [np.ones(3), np.ones(3), np.array([1.0, 3.0, 2.0])])


def test_entropies_of_either_side_alone(counts):
    from scipy import stats

    h, s, _ = counts
    found = replicated(("entropy_h", "entropy_s"), [h, s])
    with np.errstate(all="ignore"):
        wanted = np.stack([stats.entropy(side, base=2) for side in (h, s)])
    assert np.isnan(found).sum() == 2
    assert np.isnan(found[0, 0])
    assert np.isnan(found[1, 1])
    assert found == pytest.approx(wanted, abs=1e-12, nan_ok=True)
