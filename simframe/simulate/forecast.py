"""What a plan will take before anything runs: each panel's cost, and from where that is known."""

from __future__ import annotations

from contextlib import closing, nullcontext
from importlib.util import find_spec

from simframe.simulate.calibration import Calibration
from simframe.simulate.plans import PanelSpec
from simframe.simulate.plans.cost import Cost, Estimates, Rates, from_panels, measured, memory
from simframe.simulate.runner import Run, columns

ALIKE = ("engine", "mode", "fields", "shots", "order_average")
"""Columns in which a panel must agree with another to tell how fast that is, beside its model and prompt."""


def forecast(run: Run, *, calibrate: bool = True) -> list[Cost]:
    """Return what each panel of a plan takes.

    Panels that are there tell of panels like them; where there is none, a calibration on a few people does. Nothing is
    written to the warehouse.

    Args:
        run: the plan, on its human panel.
        calibrate: whether to time a few people where no panel tells; else their costs are None.

    Raises:
        PlanError, ModelError: where the plan asks for what there is not.
    """
    known, answering = measured(run.warehouse), run.answering
    holdout = run.humans.personas()[0].height

    with closing(Calibration(answering)) if calibrate else nullcontext() as calibration:
        found: dict[str, Rates | None] = {}

        def rates(spec: PanelSpec) -> Rates | None:
            if spec.panel_id not in found:
                told = from_panels(known, _like(run, spec), spec.condition if spec.strategy == "tuned" else None)
                found[spec.panel_id] = told or (calibration.rates(spec) if calibration else None)
            return found[spec.panel_id]

        def shared(spec: PanelSpec) -> tuple[str, str]:
            return answering.bases.of(spec.condition).key, answering.shared(spec.condition)

        estimates = Estimates(rates, shared)
        costs: dict[str, Cost] = {}
        for spec in sorted(run.specs, key=answering.order()):
            there = run.warehouse.has_panel(spec.panel_id)
            costs[spec.panel_id] = estimates.of(
                spec,
                holdout * spec.condition.copies,
                there=there,
                memory=None if there else _memory(run, spec, rates(spec), calibration),
            )
    return [costs[spec.panel_id] for spec in run.specs]


def _like(run: Run, spec: PanelSpec) -> dict[str, object]:
    """Return the columns that panels have which tell how fast this one is made."""
    told = columns(spec)
    if spec.kind == "baseline":
        return {"strategy": spec.strategy, "pilot_n": spec.pilot_n, "fields": told.get("fields")}
    answering = run.answering
    names = {"model": answering.bases.of(spec.condition).name, "prompt": answering.template(spec.condition).name}
    return names | {name: told.get(name) for name in ALIKE}


def _memory(run: Run, spec: PanelSpec, rates: Rates | None, calibration: Calibration | None) -> int | None:
    if spec.kind == "baseline" or rates is None or rates.tokens is None:
        return None
    base = run.answering.bases.of(spec.condition)
    folder = base.folder
    if folder is not None and not folder.is_dir() and calibration is not None:
        folder = calibration.folder_of(spec.condition)
    if folder is None or not folder.is_dir():
        return None
    return memory(folder, rates.tokens, on_gpu=_on_gpu(), tuned=spec.condition if spec.strategy == "tuned" else None)


def _on_gpu() -> bool:
    if find_spec("torch") is None:
        return False
    from simframe.simulate.models import choose_device

    return str(choose_device()[0].type) == "cuda"
