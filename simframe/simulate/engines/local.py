"""Simulating a panel: respondents in chunks, each answering the whole questionnaire, resumable at any moment."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
import torch

from simframe.errors import ModelError, PlanError
from simframe.simulate import draws, models, scoring
from simframe.simulate.chunks import Chunks, digest, ranges
from simframe.simulate.prompts import Script, Template, compile_script
from simframe.simulate.tuning import loss
from simframe.simulate.tuning.examples import examples
from simframe.warehouse.tables import PANEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from simframe.simulate.prompts import Tokens
    from simframe.study import Study

RESPONSES = pl.DataFrame(pl.from_arrow(PANEL["responses"].empty_table())).schema


@dataclass(frozen=True)
class SimulateSettings:
    """What shapes a panel beside its model, its study and its respondents."""

    seed: int = 0
    temperature: float = 1.0
    replicate: int = 0
    """Further draws for the same respondents: another replicate is another panel."""
    batch: int = 256
    """Respondents a forward; halved where memory runs out."""
    chunk: int = 1024
    """Respondents whose answers are kept together: an interruption costs no more than these."""

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            mend = "a positive number; 1 draws from the model's own distribution"
            raise PlanError(f"temperature is {self.temperature}", where="simulate settings", mend=mend)
        for name in ("batch", "chunk"):
            if getattr(self, name) < 1:
                raise PlanError(f"{name} is {getattr(self, name)}", where="simulate settings", mend="at least 1")


@dataclass(frozen=True)
class Simulation:
    """A simulated panel's answers and what it took to make them."""

    responses: pl.DataFrame
    """Questions only, in the columns of ``responses`` (see ``simframe.warehouse.tables``), in the order of the
    respondents given and of the questionnaire. Only valid options can be chosen: an option declared missing (don't
    know, refused) is never simulated, so ``missing`` is false throughout."""
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
    """Simulate respondents, resuming from the chunks that are finished.

    Args:
        base_dir: a local Hugging Face model.
        adapter_dir: what ``tune`` wrote on that base; None simulates the base alone.
        study: what is asked.
        personas: long frame of persona answers (respondent_id, item_id, code, value, missing).
        respondents: respondent_id, twin_of; a respondent answers with the persona of ``twin_of``, or with their own
            where it is null.
        settings: seed, temperature, replicate and batch.
        chunk_dir: where finished chunks are kept; chunks of another run found there are replaced.
        template: the one that the base names where left out.
        progress: called with (respondents done, total).

    Raises:
        PlanError: where respondents lack a persona, are listed twice, or none are asked for.
        ModelError: where the model cannot be used, or gives logits that are no numbers: names item and respondent.
    """
    settings = settings or SimulateSettings()
    progress = progress or (lambda done, total: None)
    ids = _respondents(respondents)
    model = models.load(base_dir, adapter_dir, template=template)
    script = compile_script(study, model.template, model.tokenizer)
    twins = [twin or own for own, twin in respondents.select("respondent_id", "twin_of").iter_rows()]
    people = script.personas(personas, twins)
    prefixes_of = [tuple(token for field in fields for token in field) for fields in people]
    key = digest(
        {
            "base": model.base_fingerprint,
            "adapter": model.adapter_fingerprint,
            "template": model.template.template_hash,
            "study": study.study_hash,
            "settings": asdict(settings),
            "dtype": str(model.network.dtype),
            "respondents": digest([ids, prefixes_of]),
        }
    )
    chunks, run = Chunks(chunk_dir, key), _Run(model, script, settings)
    frames, notes, done, batch = [], [], 0, settings.batch
    for index, part in enumerate(ranges(len(ids), settings.chunk)):
        kept = chunks.read(index)
        if kept is None:
            some_ids, some = ids[part.start : part.stop], prefixes_of[part.start : part.stop]
            with models.threads(model.network):
                kept, batch = run.chunk(some_ids, some, batch, partial(_shifted, progress, done, len(ids)))
            chunks.write(index, *kept)
        frames.append(kept[0])
        notes.append(kept[1])
        done += len(part)
        progress(done, len(ids))
    return Simulation(
        responses=pl.concat(frames),
        tokens=sum(note["tokens"] for note in notes),
        seconds=sum(note["seconds"] for note in notes),
        batch=min(note["batch"] for note in notes),
        peak_memory=max(note["peak_memory"] for note in notes),
        base_fingerprint=model.base_fingerprint,
        adapter_fingerprint=model.adapter_fingerprint,
        template_hash=model.template.template_hash,
        device=str(model.device),
        dtype=str(model.network.dtype).removeprefix("torch."),
        versions=models.versions(),
    )


