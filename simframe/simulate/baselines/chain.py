"""Sequential synthesis: each answer from a model of the persona and all earlier answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from simframe.simulate.baselines.asking import Array, Asked, Outcome, Task, ask, smooth, spread
from simframe.study import Item

Encode = Callable[[pl.DataFrame, pl.DataFrame, Item], tuple[Array, Array]]
Learn = Callable[[Outcome, Array, Array], Array]


def chain(task: Task, learn: Learn, encode: Encode) -> pl.DataFrame:
    """Ask every question by a model fitted on the pilot.

    Args:
        task: whom to ask what.
        learn: given a question that the pilot answered in two ways at least, its predictors for those who answered it
            and for those to simulate, returns the probabilities of its classes for the latter.
        encode: an item as predictors, for the pilot and for those to simulate.
    """
    before = list(task.persona)

    def probabilities(outcome: Outcome, asked: Asked) -> Array:
        frame = task.given.with_columns(earlier.column(place) for earlier, place in asked)
        columns = [encode(task.answers, frame, each) for each in before]
        before.append(outcome.item)
        if not any(side.shape[1] for side, _ in columns) or len(np.unique(outcome.target)) < 2:
            return spread(outcome.shares, len(task.ids))
        train, new = (np.hstack(side) for side in zip(*columns, strict=True))
        fitted = learn(outcome, train[outcome.seen], new)
        return outcome.expand(smooth(fitted, int(outcome.seen.sum())))

    return ask(task, probabilities)


def standardised(train: pl.DataFrame, new: pl.DataFrame, item: Item) -> tuple[Array, Array]:
    """Return an item as predictors: one standardised column where ordered, one column an option where nominal.

    A missing answer counts as the mean, or as none of the options but the first.
    """
    if item.scale != "nominal":
        known = train[item.id].drop_nulls()
        mean = known.mean() or 0.0
        spread_ = known.std() or 1.0
        sides = [((frame[item.id] - mean) / spread_).fill_null(0.0).to_numpy()[:, None] for frame in (train, new)]
    else:
        sides = [_one_hot(frame, item, _answers(item)[1:]) for frame in (train, new)]
    return sides[0], sides[1]


def raw(train: pl.DataFrame, new: pl.DataFrame, item: Item) -> tuple[Array, Array]:
    """Return an item as predictors of a tree: its values where ordered, one column an option where nominal.

    A missing answer is NaN where ordered, none of the options where nominal.
    """
    if item.scale != "nominal":
        sides = [frame[item.id].cast(pl.Float64).fill_null(np.nan).to_numpy()[:, None] for frame in (train, new)]
    else:
        sides = [_one_hot(frame, item, _answers(item)) for frame in (train, new)]
    return sides[0], sides[1]


def _answers(item: Item) -> list[str | float | None]:
    return [value if item.numeric else code for code, _, value in item.grid]


def _one_hot(frame: pl.DataFrame, item: Item, answers: list[str | float | None]) -> Array:
    columns = [(frame[item.id] == answer).fill_null(False).to_numpy() for answer in answers]
    return np.column_stack(columns).astype(float) if columns else np.zeros((len(frame), 0))
