"""Divergences of two answer distributions equal scipy's on every table and in every context."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.spatial import distance

import simframe.metrics as m

from .contexts import per_group


def check(tables: pl.DataFrame, expr: pl.Expr, oracle, rtol: float = 1e-12, atol: float = 1e-14) -> None:
    results = per_group(tables, expr)
    for (g,), table in tables.group_by("g"):
        expected = oracle(table["h"].to_numpy(), table["s"].to_numpy(), table["v"].to_numpy())
        np.testing.assert_allclose(results[g], expected, rtol=rtol, atol=atol)


ORACLES = {
    "total_variation": (m.total_variation("h", "s"), lambda h, s, v: distance.cityblock(h / h.sum(), s / s.sum()) / 2),
    "kl_divergence": (m.kl_divergence("h", "s"), lambda h, s, v: stats.entropy(h, s, base=2)),
    "kl_smoothed": (m.kl_smoothed("h", "s"), lambda h, s, v: stats.entropy(h + 0.5, s + 0.5, base=2)),
    "kl_smoothed on weights": (
        m.kl_smoothed(pl.col("h") * 0.1, pl.col("s") * 3, pl.col("h").sum(), pl.col("s").sum()),
        lambda h, s, v: stats.entropy(h + 0.5, s + 0.5, base=2),
    ),
    "js_divergence": (m.js_divergence("h", "s"), lambda h, s, v: distance.jensenshannon(h, s, base=2) ** 2),
    "js_distance": (m.js_distance("h", "s"), lambda h, s, v: distance.jensenshannon(h, s, base=2)),
    "hellinger": (
        m.hellinger("h", "s"),
        lambda h, s, v: distance.euclidean(np.sqrt(h / h.sum()), np.sqrt(s / s.sum())) / np.sqrt(2),
    ),
    "wasserstein": (m.wasserstein("h", "s", "v"), lambda h, s, v: stats.wasserstein_distance(v, v, h, s)),
    "wasserstein_norm": (
        m.wasserstein_norm("h", "s", "v"),
        lambda h, s, v: stats.wasserstein_distance((v - v.min()) / np.ptp(v), (v - v.min()) / np.ptp(v), h, s),
    ),
    "ks": (m.ks("h", "s"), lambda h, s, v: stats.ks_2samp(np.repeat(v, h), np.repeat(v, s)).statistic),
    "ks by value": (m.ks("h", "s", "v"), lambda h, s, v: stats.ks_2samp(np.repeat(v, h), np.repeat(v, s)).statistic),
    "energy": (m.energy("h", "s", "v"), lambda h, s, v: stats.energy_distance(v, v, h, s)),
    "mean_shift": (
        m.mean_shift("h", "s", "v"),
        lambda h, s, v: np.average(v, weights=s) - np.average(v, weights=h),
    ),
}


@pytest.mark.parametrize("name", ORACLES)
def test_equals_scipy(tables, name):
    check(tables, *ORACLES[name])


@pytest.mark.parametrize("field", ["statistic", "df", "p"])
def test_chi2_equals_scipy(tables, field):
    def oracle(h, s, v):
        table = np.array([h, s])[:, (h + s) > 0]
        result = stats.chi2_contingency(table, correction=False)
        return {"statistic": result.statistic, "df": result.dof, "p": result.pvalue}[field]

    check(tables, m.chi2("h", "s").struct.field(field), oracle, rtol=1e-10)


def test_kl_is_infinite_where_the_panel_never_gives_an_answer_that_people_give():
    frame = pl.DataFrame({"h": [5, 5], "s": [10, 0]})
    assert frame.select(m.kl_divergence("h", "s")).item() == np.inf
    assert frame.select(m.kl_divergence("s", "h")).item() == 1.0


@pytest.mark.parametrize("expr", [m.wasserstein("h", "s", "v"), m.energy("h", "s", "v"), m.ks("h", "s", "v")])
def test_value_metrics_do_not_depend_on_row_order_or_tied_rows(tables, expr):
    plain = per_group(tables, expr)
    shuffled = per_group(tables.sample(fraction=1.0, shuffle=True, seed=3), expr)
    halves = pl.concat([tables, tables]).sample(fraction=1.0, shuffle=True, seed=4)
    assert shuffled == pytest.approx(plain, rel=1e-11)
    assert per_group(halves, expr) == pytest.approx(plain, rel=1e-11)


def test_identical_panels_are_at_distance_zero(tables):
    for name in ("total_variation", "kl_divergence", "js_divergence", "js_distance", "hellinger", "ks"):
        assert set(per_group(tables, getattr(m, name)("h", "h")).values()) == {0.0}


def test_panels_without_a_common_answer_are_at_distance_one():
    frame = pl.DataFrame({"h": [3, 0, 4, 0], "s": [0, 1, 0, 6], "v": [1, 2, 3, 4]})
    for expr in (m.total_variation("h", "s"), m.js_divergence("h", "s"), m.hellinger("h", "s")):
        assert frame.select(expr).item() == pytest.approx(1.0, abs=1e-15)


def test_nonresponse_gap_weighs_strata_by_their_totals():
    frame = pl.DataFrame({"hm": [10, 0], "hn": [40, 60], "sm": [0, 5], "sn": [30, 20]})
    assert frame.select(m.nonresponse_gap("hm", "hn", "sm", "sn")).item() == pytest.approx(0.1 - 0.1)
    assert frame.head(1).select(m.nonresponse_gap("hm", "hn", "sm", "sn")).item() == pytest.approx(-0.25)


SHARES = np.array([0.1, 0.2, 0.3, 0.4])


def weighted_panels(seed: int, replicates: int, spread: np.ndarray) -> pl.DataFrame:
    """Draw pairs of panels whose weighted answers follow one distribution, with log-normal weights of mean 1."""
    rng = np.random.default_rng(seed)
    frames = []
    for side, n in (("h", 300), ("s", 500)):
        answer = rng.choice(4, p=SHARES, size=(replicates, n))
        weight = np.exp(rng.normal(size=answer.shape) * spread[answer] - np.square(spread[answer]) / 2)
        frames.append(
            pl.DataFrame({"g": np.repeat(np.arange(replicates), n), "k": answer.ravel(), "w": weight.ravel()})
            .group_by("g", "k")
            .agg(pl.col("w").sum().alias(side), (pl.col("w") ** 2).sum().alias(f"{side}2"))
        )
    return frames[0].join(frames[1], on=["g", "k"], how="full", coalesce=True).fill_null(0.0)


def first_order_error_rate(spread: np.ndarray) -> float:
    """Rejection rate at 5 % of a first-order test, from Rao and Scott's limit: a mixture of chi-squares."""
    deviations = np.eye(4) - SHARES
    covariance = np.einsum("k,ki,kj->ij", SHARES * np.exp(np.square(spread)), deviations, deviations)
    effects = np.sort(np.linalg.eigvals(covariance / SHARES[:, None]).real)[1:]
    draws = np.random.default_rng(0).chisquare(1, size=(500_000, 3)) @ (effects / effects.mean())
    return float((draws > stats.chi2.isf(0.05, 3)).mean())


