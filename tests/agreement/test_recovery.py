"""Whether conclusions survive: the view against regressions solved here, by numpy, from the planted answers.

No expression of ``simframe.metrics`` fits models; those of recovery take the coefficients as the view gives them.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from scipy import stats

from simframe import metrics
from simframe.metrics import METRICS

from .agree import close, rows_of
from .count import GROUPINGS
from .people import Case, People
from .study import ITEMS, MODELS


@dataclass(frozen=True)
class Slopes:
    """Slopes of one fit by term: estimate, standard error, p-value, 95 % interval; its cases and degrees of freedom."""

    estimate: dict[str, float]
    se: dict[str, float]
    p: dict[str, float]
    reach: float
    n: int
    df: float | None

    def at(self, h: Slopes) -> Slopes:
        """Return what a sample of only as many as ``h`` had would have said: the same, less surely."""
        n, df = h.n, h.df
        if n >= self.n:
            return self
        law, more = stats.norm if df is None else stats.t(df), float(np.sqrt(self.n / n))
        se = {term: x * more for term, x in self.se.items()}
        p = {term: float(2 * law.sf(abs(x) / se[term])) for term, x in self.estimate.items()}
        return Slopes(self.estimate, se, p, float(law.ppf(0.975)), n, df)

    def sign(self, term: str) -> int:
        return int(np.sign(self.estimate[term])) if self.p[term] < 0.05 else 0


def fit(people: People, model: str) -> Slopes | None:
    """Fit one model by least squares, or by Newton's method; None where a column does not vary."""
    formula, family, weighted = MODELS[model]
    rows = []
    for k in range(len(people)):
        names = ("hours" if family == "ols" else "acts", "trust", "mood", "arm")
        read = dict(zip(names, (ITEMS[name].read(people.answers[name][k]) for name in names), strict=True))
        used = [read[name] for name in names if name in formula]
        w = people.weight[k]
        if not any(missing for *_, missing in used) and not (weighted and w == 0):
            y = used[0][1] if family == "ols" else float(used[0][0] == "yes")
            arms = [float(read["arm"][0] == arm) for arm in "bc"] if "arm" in formula else []
            rows.append([y, w if weighted else 1.0, 1.0, read["trust"][1], read["mood"][1], *arms])
    table = np.array(rows)
    terms = ["Intercept", "trust", "mood", *(["C(arm)[T.b]", "C(arm)[T.c]"] if "arm" in formula else [])]
    if not len(table):
        return None
    held = table[:, 5:].sum(axis=0)
    if "arm" in formula and (held.sum() in (0, len(table)) or (held == 0).any()):
        # An arm that nobody is in has no term; without the base, or with it alone, there is no effect.
        if held.sum() in (0, len(table)):
            return None
        table = np.delete(table, 5 + np.flatnonzero(held == 0), axis=1)
        terms = [term for term, n in zip(terms, [1, 1, 1, *held], strict=True) if n]
    if len(table) <= len(terms) or (np.ptp(np.delete(table, [1, 2], axis=1), axis=0) == 0).any():
        return None
    y, w, x = table[:, 0], table[:, 1] / table[:, 1].mean(), table[:, 2:]
    if np.linalg.matrix_rank(x) < x.shape[1]:
        return None
    found = (_least_squares if family == "ols" else _newton)(y, x, w, weighted)
    if found is None:
        return None
    params, covariance, law = found
    se = np.sqrt(np.diag(covariance))
    by_term = [
        dict(zip(terms[1:], column[1:], strict=True)) for column in (params, se, 2 * law.sf(np.abs(params / se)))
    ]
    df = _freedom(w, x) if family == "ols" else None
    return Slopes(*by_term, reach=float(law.ppf(0.975)), n=len(y), df=df)


def _least_squares(y: np.ndarray, x: np.ndarray, w: np.ndarray, weighted: bool) -> tuple | None:
    """Student's law over the classic covariance, with survey weights over HC3; None without error."""
    inverse = np.linalg.inv(x.T @ (x * w[:, None]))
    params = inverse @ x.T @ (w * y)
    residual, df = y - x @ params, len(y) - x.shape[1]
    if np.abs(residual).max() < 1e-9:
        return None
    if not weighted:
        return params, inverse * (residual @ residual) / df, stats.t(df)
    leverage = w * np.einsum("ij,jk,ik->i", x, inverse, x)
    # Whoever has a coefficient of their own says nothing of errors.
    scores = x * (w * residual / np.where(leverage < 1 - 1e-8, 1 - leverage, np.inf))[:, None]
    return params, inverse @ scores.T @ scores @ inverse, stats.t(_freedom(w, x))


def _freedom(w: np.ndarray, x: np.ndarray) -> float:
    """Return how many people of equal weight tell as much, less the coefficients; 1 at least."""
    return max(float(w.sum() ** 2 / (w**2).sum()) - x.shape[1], 1.0)


def _newton(y: np.ndarray, x: np.ndarray, w: np.ndarray, weighted: bool) -> tuple | None:
    """Return None where the outcomes are separated: then every step is about one more, and there is no end to them."""
    params = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-(x @ params).clip(-500, 500)))
        information = x.T @ (x * (p * (1 - p))[:, None])
        if np.linalg.cond(information) > 1e14:
            return None
        step = np.linalg.solve(information, x.T @ (y - p))
        params = params + step
    if np.abs(step).max() > 1e-6:
        return None
    return params, np.linalg.inv(information), stats.norm


