"""Simulators without a language model, trained on the same pilot: what any panel has to beat.

``pilot_marginals`` draws every answer from the pilot's shares: the floor for margins, with no coherence at all.
``logit_chain`` draws each answer from a multinomial logit on the persona and all earlier answers, the classic
sequential synthesis of survey data.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from simframe.simulate.draws import choose, uniforms
from simframe.study import Item, Study
from simframe.warehouse.wide import wide

Array = NDArray[Any]

PENALTIES = (0.01, 0.1, 1.0)
"""Inverse strengths of the L2 penalty that cross-validation chooses from."""
PRIOR = 1.0
"""Respondents' worth of evenly spread answers added to the pilot: no declared option has probability zero."""


def pilot_marginals(
    study: Study, pilot: pl.DataFrame, weights: Array, personas: pl.DataFrame, *, seed: int
) -> pl.DataFrame:
    """Answer every question from the pilot's weighted shares.

    Args:
        study: the instrument.
        pilot: responses of the pilot, long.
        weights: one a pilot respondent, in the order of their ids.
        personas: responses of those to simulate, long; only their ids are used.
        seed: of the draws.

    Returns:
        responses, long, with probabilities.
    """
    ids = personas["respondent_id"].unique().sort()
    return _ask(study, ids, seed, lambda item, _: _spread(_shares(item, _place(item, pilot), weights), len(ids)))


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
        columns = [_features(answers, frame, each) for each in before]
        before.append(item)
        train, test = (np.hstack(side) if side else np.zeros((0, 0)) for side in zip(*columns, strict=True))
        target = _place(item, pilot)
        seen = target >= 0
        shares = _shares(item, target, weights)
        if len(np.unique(target[seen])) < 2:
            return _spread(shares, len(ids))
        strength = _choose_penalty(train[seen], target[seen], weights[seen], len(item.grid), seed)
        fitted = _predict(train[seen], target[seen], weights[seen], test, options=len(item.grid), strength=strength)
        return _smooth(fitted, int(seen.sum()))

    return _ask(study, ids, seed, probabilities)


BASELINES = {"pilot_marginals": pilot_marginals, "logit_chain": logit_chain}


def _ask(
    study: Study, ids: pl.Series, seed: int, probabilities: Callable[[Item, dict[str, pl.Series]], Array]
) -> pl.DataFrame:
    """Ask every question in order; later questions see the answers drawn to earlier ones."""
    questions = study.questions
    draws = uniforms(seed, ids.to_list(), [item.id for item in questions])
    simulated: dict[str, pl.Series] = {}
    parts = []
    for place, item in enumerate(questions):
        with threadpool_limits(1):  # small matrices: threads would only wait for each other
            p = probabilities(item, simulated)
        chosen = choose(p, draws[:, place])
        grid = pl.DataFrame(
            item.grid, schema={"code": pl.String, "label": pl.String, "value": pl.Float64}, orient="row"
        )
        picked = grid[chosen.tolist()]
        simulated[item.id] = picked["value" if item.numeric else "code"]
        parts.append(
            pl.DataFrame(
                {
                    "respondent_id": ids,
                    "item_id": [item.id] * len(ids),
                    "code": picked["code"],
                    "value": picked["value"],
                    "missing": [False] * len(ids),
                    "probabilities": p.tolist(),
                    "position": [place] * len(ids),
                },
                schema_overrides={"probabilities": pl.List(pl.Float64), "position": pl.Int64},
            )
        )
    return pl.concat(parts)


def _place(item: Item, responses: pl.DataFrame) -> Array:
    """Return the place of each respondent's answer in the item's grid, in the order of their ids; -1 where missing."""
    places = {code: k for k, (code, _, _) in enumerate(item.grid)}
    own = responses.filter((pl.col("item_id") == item.id) & ~pl.col("missing")).select("respondent_id", "code")
    everybody = responses.select("respondent_id").unique().sort("respondent_id")
    codes = everybody.join(own, on="respondent_id", how="left", maintain_order="left")["code"]
    return np.array([places.get(code, -1) for code in codes.to_list()])


def _shares(item: Item, place: Array, weights: Array) -> Array:
    counts = np.bincount(place[place >= 0], weights[place >= 0], minlength=len(item.grid))
    total = counts.sum()
    shares = counts / total if total > 0 else np.full(len(counts), 1 / len(counts))
    smooth: Array = _smooth(shares[None, :], int((place >= 0).sum()))[0]
    return smooth


def _smooth(p: Array, n: int) -> Array:
    smoothed: Array = (p * n + PRIOR / p.shape[1]) / (n + PRIOR)
    return smoothed


def _spread(shares: Array, n: int) -> Array:
    return np.tile(shares, (n, 1))


def _features(train: pl.DataFrame, test: pl.DataFrame, item: Item) -> tuple[Array, Array]:
    """Return an item as predictors: one standardised column where ordered, one column an option where nominal."""
    if item.scale != "nominal":
        known = train[item.id].drop_nulls()
        mean = known.mean() or 0.0
        spread = known.std() or 1.0
        sides = [((frame[item.id] - mean) / spread).fill_null(0.0).to_numpy()[:, None] for frame in (train, test)]
    else:
        answers = [value if item.numeric else code for code, _, value in item.grid][1:]
        sides = [
            np.column_stack([(frame[item.id] == answer).fill_null(False).to_numpy() for answer in answers]).astype(
                float
            )
            for frame in (train, test)
        ]
    return sides[0], sides[1]


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
            p = _smooth(_predict(x[fit], y[fit], weights[fit], x[judge], options=options, strength=strength), len(fit))
            loss -= float(weights[judge] @ np.log(p[np.arange(len(judge)), y[judge]]))
        losses.append(loss)
    return PENALTIES[int(np.argmin(losses))]
