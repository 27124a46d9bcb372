"""Each answer from a multinomial logit on persona and earlier answers: the classic sequential synthesis of surveys."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from simframe.simulate.baselines.asking import Array, ask, features, place, shares, smooth, spread
from simframe.study import Item, Study
from simframe.warehouse.wide import wide

PENALTIES = (0.01, 0.1, 1.0)
"""Inverse strengths of the L2 penalty that cross-validation chooses from."""


def logit_chain(
    study: Study, pilot: pl.DataFrame, weights: Array, personas: pl.DataFrame, *, seed: int
) -> pl.DataFrame:
    """Answer each question by an L2-penalised multinomial logit on persona and earlier answers.

    The penalty is chosen for each question by 5-fold cross-validated likelihood within the pilot. Arguments and
    result are those of :func:`pilot_marginals`.
    """
    answers = wide(study, pilot).sort("respondent_id")
    given = wide(study, personas).sort("respondent_id")
    ids = given["respondent_id"]
    before = list(study.persona)

    def probabilities(item: Item, simulated: dict[str, pl.Series]) -> Array:
        frame = given.with_columns(answer.alias(name) for name, answer in simulated.items())
        columns = [features(answers, frame, each) for each in before]
        before.append(item)
        train, test = (np.hstack(side) if side else np.zeros((0, 0)) for side in zip(*columns, strict=True))
        target = place(item, pilot)
        seen = target >= 0
        if len(np.unique(target[seen])) < 2:
            return spread(shares(item, target, weights), len(ids))
        strength = _choose_penalty(train[seen], target[seen], weights[seen], len(item.grid), seed)
        fitted = _predict(train[seen], target[seen], weights[seen], test, options=len(item.grid), strength=strength)
        return smooth(fitted, int(seen.sum()))

    return ask(study, ids, seed, probabilities)


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
