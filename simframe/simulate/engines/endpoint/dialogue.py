"""A respondent's questionnaire as text: one running prompt, or the turns of a chat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simframe.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from simframe.simulate.prompts import Template
    from simframe.study import Item, Study

Turn = tuple[str, str]
"""A question, and what was answered."""


@dataclass(frozen=True)
class Put:
    """A question put to a respondent."""

    item: Item
    cue: str
    labels: tuple[str, ...] = ()
    """What stands for each valid option, in declared order; empty for numbers and open texts."""

    @property
    def meanings(self) -> list[str]:
        """What each option says."""
        return [option.label for option in self.item.valid_options]


class Dialogue:
    """Renders a study for an endpoint, as the template says it."""

    def __init__(self, study: Study, template: Template, model: str, *, chat: bool) -> None:
        self.study, self.template, self.model, self.chat = study, template, model, chat
        self.opening = template.render_opening(study)
        self.questions = template.asks(study)
        if not self.questions:
            raise PlanError("asks no question", where=f"study {study.id}", mend="give an item options and a role")
        self._shown = template.shown(study)
        self._put: dict[tuple[str, tuple[int, ...] | None], Put] = {}

    @property
    def path(self) -> str:
        """Below the endpoint's address."""
        return "/chat/completions" if self.chat else "/completions"

    def shown(self, item: Item, order: tuple[int, ...] | None) -> tuple[int, ...] | None:
        """Return an order of the options where it changes what is read; None where they stand as declared."""
        return order if self.template.reorders and order != tuple(range(len(item.valid_options))) else None

    def put(self, item: Item, order: tuple[int, ...] | None) -> Put:
        """Return a question with its options in the order shown."""
        key = item.id, order
        if key not in self._put:
            closed = item.answered_with == "option"
            labels = self.template.render_answers(item, order) if closed else ()
            cue = self.template.render_cue(item, order)
            if self.chat:  # a turn begins without a space
                labels = tuple(label.strip() for label in labels)
            lead = 0 if self.chat else _lead(labels)
            # A bracket before every mark is the question's: first tokens after it tell the options apart.
            self._put[key] = Put(item, cue + "".join(labels[:1])[:lead], tuple(label[lead:] for label in labels))
        return self._put[key]

    def personas(self, answers: pl.DataFrame, respondent_ids: Sequence[str]) -> list[str]:
        """Return each respondent's persona.

        Raises:
            PlanError: where a respondent has none at all.
        """
        place = {item.id: at for at, item in enumerate(self._shown)}
        known: dict[str, list[str]] = {}
        columns = ("respondent_id", "item_id", "code", "value", "missing")
        for who, item_id, code, value, missing in answers.select(columns).iter_rows():
            if item_id in place:
                lines = known.setdefault(who, [""] * len(place))
                at = place[item_id]
                lines[at] = "" if missing else self.template.render_field(self._shown[at], code, value)
        lost = [who for who in respondent_ids if who not in known] if place else []
        if lost:
            mend = "give every simulated respondent a twin_of whose persona answers are in the panel"
            raise PlanError(f"{len(lost)} respondents have no persona answers, first {lost[0]!r}", mend=mend)
        return ["".join(known.get(who, ())) for who in respondent_ids]

    def prompt(self, persona: str, turns: Sequence[Turn], cue: str) -> dict[str, Any]:
        """Return what is read before an answer, as the part of a request that says so."""
        if not self.chat:
            told = "".join(f"{asked}{said}{self.template.end}" for asked, said in turns)
            return {"model": self.model, "prompt": f"{self.opening}{persona}{told}{cue}"}
        head = f"{self.opening}{persona}{self.template.instruction}".strip()
        messages = [{"role": "system", "content": head}] if head else []
        for asked, said in turns:
            messages.append({"role": "user", "content": asked.strip()})
            messages.append({"role": "assistant", "content": said.strip()})
        return {"model": self.model, "messages": [*messages, {"role": "user", "content": cue.strip()}]}


def _lead(labels: Sequence[str]) -> int:
    """Return how many characters, a bracket for instance, all labels begin with before any letter or digit."""
    found = {re.match(r"\s*[^\w\s]+|", label).group() for label in labels}  # type: ignore[union-attr]
    return len(found.pop()) if len(found) == 1 else 0
