"""A local model through transformers: options scored exactly, batched by what fits the memory."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
import torch

from simframe.errors import ModelError, PlanError
from simframe.simulate import models, scoring
from simframe.simulate.engines.base import ORDERS, RESPONSES, Answered, Asked, Engine, RunSettings, run
from simframe.simulate.engines.rows import frame
from simframe.simulate.prompts import Question, Script, Template, compile_script
from simframe.simulate.tuning import loss
from simframe.simulate.tuning.examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from simframe.simulate.scoring import Said
    from simframe.study import Item, Study

Mode = Literal["chained", "independent"]
MODES = {"chained": scoring.answer, "independent": scoring.answer_independent}

__all__ = ["MODES", "ORDERS", "RESPONSES", "LocalEngine", "Mode", "SimulateSettings", "Simulation", "likelihood"]
__all__ += ["simulate"]


@dataclass(frozen=True)
class SimulateSettings:
    """What shapes a panel beside its model, its study and its respondents."""

    seed: int = 0
    temperature: float = 1.0
    replicate: int = 0
    """Further draws for the same respondents: another replicate is another panel."""
    mode: Mode = "chained"
    """``chained``: earlier answers condition later ones. ``independent``: each question hears of the persona alone."""
    item_order: Literal["declared", "random"] = "declared"
    option_order: Literal["declared", "random", "reversed"] = "declared"
    order_average: int = 1
    """Orders of the options that are averaged over: the one shown and cyclic shifts of it (``scoring.balanced``)."""
    batch: int = 256
    """Respondents a forward; halved where memory runs out."""
    chunk: int = 1024
    """Respondents whose answers are kept together: an interruption costs no more than these."""

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            mend = "a positive number; 1 draws from the model's own distribution"
            raise PlanError(f"temperature is {self.temperature}", where="simulate settings", mend=mend)
        for name in ("batch", "chunk", "order_average"):
            if getattr(self, name) < 1:
                raise PlanError(f"{name} is {getattr(self, name)}", where="simulate settings", mend="at least 1")
        if self.mode not in MODES:
            raise PlanError(f"mode is {self.mode!r}", where="simulate settings", mend=f"one of {', '.join(MODES)}")

    @property
    def run(self) -> RunSettings:
        """The part that every engine shares."""
        return RunSettings(self.seed, self.replicate, self.item_order, self.option_order, self.chunk)


@dataclass(frozen=True)
class Simulation:
    """A simulated panel's answers and what it took to make them."""

    responses: pl.DataFrame
    """Questions only, in the columns of ``responses`` (see ``simframe.warehouse.tables``), in the order of the
    respondents given and of the questionnaire as asked. Only valid options can be chosen: an option declared missing
    (don't know, refused) is never simulated, so ``missing`` is false throughout."""
    tokens: int
    seconds: float
    batch: int
    """Respondents a forward in the end, smaller than asked for where memory ran out."""
    peak_memory: int
    """Bytes on the GPU at most; 0 on the CPU."""
    base_fingerprint: str
    adapter_fingerprint: str | None
    template_hash: str
    device: str
    dtype: str
    versions: dict[str, str]
    low_mass: int = 0
    """Answers of whose options the model gave all together less than ``scoring.LOW_MASS``: it would rather have said
    something else, a refusal for instance. Their probabilities are then of what it hardly ever says."""
    widened: int = 0
    """Respondents whose batch overflowed in half precision and was answered in float32."""
    cut: int = 0
    """Open answers that reached their limit before they ended."""


class LocalEngine(Engine):
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
        self.model, self.script = model, script
        self.temperature, self.mode, self.order_average = temperature, mode, order_average
        if mode == "independent":
            scoring.check_tree(model)
        self._wanted = self._batch = batch
        self._others: dict[int, list[Question]] = {}
        self._place = {question.item.id: index for index, question in enumerate(script.questions)}

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

    @property
    def questions(self) -> tuple[Item, ...]:
        """What is asked, in declared order."""
        return tuple(question.item for question in self.script.questions)

    def identity(self) -> dict[str, Any]:
        """Return everything that shapes this engine's numbers."""
        return {
            "engine": "transformers",
            "base": self.model.base_fingerprint,
            "adapter": self.model.adapter_fingerprint,
            "template": self.model.template.template_hash,
            "study": self.script.study.study_hash,
            "temperature": self.temperature,
            "mode": self.mode,
            "order_average": self.order_average,
            "batch": self._wanted,
            "device": self.model.device.type,
            "dtype": str(self.model.network.dtype).removeprefix("torch."),
        }

    def personas(self, answers: pl.DataFrame, respondent_ids: Sequence[str]) -> list[Any]:
        """Return each respondent's persona in tokens.

        Raises:
            PlanError: where a respondent has no persona answers.
        """
        return [self.script.prefix(fields) for fields in self.script.personas(answers, respondent_ids)]

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
                    raise ModelError(err.message, where=where, mend=err.mend) from err
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
            raise ModelError(f"{err.message}, in float32 either", where=where, mend=err.mend) from err
        finally:
            network.to(dtype)

    def _further(self, question: Question) -> Sequence[Question]:
        """Return the question under the further orders that are averaged over."""
        if id(question) not in self._others:
            index = self._place[question.item.id]
            orders = scoring.balanced(question.order, self.order_average)[1:] if question.order else []
            # Questions live as long as the script, so an id stays theirs.
            self._others[id(question)] = [self.script.question(index, order) for order in orders]
        return self._others[id(question)]


