"""Figures that were drawn and wait to be judged: many at once, as judging one costs nearly as much as judging all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from simframe.inference.judging.interval import TOGETHER, Drawn, judge
from simframe.metrics.arrays import Floats

NOTHING = np.empty(0)


@dataclass(frozen=True)
class Pending:
    """A row of ``estimates`` without its numbers, the figure, and its draws, kind by kind.

    ``worth`` is the size of the sample behind it, infinite where Student's law has no part in its interval.
    """

    row: dict[str, object]
    metric: str
    estimate: float
    draws: dict[str, Floats]
    worth: float = np.inf
    known: dict[str, float | None] = field(default_factory=dict)
    """Columns that are not for the draws to say."""

    @property
    def follows(self) -> bool:
        """Whether it has the p-value of the figure before it."""
        return self.metric.endswith("_inflation_ratio")


def settle(pending: Iterable[Pending]) -> Iterator[dict[str, object]]:
    """Yield the rows with estimate, interval, floor and p-value, each null where there is none.

    A ratio of two sides has the p-value of their difference, which comes right before it: both ask whether the sides
    are equal.
    """
    waiting: list[Pending] = []
    for one in pending:
        if len(waiting) >= TOGETHER and not one.follows:
            yield from _settled(waiting)
            waiting = []
        waiting.append(one)
    yield from _settled(waiting)


def _settled(some: list[Pending]) -> Iterator[dict[str, object]]:
    if not some:
        return
    drawn = Drawn(_stacked(some, "bootstrap"), _stacked(some, "floor"), _stacked(some, "null"))
    worth = np.array([one.worth for one in some])
    with np.errstate(all="ignore"):
        found = judge([one.metric for one in some], np.array([one.estimate for one in some]), drawn, (worth, worth))
    p: float | None = None
    for k, one in enumerate(some):
        numbers = {name: float(values[k]) if np.isfinite(values[k]) else None for name, values in found.items()}
        if one.follows:
            numbers["p_value"] = p if numbers["estimate"] is not None else None
        p = numbers["p_value"]
        yield one.row | {"metric": one.metric} | numbers | one.known


def _stacked(some: list[Pending], kind: str) -> Floats:
    """Return the draws of one kind, a row a figure, NaN for those that have none."""
    each = [one.draws.get(kind, NOTHING) for one in some]
    nothing = np.full(max(map(len, each)), np.nan)
    return np.stack([draws if len(draws) else nothing for draws in each])
