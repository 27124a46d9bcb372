"""From conditions to panels: a plan held against the study, and ids made of all that can change a number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from simframe.errors import PlanError, did_you_mean, placed
from simframe.simulate.plans.condition import Condition, PanelSpec, PilotChoice
from simframe.simulate.plans.grid import conditions, tune_settings
from simframe.simulate.plans.pilots import check_choice
from simframe.simulate.plans.schema import Plan
from simframe.simulate.tuning.groups import check_groups
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
        with placed(condition.where):
            check_fields(condition, study)
            identity = dict(identify(condition)) if condition.about.uses_model else {}
            called = name_of(condition)
        shaped_by = condition.given()
        content: dict[str, Any] = {"study": study.study_hash, "reference": reference_id, "condition": shaped_by}
        content |= {"strategy": condition.strategy, "seed": condition.seed}
        if condition.about.uses_model:
            content["identity"] = identity
            for name in ("model", "prompt", "fields", "shots", "chat"):  # however a plan names what is identified
                shaped_by.pop(name, None)
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
        people = [f"n{condition.pilot_n}"] if condition.pilot_n else []
        name = "-".join([study.id, condition.strategy, *people, digest]).replace("_", "-")
        specs.setdefault(name, PanelSpec(name, digest, condition, called))
    return [*specs.values()]


def check_fields(condition: Condition, study: Study) -> None:
    """Refuse items and levels that the study lacks, and items without levels where levels are looked at.

    Raises:
        PlanError: naming key, item and mend.
    """
    persona = [item.id for item in study.persona]
    for name in condition.fields or ():
        if name not in persona:
            message = f"{name!r} is no persona item of study {study.id!r}"
            raise PlanError(message, where="fields", mend=did_you_mean(name, persona))
    check_choice(study, condition.pilot)
    if "tune" in condition.relevant:
        check_groups(study, tune_settings(condition.tune, condition.where))
