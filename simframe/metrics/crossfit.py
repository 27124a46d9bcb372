"""Cross-fitted models of one action: fitted on four fifths, judged on the fifth left out, five times over.

The loss is squared error for an action on a scale, minus the logarithm of the predicted share of the answer given for
a nominal one. ``predictability`` is one minus the loss of the model over that of the mean (of the shares) of the very
same four fifths: R2 out of sample (Campbell and Thompson 2008), or McFadden's. Beliefs that say nothing score at or
below nought.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simframe.errors import MetricError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

FOLDS = 5
FEWEST = 2 * FOLDS
"""Fewer complete answers than this leave folds of one."""
ITERATIONS = 100
PRIOR = 0.5
"""Respondents' worth of every option added to predicted shares: none has probability zero, as in ``kl_smoothed``."""


@dataclass(frozen=True)
class Model:
    """A model of one fold.

    ``coefficients`` are a row a predictor, the constant first, and a column an option of ``kinds``: one column for two
    options, or for a scale. ``step`` is the Newton step of the flattened coefficients that counting a respondent once
    more asks for, one column a respondent, 0 for those it is judged by.
    """

    coefficients: Floats
    step: Floats
    kinds: Whole


@dataclass(frozen=True)
class Crossfit:
    """Respondents with complete answers, fold by fold, and a model a fold (None: beliefs say nothing).

    ``x`` are standardised predictors, ``y`` numbers, or places among ``options`` options (0 for a scale); ``edges`` are
    where folds begin and end.
    """

    x: Floats
    y: Floats
    options: int
    edges: Whole
    weight: Floats
    models: tuple[Model | None, ...] = ()

    @property
    def n(self) -> int:
        """Respondents with complete answers."""
        return len(self.y)

    def observed(self) -> float:
        """Return the predictability of the answers as they are."""
        return float(self._predictability(self.weight[:, None], moving=False)[0])

    def predictability(self, times: Floats) -> Floats:
        """Return it with respondents counted ``times``, models moved by one Newton step; one column a draw."""
        return self._predictability(times, moving=True)

    def _predictability(self, times: Floats, *, moving: bool) -> Floats:
        answers = self.y == np.arange(self.options)[:, None] if self.options else np.stack([np.ones(self.n), self.y])
        total, null = np.zeros(times.shape[1]), np.zeros(times.shape[1])
        everybody = answers @ times
        for fold, model in enumerate(self.models):
            out = slice(*self.edges[fold : fold + 2])
            judged, n = times[out], self.n - (out.stop - out.start)
            mine = answers[:, out] @ judged
            rest = everybody - mine
            weight = rest.sum(axis=0) if self.options else rest[0]
            if self.options:
                base = (mine * self._surprise(rest / weight, n)).sum(axis=0)
            else:
                mean = rest[1] / weight
                base = self.y[out] ** 2 @ judged - 2 * mean * mine[1] + mean**2 * mine[0]
            null += base
            if model is None:
                total += base
                continue
            coefficients = model.coefficients[..., None]
            if moving:
                own = self.weight
                fitted = own.sum() - own[out].sum()
                change = (model.step @ times) * (fitted / weight) - (model.step @ own)[:, None]
                coefficients = coefficients + change.reshape(*model.coefficients.shape, -1)
            total += np.einsum("ir,ir->r", self._cost(out, model, coefficients, n), judged)
        return np.asarray(1 - total / null)

    def _cost(self, out: slice, model: Model, coefficients: Floats, n: int) -> Floats:
        """Return the losses of those left out by a model fitted to ``n``."""
        p, k, draws = coefficients.shape
        fitted = (_constant(self.x[out]) @ coefficients.reshape(p, -1)).reshape(-1, k, draws)
        if not self.options:
            return np.asarray((self.y[out, None] - fitted[:, 0]) ** 2)
        mine = self.y[out, None] == model.kinds
        if len(model.kinds) == 2:
            share = np.exp(fitted[:, 0] * np.where(mine[:, [1]], -1.0, 1.0))
            share = np.reciprocal(np.add(share, 1.0, out=share), out=share)
        else:
            raised = np.exp(fitted - fitted.max(axis=1, keepdims=True))
            share = (raised * mine[..., None]).sum(axis=1) / raised.sum(axis=1)
        if not mine.any(axis=1).all():  # an option that nobody fitted to has
            share = share * mine.any(axis=1)[:, None]
        return self._surprise(share, n)

    def _surprise(self, share: Floats, n: int) -> Floats:
        """Return minus the logarithm of shares foretold from ``n`` respondents."""
        return np.asarray(-np.log((share * n + PRIOR) / (n + PRIOR * self.options)))


def crossfit(x: Floats, y: Floats, weight: Floats, edges: Whole, options: int = 0) -> Crossfit:
    """Fit the models, fold by fold.

    Args:
        x: what is known of respondents, a row each, in the order of :func:`folds`.
        y: what they did: numbers, or places from 0 among ``options``.
        weight: how much each counts, positive.
        edges: where folds begin and end.
        options: how many the action has; 0 for a scale.

    Raises:
        MetricError: where there is nothing to fit or to foretell; the text says why.
    """
    if len(y) < FEWEST:
        raise MetricError(f"fewer than {FEWEST} complete answers", mend=f"ask {FEWEST} respondents at least")
    if np.ptp(y) == 0:
        raise MetricError("the action does not vary", mend="leave it out")
    # The penalty of a logit counts as much as one respondent does, on average.
    found = Crossfit(standardised(x), y, options, edges, weight / weight.mean())
    fit, rows = _logit if options else _linear, np.arange(len(y))
    inside = [(edges[fold] <= rows) & (rows < edges[fold + 1]) for fold in range(FOLDS)]
    return replace(found, models=tuple(fit(found, ~out) for out in inside))


