"""Association of belief and action equals scipy on the crosstab or the expanded respondents."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.spatial import distance

import simframe.metrics as m

from .contexts import per_group


def matrix(table: pl.DataFrame, side: str = "h", trim: bool = True) -> np.ndarray:
    wide = table.sort("b", "a").pivot(on="a", index="b", values=side).drop("b").to_numpy()
    return wide[wide.sum(1) > 0][:, wide.sum(0) > 0] if trim else wide


def test_cramers_v_equals_scipy(crosstabs):
    results = per_group(crosstabs, m.cramers_v("h", "b", "a"))
    sparse = per_group(crosstabs.filter(pl.col("h") > 0), m.cramers_v("h", "b", "a"))
    for (g,), table in crosstabs.group_by("g"):
        counts = matrix(table)
        if min(counts.shape) < 2:
            assert results[g] is None
            continue
        expected = stats.contingency.association(counts, method="cramer", correction=False)
        assert results[g] == pytest.approx(expected, rel=1e-10)
        assert sparse[g] == pytest.approx(expected, rel=1e-10)


def test_mutual_information_equals_scipy_entropies(crosstabs):
    results = per_group(crosstabs, m.mutual_information("h", "b", "a"))
    for (g,), table in crosstabs.group_by("g"):
        counts = matrix(table)
        h = [stats.entropy(part, base=2) for part in (counts.sum(0), counts.sum(1), counts.ravel())]
        assert results[g] == pytest.approx(h[0] + h[1] - h[2], rel=1e-9, abs=1e-12)


def test_tau_of_two_actions_is_phi_squared(crosstabs):
    chosen = crosstabs.filter(pl.col("a") < 2).with_columns(by_action=pl.col("h").sum().over("g", "a"))
    two = chosen.filter(pl.col("by_action").min().over("g") > 0)
    results = per_group(two, m.goodman_kruskal_tau("h", "b", "a"))
    assert len(results) > 20
    for (g,), table in two.group_by("g"):
        counts = matrix(table)
        if min(counts.shape) < 2:
            continue
        phi2 = stats.chi2_contingency(counts, correction=False).statistic / counts.sum()
        assert results[g] == pytest.approx(phi2, rel=1e-9, abs=1e-12)


def test_tau_equals_the_reduction_in_guessing_errors(crosstabs):
    results = per_group(crosstabs, m.goodman_kruskal_tau("h", "b", "a"))
    for (g,), table in crosstabs.group_by("g"):
        p = matrix(table) / matrix(table).sum()
        if p.shape[1] < 2:
            assert results[g] is None
            continue
        blind = sum(share * (1 - share) for share in p.sum(0))
        informed = sum(cell * (1 - cell / row.sum()) for row in p for cell in row)
        assert results[g] == pytest.approx((blind - informed) / blind, rel=1e-9, abs=1e-12)


def test_spearman_equals_scipy_on_respondents(crosstabs):
    results = per_group(crosstabs.sample(fraction=1.0, shuffle=True, seed=2), m.spearman("h", "bv", "a"))
    for (g,), table in crosstabs.group_by("g"):
        belief, action = (np.repeat(table[name].to_numpy(), table["h"].to_numpy()) for name in ("bv", "a"))
        if min(len(set(belief)), len(set(action))) < 2:
            assert results[g] is None
        else:
            assert results[g] == pytest.approx(stats.spearmanr(belief, action).statistic, rel=1e-9, abs=1e-12)


def test_conditional_js_averages_scipys_over_shared_beliefs(crosstabs):
    results = per_group(crosstabs, m.conditional_js("h", "s", "b"))
    coverage = per_group(crosstabs, m.conditional_js_coverage("h", "s", "b"))
    for (g,), table in crosstabs.group_by("g"):
        h, s = matrix(table, "h", trim=False), matrix(table, "s", trim=False)
        shared = (h.sum(1) > 0) & (s.sum(1) > 0)
        share = h.sum(1) / h.sum()
        js = [distance.jensenshannon(h[b], s[b], base=2) ** 2 if shared[b] else 0.0 for b in range(len(h))]
        assert coverage[g] == pytest.approx(share[shared].sum())
        assert results[g] == pytest.approx(share @ np.nan_to_num(js), rel=1e-9, abs=1e-12)


def test_a_belief_that_the_panel_lacks_lowers_coverage_and_not_the_divergence():
    frame = pl.DataFrame(
        {"b": ["x", "x", "y", "y"], "a": [0, 1, 0, 1], "h": [30, 30, 20, 20], "s": [5, 5, 0, 0], "none": [0, 0, 1, 1]}
    )
    assert frame.select(m.conditional_js("h", "s", "b")).item() == 0.0
    assert frame.select(m.conditional_js_coverage("h", "s", "b")).item() == pytest.approx(0.6)
    # No belief in common: the divergence is unknown, the coverage is nought.
    assert frame.select(m.conditional_js("s", "none", "b")).item() is None
    assert frame.select(m.conditional_js_coverage("s", "none", "b")).item() == 0.0


def test_belief_action_gap_recovers_a_planted_share():
    rng = np.random.default_rng(3)
    n = 40_000
    frame = pl.DataFrame({"implied": rng.choice(["clinton", "dole"], n), "against": rng.random(n) < 0.247}).select(
        "implied",
        action=pl.when("against")
        .then(pl.col("implied").replace({"clinton": "dole", "dole": "clinton"}))
        .otherwise("implied"),
        w=1 + (pl.col("implied") == "dole").cast(pl.Int8),
    )
    gap = frame.select(m.belief_action_gap("w", "implied", "action")).item()
    assert gap == pytest.approx(0.247, abs=4 * np.sqrt(0.247 * 0.753 / n * 1.2))


def test_belief_action_gap_sets_aside_beliefs_that_imply_nothing_and_missing_actions():
    crosstab = pl.DataFrame(
        {"implied": ["x", "x", "y", None, "y"], "action": ["x", "y", "y", "x", None], "n": [6, 2, 2, 50, 50]}
    )
    assert crosstab.select(m.belief_action_gap("n", "implied", "action")).item() == pytest.approx(0.2)
    assert crosstab.tail(2).select(m.belief_action_gap("n", "implied", "action")).item() is None


@pytest.mark.parametrize("metric", [m.cramers_v, m.mutual_information, m.goodman_kruskal_tau, m.spearman])
def test_association_ignores_rows_with_a_null_code_and_code_types(crosstabs, metric):
    numeric = crosstabs.select("g", "h", b="bv", a="a")
    plain = per_group(numeric, metric("h", "b", "a"))
    holes = pl.concat([numeric, numeric.with_columns(b=None), numeric.with_columns(a=None)], how="vertical_relaxed")
    assert per_group(holes, metric("h", "b", "a")) == pytest.approx(plain, rel=1e-9, abs=1e-12)
    levels = [str(v) for v in sorted(numeric["b"].unique())]
    enum = numeric.with_columns(pl.col("b").cast(pl.String).cast(pl.Enum(levels)), pl.col("a").cast(pl.Int8))
    assert per_group(enum, metric("h", "b", "a")) == pytest.approx(plain, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "independent", "perfect"),
    [(m.cramers_v, 0.0, 1.0), (m.mutual_information, 0.0, 1.0), (m.goodman_kruskal_tau, 0.0, 1.0), (m.spearman, 0, 1)],
)
def test_association_at_its_ends(metric, independent, perfect):
    frame = pl.DataFrame({"b": [0, 0, 1, 1], "a": [0, 1, 0, 1], "i": [12, 4, 6, 2], "p": [5, 0, 0, 5]})
    assert frame.select(metric("i", "b", "a")).item() == pytest.approx(independent, abs=1e-12)
    assert frame.select(metric("p", "b", "a")).item() == pytest.approx(perfect, abs=1e-12)
