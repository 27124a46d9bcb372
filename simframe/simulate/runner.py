"""How a plan is carried out: what is published already stays, what was interrupted is resumed, the rest is made."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from simframe.errors import PlanError, did_you_mean
from simframe.simulate.bases import Base, need_libraries
from simframe.simulate.plans import PanelSpec, Plan, specify
from simframe.study import Study
from simframe.warehouse import Provenance, Warehouse
from simframe.warehouse.catalog import stored_study
from simframe.warehouse.layout import locked

if TYPE_CHECKING:
    from pathlib import Path

Bar = Callable[[int, int], None]
Bars = Callable[[str], Bar]
"""Starts a progress bar by its title."""


@dataclass(frozen=True)
class Made:
    """One panel of a plan, and whether this run made it."""

    panel_id: str
    label: str
    fresh: bool
    seconds: float


@dataclass(frozen=True)
class Humans:
    """The human panel that a plan tunes on and is judged by."""

    panel_id: str
    study: Study
    respondents: pl.DataFrame
    responses: pl.DataFrame

    def part(self, split: str, size: int | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (respondents, responses) of one split, or of its first ``size`` people; sorted by id."""
        chosen = pl.col("split") == split
        if size is not None:
            chosen &= pl.col("draw") < size
        people = self.respondents.filter(chosen).sort("respondent_id")
        return people, self.responses.join(people.select("respondent_id"), on="respondent_id", maintain_order="left")

    @property
    def pilot_size(self) -> int:
        """How many people there are to tune on."""
        return self.respondents.filter(pl.col("split") == "pilot").height

    def wave(self) -> pl.DataFrame | None:
        """Return the answers of the earlier wave, or None where the study marks none."""
        people, answers = self.part("wave")
        return None if people.is_empty() else answers

    def personas(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (respondents, persona answers) of one twin for each holdout person."""
        people, answers = self.part("holdout")
        given = [item.id for item in self.study.persona]
        twin = pl.concat_str("respondent_id", pl.lit(".twin"))
        respondents = people.with_columns(twin_of="respondent_id", respondent_id=twin)
        personas = answers.filter(pl.col("item_id").is_in(given)).with_columns(respondent_id=twin)
        return respondents, personas.select("respondent_id", "item_id", "code", "value", "missing")


def find_humans(warehouse: Warehouse, study_id: str | None, panel_id: str | None = None) -> Humans:
    """Return the human panel to work on: the one named, or the newest of the study.

    Raises:
        PlanError: where there is none.
    """
    panels = warehouse.sql("SELECT * FROM panels WHERE kind = 'human' ORDER BY created_at DESC")
    known = panels["panel_id"].to_list()
    if panel_id is not None:
        panels = panels.filter(pl.col("panel_id") == panel_id)
    if study_id is not None:
        panels = panels.filter(pl.col("study_id") == study_id)
    if panel_id is None and panels["study_id"].n_unique() > 1:
        studies = sorted(panels["study_id"].unique())
        raise PlanError(f"the warehouse holds several studies: {', '.join(studies)}", mend="name one: --study ID")
    if panels.is_empty():
        asked = " of ".join(name for name in (panel_id, study_id) if name) or "any study"
        mend = f"simframe import STUDY DATA, then again; {did_you_mean(asked, known)}"
        raise PlanError(
            f"no human panel {asked if panel_id else f'of {asked}'}", where=str(warehouse.layout.root), mend=mend
        )
    row = panels.row(0, named=True)
    study = stored_study(warehouse.layout, row["study_id"], row["study_hash"])
    name = row["panel_id"]
    return Humans(name, study, warehouse.table(name, "respondents"), warehouse.table(name, "responses"))


@dataclass(frozen=True)
class Run:
    """One plan on one human panel with one base model."""

    warehouse: Warehouse
    plan: Plan
    humans: Humans
    base: Base
    """Built or loaded only where a panel needs it."""
    bars: Bars

    def specs(self) -> list[PanelSpec]:
        """Return the panels of the plan, in order."""
        humans = self.humans
        return specify(
            self.plan,
            humans.study,
            humans.panel_id,
            humans.pilot_size,
            identify=lambda _: {"model": self.base.key},
        )

    def carry_out(self) -> list[Made]:
        """Make every panel that the warehouse lacks, and return all of them in order.

        Raises:
            PlanError, ModelError, WarehouseError: finished panels and chunks are kept, and a rerun resumes.
        """
        made = []
        try:
            for spec in self.specs():
                started = time.monotonic()
                with locked(self.warehouse.layout, f"panel-{spec.panel_id}"):  # another process may be making it
                    fresh = not self.warehouse.has_panel(spec.panel_id)
                    if fresh:
                        (self._simulate if spec.kind == "simulated" else self._baseline)(spec)
                made.append(Made(spec.panel_id, spec.label, fresh, time.monotonic() - started))
        finally:
            self.warehouse.refresh()
        return made

    def _baseline(self, spec: PanelSpec) -> None:
        from simframe.simulate.baselines import BASELINES

        started = time.monotonic()
        bar = self.bars(f"Baseline: {spec.label}")
        people, answers = self.humans.part("pilot", spec.pilot_n)
        respondents, personas = self.humans.personas()
        responses, notes = BASELINES[spec.strategy].simulate(
            self.humans.study,
            answers,
            people["weight"].to_numpy(),
            personas,
            seed=spec.seed,
            people=respondents["respondent_id"].to_list(),
            fields=spec.condition.fields,
        )
        made_by = {"source": spec.strategy, "seconds": time.monotonic() - started}
        self._publish(spec, respondents, personas, responses, made_by, **notes)
        bar(1, 1)

    def _simulate(self, spec: PanelSpec) -> None:
        need_libraries()
        from simframe.simulate import engine

        started = time.monotonic()
        with locked(self.warehouse.layout, f"base-{self.base.key[:16]}"):
            base_dir = self.base.prepare(self.bars(f"Base model: {self.base.name}"))
        adapter_dir = None if spec.pilot_n is None else self._tune(spec, base_dir)
        respondents, personas = self.humans.personas()
        chunks = self.warehouse.layout.chunks(spec.panel_id)
        result = engine.simulate(
            base_dir,
            adapter_dir,
            self.humans.study,
            personas,
            respondents.select("respondent_id", pl.lit(None, pl.String).alias("twin_of")),
            settings=engine.SimulateSettings(seed=spec.seed, temperature=spec.condition.temperature),
            chunk_dir=chunks,
            progress=self.bars(f"Simulating: {spec.label}"),
        )
        made_by = {
            "source": self.base.name,
            "model": self.base.name,
            "base_fingerprint": result.base_fingerprint,
            "adapter_fingerprint": result.adapter_fingerprint,
            "template_hash": result.template_hash,
            "tokens": result.tokens,
            "seconds": time.monotonic() - started,
        }
        settings = {"batch": result.batch, "device": result.device, "dtype": result.dtype}
        self._publish(spec, respondents, personas, result.responses, made_by, **settings)
        shutil.rmtree(chunks, ignore_errors=True)

    def _tune(self, spec: PanelSpec, base_dir: Path) -> Path:
        from simframe.simulate import tuning

        people, answers = self.humans.part("pilot", spec.pilot_n)
        return tuning.tune(
            base_dir,
            self.humans.study,
            answers,
            people.select("respondent_id", "weight"),
            self.warehouse.layout.models / f"adapter-{spec.panel_id}",
            settings=tuning.TuneSettings(**spec.condition.tune),
            seed=spec.seed,
            progress=self.bars(f"Tuning: {spec.label}"),
        )

    def _publish(
        self,
        spec: PanelSpec,
        respondents: pl.DataFrame,
        personas: pl.DataFrame,
        responses: pl.DataFrame,
        made_by: dict[str, Any],
        **settings: Any,
    ) -> None:
        study = self.humans.study
        text = (self.warehouse.layout.study(study.id, study.study_hash) / "study.toml").read_text("utf-8")
        provenance = Provenance(
            panel_id=spec.panel_id,
            kind=spec.kind,
            label=spec.label,
            strategy=spec.strategy,
            plan_id=self.plan.id,
            plan_hash=spec.plan_hash,
            reference_id=self.humans.panel_id,
            reference_split="holdout",
            pilot_n=spec.pilot_n,
            seed=spec.seed,
            settings={"plan": self.plan.model_dump(mode="json", by_alias=True)} | settings,
            **made_by,
        )
        together = pl.concat([personas, responses], how="diagonal")
        self.warehouse.publish(study, text, provenance, respondents, together, rebuild=False)
