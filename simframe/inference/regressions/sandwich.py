"""Which covariance a regression has, how statsmodels is asked for it, and the law of estimates over such errors.

A robust covariance is the sum of squared scores between two inverses of the information (White 1980; with weights,
Binder 1983). Two things make it too small with few cases, and tests of nothing too often significant:

- Cases of high leverage pull the fit towards themselves, so that their residuals are small. HC1 takes no notice of
  that; HC3 divides every score by one minus its case's leverage, what leaving the case out would do (MacKinnon and
  White 1985). Squares and counts are open-ended and predictors lean, so that leverage matters: where ``ols`` and
  ``poisson`` need a robust covariance because of weights, and none is declared, they have HC3. Answers among a few
  options are bounded: with HC1 logits hold their level, and with HC3 they are conservative.
- It is an estimate, so that the law is Student's: with n - k degrees of freedom, as statsmodels' ``use_t`` has it; the
  effective n (Kish 1965) where there are weights; one fewer than there are clusters, where there are any.

Without weights and with the model's own covariance, ``nonrobust``, everything is as statsmodels has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simframe.inference.drawing.resample import effective
from simframe.inference.regressions.design import Design, Floats
from simframe.study import Regression

LEVERAGED = ("ols", "logit", "poisson")
"""Families with one linear predictor and a canonical link, whose cases have one leverage each: these have HC3."""
_SATURATED = 1e-8
"""A case with a coefficient of its own fits itself: it has leverage 1, no residual, and nothing to say of errors."""


def covariance_of(regression: Regression, data: Design) -> str:
    """Return the covariance in effect: a model's own reads a weight as precision, so that weights make it robust."""
    if regression.covariance != "nonrobust" or data.weights is None:
        return regression.covariance
    return "HC3" if regression.family in ("ols", "poisson") else "HC1"


def asked(kind: str, data: Design) -> dict[str, Any]:
    """Return how statsmodels is asked for a covariance; HC3 takes the place of the model's own afterwards."""
    if kind == "cluster":
        return {"cov_type": "cluster", "cov_kwds": {"groups": data.clusters}}
    return {"cov_type": "nonrobust" if kind == "HC3" else kind}


def small_sample(kind: str, data: Design, k: int) -> float:
    """Return the factor of HC1, which statsmodels leaves out of everything but ols without saying so."""
    n = len(data.y)
    return n / (n - k) if kind == "HC1" else 1.0


def freedom(kind: str, data: Design, k: int) -> float | None:
    """Return the degrees of freedom of ``k`` estimates over their robust errors; None where the errors are not."""
    if kind == "nonrobust":
        return None
    if kind == "cluster":
        assert data.clusters is not None
        return float(max(len(np.unique(data.clusters)) - 1, 1))
    w = data.weights
    n = len(data.y) if w is None else effective(w)
    return float(max(n - k, 1.0))


def hc3(family: str, data: Design, params: Floats) -> Floats:
    """Return the covariance HC3 of a fit with one linear predictor and a canonical link.

    Args:
        family: ols, logit or poisson.
        data: its cases.
        params: the estimates.

    Raises:
        LinAlgError: where the information is singular.
    """
    from scipy.special import expit

    x, weights, line = data.x, np.ones(len(data.y)) if data.weights is None else data.weights, data.x @ params
    mean, variance = line, np.ones_like(line)
    if family == "logit":
        mean = expit(line)
        variance = mean * (1 - mean)
    elif family == "poisson":
        mean = variance = np.exp(line)
    bread = np.linalg.inv((x * (weights * variance)[:, None]).T @ x)
    left = 1 - weights * variance * np.einsum("ij,jk,ik->i", x, bread, x)
    scores = x * (weights * (data.y - mean) / np.where(left > _SATURATED, left, np.inf))[:, None]
    return np.asarray(bread @ scores.T @ scores @ bread)
