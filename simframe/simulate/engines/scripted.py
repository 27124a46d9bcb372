"""What engines share that read a study in the tokens of one tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simframe.simulate import draws
from simframe.simulate.engines.base import Engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from simframe.simulate.prompts import Question, Script
    from simframe.study import Item


class ScriptedEngine(Engine):
    """An engine whose questions and personas are those of a script."""

    context: int | None = None
    """Tokens that its model can read; None where there is no limit."""
    name = "model"
    """What errors call its model."""

    def __init__(self, script: Script, *, temperature: float, mode: str, order_average: int) -> None:
        self.script = script
        self.temperature, self.mode, self.order_average = temperature, mode, order_average
        self._place = {question.item.id: index for index, question in enumerate(script.questions)}
        self._others: dict[int, list[Question]] = {}

    @property
    def questions(self) -> tuple[Item, ...]:
        """What is asked, in declared order."""
        return tuple(question.item for question in self.script.questions)

    def identity(self) -> dict[str, Any]:
        """Return what of the script and of the way of asking shapes the numbers."""
        return {
            "template": self.script.template.template_hash,
            "study": self.script.study.study_hash,
            "temperature": self.temperature,
            "mode": self.mode,
            "order_average": self.order_average,
        }

    def personas(self, answers: pl.DataFrame, respondent_ids: Sequence[str]) -> list[Any]:
        """Return each respondent's persona in tokens.

        Raises:
            PlanError: where a respondent has no persona answers.
            ModelError: where a prompt would be longer than the model's context.
        """
        found = [self.script.prefix(fields) for fields in self.script.personas(answers, respondent_ids)]
        self.script.check_length(found, self.context, chained=self.mode == "chained", where=self.name)
        return found

    def _further(self, question: Question) -> list[Question]:
        """Return the question under the further orders of its options that are averaged over."""
        if id(question) not in self._others:
            orders = draws.balanced(question.order, self.order_average)[1:] if question.order else []
            # Questions live as long as the script, so an id stays theirs.
            index = self._place[question.item.id]
            self._others[id(question)] = [self.script.question(index, order) for order in orders]
        return self._others[id(question)]
