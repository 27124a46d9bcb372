"""From a condition to answers: the base found, the adapter tuned or found, the engine asked. What is loaded is kept."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from simframe.simulate import engines, prompts
from simframe.simulate.bases import Base, Bases, need_libraries
from simframe.simulate.chunks import digest
from simframe.simulate.humans import Humans
from simframe.simulate.plans import Condition, PanelSpec, tune_settings
from simframe.simulate.prompts import Template
from simframe.warehouse.layout import Layout, locked

if TYPE_CHECKING:
    from simframe.simulate.models import Model

SHAPES_ADAPTER = ("pilot_n", "pilot", "shots", "chat", "tune")
"""Keys that an adapter depends on, beside what its base and template are."""


@dataclass(frozen=True)
class Done:
    """What a panel's respondents answered, and what it took."""

    responses: pl.DataFrame
    made_by: dict[str, Any]
    settings: dict[str, Any]
    chunks: Path | None = None

    def forget(self) -> None:
        """Remove the chunks, once the panel is published."""
        if self.chunks is not None:
            shutil.rmtree(self.chunks, ignore_errors=True)


def unanswered(responses: pl.DataFrame) -> dict[str, int]:
    """Return how many respondents gave no usable answer, by item, where any did not."""
    lost = responses.filter("missing").group_by("item_id", maintain_order=True).len()
    return dict(sorted(lost.iter_rows(), key=lambda row: (-row[1], row[0])))


