"""The metrics on arrays are the Polars expressions of the same name: on random tables, with empty cells and sides."""

import numpy as np
import polars as pl
import pytest

import simframe.metrics as metrics
from simframe.inference import arrays
from simframe.inference.structures import rarefied

TABLES, OPTIONS = 400, 5


@pytest.fixture(scope="module")
def counts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Options by tables: sparse counts, fractional weights, empty sides, unanimous sides, equal sides."""
    rng = np.random.default_rng(6)
    h, s = (rng.poisson(rng.gamma(0.7, 4, (OPTIONS, TABLES))).astype(float) for _ in range(2))
    h[:, 100:200] *= rng.gamma(2, 0.5, (OPTIONS, 100))
    h[:, 0] = s[:, 1] = 0
    h[:, 2:4] = [[0], [7], [0], [0], [0]]
    s[:, 3:6] = [[0], [0], [0], [0], [9]]
    s[:, 6:9] = h[:, 6:9]
    return h, s, np.array([-1.0, 0.0, 2.5, 3.0, 10.0])


def by_expression(h: np.ndarray, s: np.ndarray, expr: pl.Expr, **columns: np.ndarray) -> np.ndarray:
    k, n = h.shape
    frame = pl.DataFrame({"g": np.tile(np.arange(n), k), "h": h.ravel(), "s": s.ravel()})
    frame = frame.with_columns(**{name: pl.Series(np.repeat(x, n)) for name, x in columns.items()})
    found = frame.group_by("g", maintain_order=True).agg(expr.alias("x"))["x"]
    return found.cast(pl.Float64).fill_null(np.nan).to_numpy()


def agree(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.isnan(theirs).sum() < len(theirs) / 2
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=2e-8)


@pytest.mark.parametrize("name", sorted(arrays.NOMINAL))
def test_on_options(counts, name):
    h, s, _ = counts
    with np.errstate(all="ignore"):
        agree(arrays.NOMINAL[name](h, s), by_expression(h, s, getattr(metrics, name)("h", "s")))


@pytest.mark.parametrize("name", sorted(arrays.ORDERED))
def test_on_values(counts, name):
    h, s, value = counts
    with np.errstate(all="ignore"):
        agree(arrays.ORDERED[name](h, s, value), by_expression(h, s, getattr(metrics, name)("h", "s", "v"), v=value))


class TestCrosstabs:
    @pytest.fixture(scope="class")
    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(7)
        h, s = (rng.poisson(rng.gamma(0.7, 4, (12, TABLES))).astype(float) for _ in range(2))
        s[:, 0] = h[:, 1] = 0
        s[3:, 2] = 0
        s[[1, 2, 4, 5, 7, 8, 10, 11], 3] = 0
        h[:3, 4] = s[3:6, 4] = 0
        h[:3, 5] = s[3:, 5] = 0
        return h, s, np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)

    def test_cramers_v(self, tables):
        _, s, belief, action = tables
        theirs = by_expression(s, s, metrics.cramers_v("s", "b", "a"), b=belief, a=action)
        with np.errstate(all="ignore"):
            agree(arrays.cramers_v(s.reshape(4, 3, -1)), theirs)

    def test_conditional_js(self, tables):
        h, s, belief, _ = tables
        theirs = by_expression(h, s, metrics.conditional_js("h", "s", "b"), b=belief)
        with np.errstate(all="ignore"):
            agree(arrays.conditional_js(h.reshape(4, 3, -1), s.reshape(4, 3, -1)), theirs)

    def test_belief_action_gap(self, tables):
        h, _, belief, action = tables
        implied = pl.col("b").replace_strict({0: 0, 1: None, 2: 2, 3: 0}, return_dtype=pl.Int64)
        theirs = by_expression(h, h, metrics.belief_action_gap("h", implied, "a"), b=belief, a=action)
        wanted = np.array([0, -1, 2, 0])[:, None]
        judged = np.broadcast_to(wanted >= 0, (4, 3)).astype(float)
        against = (judged > 0) & (wanted != np.arange(3))
        with np.errstate(all="ignore"):
            agree(arrays.belief_action_gap(h.reshape(4, 3, -1), against.astype(float), judged), theirs)


def test_rarefied():
    rng = np.random.default_rng(8)
    for _ in range(20):
        n = rng.poisson(2, 40)
        m = int(rng.integers(1, n.sum() + 1))
        theirs = pl.DataFrame({"n": n}).select(metrics.rarefied_structures("n", m)).item()
        assert float(rarefied(n, int(n.sum()), m)) == pytest.approx(theirs, rel=1e-9)
