"""What a plan will take before anything runs: each panel's cost, and from where that is known."""

from __future__ import annotations

from contextlib import closing, nullcontext
from importlib.util import find_spec

from simframe.simulate import beforehand
from simframe.simulate.calibration import Calibration
from simframe.simulate.plans import Condition, PanelSpec
from simframe.simulate.plans.cost import Cost, Estimates, Rates, from_panels, measured, memory
from simframe.simulate.runner import Run, columns

FEW = 64
"""People whose questionnaires are written out, to tell what an endpoint would read."""
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
    if calibrate:
        beforehand.check_lengths(answering, run.missing(run.specs))

    with closing(Calibration(answering)) if calibrate else nullcontext() as calibration:
        found: dict[str, Rates | None] = {}

        def rates(spec: PanelSpec) -> Rates | None:
            if spec.panel_id not in found:
                told = from_panels(known, _like(run, spec), spec.condition if spec.strategy == "tuned" else None)
                if told is None and spec.condition.engine == "openai" and spec.condition.about.uses_model:
                    told = _reckoned(run, spec.condition)
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
        return {"strategy": spec.strategy} | {name: told.get(name) for name in ("pilot_n", "fields", "wave")}
    answering = run.answering
    names = {"model": answering.bases.of(spec.condition).name, "prompt": answering.template(spec.condition).name}
    return names | {name: told.get(name) for name in ALIKE}


def _reckoned(run: Run, condition: Condition) -> Rates:
    """Return what an endpoint would be asked for, told from the text; its time where the plan sets a pace."""
    from simframe.simulate.engines.endpoint.dialogue import Dialogue
    from simframe.simulate.engines.endpoint.reckoning import CHARACTERS, reckon

    respondents, answers = run.humans.personas()
    some = respondents["respondent_id"].head(FEW).to_list()
    dialogue = Dialogue(
        run.humans.study, run.answering.template(condition), condition.model, chat=condition.chat is not False
    )
    one = reckon(
        dialogue,
        dialogue.personas(answers, some),
        chained=condition.mode == "chained",
        order_average=condition.order_average,
    )
    asked, tokens = condition.endpoint, one.read + one.written
    paces = [(one.requests, asked.requests_per_minute), (tokens, asked.tokens_per_minute)]
    spend = (one.read * asked.price_in + one.written * asked.price_out) / 1e6
    return Rates(
        f"its text, {CHARACTERS} characters a token",
        tokens=tokens,
        answering=max((amount * 60 / pace for amount, pace in paces if pace), default=None),
        spend=spend or None,
    )


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
