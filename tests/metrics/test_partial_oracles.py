"""Association within strata: scikit-learn, statsmodels and scipy, one respondent at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn.metrics import mutual_info_score

import simframe.metrics as m

from .contexts import per_group

KEYS = ("b", "a", "c")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Forty samples of respondents: beliefs and actions depend on a control of 1 to 4 strata, some thin."""
    rng = np.random.default_rng(20251123)
    parts = []
    for g in range(40):
        n, strata, k = int(rng.integers(20, 300)), int(rng.integers(1, 5)), int(rng.integers(2, 6))
        c = rng.choice(strata, n, p=rng.dirichlet(np.full(strata, 0.8)))
        b = np.clip(np.round(rng.normal(c, 1.2)), 0, k - 1).astype(int)
        a = np.clip(np.round(rng.normal(0.4 * b + 0.7 * c, 1.0)), 0, 3).astype(int)
        parts.append(pd.DataFrame({"g": g, "b": b * b, "a": a, "c": c}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def crosstabs(people) -> pl.DataFrame:
    return pl.DataFrame(people.groupby(["g", *KEYS]).size().reset_index(name="n"))


def cramers_v(one: pd.DataFrame) -> float | None:
    chi2 = most = 0.0
    for _, stratum in one.groupby("c"):
        table = pd.crosstab(stratum.b, stratum.a).to_numpy()
        if min(table.shape) > 1:
            chi2 += stats.chi2_contingency(table, correction=False).statistic
            most += len(stratum) * (min(table.shape) - 1)
    return float(np.sqrt(chi2 / most)) if most else None


def mutual_information(one: pd.DataFrame) -> float:
    bits = [len(stratum) * mutual_info_score(stratum.b, stratum.a) / np.log(2) for _, stratum in one.groupby("c")]
    return sum(bits) / len(one)


def goodman_kruskal_tau(one: pd.DataFrame) -> float | None:
    """Gini variation of the action around its shares within strata, and within strata and beliefs."""

    def variation(by: list[str]) -> float:
        dummies = pd.get_dummies(one.a).astype(float)
        return float(((dummies - dummies.groupby([one[name] for name in by]).transform("mean")) ** 2).to_numpy().sum())

    total = variation(["c"])
    return 1 - variation(["c", "b"]) / total if total > 1e-9 else None


def spearman(one: pd.DataFrame) -> float | None:
    """Correlation of the residuals of both rank variables, regressed on the strata by statsmodels."""
    design = pd.get_dummies(one.c).astype(float)
    x, y = (sm.OLS(stats.rankdata(one[name]), design).fit().resid for name in ("b", "a"))
    return float(np.corrcoef(x, y)[0, 1]) if min(np.abs(x).max(), np.abs(y).max()) > 1e-9 else None


ORACLES = {
    "cramers_v_partial": cramers_v,
    "mutual_information_partial": mutual_information,
    "goodman_kruskal_tau_partial": goodman_kruskal_tau,
    "spearman_partial": spearman,
}


@pytest.mark.parametrize("metric", ORACLES)
def test_equals_the_oracle_on_respondents(metric, people, crosstabs):
    found = per_group(crosstabs.sample(fraction=1.0, shuffle=True, seed=3), getattr(m, metric)("n", *KEYS))
    expected = {g: ORACLES[metric](one) for g, one in people.groupby("g")}
    assert found == {g: x if x is None else pytest.approx(x, rel=1e-9, abs=1e-12) for g, x in expected.items()}
    assert sum(x is not None for x in expected.values()) > 35


@pytest.mark.parametrize("metric", ORACLES)
def test_one_stratum_leaves_the_metric_itself(metric, crosstabs):
    partial = per_group(crosstabs.with_columns(c=pl.lit("all")), getattr(m, metric)("n", *KEYS))
    plain = per_group(crosstabs, getattr(m, metric.removesuffix("_partial"))("n", "b", "a"))
    assert partial == {g: x if x is None else pytest.approx(x, rel=1e-12) for g, x in plain.items()}


@pytest.mark.parametrize("metric", ORACLES)
def test_rows_without_a_control_are_set_aside_and_strata_may_be_several_columns(metric, crosstabs):
    expr = getattr(m, metric)("n", *KEYS)
    plain = per_group(crosstabs, expr)
    lost = crosstabs.head(3).with_columns(c=pl.lit(None, dtype=crosstabs.schema["c"]))
    assert per_group(pl.concat([crosstabs, lost]), expr) == plain
    crossed = getattr(m, metric)("n", "b", "a", pl.struct(odd=pl.col("c") % 2, half=pl.col("c") // 2))
    assert per_group(crosstabs, crossed) == {g: x if x is None else pytest.approx(x) for g, x in plain.items()}


def test_an_association_that_a_control_makes_is_gone_within_strata():
    """Simpson: belief and action share their cause, and are independent given it."""
    table = pl.DataFrame(
        [
            {"c": c, "b": b, "a": a, "n": 1000 * (0.9 if b == c else 0.1) * (0.8 if a == c else 0.2)}
            for c in (0, 1)
            for b in (0, 1)
            for a in (0, 1)
        ]
    )
    gone = table.select(getattr(m, metric)("n", *KEYS) for metric in ORACLES).row(0)
    there = table.select(getattr(m, metric.removesuffix("_partial"))("n", "b", "a") for metric in ORACLES).row(0)
    assert gone == pytest.approx((0, 0, 0, 0), abs=1e-7)
    assert min(there) > 0.1


@pytest.mark.parametrize(
    ("rows", "undefined"),
    [
        # A single belief in every stratum; then a single action.
        ({"b": [0, 0, 1, 1], "a": [0, 1, 0, 1], "c": [0, 0, 1, 1]}, {"cramers_v_partial", "spearman_partial"}),
        (
            {"b": [0, 1, 0, 1], "a": [0, 0, 1, 1], "c": [0, 0, 1, 1]},
            {"cramers_v_partial", "spearman_partial", "goodman_kruskal_tau_partial"},
        ),
    ],
)
def test_strata_of_one_voice_are_undefined(rows, undefined):
    table = pl.DataFrame(rows | {"n": [3, 4, 5, 6]})
    found = table.select(getattr(m, metric)("n", *KEYS) for metric in ORACLES).row(0, named=True)
    assert {name for name, value in found.items() if value is None} == undefined
    assert found["mutual_information_partial"] == 0


def test_bad_counts_and_no_control_at_all_are_null():
    table = pl.DataFrame({"b": [0, 1], "a": [0, 1], "c": [0, 0], "n": [1.0, 2.0]})
    for bad in (table.with_columns(n=pl.Series([1.0, -1.0])), table.with_columns(c=pl.lit(None, dtype=pl.Int64))):
        assert bad.select(getattr(m, metric)("n", *KEYS) for metric in ORACLES).row(0) == (None,) * 4
