"""One adapter in the making: the number of steps chosen on people held out, then everybody learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from simframe.simulate import models
from simframe.simulate.tuning.adapters import Adapter
from simframe.simulate.tuning.aggregate import Aggregate
from simframe.simulate.tuning.curves import best
from simframe.simulate.tuning.groups import groups_of
from simframe.simulate.tuning.learning import Point, learn
from simframe.simulate.tuning.objectives import Answers, Objective

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from simframe.simulate.prompts import Script
    from simframe.simulate.tuning.checkpoints import Checkpoints
    from simframe.simulate.tuning.examples import Example
    from simframe.simulate.tuning.schedule import Schedule
    from simframe.simulate.tuning.settings import TuneSettings
    from simframe.study import Study


class Meter:
    """Steps done over several fits; the total shrinks where one ends early."""

    def __init__(self, progress: Callable[[int, int], None] | None, steps: int) -> None:
        self.progress, self.steps, self.total, self.done = progress, steps, steps, 0

    def plan(self, fits: int) -> None:
        """Begin with so many fits of all steps."""
        self.total = fits * self.steps

    def step(self, step: int) -> None:
        """Tell a step of the fit under way."""
        if self.progress is not None:
            self.progress(self.done + step, self.total)

    def end(self, steps: int) -> None:
        """Tell that a fit ended after so many steps."""
        self.done += steps
        self.total -= self.steps - steps
        self.step(0)


@dataclass(frozen=True)
class Curves:
    """How learning went: each fold, their mean, everybody; and for how many steps, at what rate."""

    folds: list[list[Point]]
    mean: list[tuple[int, float]]
    refit: list[Point]
    steps: int
    rate: float


@dataclass(frozen=True)
class Fit:
    """Everything that one adapter is made of."""

    model: models.Model
    script: Script
    study: Study
    pilot: pl.DataFrame
    people: list[Example]
    settings: TuneSettings
    seed: int
    checkpoints: Checkpoints
    meter: Meter

    def carry_out(self) -> tuple[Adapter, Curves]:
        """Choose the number of steps on people held out, then fit all."""
        people, checkpoints = self.people, self.checkpoints
        adapter = Adapter(self.model.network, self.settings, self.seed)
        schedule = self.settings.schedule(models.is_tiny(self.model.network))
        folds = _folds(len(people), self.settings, self.seed)
        self.meter.plan(len(folds) + 1)
        for place, fold in enumerate(folds):
            if place >= len(checkpoints.done):
                kept = [example for at, example in enumerate(people) if at not in fold]
                held = [people[at] for at in sorted(fold)]
                objective = self._objective(kept, held)
                checkpoints.finished(self._learn(objective, schedule))
                adapter.reset()
            self.meter.end(checkpoints.done[place][-1].step)
        curves = checkpoints.done[: len(folds)]
        steps, mean = best(curves, [sum(people[i].weight * len(people[i].answers) for i in fold) for fold in folds])
        last = replace(schedule, steps=steps)
        refit = self._learn(self._objective(people, []), last)
        self.meter.end(steps)
        return adapter, Curves(curves, mean, refit, steps, schedule.rate)

    def _learn(self, objective: Objective, schedule: Schedule) -> list[Point]:
        keeper, told = self.checkpoints.fit(), self.meter.step
        return learn(self.model, objective, schedule, seed=self.seed, step_done=told, keeper=keeper)

    def _objective(self, kept: list[Example], held: list[Example]) -> Objective:
        settings = self.settings
        common: dict[str, Any] = {"batch": settings.batch, "field_dropout": settings.field_dropout}
        if settings.objective == "aggregate":
            groups, held_groups = self._groups(kept, settings.by), self._groups(held, settings.by)
            common |= {"groups": groups, "held_groups": held_groups, "option_order": settings.option_order}
            return Aggregate(self.model, self.script, kept, held, **common)
        by = settings.dro.get("by")
        return Answers(
            self.model,
            self.script,
            kept,
            held,
            **common,
            settings=settings,
            groups=self._groups(kept, by),
            held_groups=self._groups(held, by),
            targets_of=self._groups(kept, settings.by),
        )

    def _groups(self, people: Sequence[Example], item_id: str | None) -> list[str]:
        return groups_of(self.study, self.pilot, people, item_id)


def _folds(people: int, settings: TuneSettings, seed: int) -> list[set[int]]:
    order = np.random.Generator(np.random.Philox(seed)).permutation(people).tolist()
    parts = min(settings.folds, people)
    folds = [set(order[part::parts]) for part in range(parts)]
    return folds if people < settings.cross_validate else folds[:1]
