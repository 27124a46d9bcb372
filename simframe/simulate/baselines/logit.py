"""Each answer from a multinomial logit on persona and earlier answers: the classic sequential synthesis of surveys."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from simframe.simulate.baselines.asking import Array, Outcome, Task, smooth
from simframe.simulate.baselines.chain import chain, standardised

PENALTIES = (0.01, 0.1, 1.0)
"""Inverse strengths of the L2 penalty that cross-validation chooses from."""


def logit_chain(task: Task) -> pl.DataFrame:
    """Answer each question by an L2-penalised multinomial logit on persona and earlier answers.

    The penalty is chosen for each question by 5-fold cross-validated likelihood within the pilot.
    """
    return chain(task, lambda outcome, train, new: multinomial(outcome, train, new, task.seed), standardised)


def multinomial(outcome: Outcome, train: Array, new: Array, seed: int) -> Array:
    """Return the probabilities of a question's classes for ``new``, with the penalty that fits the pilot best."""
    target, weights = outcome.target, outcome.weights[outcome.seen]
    options = int(outcome.classes.max()) + 1
    strength = _choose_penalty(train, target, weights, options, seed)
    return _predict(train, target, weights, new, options=options, strength=strength)


def _predict(x: Array, y: Array, weights: Array, new: Array, *, options: int, strength: float) -> Array:
    """Return option probabilities for ``new``, columns of options the training data lack being zero."""
    full = np.zeros((len(new), options))
    classes = np.unique(y)
    if len(classes) == 1:
        full[:, classes[0]] = 1.0
        return full
    with warnings.catch_warnings():  # a pilot may have as many answers as people: scikit-learn asks whether to regress
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        model = LogisticRegression(C=strength, max_iter=1000).fit(x, y, sample_weight=weights)
    full[:, model.classes_] = model.predict_proba(new)
    return full


def _choose_penalty(x: Array, y: Array, weights: Array, options: int, seed: int) -> float:
    folds = list(KFold(min(5, len(y)), shuffle=True, random_state=seed).split(x))
    losses = []
    for strength in PENALTIES:
        loss = 0.0
        for fit, judge in folds:
            p = smooth(_predict(x[fit], y[fit], weights[fit], x[judge], options=options, strength=strength), len(fit))
            loss -= float(weights[judge] @ np.log(p[np.arange(len(judge)), y[judge]]))
        losses.append(loss)
    return PENALTIES[int(np.argmin(losses))]
