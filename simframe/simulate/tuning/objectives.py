"""What is lowered while tuning: the loss of people's answers, or that of their groups' histograms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from simframe.simulate.tuning.groups import WorstGroup, mean_losses
from simframe.simulate.tuning.loss import Prompt, finite, loss_of, losses_of, transcripts
from simframe.simulate.tuning.settings import PLAIN, TuneSettings
from simframe.simulate.tuning.targets import mixed, soften

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from simframe.simulate.models import Model
    from simframe.simulate.prompts import Question, Script
    from simframe.simulate.tuning.examples import Example


@dataclass(frozen=True)
class Step:
    """The prompts of one step. Its loss is minus the sum of weight times expected log likelihood, over ``total``."""

    prompts: list[Prompt]
    weights: list[float]
    total: float


class Objective(Protocol):
    """What is lowered, step by step, and looked at on people held out."""

    wants_losses: bool
    """Whether ``learned`` is to be told the losses of a step."""
    has_held: bool

    def step(self, random: np.random.Generator) -> Step:
        """Return the prompts of the next step."""

    def learned(self, losses: Sequence[float]) -> None:
        """Take note of the losses of the step before, one a prompt, without weights."""

    def held_loss(self) -> float:
        """Return the loss of the people held out."""

    def state(self) -> dict[str, Any]:
        """Return what changed since the beginning, as JSON content."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class Answers:
    """The weighted cross-entropy of people's answers, given their persona and earlier answers."""

    def __init__(
        self,
        model: Model,
        script: Script,
        people: Sequence[Example],
        held: Sequence[Example] = (),
        *,
        batch: int,
        field_dropout: float,
        settings: TuneSettings = PLAIN,
        groups: Sequence[str] = (),
        targets_of: Sequence[str] = (),
        held_groups: Sequence[str] = (),
    ) -> None:
        """Take people to learn from and people to look at.

        Args:
            model: what is tuned.
            script: the study in its tokens.
            people: learned from.
            held: looked at; their own answers are what counts, whatever the targets learned from.
            batch: respondents a step.
            field_dropout: chance that a persona field is left out of a prompt; treatments never are.
            settings: targets, orders, mixup, dro.
            groups: level of ``settings.dro["by"]`` of each of ``people``.
            targets_of: level of ``settings.by`` of each of ``people``.
            held_groups: level of ``settings.dro["by"]`` of each of ``held``.
        """
        self.model, self.script, self.held = model, script, held
        self.people = soften(script, people, targets_of or [""] * len(people), settings)
        self.batch, self.field_dropout, self.settings = batch, field_dropout, settings
        self.groups, self.held_groups = list(groups), list(held_groups)
        self.worst = WorstGroup([*groups, *held_groups], settings.dro_step) if settings.dro else None
        self.wants_losses, self.has_held = self.worst is not None, bool(held)
        self._order: list[int] = []
        self._at = 0
        self._taken: tuple[list[Example], list[str], list[int]] = ([], [], [])

    def step(self, random: np.random.Generator) -> Step:
        """Return the prompts of the next respondents: everybody once an epoch, each epoch in a new order."""
        if self._at >= len(self._order):
            self._order, self._at = random.permutation(len(self.people)).tolist(), 0
        chosen = self._order[self._at : self._at + self.batch]
        self._at += self.batch
        people: list[Example] = []
        prompts: list[Prompt] = []
        owner: list[int] = []
        for index in chosen:
            example = self._mixed(self.people[index], random)
            fields = example.dropped(self.field_dropout, random)
            example, asked = self._ordered(example, random)
            found = transcripts(self.script, example, fields, asked)
            owner += [len(people)] * len(found)
            people.append(example)
            prompts += found
        if self.worst is None:
            weights, total = [e.weight for e in people], sum(e.weight * len(e.answers) for e in people)
        else:
            groups = [self.groups[index] for index in chosen]
            weights, total = self.worst.weigh(people, groups), 1.0
            self._taken = (people, groups, owner)
        return Step(prompts, [weights[place] for place in owner], total)

    def _mixed(self, example: Example, random: np.random.Generator) -> Example:
        if not self.settings.mixup:
            return example
        other = self.people[int(random.integers(len(self.people)))]
        share = float(random.beta(self.settings.mixup, self.settings.mixup))
        both = mixed(self.script, example, other, share, random.random(1 + len(self.script.questions)))
        return both if both.answers else example

    def _ordered(self, example: Example, random: np.random.Generator) -> tuple[Example, list[Question] | None]:
        if self.settings.item_order == "random":
            order = random.permutation(len(example.answers))
            example = replace(example, answers=tuple(example.answers[place] for place in order))
        if self.settings.option_order == "declared":
            return example, None
        return example, [shuffled(self.script, answer.question, random) for answer in example.answers]

    def learned(self, losses: Sequence[float]) -> None:
        """Move the groups' shares."""
        if self.worst is not None:
            people, groups, owner = self._taken
            mine = [0.0] * len(people)
            for place, loss in zip(owner, losses, strict=True):
                mine[place] += loss
            self.worst.learned(people, groups, mine)

    def held_loss(self) -> float:
        """Return the loss an answer of the people held out; of their worst group where that is what is lowered."""
        if self.worst is None:
            loss: float = loss_of(self.model, self.script, self.held)
            return loss
        losses = losses_of(self.model, self.script, self.held)
        return finite(max(mean_losses(self.held, self.held_groups, losses).values()))

    def state(self) -> dict[str, Any]:
        """Return order, place in it, and the groups' shares."""
        return {"order": self._order, "at": self._at, "share": self.worst.share if self.worst else None}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._order, self._at = state["order"], state["at"]
        if self.worst is not None:
            self.worst.share = state["share"]


def shuffled(script: Script, question: int, random: np.random.Generator) -> Question:
    """Return a question with its options shown in a random order; as declared where it has none."""
    if not script.questions[question].order:
        return script.questions[question]
    order = random.permutation(len(script.questions[question].routes))
    return script.question(question, tuple(int(place) for place in order))