@pytest.mark.parametrize("spread", [np.full(4, 0.9), np.array([0.3, 0.7, 1.1, 1.5])], ids=["alike", "by answer"])
def test_weighted_chi2_keeps_the_error_rate_of_rao_and_scott(spread):
    replicates, rate = 2000, first_order_error_rate(spread)
    panels = weighted_panels(7, replicates, spread)
    tests = panels.group_by("g").agg(m.chi2("h", "s", "h2", "s2")).unnest("chi2")
    naive = panels.group_by("g").agg(m.chi2("h", "s")).unnest("chi2")
    assert (tests["p"] < 0.05).mean() == pytest.approx(rate, abs=3.5 * np.sqrt(rate * (1 - rate) / replicates))
    # The mean of the corrected statistic is its degrees of freedom, to first order in 1/n.
    assert tests["statistic"].mean() == pytest.approx(3.0, rel=0.06)
    assert (naive["p"] < 0.05).mean() > 0.15


def test_equal_weights_leave_pearsons_statistic(tables):
    weighted = m.chi2(pl.col("h") * 0.25, pl.col("s") * 2.0, pl.col("h") * 0.0625, pl.col("s") * 4.0)
    left = per_group(tables, weighted.struct.field("statistic"))
    assert left == pytest.approx(per_group(tables, m.chi2("h", "s").struct.field("statistic")), rel=1e-9)
