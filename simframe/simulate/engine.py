"""Panels and likelihoods of a local model by one call each: what ``engines.local`` does, for who needs no plan."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl
import torch

from simframe.errors import PlanError
from simframe.simulate import models
from simframe.simulate.engines.base import RESPONSES, RunSettings, run
from simframe.simulate.engines.local import MODES, LocalEngine, Mode
from simframe.simulate.prompts import Template, compile_script
from simframe.simulate.tuning import loss
from simframe.simulate.tuning.examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simframe.study import Study

__all__ = ["RESPONSES", "SimulateSettings", "Simulation", "likelihood", "simulate"]


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
    loss.check_lengths(model, script, everybody)
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
