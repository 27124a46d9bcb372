"""A local model through transformers: options scored exactly, batched by what fits the memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from simframe.errors import ModelError
from simframe.simulate import models, scoring
from simframe.simulate.engines.base import Answered, Asked
from simframe.simulate.engines.rows import frame
from simframe.simulate.engines.scripted import ScriptedEngine
from simframe.simulate.prompts import Script, Template, compile_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from simframe.simulate.scoring import Said
    from simframe.study import Study

Mode = Literal["chained", "independent"]
DAMAGED = "copy the model's weights anew, or tune its adapter again: in float32 only damaged weights give no numbers"
MODES = {"chained": scoring.answer, "independent": scoring.answer_independent}

__all__ = ["MODES", "LocalEngine", "Mode"]


class LocalEngine(ScriptedEngine):
    """A local Hugging Face model that answers by scoring options."""

    def __init__(
        self,
        model: models.Model,
        script: Script,
        *,
        temperature: float = 1.0,
        mode: Mode = "chained",
        order_average: int = 1,
        batch: int = 256,
    ) -> None:
        script.check_rows(model.network.get_input_embeddings().num_embeddings)
        super().__init__(script, temperature=temperature, mode=mode, order_average=order_average)
        self.model, self.context, self.name = model, model.context, model.name
        if mode == "independent":
            scoring.check_tree(model)
        self._wanted = batch
        self._batch = 1 if model.alone else batch

    @classmethod
    def load(
        cls,
        base_dir: Path,
        adapter_dir: Path | None,
        study: Study,
        *,
        template: Template | None = None,
        dtype: torch.dtype | None = None,
        **settings: Any,
    ) -> LocalEngine:
        """Load a model and render a study for it; ``settings`` are those of the engine.

        Raises:
            PlanError, ModelError: where the study does not fit the template, or the model cannot be used.
        """
        model = models.load(base_dir, adapter_dir, template=template, dtype=dtype)
        return cls(model, compile_script(study, model.template, model.tokenizer), **settings)

    def identity(self) -> dict[str, Any]:
        """Return everything that shapes this engine's numbers."""
        return super().identity() | {
            "engine": "transformers",
            "base": self.model.base_fingerprint,
            "adapter": self.model.adapter_fingerprint,
            "batch": self._wanted,
            "device": self.model.device.type,
            "dtype": str(self.model.network.dtype).removeprefix("torch."),
        }

    def answer(self, people: Sequence[Asked], progress: Callable[[int], None]) -> Answered:
        """Let one chunk answer; where memory runs out, begin it again with half the batch."""
        on_gpu = self.model.device.type == "cuda"
        while True:
            began = time.perf_counter()
            try:
                with models.threads(self.model.network):
                    said, notes = self._chunk(people, progress)
            except torch.OutOfMemoryError as err:
                if self._batch == 1:
                    mend = "use a smaller model, a shorter template, or a GPU with more memory"
                    raise ModelError("one respondent alone does not fit the memory", where="model", mend=mend) from err
            else:
                notes |= {
                    "seconds": time.perf_counter() - began,
                    "batch": self._batch,
                    "peak_memory": torch.cuda.max_memory_allocated() if on_gpu else 0,
                }
                return Answered(frame(self.script, people, said), notes)
            # Outside the except: the exception would keep the failed batch's tensors alive.
            self._batch = max(1, self._batch // 2)
            if on_gpu:
                torch.cuda.empty_cache()

    def _chunk(
        self, people: Sequence[Asked], progress: Callable[[int], None]
    ) -> tuple[list[list[Said]], dict[str, float]]:
        # Prompts of one length beside each other: little padding, and equal personas are read once.
        order = sorted(range(len(people)), key=lambda row: _likeness(people[row]))
        said: list[list[Said]] = [[] for _ in people]
        tokens = widened = 0
        for rows in self._batches(people, order):
            some = [people[row] for row in rows]
            try:
                answers = self._batched(some)
            except scoring.NotFiniteError as err:
                if self.model.network.dtype == torch.float32:
                    where = f"{err.where}, respondent {some[err.row].respondent_id}"
                    raise ModelError(err.message, where=where, mend=DAMAGED) from err
                answers = None
            if answers is None:  # outside the except, as above
                answers = self._in_float32(some)
                widened += len(rows)
            tokens += answers.tokens
            for row, one in zip(rows, answers.said, strict=True):
                said[row] = one
            progress(sum(map(bool, said)))
        each = [one for row in said for one in row]
        low = sum(one.mass is not None and one.mass < scoring.LOW_MASS for one in each)
        notes: dict[str, float] = {
            "tokens": tokens,
            "low_mass": low,
            "widened": widened,
            "cut": sum(one.cut for one in each),
        }
        return said, notes

    def _batches(self, people: Sequence[Asked], order: Sequence[int]) -> Iterator[list[int]]:
        """Part respondents into batches: of distinct personas, where only those go through the model."""
        shared = self.mode == "independent" and all(scoring.is_closed(question) for question in self.script.questions)
        rows: list[int] = []
        personas: set[Any] = set()
        for row in order:
            personas.add(tuple(people[row].persona) if shared else row)
            if len(personas) > self._batch:
                yield rows
                rows, personas = [], {tuple(people[row].persona) if shared else row}
            rows.append(row)
        yield rows

    def _batched(self, people: Sequence[Asked]) -> scoring.Answers:
        sheets = [tuple(self.script.question(index, who.orders[index]) for index in who.items) for who in people]
        uniforms = np.stack([who.uniforms[list(who.items)] for who in people])
        answers: scoring.Answers = MODES[self.mode](
            self.model,
            self.script.opening,
            [tuple(who.persona) for who in people],
            sheets,
            uniforms,
            temperature=self.temperature,
            others=self._further if self.order_average > 1 else None,
            words=lambda row, question: people[row].draws(question.item.id, "words", self.script.template.text_tokens),
        )
        return answers

    def _in_float32(self, people: Sequence[Asked]) -> scoring.Answers:
        """Answer in float32, whose exponents reach further; half precision is then restored without loss."""
        network, dtype = self.model.network, self.model.network.dtype
        try:
            network.float()
            return self._batched(people)
        except scoring.NotFiniteError as err:
            where = f"{err.where}, respondent {people[err.row].respondent_id}"
            raise ModelError(f"{err.message}, in float32 either", where=where, mend=DAMAGED) from err
        finally:
            network.to(dtype)


def _likeness(who: Asked) -> tuple[Any, ...]:
    return len(who.persona), tuple(who.persona), who.respondent_id
