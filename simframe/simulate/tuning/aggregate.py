"""Tuning on groups' histograms alone: nobody's answers are set beside each other, or beside their persona.

Every question is asked straight after the persona. What is lowered is the forward Kullback-Leibler divergence from a
group's histogram to the model's distribution averaged over personas of that group.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from simframe.simulate.tuning.examples import Answer, Example
from simframe.simulate.tuning.loss import Prompt, finite, scores, transcripts
from simframe.simulate.tuning.objectives import Step, shuffled
from simframe.simulate.tuning.targets import histograms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simframe.simulate.models import Model
    from simframe.simulate.prompts import Question, Script, Tokens

LEAST = 8
"""Personas a group and step: the mean over fewer says little of the group."""


class Aggregate:
    """The cross-entropy from groups' histograms to the model's mean distribution over their personas."""

    wants_losses = False

    def __init__(
        self,
        model: Model,
        script: Script,
        people: Sequence[Example],
        held: Sequence[Example] = (),
        *,
        batch: int,
        field_dropout: float,
        groups: Sequence[str],
        held_groups: Sequence[str] = (),
        option_order: str = "declared",
    ) -> None:
        """Count people's answers by group, and forget them.

        Args:
            model: what is tuned.
            script: the study in its tokens.
            people: counted, and their personas kept.
            held: counted apart, to look at.
            batch: personas a step, equally many of each group.
            field_dropout: chance that a persona field is left out; treatments never are.
            groups: group of each of ``people``.
            held_groups: group of each of ``held``.
            option_order: ``random`` shows options in another order at each step.
        """
        self.model, self.script = model, script
        self.batch, self.field_dropout, self.option_order = batch, field_dropout, option_order
        self.cells, self.personas = histograms(script, people, groups), _personas(people, groups)
        self.held_cells, self.held_personas = histograms(script, held, held_groups), _personas(held, held_groups)
        self.has_held = bool(held)
        self.behind = sum(weight for _, weight in self.cells.values())

    def step(self, random: np.random.Generator) -> Step:
        """Return the prompts of some personas of every group.

        The gradient of the log of a mean is a mean of gradients weighted by each persona's part in it, so a first look
        without gradients gives the parts, and the rest is cross-entropy with soft targets.
        """
        each = max(LEAST, self.batch // len(self.personas))
        prompts: list[Prompt] = []
        weights: list[float] = []
        for group, members in self.personas.items():
            some = random.choice(len(members), size=min(each, len(members)), replace=False).tolist()
            personas = [(members[place].dropped(self.field_dropout, random), members[place].weight) for place in some]
            cells = {question: cell for (name, question), cell in self.cells.items() if name == group}
            asked = {question: self._shown(question, random) for question in cells}
            parts = self._parts(personas, asked)
            for question, (shares, weight) in cells.items():
                for (fields, _), part in zip(personas, parts[question], strict=True):
                    target = tuple((np.array(shares) * part).tolist())
                    found = transcripts(self.script, _alone(question, target), fields, [asked[question]])
                    prompts += found
                    weights += [weight / self.behind] * len(found)
        return Step(prompts, weights, 1.0)

    def _shown(self, question: int, random: np.random.Generator) -> Question:
        if self.option_order == "random":
            return shuffled(self.script, question, random)
        return self.script.questions[question]

    def _parts(
        self, personas: Sequence[tuple[Sequence[Tokens], float]], asked: Mapping[int, Question]
    ) -> dict[int, np.ndarray]:
        """Return each persona's part in the mean probability of each option: (personas, options), columns sum to 1."""
        weight = np.array([weight for _, weight in personas])[:, None]
        found = option_probabilities(self.model, self.script, [fields for fields, _ in personas], asked)
        joint = {question: p * weight for question, p in found.items()}
        return {question: p / p.sum(axis=0, keepdims=True) for question, p in joint.items()}

    def learned(self, losses: Sequence[float]) -> None:
        """Nothing changes."""

    def held_loss(self) -> float:
        """Return the cross-entropy an answer of the histograms of the people held out, at their personas."""
        total = behind = 0.0
        for group, personas in self.held_personas.items():
            cells = {question: cell for (name, question), cell in self.held_cells.items() if name == group}
            asked = {question: self.script.questions[question] for question in cells}
            found = option_probabilities(self.model, self.script, [persona.fields for persona in personas], asked)
            weights = [persona.weight for persona in personas]
            for question, (shares, weight) in cells.items():
                mean = np.average(found[question], axis=0, weights=weights)
                chosen = np.array(shares) > 0
                total -= weight * float(np.array(shares)[chosen] @ np.log(mean[chosen]))
                behind += weight
        return finite(total / behind)

    def state(self) -> dict[str, Any]:
        """Nothing changes from step to step."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing changes from step to step."""


def _personas(people: Sequence[Example], groups: Sequence[str]) -> dict[str, list[Example]]:
    """Return people by group, their answers forgotten."""
    found: dict[str, list[Example]] = {}
    for example, group in zip(people, groups, strict=True):
        found.setdefault(group, []).append(replace(example, answers=()))
    return found


def _alone(question: int, target: tuple[float, ...]) -> Example:
    """Return a respondent who is asked one question and has said nothing before."""
    return Example("", (), (Answer(question, 0, target),))


@torch.no_grad()  # type: ignore[untyped-decorator]
def option_probabilities(
    model: Model,
    script: Script,
    personas: Sequence[Sequence[Tokens]],
    asked: Mapping[int, Question],
    batch: int = 128,
) -> dict[int, np.ndarray]:
    """Return the model's probabilities of the options of questions asked straight after each persona.

    Returns:
        For each question float64 of shape (personas, options), rows summing to one.
    """
    logp = {question: np.zeros((len(personas), len(shown.routes))) for question, shown in asked.items()}
    prompts: list[tuple[int, Prompt]] = []
    for question, shown in asked.items():
        everywhere = _alone(question, (1.0,) * len(shown.routes))
        for row, fields in enumerate(personas):
            prompts += [(row, prompt) for prompt in transcripts(script, everywhere, fields, [shown])]
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        for found, _, members in scores(model, [prompt for _, prompt in part]):
            for values, (at, index) in zip(found.double().cpu().numpy(), members, strict=True):
                row, prompt = part[at]
                term = prompt.terms[index]
                step = dict(zip(term.allowed, values, strict=True))
                for option, route in enumerate(asked[term.question].routes):
                    logp[term.question][row, option] += sum(step[token] for node, token in route if node == term.node)
    return {question: np.exp(values) for question, values in logp.items()}
