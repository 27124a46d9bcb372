"""From conditions to panels: a plan held against the study, and ids made of all that can change a number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from simframe.errors import PlanError, did_you_mean
from simframe.simulate.plans.condition import Condition, PanelSpec, PilotChoice
from simframe.simulate.plans.grid import conditions
from simframe.simulate.plans.schema import Plan
from simframe.study import Study


def specify(
    plan: Plan,
    study: Study,
    reference_id: str,
    available: int | Callable[[PilotChoice], int],
    *,
    identify: Callable[[Condition], Mapping[str, Any]],
    name_of: Callable[[Condition], str] = lambda _: "model",
) -> list[PanelSpec]:
    """Return the panels of a plan, in order, each once: two names of one model or template make one panel.

    Args:
        plan: the plan.
        study: the study it is carried out on.
        reference_id: the human panel that gives pilot and holdout.
        available: how many people its pilot has, or what tells it for a choice of them.
        identify: what stands behind the names in a condition: the content of its model, and of its template with the
            fields, examples and turns that it shows.
        name_of: what people call a condition's model.

    Raises:
        PlanError: where a pilot is larger than what there is, two panels are the same, or the study lacks a field.
    """
    specs: dict[str, PanelSpec] = {}
    for condition in conditions(plan, available, reference_id):
        check_fields(condition, study, f"plan {plan.id!r}")
        shaped_by = condition.given()
        content: dict[str, Any] = {"study": study.study_hash, "reference": reference_id, "condition": shaped_by}
        content |= {"strategy": condition.strategy, "seed": condition.seed}
        if condition.about.uses_model:
            content["identity"] = dict(identify(condition))
            for name in ("model", "prompt", "fields", "shots", "chat"):  # however a plan names what is identified
                shaped_by.pop(name, None)
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
        people = [f"n{condition.pilot_n}"] if condition.pilot_n else []
        name = "-".join([study.id, condition.strategy, *people, digest]).replace("_", "-")
        specs.setdefault(name, PanelSpec(name, digest, condition, name_of(condition)))
    return [*specs.values()]


def check_fields(condition: Condition, study: Study, where: str) -> None:
    """Refuse items that the study lacks.

    Raises:
        PlanError: naming key, item and mend.
    """
    persona = [item.id for item in study.persona]
    for name in condition.fields or ():
        if name not in persona:
            message = f"fields: {name!r} is no persona item of study {study.id!r}"
            raise PlanError(message, where=where, mend=did_you_mean(name, persona))
    items = {item.id: item for item in study.items}
    named = [("pilot.by", condition.pilot.by)] if condition.pilot.by else []
    for key, name in [*named, *(("pilot.arm", name) for name in condition.pilot.arm)]:
        if name not in items:
            message = f"{key}: {name!r} is no item of study {study.id!r}"
            raise PlanError(message, where=where, mend=did_you_mean(name, items))
    for name, code in condition.pilot.arm.items():
        known = [option.code for option in items[name].valid_options]
        if code not in known:
            message = f"pilot.arm: {code!r} is no answer of {name!r}"
            raise PlanError(message, where=where, mend=did_you_mean(code, known))
