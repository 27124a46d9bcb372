"""Polychoric correlation equals the maximum of scipy's likelihood and recovers planted correlations."""

import numpy as np
import polars as pl
import pytest
from scipy import optimize, stats

import simframe.metrics as m

from .contexts import per_group


def frame_of(table: np.ndarray, g: int = 0) -> pl.DataFrame:
    rows, columns = np.indices(table.shape)
    return pl.DataFrame({"g": g, "b": rows.ravel(), "a": columns.ravel(), "n": table.ravel().astype(float)})


def polychoric(table) -> float | None:
    return frame_of(np.array(table)).select(m.polychoric("n", "b", "a")).item()


def likelihood(table: np.ndarray, rho: float) -> float:
    """Log-likelihood with thresholds from the margins, the integral by scipy."""
    below = [np.concatenate([[0], table.sum(axis=axis).cumsum() / table.sum()]) for axis in (1, 0)]
    x, y = (np.clip(stats.norm.ppf(shares), -9, 9) for shares in below)
    law = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    corners = law.cdf(np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1))
    corners[0, :], corners[:, 0] = 0, 0
    cells = np.diff(np.diff(corners, axis=0), axis=1)
    return float((table * np.log(np.maximum(cells, 1e-300))).sum())


def planted(rho: float, shape: tuple[int, int], n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    both = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n)
    cuts = [np.sort(rng.normal(0, 0.8, size=k - 1)) for k in shape]
    answers = [np.searchsorted(cut, column) for cut, column in zip(cuts, both.T, strict=True)]
    return np.array([[np.sum((answers[0] == i) & (answers[1] == j)) for j in range(shape[1])] for i in range(shape[0])])


TABLES = [
    planted(rho, shape, 700, seed)
    for seed, (rho, shape) in enumerate(
        [(0.0, (2, 2)), (0.3, (3, 3)), (-0.5, (5, 4)), (0.7, (2, 5)), (0.9, (4, 4)), (-0.95, (3, 5)), (0.97, (5, 5))]
    )
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.shape))
def test_is_the_maximum_of_scipys_likelihood(table):
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    found = optimize.minimize_scalar(
        lambda rho: -likelihood(table, rho), bounds=(-0.9999, 0.9999), method="bounded", options={"xatol": 1e-9}
    )
    assert polychoric(table) == pytest.approx(found.x, abs=1e-6)


@pytest.mark.parametrize("rho", [-0.9, -0.4, 0.0, 0.2, 0.6, 0.95])
def test_recovers_a_planted_correlation(rho):
    estimates = [polychoric(planted(rho, (4, 5), 4_000, seed)) for seed in range(30)]
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert np.mean(estimates) == pytest.approx(rho, abs=4 * error + 0.002)


def test_two_by_two_at_the_medians_is_the_sine_of_sheppards_formula():
    """With both thresholds at 0, P(++) = 1/4 + asin(rho) / (2 pi)."""
    for rho in (-0.99, -0.8, 0.1, 0.5, 0.93, 0.999):
        p = 0.25 + np.arcsin(rho) / (2 * np.pi)
        assert polychoric([[p, 0.5 - p], [0.5 - p, p]]) == pytest.approx(rho, abs=1e-9)


def test_published_tetrachoric_correlation():
    """Pearson's (1900) smallpox table, recovery by vaccination: r = 0.5954."""
    assert polychoric([[1562, 42], [383, 94]]) == pytest.approx(0.5954, abs=5e-4)


def test_symmetric_and_reversed():
    table = TABLES[2]
    rho = polychoric(table)
    assert polychoric(table.T) == pytest.approx(rho, abs=1e-9)
    assert polychoric(table[::-1]) == pytest.approx(-rho, abs=1e-9)
    assert polychoric(table * 0.37) == pytest.approx(rho, abs=1e-9)


@pytest.mark.parametrize("table", [np.diag([5, 3]), np.diag([5, 3, 9, 1]), [[5, 0], [3, 8]]])
def test_a_table_without_exceptions_is_a_correlation_of_one(table):
    assert polychoric(np.array(table)) == 1
    assert polychoric(np.array(table)[::-1]) == -1


@pytest.mark.parametrize(
    "table", [[[5, 3]], [[5], [3]], [[9]], [[0, 0], [0, 0]], [[4, 0], [5, 0]], [[4, -1], [5, 2]], [[np.nan, 1], [2, 3]]]
)
def test_null_where_it_is_undefined(table):
    assert polychoric(table) is None


def test_codes_that_nobody_chose_and_missing_answers_leave_no_trace():
    table = TABLES[1]
    wide = np.insert(np.insert(table, 1, 0, axis=0), 2, 0, axis=1)
    assert polychoric(wide) == pytest.approx(polychoric(table), abs=1e-9)
    frame = frame_of(table)
    missing = pl.DataFrame({"g": [0, 0], "b": [None, 1], "a": [1, None], "n": [50.0, 60.0]}, schema=frame.schema)
    assert pl.concat([frame, missing]).select(m.polychoric("n", "b", "a")).item() == polychoric(table)


def test_the_same_in_every_context():
    frame = pl.concat([frame_of(table, g) for g, table in enumerate(TABLES[:4])])
    results = per_group(frame, m.polychoric("n", "b", "a"))
    assert all(abs(results[g] - polychoric(TABLES[g])) < 1e-12 for g in results)


def test_a_large_sparse_table_is_bearable():
    rng = np.random.default_rng(2)
    both = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=800).round(2)
    frame = pl.DataFrame({"b": both[:, 0], "a": both[:, 1], "n": np.ones(800)})
    # With a code for nearly everybody the items are all but continuous: the correlation is nearly Pearson's.
    pearson = np.corrcoef(both.T)[0, 1]
    assert frame.select(m.polychoric("n", "b", "a")).item() == pytest.approx(pearson, abs=0.05)
