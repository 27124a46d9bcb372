"""Recovery of coefficients against scikit-learn's scores, numpy and scipy."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.metrics import f1_score, precision_score, recall_score

import simframe.metrics as m

SIGNS = ("estimate_h", "p_h", "estimate_s", "p_s")


def fits(seed: int, terms: int = 12) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    h, s = rng.normal(size=(2, terms))
    return pl.DataFrame(
        {
            "model": [seed] * terms,
            "estimate_h": h,
            "estimate_s": s,
            "se_h": rng.gamma(2, 0.2, terms),
            "se_s": rng.gamma(2, 0.2, terms),
        }
    ).with_columns(
        pl.Series("p_h", 2 * stats.norm.sf(np.abs(h) / rng.gamma(2, 0.3, terms))),
        pl.Series("p_s", 2 * stats.norm.sf(np.abs(s) / rng.gamma(2, 0.3, terms))),
        (pl.col("estimate_s") - 1.96 * pl.col("se_s")).alias("low"),
        (pl.col("estimate_s") + 1.96 * pl.col("se_s")).alias("high"),
    )


MODELS = pl.concat([fits(seed) for seed in range(40)])


def signs(frame: pl.DataFrame, side: str) -> np.ndarray:
    estimate, p = frame[f"estimate_{side}"].to_numpy(), frame[f"p_{side}"].to_numpy()
    return np.where(p < 0.05, np.sign(estimate), 0).astype(int)


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_scores_are_scikit_learns_over_both_signs(engine):
    functions = (m.sign_precision, m.sign_recall, m.sign_f1, m.tn, m.tp, m.sign_reversals, m.false_positive_rate)
    found = MODELS.lazy().group_by("model").agg(f(*SIGNS) for f in functions).sort("model").collect(engine=engine)
    undefined = 0
    for row, (_, frame) in zip(found.iter_rows(named=True), MODELS.group_by("model", maintain_order=True), strict=True):
        truth, said = signs(frame, "h"), signs(frame, "s")
        for name, score in (
            ("sign_precision", precision_score),
            ("sign_recall", recall_score),
            ("sign_f1", f1_score),
        ):
            wanted = score(truth, said, labels=[-1, 1], average="micro", zero_division=np.nan)
            undefined += row[name] is None
            assert row[name] == (None if np.isnan(wanted) else pytest.approx(wanted))
        silent = truth == 0
        assert row["tn"] == (silent & (said == 0)).sum()
        assert row["tp"] == (truth * said == 1).sum()
        assert row["sign_reversals"] == (truth * said == -1).sum()
    assert undefined < 10


def test_sizes_are_numpys():
    by = MODELS.group_by("model", maintain_order=True)
    found = by.agg(
        m.coefficient_distance("estimate_h", "estimate_s"),
        m.coefficient_correlation("estimate_h", "estimate_s"),
        m.coefficient_coverage("estimate_h", "low", "high"),
    )
    for row, (_, frame) in zip(found.iter_rows(named=True), by, strict=True):
        h, s, se = (frame[name].to_numpy() for name in ("estimate_h", "estimate_s", "se_s"))
        assert row["coefficient_distance"] == pytest.approx(np.linalg.norm(s - h))
        assert row["coefficient_correlation"] == pytest.approx(stats.pearsonr(h, s).statistic)
        assert row["coefficient_coverage"] == pytest.approx((np.abs(h - s) <= 1.96 * se).mean())


def test_differences_in_standard_errors():
    found = MODELS.select(
        z=m.z_difference("estimate_h", "se_h", "estimate_s", "se_s"),
        bias=m.standardised_bias("estimate_h", "se_h", "estimate_s"),
    )
    h, s, se_h, se_s = (MODELS[name].to_numpy() for name in ("estimate_h", "estimate_s", "se_h", "se_s"))
    assert found["z"].to_numpy() == pytest.approx((s - h) / np.hypot(se_h, se_s))
    assert found["bias"].to_numpy() == pytest.approx((s - h) / se_h)


def test_a_slope_that_the_panel_lacks_is_a_miss_and_one_of_its_own_claims_nothing():
    frame = pl.DataFrame(
        {
            "estimate_h": [1.0, 1.0, None],
            "p_h": [0.01, 0.01, None],
            "estimate_s": [1.0, None, 2.0],
            "p_s": [0.01, float("nan"), 0.001],
        }
    )
    counts = frame.select(m.tp(*SIGNS), m.fp(*SIGNS), m.fn(*SIGNS), m.tn(*SIGNS)).row(0)
    assert counts == (1.0, 0.0, 1.0, 0.0)
    assert frame.select(m.false_positive_rate(*SIGNS)).item() is None
    assert frame.select(m.coefficient_correlation("estimate_h", "estimate_s")).item() is None
    apart = frame[1:]
    assert apart.select(m.tp(*SIGNS), m.sign_f1(*SIGNS), m.coefficient_distance("estimate_h", "estimate_s")).row(0) == (
        None,
        None,
        None,
    )


def test_groups_are_compared_on_what_is_computed_of_them():
    frame = pl.DataFrame(
        {
            "attribute": ["a", "a", "a", "b", "c"],
            "distance": [0.1, 0.4, None, 0.2, None],
            "floor": [0.05, 0.5, 0.1, 0, 0],
        }
    )
    found = frame.group_by("attribute", maintain_order=True).agg(
        m.worst_group_js_distance("distance"), m.spread_js_distance("distance")
    )
    assert found["worst_group_js_distance"].to_list() == [0.4, 0.2, None]
    assert found["spread_js_distance"].to_list() == [pytest.approx(0.3), None, None]
    assert frame.select(m.excess("distance", "floor"))["excess"].to_list()[:3] == pytest.approx([0.05, -0.1, None])
