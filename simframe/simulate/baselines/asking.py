"""What every baseline shares: questions asked in order, pilots as places on a grid, shares, predictors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simframe.simulate.draws import choose, uniforms
from simframe.study import Item, Study

Array = NDArray[Any]

PRIOR = 1.0
"""Respondents' worth of evenly spread answers added to the pilot: no declared option has probability zero."""


def ask(
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


def place(item: Item, responses: pl.DataFrame) -> Array:
    """Return the place of each respondent's answer in the item's grid, in the order of their ids; -1 where missing."""
    places = {code: k for k, (code, _, _) in enumerate(item.grid)}
    own = responses.filter((pl.col("item_id") == item.id) & ~pl.col("missing")).select("respondent_id", "code")
    everybody = responses.select("respondent_id").unique().sort("respondent_id")
    codes = everybody.join(own, on="respondent_id", how="left", maintain_order="left")["code"]
    return np.array([places.get(code, -1) for code in codes.to_list()])


def shares(item: Item, place: Array, weights: Array) -> Array:
    """Return the weighted share of each option, a little smoothed; even where nobody answered."""
    counts = np.bincount(place[place >= 0], weights[place >= 0], minlength=len(item.grid))
    total = counts.sum()
    raw = counts / total if total > 0 else np.full(len(counts), 1 / len(counts))
    smoothed: Array = smooth(raw[None, :], int((place >= 0).sum()))[0]
    return smoothed


def smooth(p: Array, n: int) -> Array:
    """Return probabilities learnt from ``n`` people, as if one more had spread their answer evenly."""
    smoothed: Array = (p * n + PRIOR / p.shape[1]) / (n + PRIOR)
    return smoothed


def spread(shares: Array, n: int) -> Array:
    """Return the same probabilities for ``n`` respondents."""
    return np.tile(shares, (n, 1))


def features(train: pl.DataFrame, test: pl.DataFrame, item: Item) -> tuple[Array, Array]:
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
