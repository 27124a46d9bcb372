"""What every baseline shares: the pilot as answers that can be given, questions asked in order, answers drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simframe.simulate.draws import choose, uniforms
from simframe.simulate.engines.base import RESPONSES
from simframe.study import Item, Study
from simframe.warehouse.wide import wide

Array = NDArray[Any]

PRIOR = 1.0
"""Respondents' worth of evenly spread answers added to the pilot: no declared option has probability zero."""
CLASSES = 10
"""Into how many classes of about equal size a question answered with a number is cut."""


@dataclass(frozen=True)
class Outcome:
    """One question as a thing to predict: the answers that can be given, and which of them the pilot gave.

    A question with options has those for answers; a question answered with a number has the numbers of the pilot,
    which are predicted in classes of neighbours.
    """

    item: Item
    codes: tuple[str | None, ...]
    values: tuple[float | None, ...]
    place: Array
    """Which answer each pilot respondent gave, in the order of their ids; -1 where they gave none."""
    weights: Array

    @property
    def seen(self) -> Array:
        """Whether each pilot respondent answered."""
        answered: Array = self.place >= 0
        return answered

    @cached_property
    def counts(self) -> Array:
        """Weighted number of pilot respondents who gave each answer."""
        counted: Array = np.bincount(self.place[self.seen], self.weights[self.seen], minlength=len(self.codes))
        return counted

    @cached_property
    def shares(self) -> Array:
        """The weighted share of each answer, a little smoothed; even where nobody answered."""
        total = self.counts.sum()
        raw = self.counts / total if total > 0 else np.full(len(self.codes), 1 / len(self.codes))
        smoothed: Array = smooth(raw[None, :], int(self.seen.sum()))[0]
        return smoothed

    @cached_property
    def classes(self) -> Array:
        """The class of each answer: of options their own, of numbers about a tenth of the pilot."""
        if self.item.valid_options or len(self.codes) <= CLASSES:
            return np.arange(len(self.codes))
        middle = (np.cumsum(self.counts) - self.counts / 2) / self.counts.sum()
        return np.unique((middle * CLASSES).astype(int), return_inverse=True)[1]

    @property
    def target(self) -> Array:
        """The class of each pilot respondent who answered."""
        found: Array = self.classes[self.place[self.seen]]
        return found

    def column(self, place: Array) -> pl.Series:
        """Return answers as a column of the wide table: values where the item is numeric, else codes."""
        dtype = pl.Float64 if self.item.numeric else pl.String
        return pl.Series(self.item.id, [self._answers[p] for p in place.tolist()], dtype=dtype)

    def places(self, column: pl.Series) -> Array:
        """Return the place of each answer of a column of the wide table; -1 where it is none of them."""
        known = {answer: place for place, answer in enumerate(self._answers) if answer is not None}
        return np.array([known.get(answer, -1) for answer in column.to_list()], dtype=int)

    @property
    def _answers(self) -> tuple[Any, ...]:
        return self.values if self.item.numeric else self.codes

    def expand(self, p: Array) -> Array:
        """Return probabilities of answers, given those of classes: within a class, the pilot's shares."""
        if self.item.valid_options:
            return p
        within = self.counts / np.bincount(self.classes, self.counts)[self.classes]
        expanded: Array = p[:, self.classes] * within
        return expanded


