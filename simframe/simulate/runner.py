"""How a plan is carried out: what is published already stays, what was interrupted is resumed, the rest is made."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from simframe.errors import placed
from simframe.simulate import beforehand
from simframe.simulate.answering import Answering, Done
from simframe.simulate.humans import Humans, find_humans
from simframe.simulate.plans import PanelSpec, Plan
from simframe.simulate.plans.tunings import departures
from simframe.warehouse import Provenance, Warehouse
from simframe.warehouse.layout import locked
from simframe.wording import counted

Bar = Callable[[int, int], None]
Bars = Callable[[str], Bar]
"""Starts a progress bar by its title."""

__all__ = ["Bar", "Bars", "Humans", "Made", "Run", "find_humans"]


SHOWN = 10
"""Items named at most."""
HEARD = "what was said instead is the text of their responses"


@dataclass(frozen=True)
class Made:
    """One panel of a plan, and whether this run made it."""

    panel_id: str
    label: str
    fresh: bool
    seconds: float
    note: str | None = None
    """What to bear in mind about it."""


@dataclass(frozen=True)
class Run:
    """One plan on one human panel."""

    warehouse: Warehouse
    plan: Plan
    humans: Humans
    bars: Bars
    workers: int | None = None
    """Processes that answer beside each other, one a GPU, with the same panels; None: this one alone."""

    @cached_property
    def answering(self) -> Answering:
        """The language models of the plan, each built or loaded only where a panel needs it, and once."""
        return Answering(self.warehouse.layout, self.humans, self.bars, self.workers)

    @cached_property
    def specs(self) -> list[PanelSpec]:
        """The panels of the plan, in order.

        Raises:
            PlanError, ModelError: where the plan asks for what there is not, or what cannot run here.
        """
        specs = beforehand.panels(self.answering, self.plan)
        for spec in self.missing(specs):
            with placed(spec.condition.where):
                beforehand.check_machine(self.answering, spec.condition)
        return specs

    def missing(self, specs: list[PanelSpec]) -> list[PanelSpec]:
        """Return the panels that the warehouse lacks."""
        return [spec for spec in specs if not self.warehouse.has_panel(spec.panel_id)]

    def carry_out(self) -> list[Made]:
        """Make every panel that the warehouse lacks, and return all of them in order.

        Raises:
            PlanError, ModelError, WarehouseError: finished panels and chunks are kept, and a rerun resumes.
        """
        made: dict[str, Made] = {}
        beforehand.check_lengths(self.answering, self.missing(self.specs))
        try:
            for spec in sorted(self.specs, key=self.answering.order()):
                started = time.monotonic()
                with locked(self.warehouse.layout, f"panel-{spec.panel_id}"):  # another process may be making it
                    fresh, note = not self.warehouse.has_panel(spec.panel_id), None
                    if fresh:
                        note = (self._simulate if spec.kind == "simulated" else self._baseline)(spec)
                    else:  # chunks of a run that was killed right after it had published
                        shutil.rmtree(self.warehouse.layout.chunks(spec.panel_id), ignore_errors=True)
                made[spec.panel_id] = Made(spec.panel_id, spec.label, fresh, time.monotonic() - started, note)
        finally:
            self.answering.close()
            self.warehouse.refresh()
        return [made[spec.panel_id] for spec in self.specs]

    def _baseline(self, spec: PanelSpec) -> None:
        from simframe.simulate.baselines import BASELINES

        started, condition = time.monotonic(), spec.condition
        bar = self.bars(f"Baseline: {spec.label}")
        people, answers = self.humans.fitted_on(condition)
        respondents, personas = self.humans.personas(condition.copies)
        responses, notes = BASELINES[spec.strategy].simulate(
            self.humans.study,
            answers,
            people["weight"].to_numpy(),
            personas,
            seed=spec.seed,
            people=respondents["respondent_id"].to_list(),
            fields=condition.fields,
        )
        made_by = {"source": spec.strategy, "seconds": time.monotonic() - started}
        self._publish(spec, respondents, personas, Done(responses, made_by, notes))
        bar(1, 1)

    def _simulate(self, spec: PanelSpec) -> str | None:
        respondents, personas = self.humans.personas(spec.condition.copies)
        done = self.answering.answer(spec, respondents, personas)
        self._publish(spec, respondents, personas, done)
        done.forget()
        silent = done.settings.get("unanswered", {})
        named = [f"{item} by {n:,}" for item, n in list(silent.items())[:SHOWN]]
        more = [f"{len(silent) - SHOWN:,} more items"] if len(silent) > SHOWN else []
        asked = counted(respondents.height, "respondent")
        return f"{spec.label}: of {asked}, unanswered: {', '.join(named + more)}; {HEARD}" if silent else None

    def _publish(self, spec: PanelSpec, respondents: pl.DataFrame, personas: pl.DataFrame, done: Done) -> None:
        study = self.humans.study
        text = (self.warehouse.layout.study(study.id, study.study_hash) / "study.toml").read_text("utf-8")
        plan = self.plan.model_dump(mode="json", by_alias=True, exclude_unset=True)
        provenance = Provenance(
            panel_id=spec.panel_id,
            kind=spec.kind,
            label=spec.label,
            strategy=spec.strategy,
            plan_id=self.plan.id,
            plan_hash=spec.plan_hash,
            reference_id=self.humans.panel_id,
            reference_split="holdout",
            settings={"plan": plan} | done.settings,
            **columns(spec) | done.made_by,
        )
        together = pl.concat([personas, done.responses], how="diagonal")
        self.warehouse.publish(study, text, provenance, respondents, together, rebuild=False)


def columns(spec: PanelSpec) -> dict[str, Any]:
    """Return the columns of a panel that tell its condition; None where a setting plays no part."""
    condition, relevant = spec.condition, spec.condition.relevant
    whole = ("pilot_n", "seed", "engine", "mode", "prompt", "shots", "item_order", "option_order", "order_average")
    told = {
        name: getattr(condition, name) if name in relevant else None
        for name in (*whole, "temperature", "copies", "wave")
    }
    if "chat" in relevant:
        told["chat"] = str(condition.chat).lower()
    if "fields" in relevant and condition.fields is not None:
        told["fields"] = json.dumps(condition.fields)
    if "tune" in relevant:
        told["tune"] = json.dumps(departures(condition.tune), sort_keys=True)
    if "pilot" in relevant:
        choice = condition.pilot
        told |= {"pilot_selection": choice.selection, "pilot_by": choice.by}
        told["pilot_arm"] = json.dumps(dict(choice.arm), sort_keys=True) if choice.arm else None
    return told
