"""Multinomial and ordered logits with survey weights, which statsmodels does not offer.

Estimates solve the weighted score equations; their covariance is the sandwich of Binder (1983): scores enter with their
weights, summed within clusters where there are any. With equal weights both are statsmodels' own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simframe.inference.regressions.design import Design, Floats

ITERATIONS = 100
Likelihood = Callable[[Floats], tuple[Floats, Floats, Floats]]
"""From parameters to the log-likelihood of every respondent, its gradient (a row each), and the weighted Hessian."""


@dataclass(frozen=True)
class Maximum:
    """Where a weighted likelihood is greatest; ``covariance`` is HC0, or of clusters with statsmodels' correction."""

    params: Floats
    covariance: Floats
    llf: float
    converged: bool


def multinomial_logit(data: Design, iterations: int = ITERATIONS) -> Maximum:
    """Fit coefficients of every outcome but the first, outcome by outcome.

    Raises:
        LinAlgError: where the Hessian is singular.
    """
    x, weights, others = data.x, _weights(data), len(data.outcomes) - 1
    own = data.y[:, None] == np.arange(1, others + 1)
    k = x.shape[1]

    def likelihood(params: Floats) -> tuple[Floats, Floats, Floats]:
        index = x @ params.reshape(others, k).T
        top = np.maximum(index.max(axis=1), 0.0)
        total = top + np.log(np.exp(-top) + np.exp(index - top[:, None]).sum(axis=1))
        p = np.exp(index - total[:, None])
        scores = ((own - p)[:, :, None] * x[:, None, :]).reshape(len(x), -1)
        hessian = np.empty((others, k, others, k))
        for a in range(others):
            for b in range(others):
                hessian[a, :, b] = (x * (weights * p[:, a] * (p[:, b] - (a == b)))[:, None]).T @ x
        return (index * own).sum(axis=1) - total, scores, hessian.reshape(others * k, -1)

    return _greatest(likelihood, np.zeros(others * k), data, iterations)


def ordered_logit(data: Design, iterations: int = ITERATIONS) -> Maximum:
    """Fit slopes, then the first threshold and the logarithms of the steps between thresholds, as statsmodels does.

    Raises:
        LinAlgError: where the Hessian is singular.
    """
    weights, slopes, y = _weights(data), data.x.shape[1], data.y.astype(int)
    edges = len(data.outcomes) - 1
    # Rows of what is above and below a respondent: threshold less predictors, nothing beyond the last ones.
    above, below = (np.hstack([-data.x, np.eye(edges + 2)[y + side][:, 1:-1]]) for side in (1, 0))

    def likelihood(params: Floats) -> tuple[Floats, Floats, Floats]:
        high = np.where(y < edges, above @ params, np.inf)
        low = np.where(y > 0, below @ params, -np.inf)
        upper, lower = _logistic(high), _logistic(low)
        # On the side where both shares are far from 1, so that their difference keeps its digits.
        p = np.where(low > 0, _logistic(-low) - _logistic(-high), upper - lower)
        p = np.where(p > 0, p, np.nan)
        f, g = upper * _logistic(-high), lower * _logistic(-low)
        scores = above * (f / p)[:, None] - below * (g / p)[:, None]
        hessian = (
            (above * (weights * f * (1 - 2 * upper) / p)[:, None]).T @ above
            - (below * (weights * g * (1 - 2 * lower) / p)[:, None]).T @ below
            - (scores * weights[:, None]).T @ scores
        )
        return np.log(p), scores, hessian

    shares = np.cumsum(np.bincount(y, weights))[:-1] / weights.sum()
    found = _greatest(likelihood, np.concatenate([np.zeros(slopes), np.log(shares / (1 - shares))]), data, iterations)
    steps = np.diff(found.params[slopes:])
    to_steps = np.eye(slopes + edges)
    for j, step in enumerate(steps, start=slopes + 1):
        to_steps[j, j - 1 : j + 1] = -1 / step, 1 / step
    params = np.concatenate([found.params[: slopes + 1], np.log(steps)])
    return Maximum(params, to_steps @ found.covariance @ to_steps.T, found.llf, found.converged)


def _weights(data: Design) -> Floats:
    return np.ones(len(data.y)) if data.weights is None else data.weights


def _logistic(x: Floats) -> Floats:
    from scipy.special import expit

    shares: Floats = expit(x)
    return shares


def _greatest(likelihood: Likelihood, params: Floats, data: Design, iterations: int) -> Maximum:
    """Climb by Newton's steps, halved while they do not rise: both log-likelihoods are concave."""
    weights = _weights(data)
    each, scores, hessian = likelihood(params)
    llf = float(weights @ each)
    for _ in range(iterations):
        gradient = weights @ scores
        if np.abs(gradient).max() < 1e-9 * len(data.y):
            break
        step = np.linalg.solve(hessian, gradient)
        for halving in range(30):
            tried = params - step / 2**halving
            each, scores, hessian = likelihood(tried)
            # A step that rounding alone keeps from rising is taken.
            if float(weights @ each) >= llf - 1e-12 * abs(llf):
                break
        else:
            break
        params, llf = tried, float(weights @ each)
    bread = np.linalg.inv(hessian)
    gradient = weights @ scores
    converged = bool(np.isfinite(llf) and np.abs(gradient).max() < 1e-6 * len(data.y))
    return Maximum(params, bread @ _meat(scores * weights[:, None], data.clusters) @ bread, llf, converged)


def _meat(scores: Floats, clusters: np.ndarray[tuple[int], np.dtype[np.int64]] | None) -> Floats:
    """Return the sum of squares of the scores, or of their sums by cluster."""
    if clusters is None:
        return scores.T @ scores
    n, k = scores.shape
    groups = int(clusters.max()) + 1
    sums = np.zeros((groups, k))
    np.add.at(sums, clusters, scores)
    correction = groups / (groups - 1) * (n - 1) / (n - k)
    total: Floats = correction * sums.T @ sums
    return total
