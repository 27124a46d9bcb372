"""Ordered questions by a proportional-odds logit on persona and earlier answers, nominal ones by a multinomial logit.

P. McCullagh (1980), Regression models for ordinal data, Journal of the Royal Statistical Society B 42:109-142.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import polars as pl
from sklearn.model_selection import KFold
from statsmodels.miscmodels.ordinal_model import OrderedModel

from simframe.simulate.baselines.asking import Array, Outcome, Task, smooth
from simframe.simulate.baselines.chain import chain, standardised
from simframe.simulate.baselines.logit import PENALTIES, multinomial

ITERATIONS = 200


class FitError(Exception):
    """Why a question has no ordered logit, in words; it never leaves this module."""


class PenalisedLogit(OrderedModel):  # type: ignore[misc]
    """statsmodels' ordered logit with survey weights and an L2 penalty on its slopes, as in scikit-learn's logit.

    The penalty keeps slopes finite where a pilot of thirty separates its answers. statsmodels differentiates
    numerically; the score here is exact.
    """

    def __init__(self, y: Array, x: Array, weights: Array, strength: float) -> None:
        super().__init__(y, x, distr="logit")
        self._importance, self._strength = weights, strength

    def loglike(self, params: Array) -> float:
        """Return the weighted log-likelihood less the penalty."""
        slopes = params[: self.k_vars]
        fitted = float(self._importance @ self.loglikeobs(params))
        return fitted - float(slopes @ slopes) / (2 * self._strength)

    def score(self, params: Array) -> Array:
        """Return the gradient of ``loglike`` by slopes, first threshold and logarithms of steps between thresholds."""
        low, high = self._bounds(params)
        share = self._importance / (self.prob(low, high) + 1e-20)
        at_low, at_high = share * self._density(low), share * self._density(high)
        slopes = (at_low - at_high) @ self.exog - params[: self.k_vars] / self._strength
        inner = self.k_levels - 1
        # An answer's upper threshold is the one of its own place, its lower one of the place before.
        by_threshold = np.bincount(self.endog, at_high, self.k_levels)[:inner]
        by_threshold = by_threshold - np.bincount(self.endog, at_low, self.k_levels)[1:]
        onward = np.cumsum(by_threshold[::-1])[::-1]  # a step moves all thresholds after it
        steps = onward[1:] * np.exp(params[self.k_vars + 1 :])
        gradient: Array = np.concatenate([slopes, onward[:1], steps])
        return gradient

    def _density(self, bound: Array) -> Array:
        finite = np.isfinite(bound)
        density: Array = np.where(finite, self.pdf(np.where(finite, bound, 0.0)), 0.0)
        return density


def ordered_logit_chain(task: Task) -> pl.DataFrame:
    """Answer each question by a penalised logit on persona and earlier answers: ordered questions by an ordered one.

    The penalty is chosen for each question by 5-fold cross-validated likelihood within the pilot. Nominal questions,
    and those where "don't know" counts as an answer beside the scale, take the multinomial logit of ``logit_chain``.
    So does a question whose ordered logit does not converge; ``notes["multinomial"]`` says which, and why.
    """

    def learn(outcome: Outcome, train: Array, new: Array) -> Array:
        item = outcome.item
        reason = None
        if item.scale == "nominal":
            reason = "nominal"
        elif any(option.missing for option in item.valid_options):
            reason = "an answer stands outside the scale"
        else:
            try:
                return cross_validated(outcome, train, new, task.seed)
            except FitError as why:
                reason = str(why)
        task.notes.setdefault("multinomial", {})[item.id] = reason
        return multinomial(outcome, train, new, task.seed)

    return chain(task, learn, standardised)


def cross_validated(outcome: Outcome, train: Array, new: Array, seed: int) -> Array:
    """Return the probabilities of an ordered question's classes for ``new``."""
    y, weights, options = outcome.target, outcome.weights[outcome.seen], int(outcome.classes.max()) + 1
    folds = list(KFold(min(5, len(y)), shuffle=True, random_state=seed).split(train))
    losses = []
    for strength in PENALTIES:
        loss = 0.0
        for fit, judge in folds:
            p = smooth(
                predict(train[fit], y[fit], weights[fit], train[judge], options=options, strength=strength), len(fit)
            )
            loss -= float(weights[judge] @ np.log(p[np.arange(len(judge)), y[judge]]))
        losses.append(loss)
    return predict(train, y, weights, new, options=options, strength=PENALTIES[int(np.argmin(losses))])


def predict(x: Array, y: Array, weights: Array, new: Array, *, options: int, strength: float) -> Array:
    """Return class probabilities for ``new`` by a penalised ordered logit fitted to ``y`` on ``x``.

    Classes that the pilot lacks have probability zero. Predictors that do not vary are left out.

    Raises:
        FitError: where the fit does not converge.
    """
    full = np.zeros((len(new), options))
    classes, place = np.unique(y, return_inverse=True)
    varying = np.ptp(x, axis=0) > 0
    if len(classes) == 1:
        full[:, classes[0]] = 1.0
        return full
    if not varying.any():
        full[:, classes] = np.bincount(place, weights) / weights.sum()
        return full
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they would say is asked of the result below
        try:
            model = PenalisedLogit(place, x[:, varying], weights, strength)
            result: Any = model.fit(method="bfgs", maxiter=ITERATIONS, disp=False, skip_hessian=True)
            p = model.predict(result.params, exog=new[:, varying])
        except (np.linalg.LinAlgError, ValueError, FloatingPointError) as err:
            raise FitError(f"the fit broke down: {err}") from err
    if not np.isfinite(p).all():
        raise FitError("the fit is not finite")
    slope = np.abs(model.score(result.params)).max() / weights.sum()
    if not result.mle_retvals["converged"] and slope > 1e-3:  # per person: short of the optimum, not of its last digit
        raise FitError(f"the fit did not converge in {ITERATIONS} steps")
    full[:, classes] = p
    return full