def _shifted(progress: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _respondents(respondents: pl.DataFrame) -> list[str]:
    ids: list[str] = respondents["respondent_id"].to_list()
    if not ids:
        raise PlanError("no respondents are asked for", mend="give at least one")
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise PlanError(f"respondent {twice!r} is listed twice", mend="give each simulated respondent an id of its own")
    return ids


@dataclass(frozen=True)
class _Run:
    model: models.Model
    script: Script
    settings: SimulateSettings

    def chunk(
        self, ids: Sequence[str], prefixes: Sequence[Tokens], batch: int, progress: Callable[[int], None]
    ) -> tuple[tuple[pl.DataFrame, dict[str, Any]], int]:
        """Simulate one chunk; where memory runs out, begin it again with half the batch."""
        on_gpu = self.model.device.type == "cuda"
        while True:
            began = time.perf_counter()
            try:
                frame, tokens = self.answer(ids, prefixes, batch, progress)
            except torch.OutOfMemoryError as err:
                if batch == 1:
                    mend = "use a smaller model, a shorter template, or a GPU with more memory"
                    raise ModelError("one respondent alone does not fit the memory", where="model", mend=mend) from err
            else:
                peak = torch.cuda.max_memory_allocated() if on_gpu else 0
                seconds = time.perf_counter() - began
                return (frame, {"tokens": tokens, "seconds": seconds, "batch": batch, "peak_memory": peak}), batch
            # Outside the except: the exception would keep the failed batch's tensors alive.
            batch = max(1, batch // 2)
            if on_gpu:
                torch.cuda.empty_cache()

    def answer(
        self, ids: Sequence[str], prefixes: Sequence[Tokens], batch: int, progress: Callable[[int], None]
    ) -> tuple[pl.DataFrame, int]:
        """Return the answers of some respondents, in the order given, and the tokens they took."""
        items = [question.item.id for question in self.script.questions]
        uniform = draws.uniforms(self.settings.seed, ids, items, self.settings.replicate)
        # Prompts of one length beside each other: little padding, and equal personas are read once.
        order = sorted(range(len(ids)), key=lambda row: (len(prefixes[row]), prefixes[row], ids[row]))
        tokens = 0
        answered: dict[int, tuple[scoring.Answers, int]] = {}
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            try:
                answers = scoring.answer(
                    self.model,
                    self.script,
                    [prefixes[row] for row in rows],
                    lambda index, p, u=uniform[rows]: draws.choose(p, u[:, index]),
                    temperature=self.settings.temperature,
                )
            except scoring.NotFiniteError as err:
                where = f"{err.where}, respondent {ids[rows[err.row]]}"
                raise ModelError(err.message, where=where, mend=err.mend) from err
            tokens += answers.tokens
            answered |= {row: (answers, place) for place, row in enumerate(rows)}
            progress(start + len(rows))
        return _frame(self.script, ids, [answered[row] for row in range(len(ids))]), tokens


def _frame(script: Script, ids: Sequence[str], answered: Sequence[tuple[scoring.Answers, int]]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {name: [] for name in RESPONSES}
    for respondent_id, (answers, place) in zip(ids, answered, strict=True):
        for position, question in enumerate(script.questions):
            option = question.item.valid_options[answers.choices[position][place]]
            columns["respondent_id"].append(respondent_id)
            columns["item_id"].append(question.item.id)
            columns["code"].append(option.code)
            columns["value"].append(option.value)
            columns["missing"].append(False)
            columns["text"].append(None)
            columns["probabilities"].append(answers.probabilities[position][place].tolist())
            columns["option_mass"].append(float(answers.mass[position][place]))
            columns["position"].append(position)
            columns["shown"].append(None)
    return pl.DataFrame(columns, schema=RESPONSES)


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