@dataclass(frozen=True)
class Task:
    """What a baseline is given: a study, a pilot to learn from, personas to answer for."""

    study: Study
    pilot: pl.DataFrame
    """Responses of the pilot, long."""
    weights: Array
    """One a pilot respondent, in the order of their ids."""
    personas: pl.DataFrame
    """Responses of those to simulate, long."""
    seed: int
    people: Sequence[str] | None = None
    """Who is simulated; those of ``personas`` where left out."""
    fields: Sequence[str] | None = None
    """Persona items that answers may depend on; all of them where left out."""
    own: bool = False
    """Whether ``personas`` holds answers to questions too, which are then given in place of those drawn."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What a baseline has to say beside its answers, such as where it fell back on another method."""

    @cached_property
    def ids(self) -> pl.Series:
        """Who is simulated, sorted."""
        named = self.personas["respondent_id"] if self.people is None else pl.Series(self.people, dtype=pl.String)
        return named.unique().sort().alias("respondent_id")

    @cached_property
    def answers(self) -> pl.DataFrame:
        """The pilot, one row a respondent, sorted by id."""
        return wide(self.study, self.pilot).sort("respondent_id")

    @cached_property
    def given(self) -> pl.DataFrame:
        """The personas, one row a respondent, in the order of ``ids``."""
        return (
            self.ids.to_frame()
            .join(wide(self.study, self.personas), on="respondent_id", how="left")
            .sort("respondent_id")
        )

    @cached_property
    def weightless(self) -> list[str]:
        """Pilot respondents who count for nothing, and so teach nothing."""
        return self.answers["respondent_id"].filter(pl.Series(self.weights <= 0)).to_list()

    @property
    def persona(self) -> tuple[Item, ...]:
        """The persona items that answers may depend on, in order."""
        shown = (item for item in self.study.persona if self.fields is None or item.id in self.fields)
        return tuple(item for item in shown if item.scale != "text")

    @property
    def questions(self) -> tuple[Item, ...]:
        """What is asked, in order: options and numbers. Texts are beyond all but a donor."""
        return tuple(item for item in self.study.simulated if item.answered_with != "text")

    def position(self, item: Item) -> int:
        """Return an item's place in the questionnaire."""
        return self.study.simulated.index(item)

    def outcome(self, item: Item) -> Outcome:
        """Return a question as a thing to predict."""
        codes: list[str | None]
        values: list[float | None]
        if item.valid_options:
            codes, values = [code for code, _, _ in item.grid], [value for _, _, value in item.grid]
        else:
            counted = ~pl.col("missing") & ~pl.col("respondent_id").is_in(self.weightless)
            own = self.pilot.filter((pl.col("item_id") == item.id) & counted)
            numbers = own["value"].drop_nulls().unique().sort().to_list()
            codes, values = [item.bin_of(number) for number in numbers], numbers
        place = find(item, codes, values, self.pilot, self.answers["respondent_id"])
        place[self.weights <= 0] = -1
        return Outcome(item, tuple(codes), tuple(values), place, self.weights)


def find(
    item: Item, codes: Sequence[str | None], values: Sequence[float | None], responses: pl.DataFrame, ids: pl.Series
) -> Array:
    """Return which of an item's answers each respondent gave; -1 where none of them."""
    by = "code" if item.valid_options else "value"
    places = {answer: place for place, answer in enumerate(codes if item.valid_options else values)}
    own = responses.filter((pl.col("item_id") == item.id) & ~pl.col("missing")).select("respondent_id", by)
    found = ids.to_frame().join(own, on="respondent_id", how="left", maintain_order="left")
    return np.array([places.get(answer, -1) for answer in found[by].to_list()], dtype=int)


Asked = list[tuple[Outcome, Array]]
"""Questions answered so far, each with the place of everybody's answer."""


def ask(task: Task, probabilities: Callable[[Outcome, Asked], Array]) -> pl.DataFrame:
    """Ask every question in order; later questions see the answers drawn to earlier ones.

    Args:
        task: whom to ask what.
        probabilities: of a question's answers, shape (respondents, answers), given what was answered so far.
    """
    # Small matrices: threads would only wait for each other. SciPy's own library heeds no limit set before it.
    import scipy.linalg  # noqa: F401

    with threadpool_limits(1):
        return _asked(task, probabilities)


def _asked(task: Task, probabilities: Callable[[Outcome, Asked], Array]) -> pl.DataFrame:
    draws = uniforms(task.seed, task.ids.to_list(), [item.id for item in task.questions])
    asked: Asked = []
    parts = []
    for column, item in enumerate(task.questions):
        outcome = task.outcome(item)
        place, p = np.full(len(task.ids), -1), None
        if outcome.codes:  # else a number that nobody of the pilot gave
            p = probabilities(outcome, asked)
            place = choose(p, draws[:, column])
            if task.own:
                said = find(item, outcome.codes, outcome.values, task.personas, task.ids)
                place = np.where(said >= 0, said, place)
            asked.append((outcome, place))
        parts.append(answered(task, outcome, place, p if item.valid_options else None))
    return pl.concat(parts)


def answered(task: Task, outcome: Outcome, place: Array, probabilities: Array | None = None) -> pl.DataFrame:
    """Return everybody's answers to one question, long; ``place`` is -1 where they give none."""
    n, given = len(task.ids), place.tolist()
    columns: dict[str, Any] = {
        "respondent_id": task.ids,
        "item_id": [outcome.item.id] * n,
        "code": [outcome.codes[p] if p >= 0 else None for p in given],
        "value": [outcome.values[p] if p >= 0 else None for p in given],
        "missing": [p < 0 for p in given],
        "probabilities": [None] * n if probabilities is None else probabilities.tolist(),
        "position": [task.position(outcome.item)] * n,
    }
    return pl.DataFrame(columns, schema={name: RESPONSES[name] for name in columns})


def smooth(p: Array, n: int) -> Array:
    """Return probabilities learnt from ``n`` people, as if one more had spread their answer evenly."""
    smoothed: Array = (p * n + PRIOR / p.shape[1]) / (n + PRIOR)
    return smoothed


def spread(shares: Array, n: int) -> Array:
    """Return the same probabilities for ``n`` respondents."""
    return np.tile(shares, (n, 1))