def _likeness(who: Asked) -> tuple[Any, ...]:
    return len(who.persona), tuple(who.persona), who.respondent_id


def simulate(
    base_dir: Path,
    adapter_dir: Path | None,
    study: Study,
    personas: pl.DataFrame,
    respondents: pl.DataFrame,
    *,
    settings: SimulateSettings | None = None,
    chunk_dir: Path,
    template: Template | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Simulation:
    """Simulate respondents on a local model, resuming from the chunks that are finished.

    Args:
        base_dir: a local Hugging Face model.
        adapter_dir: what ``tune`` wrote on that base; None simulates the base alone.
        study: what is asked.
        personas: long frame of persona answers (respondent_id, item_id, code, value, missing).
        respondents: respondent_id, twin_of; a respondent answers with the persona of ``twin_of``, or with their own
            where it is null.
        settings: seed, temperature, replicate, mode, orders and batch.
        chunk_dir: where finished chunks are kept; chunks of another run found there are replaced.
        template: the one that the base names where left out.
        progress: called with (respondents done, total).

    Raises:
        PlanError: where respondents lack a persona, are listed twice, or none are asked for.
        ModelError: where the model cannot be used, or gives logits that are no numbers, in float32 too: names item and
            respondent.
    """
    settings = settings or SimulateSettings()
    engine = LocalEngine.load(
        base_dir,
        adapter_dir,
        study,
        template=template,
        temperature=settings.temperature,
        mode=settings.mode,
        order_average=settings.order_average,
        batch=settings.batch,
    )
    done = run(engine, personas, respondents, settings=settings.run, chunk_dir=chunk_dir, progress=progress)
    model, notes = engine.model, done.notes
    return Simulation(
        responses=done.responses,
        tokens=int(notes["tokens"]),
        seconds=notes["seconds"],
        batch=int(notes["batch"]),
        peak_memory=int(notes["peak_memory"]),
        base_fingerprint=model.base_fingerprint,
        adapter_fingerprint=model.adapter_fingerprint,
        template_hash=model.template.template_hash,
        device=str(model.device),
        dtype=str(model.network.dtype).removeprefix("torch."),
        versions=models.versions(),
        low_mass=int(notes["low_mass"]),
        widened=int(notes["widened"]),
        cut=int(notes["cut"]),
    )


def likelihood(
    base_dir: Path,
    adapter_dir: Path | None,
    study: Study,
    people: pl.DataFrame,
    *,
    template: Template | None = None,
) -> pl.DataFrame:
    """Return how likely the model finds each answer that people gave, given their persona and earlier answers.

    Args:
        base_dir: a local Hugging Face model.
        adapter_dir: what ``tune`` wrote on that base, or None.
        study: what was asked.
        people: long frame of persona and question answers.
        template: the one that the base names where left out.

    Returns:
        respondent_id, item_id, log_probability (nats, over the item's valid options); one row an answer that counts.
        Labels of several tokens are followed node by node, each over the tokens that some label allows there.
    """
    model = models.load(base_dir, adapter_dir, template=template)
    script = compile_script(study, model.template, model.tokenizer)
    everybody = examples(script, people)
    rows = []
    with torch.inference_mode(), models.threads(model.network):
        for part in (everybody[start : start + 64] for start in range(0, len(everybody), 64)):
            prompts = [loss.transcript(script, example, example.fields) for example in part]
            found: dict[tuple[int, int], float] = defaultdict(float)
            for gains, members in zip(*loss.log_likelihood(model, prompts), strict=True):
                for gain, (row, term) in zip(gains.tolist(), members, strict=True):
                    found[row, prompts[row][1][term].question] += gain
            rows += [
                (part[r].respondent_id, script.questions[q].item.id, gain) for (r, q), gain in sorted(found.items())
            ]
    return pl.DataFrame(rows, schema=["respondent_id", "item_id", "log_probability"], orient="row")