@pytest.fixture(scope="module")
def fits(worlds) -> dict[tuple[str, ...], tuple[Case, Slopes | None, Slopes | None]]:
    return {
        (case.panel_id, *place, model): (case, fit(own.reference, model), fit(own.s, model))
        for case in worlds
        for place in GROUPINGS
        for own in [case.within(*place)]
        for model in MODELS
    }


def counts(h: Slopes, s: Slopes) -> dict[str, float]:
    signs = [(h.sign(term), s.sign(term)) for term in h.estimate]
    return {
        "tp": sum(a == b != 0 for a, b in signs),
        "fp": sum(b not in (0, a) for a, b in signs),
        "fn": sum(a not in (0, b) for a, b in signs),
        "tn": sum(a == b == 0 for a, b in signs),
        "sign_reversals": sum(a * b < 0 for a, b in signs),
    }


def recovered(metric: str, h: Slopes, s: Slopes) -> float | None:
    k = counts(h, s)
    if metric in k:
        return float(k[metric])
    shares = {
        "sign_precision": (k["tp"], k["tp"] + k["fp"]),
        "sign_recall": (k["tp"], k["tp"] + k["fn"]),
        "sign_f1": (2 * k["tp"], 2 * k["tp"] + k["fp"] + k["fn"]),
        "false_positive_rate": (k["fp"], k["fp"] + k["tn"]),
    }
    if metric in shares:
        part, whole = shares[metric]
        return part / whole if whole else None
    a, b = np.array([[h.estimate[term], s.estimate[term]] for term in h.estimate]).T
    if metric == "coefficient_distance":
        return float(np.linalg.norm(b - a))
    if metric == "coefficient_correlation":
        return float(stats.pearsonr(a, b).statistic) if len(a) > 2 else None
    covered = [abs(s.estimate[t] - h.estimate[t]) <= s.reach * s.se[t] for t in h.estimate]
    return float(np.mean(covered))


@pytest.mark.parametrize("metric", [row for m in METRICS.values() if m.family == "recovery" for row in m.rows])
def test_model(alignment, fits, metric):
    sql = rows_of(alignment, "recovery", metric)
    ours = {
        (panel, None, None, *place, model): None if h is None or s is None else recovered(metric, h, s.at(h))
        for (panel, *place, model), (_, h, s) in fits.items()
    }
    assert sql.keys() == ours.keys()
    wrong = {key: (sql[key], ours[key]) for key in sql if not close(sql[key], ours[key])}
    assert not wrong, f"(SQL, numpy): {wrong}"
    assert sum(value is not None for value in sql.values()) >= 5


@pytest.mark.parametrize("metric", ["z_difference", "standardised_bias"])
def test_term(warehouse, fits, metric):
    rows = warehouse.sql(
        f"SELECT panel_id, attribute, level, regression_id, term, {metric} FROM coefficient_pairs WHERE kind = 'slope'"
    )
    sql = {row[:-1]: row[-1] for row in rows.iter_rows()}
    ours = {}
    for key, (_, h, s) in fits.items():
        for term in h.estimate if h and s else ():
            se = h.se[term] if metric == "standardised_bias" else np.hypot(h.se[term], s.se[term])
            ours[*key, term] = float((s.estimate[term] - h.estimate[term]) / se)
    assert sql.keys() == ours.keys()
    wrong = {key: (sql[key], ours[key]) for key in sql if not close(sql[key], ours[key])}
    assert not wrong, f"(SQL, numpy): {wrong}"


COLUMNS = {"p_value_s": "p_value_s_equal_n", "ci_low_s": "ci_low_s_equal_n", "ci_high_s": "ci_high_s_equal_n"}


def called(metric: str) -> pl.Expr:
    """Return the expression of a metric on the columns of ``coefficient_pairs``, the panel's at the people's n."""
    function = getattr(metrics, metric)
    return function(*(COLUMNS.get(name, name) for name in inspect.signature(function).parameters))


@pytest.mark.parametrize("metric", [row for m in METRICS.values() if m.family == "recovery" for row in m.rows])
def test_polars_of_a_model(warehouse, alignment, metric):
    pairs = warehouse.sql("SELECT * FROM coefficient_pairs WHERE kind = 'slope'")
    polars = {
        (panel, None, None, *place, model): value
        for panel, model, *place, value in pairs.group_by("panel_id", "regression_id", "attribute", "level")
        .agg(called(metric))
        .iter_rows()
    }
    sql = rows_of(alignment, "recovery", metric)
    wrong = {key: (value, polars.get(key)) for key, value in sql.items() if not close(value, polars.get(key))}
    assert not wrong, f"(SQL, Polars): {wrong}"
    assert polars.keys() <= sql.keys()


@pytest.mark.parametrize("metric", ["z_difference", "standardised_bias"])
def test_polars_of_a_term(warehouse, metric):
    pairs = warehouse.sql("SELECT * FROM coefficient_pairs")
    both = pairs.select(pl.col(metric).alias("sql"), called(metric).alias("polars"))
    assert both["sql"].is_not_null().sum() >= 5
    assert all(close(a, b) for a, b in both.iter_rows())


def test_the_planted_effects_are_found(fits):
    """The worlds hold what they should: people have effects, and some panels lose or reverse them."""
    found = [counts(h, s) for _, h, s in fits.values() if h and s]
    assert all(sum(k[name] for k in found) for name in ("tp", "fp", "fn", "tn", "sign_reversals"))