def folds(ids: Sequence[str]) -> tuple[Whole, Whole]:
    """Return the rows of ``ids`` fold by fold, dealt out in the order of hashes, and where folds begin and end."""
    dealt = np.argsort([hashlib.sha256(json.dumps([each]).encode()).hexdigest() for each in ids])
    parts = [dealt[fold::FOLDS] for fold in range(FOLDS)]
    return np.concatenate(parts), np.cumsum([0, *(len(part) for part in parts)])


def standardised(x: Floats) -> Floats:
    """Return columns with mean 0 and variance 1, constant ones left out."""
    x = x[:, np.ptp(x, axis=0) > 0] if len(x) else x
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0)) if x.size else x


def columns(answers: Sequence[pl.Series], *, nominal: Sequence[bool]) -> Floats:
    """Return answers as predictors, a row a respondent: numbers as they are, of a nominal item a column an option.

    The first option that anybody chose is what the others are set against.
    """
    found = []
    for answer, kinds in zip(answers, nominal, strict=True):
        found += [answer == each for each in answer.unique().sort()[1:]] if kinds else [answer]
    rows = len(answers[0]) if answers else 0
    return np.stack([each.cast(pl.Float64).to_numpy() for each in found], axis=1) if found else np.empty((rows, 0))


def _constant(x: Floats) -> Floats:
    return np.hstack([np.ones((len(x), 1)), x])


def _linear(side: Crossfit, rest: Flags) -> Model | None:
    from sklearn.linear_model import LinearRegression

    x, y, weight = side.x[rest], side.y[rest], side.weight[rest]
    if not x.shape[1]:
        return None
    model = LinearRegression().fit(x, y, sample_weight=weight)
    full = _constant(x)
    step = np.linalg.pinv(full.T @ (full * weight[:, None])) @ (full * (y - model.predict(x))[:, None]).T
    coefficients = np.concatenate([[model.intercept_], model.coef_])[:, None]
    return Model(coefficients, _of_all(step, rest), np.empty(0, dtype=np.int64))


def _of_all(step: Floats, rest: Flags) -> Floats:
    """Return ``step`` with a column for everybody, 0 for those left out."""
    full = np.zeros((len(step), len(rest)))
    full[:, rest] = step
    return full


def _logit(side: Crossfit, rest: Flags) -> Model | None:
    """Fit a logit with a penalty of one: half the squared coefficients of standardised predictors, as scikit-learn has.

    Newton's method, halved while it does not rise: there are hundreds of fits of a few people each, and their curvature
    is wanted too.
    """
    x, y, weight = side.x[rest], side.y[rest].astype(np.int64), side.weight[rest]
    kinds, place = np.unique(y, return_inverse=True)
    if not x.shape[1] or len(kinds) < 2:
        return None
    full, given = _constant(x), np.eye(len(kinds))[place]
    given = given[:, 1:] if len(kinds) == 2 else given
    penalty = np.append(0.0, np.ones(x.shape[1]))[:, None]

    def gain(coefficients: Floats) -> tuple[float, Floats]:
        index = full @ coefficients
        top = np.maximum(index.max(axis=1, keepdims=True), 0.0) if binary else index.max(axis=1, keepdims=True)
        raised = np.exp(index - top)
        total = raised.sum(axis=1, keepdims=True) + (np.exp(-top) if binary else 0.0)
        each = (given * index).sum(axis=1) - (top + np.log(total))[:, 0]
        return float(weight @ each - (penalty * coefficients**2).sum() / 2), raised / total

    binary = len(kinds) == 2
    coefficients = np.zeros((full.shape[1], given.shape[1]))
    reached, shares = gain(coefficients)
    for _ in range(ITERATIONS):
        scores = (full[:, :, None] * (given - shares)[:, None, :]).reshape(len(x), -1)
        hessian = _curvature(full, weight, shares, penalty)
        gradient = weight @ scores - (penalty * coefficients).ravel()
        if np.abs(gradient).max() < 1e-10 * len(x):
            break
        move = np.linalg.solve(hessian, gradient).reshape(coefficients.shape)
        for halving in range(30):
            tried = coefficients + move / 2**halving
            now, there = gain(tried)
            if now >= reached - 1e-12 * abs(reached):  # rounding alone may keep the last step from rising
                break
        coefficients, reached, shares = tried, now, there
    step = np.asarray(np.linalg.solve(hessian, scores.T), dtype=np.float64)
    return Model(coefficients, _of_all(step, rest), kinds)


def _curvature(full: Floats, weight: Floats, shares: Floats, penalty: Floats) -> Floats:
    """Return minus the second derivatives of a penalised logit, predictor by predictor and option by option."""
    p, k = full.shape[1], shares.shape[1]
    hessian = np.empty((p, k, p, k))
    for a in range(k):
        for b in range(k):
            curve = weight * shares[:, a] * ((a == b) - shares[:, b])
            hessian[:, a, :, b] = (full * curve[:, None]).T @ full
    hessian = hessian.reshape(p * k, p * k) + np.diag(np.repeat(penalty[:, 0], k))
    if k > 1:  # adding to all intercepts changes no share: that direction is closed, and nothing points in it
        hessian[:k, :k] += len(full)
    return hessian
