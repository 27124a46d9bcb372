"""Permutation p-values of counts equal exact enumeration, scipy's permutation test and the hypergeometric law."""

from itertools import product
from math import comb, prod

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.spatial import distance

import simframe.metrics as m

REPLICATES = 20_000
TINY = [
    ([3, 1, 0], [0, 2, 2], [0, 1, 2]),
    ([4, 0, 1], [1, 3, 1], [1, 2, 5]),
    ([2, 2], [5, 1], [0, 1]),
    ([1, 1, 1, 1], [0, 0, 3, 1], [0, 1, 2, 3]),
    ([6, 2, 1], [2, 2, 6], [0, 1, 2]),
]
ORACLES = {
    "js_distance": lambda h, s, v: distance.jensenshannon(h, s, base=2),
    "total_variation": lambda h, s, v: distance.cityblock(h / h.sum(), s / s.sum()) / 2,
    "wasserstein": lambda h, s, v: stats.wasserstein_distance(v, v, h, s),
    "energy": lambda h, s, v: stats.energy_distance(v, v, h, s),
    "ks": lambda h, s, v: stats.ks_2samp(np.repeat(v, h), np.repeat(v, s), method="asymp").statistic,
    "mean_shift": lambda h, s, v: abs(np.average(v, weights=s) - np.average(v, weights=h)),
}


def p_values(h, s, v, replicates=REPLICATES, key="x", metrics=tuple(ORACLES)) -> dict:
    frame = pl.DataFrame({"h": h, "s": s, "v": v})
    return frame.select(
        m.count_permutation("h", "s", "v", key=pl.lit(key), replicates=replicates, metrics=metrics)
    ).item()


@pytest.mark.parametrize(("h", "s", "v"), TINY)
def test_equals_the_enumeration_of_all_relabellings(h, s, v):
    h, s, v = map(np.array, (h, s, v))
    pooled, n = h + s, h.sum()
    tables = [np.array(t) for t in product(*(range(c + 1) for c in pooled)) if sum(t) == n]
    weight = np.array([prod(map(comb, pooled.tolist(), t.tolist())) for t in tables]) / comb(pooled.sum(), n)
    assert weight.sum() == pytest.approx(1)
    result = p_values(h, s, v)
    for metric, measure in ORACLES.items():
        far = np.array([measure(t, pooled - t, v) for t in tables]) >= measure(h, s, v) - 1e-9
        exact = weight[far].sum()
        error = np.sqrt(exact * (1 - exact) / REPLICATES)
        assert result[metric] == pytest.approx(exact, abs=5 * error + 2 / REPLICATES), metric


def test_equals_scipy_on_the_expanded_respondents():
    h, s, v = np.array([40, 30, 20, 10, 0]), np.array([30, 18, 22, 16, 4]), np.arange(5)
    result = p_values(h, s, v)
    for metric in ("js_distance", "wasserstein", "mean_shift"):

        def statistic(x, y, measure=ORACLES[metric]):
            return measure(np.bincount(x, minlength=5), np.bincount(y, minlength=5), v)

        samples = np.repeat(v, h), np.repeat(v, s)
        draw = {"n_resamples": 3_000, "alternative": "greater", "rng": np.random.default_rng(1)}
        theirs = stats.permutation_test(samples, statistic, permutation_type="independent", **draw).pvalue
        error = np.sqrt(theirs * (1 - theirs) * (1 / 3_000 + 1 / REPLICATES))
        assert result[metric] == pytest.approx(theirs, abs=4 * error), metric


@pytest.mark.parametrize(
    ("h", "s"),
    [
        ([12, 8], [9, 15]),
        ([400, 220], [700, 450]),
        ([5_000, 2_900, 2_000], [9_000, 5_600, 3_600]),
        ([500_000, 300_000, 200_000], [250_600, 149_400, 100_000]),
        ([9_000, 40, 20], [900_000, 3_300, 2_000]),
        ([20_000_000, 10_000_000], [20_001_000, 10_003_000]),
    ],
    ids=["tiny", "small", "stages", "large", "lopsided", "huge"],
)
def test_every_way_to_draw_is_hypergeometric(h, s):
    """Only the second answer has the value 1: then mean_shift follows Fisher's exact test, two-sided by distance."""
    h, s = np.array(h), np.array(s)
    v = np.array([0, 1, 0][: len(h)])
    n, everybody, kind = h.sum(), h.sum() + s.sum(), h[1] + s[1]
    law = stats.hypergeom(everybody, kind, n)
    reach = np.arange(
        max(0, law.mean() - 12 * law.std() - 2), min(kind, n, law.mean() + 12 * law.std() + 2) + 1
    ).astype(int)
    shift = np.abs((kind - reach) / s.sum() - reach / n)
    observed = abs(s[1] / s.sum() - h[1] / n)
    exact = law.pmf(reach)[shift >= observed * (1 - 1e-9)].sum()
    assert 0.005 < exact < 0.95
    result = p_values(h, s, v, key=str(h), metrics=["mean_shift"])["mean_shift"]
    assert result == pytest.approx(exact, abs=5 * np.sqrt(exact * (1 - exact) / REPLICATES) + 1 / REPLICATES)


def test_many_options_and_few_respondents_are_shuffled_one_by_one():
    """Where every respondent has an answer of their own, mean_shift is the permutation test of their values."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=14), rng.normal(0.6, size=11)
    v = np.concatenate([x, y])
    h, s = np.repeat([1, 0], [14, 11]), np.repeat([0, 1], [14, 11])
    theirs = stats.permutation_test(
        (x, y), lambda a, b, axis: np.abs(b.mean(axis) - a.mean(axis)), n_resamples=50_000, vectorized=True,
        alternative="greater", rng=rng,
    ).pvalue  # fmt: skip
    error = np.sqrt(theirs * (1 - theirs) * (1 / 50_000 + 1 / REPLICATES))
    assert p_values(h, s, v, metrics=["mean_shift"])["mean_shift"] == pytest.approx(theirs, abs=5 * error)


def test_uniform_where_both_panels_are_alike():
    rng = np.random.default_rng(11)
    cells, shares = 2_000, [0.35, 0.25, 0.2, 0.15, 0.05]
    h, s = rng.multinomial(150, shares, cells), rng.multinomial(110, shares, cells)
    frame = pl.DataFrame({"h": h.tolist(), "s": s.tolist(), "v": [[0, 1, 2, 3, 4]] * cells, "k": range(cells)})
    drawn = m.list_count_permutation(
        "h", "s", "v", key="k", replicates=399, metrics=["js_distance", "wasserstein", "variance_ratio"]
    )
    for p in frame.select(drawn).unnest("list_count_permutation"):
        assert stats.kstest(p.to_numpy(), "uniform").pvalue > 1e-3
        assert 1 / 400 <= p.min() < 0.01


def test_ratios_are_judged_on_the_logarithmic_scale():
    """Halving the variance is as far from alike as doubling it."""
    one, other = [10, 30, 10], [25, 0, 25]
    there = p_values(one, other, [0, 1, 2], metrics=["variance_ratio"])["variance_ratio"]
    back = p_values(other, one, [0, 1, 2], metrics=["variance_ratio"])["variance_ratio"]
    assert there == pytest.approx(back, abs=5 * np.sqrt(there / REPLICATES) + 2 / REPLICATES)


def test_a_p_value_is_never_nought_and_one_where_nothing_differs():
    assert p_values([50, 0], [0, 50], [0, 1], replicates=99)["js_distance"] == 1 / 100
    assert p_values([20, 10], [40, 20], [0, 1], replicates=99)["js_distance"] == 1