@dataclass
class Answering:
    """The language models of one plan."""

    layout: Layout
    humans: Humans
    bars: Callable[[str], Callable[[int, int], None]]
    workers: int | None = None
    """Processes that answer beside each other; None: this one alone. It shapes no number."""
    bases: Bases = field(init=False)
    _templates: dict[str, Template] = field(init=False, default_factory=dict)
    _loaded: tuple[tuple[Path, Path | None], Model] | None = field(init=False, default=None)
    """One network at a time, and what it was loaded from."""
    _ray: bool = field(init=False, default=False)
    """Whether Ray was started here: once for all panels, as it takes seconds."""

    def __post_init__(self) -> None:
        if self.workers is not None:
            from simframe.simulate.engines import workers

            workers.need_ray()  # before anything is tuned
        self.bases = Bases(self.humans.study, self.humans.wave(), self.layout.models)

    def name(self, condition: Condition) -> str:
        """Return what people call a condition's model."""
        name = self.bases.of(condition).name if condition.about.uses_model else ""
        return "model" if name == "embedded" else name

    def identity(self, condition: Condition) -> dict[str, Any]:
        """Return what stands behind the names in a condition: the content of its model and of its template."""
        found = {"model": self.bases.of(condition).key, "template": self.template(condition).template_hash}
        # An endpoint renders turns itself: its template does not show whether there are any.
        return found | ({"chat": condition.chat} if condition.engine == "openai" else {})

    def template(self, condition: Condition) -> Template:
        """Return the template that a condition's keys come to.

        Raises:
            PlanError: where there is no such template, or nobody to show as an example.
            ModelError: where the model's chat template cannot be used.
        """
        key = json.dumps([condition.strategy, condition.seed, condition.given()], sort_keys=True)
        if key not in self._templates:
            self._templates[key] = self._resolve(condition)
        return self._templates[key]

    def _resolve(self, condition: Condition) -> Template:
        base, remote = self.bases.of(condition), condition.engine == "openai"
        pilot = self.humans.pilot(max(2, condition.pilot_n or 0), condition.pilot) if condition.shots else None
        keys = replace(condition, chat=False) if remote else condition  # an endpoint renders its turns itself
        tokenizer = None if keys.chat is False else base.tokenizer
        return prompts.resolve(keys, self.humans.study, base.template, tokenizer, pilot)

    def shared(self, condition: Condition) -> str:
        """Return what is loaded for a condition: conditions alike in it are answered by one network."""
        if condition.strategy == "base":
            return digest(self.identity(condition))
        shapes = {name: value for name, value in condition.given().items() if name in SHAPES_ADAPTER}
        return digest(self.identity(condition) | {"seed": condition.seed, "shapes": shapes})

    def order(self) -> Callable[[PanelSpec], tuple[int, int]]:
        """Return a sort key that puts panels of one base, and of one adapter, beside each other."""
        seen: dict[str, int] = {}

        def place(key: str) -> int:
            return seen.setdefault(key, len(seen))

        def key(spec: PanelSpec) -> tuple[int, int]:
            if spec.kind != "simulated":
                return (place("baselines"), 0)
            return (place(self.bases.of(spec.condition).key), place(self.shared(spec.condition)))

        return key

    def answer(self, spec: PanelSpec, respondents: pl.DataFrame, personas: pl.DataFrame) -> Done:
        """Let respondents answer, resuming from the chunks that are finished.

        Raises:
            PlanError, ModelError: finished chunks are kept.
        """
        started, condition = time.monotonic(), spec.condition
        took: dict[str, float] = {}
        engine = self._remote(condition) if condition.engine == "openai" else self._local(spec, took)
        chunks = self.layout.chunks(spec.panel_id)
        try:
            answers = engines.run(
                engine,
                personas,
                respondents.select("respondent_id", pl.lit(None, pl.String).alias("twin_of")),
                settings=engines.RunSettings(
                    condition.seed, item_order=condition.item_order, option_order=condition.option_order
                ),
                chunk_dir=chunks,
                progress=self.bars(f"Simulating: {spec.label}"),
            )
        finally:
            engine.close()
        base, seconds = self.bases.of(condition), time.monotonic() - started
        made_by = {
            "source": base.name,
            "model": base.name,
            "base_fingerprint": answers.identity.get("base"),
            "adapter_fingerprint": answers.identity.get("adapter"),
            "template_hash": answers.identity["template"],
            "prompt": self.template(condition).name,
            "tokens": int(answers.notes["tokens"]),
            "seconds": seconds,
        }
        took["simulating"] = seconds - sum(took.values())
        settings = {"engine": answers.identity, **answers.notes, "took": took}
        if silent := unanswered(answers.responses):
            settings["unanswered"] = silent
        if condition.shots:  # examples are drawn by the seed, and two seeds are one condition
            bare = replace(self.template(condition), shots=())
            settings["template_without_shots"] = bare.template_hash
        return Done(answers.responses, made_by, settings, chunks)

    def _remote(self, condition: Condition) -> engines.Engine:
        from simframe.simulate.engines.endpoint import EndpointEngine, Ledger

        asked = condition.endpoint
        book = self.layout.chunks(f"endpoint-{self.bases.of(condition).key[:12]}") / "spent.jsonl"
        book.parent.mkdir(parents=True, exist_ok=True)
        return EndpointEngine(
            self.humans.study,
            self.template(condition),
            condition.model,
            asked,
            ledger=Ledger(book, price_in=asked.price_in, price_out=asked.price_out, max_spend=asked.max_spend),
            chat=condition.chat is not False,
            mode=condition.mode,
            temperature=condition.temperature,
            order_average=condition.order_average,
        )

    def _local(self, spec: PanelSpec, took: dict[str, float]) -> engines.Engine:
        """Return the local model that answers a condition, built, tuned and loaded where it is not yet.

        Args:
            spec: the panel.
            took: filled with the seconds of each step.
        """
        need_libraries()
        from simframe.simulate import models
        from simframe.simulate.engines import vllm
        from simframe.simulate.engines.local import LocalEngine

        condition, began = spec.condition, time.monotonic()
        if condition.engine == "vllm":
            vllm.need_vllm()  # before anything is tuned for it
        base_dir, adapter_dir = self._prepare(self.bases.of(condition)), None
        took["base"] = time.monotonic() - began
        if condition.strategy == "tuned":
            adapter_dir = self._tune(spec, base_dir)
            took["tuning"] = time.monotonic() - began - took["base"]
        template = self.template(condition)
        settings: dict[str, Any] = {"temperature": condition.temperature, "mode": condition.mode}
        settings["order_average"] = condition.order_average
        if self.workers is not None:
            build = vllm.load if condition.engine == "vllm" else LocalEngine.load
            return self._beside(partial(build, base_dir, adapter_dir, self.humans.study, template=template, **settings))
        if condition.engine == "vllm":
            self._loaded = None
            return vllm.load(base_dir, adapter_dir, self.humans.study, template=template, **settings)
        if self._loaded is None or self._loaded[0] != (base_dir, adapter_dir):
            self._loaded = None  # before the next is loaded: both might not fit
            self._loaded = (base_dir, adapter_dir), models.load(base_dir, adapter_dir, template=template)
        model = replace(self._loaded[1], template=template)
        took["loading"] = time.monotonic() - began - sum(took.values())
        return LocalEngine(
            model,
            prompts.compile_script(self.humans.study, template, model.tokenizer),
            **settings,
        )

    def _beside(self, build: Callable[[], engines.Engine]) -> engines.Engine:
        """Return several copies of an engine, each in a process of its own."""
        from simframe.simulate.engines import workers

        self._ray |= workers.start_ray()
        return workers.Workers(build, self.workers)

    def adapter(self, spec: PanelSpec) -> Path:
        """Return the adapter of a panel, tuned where it is not yet."""
        need_libraries()
        return self._tune(spec, self._prepare(self.bases.of(spec.condition)))

    def _prepare(self, base: Base) -> Path:
        with locked(self.layout, f"base-{base.key[:16]}"):
            return base.prepare(self.bars(f"Base model: {base.name}"))

    def _tune(self, spec: PanelSpec, base_dir: Path) -> Path:
        from simframe.simulate import tuning

        condition = spec.condition
        people, answers = self.humans.tuned_on(condition)
        return tuning.tune_in(
            self.layout,
            base_dir,
            self.humans.study,
            answers,
            people.select("respondent_id", "weight"),
            settings=tune_settings(condition.tune, spec.panel_id),
            seed=spec.seed,
            template=self.template(condition),
            progress=self.bars(f"Tuning: {spec.label}"),
        )

    def close(self) -> None:
        """Give back what is loaded."""
        self._loaded = None
        if self._ray:
            from simframe.simulate.engines import workers

            workers.stop_ray()
            self._ray = False
