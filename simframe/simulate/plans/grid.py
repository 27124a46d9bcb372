"""From a plan to its conditions: every list of the plan is an axis, every combination of their values one condition."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simframe.errors import PlanError, did_you_mean, placed
from simframe.simulate.plans.condition import Condition, PilotChoice
from simframe.simulate.plans.schema import Endpoint, Plan, Rule
from simframe.simulate.plans.tunings import read_settings
from simframe.simulate.tuning.settings import TuneSettings
from simframe.study.loader import describe

LIMIT = 10_000
"""Panels of one plan: more are a slip of the pen."""

VLLM_RANK = 512
"""The largest rank of an adapter that vLLM loads (``max_lora_rank``)."""

AXES = (
    *("model", "engine", "mode", "prompt", "fields", "shots", "item_order", "option_order", "order_average", "chat"),
    *("temperature", "copies", "wave", "seed"),
)
"""Keys that are axes of the grid, the slowest first; those of ``tune`` and ``pilot`` come after them."""


def check(plan: Plan) -> None:
    """Refuse what no single key shows to be wrong.

    Raises:
        PlanError: naming the panel and the mend.
    """
    for place, rule in enumerate(plan.panels, 1):
        _check_rule(rule, plan.place(place))
        for condition in _unfold(plan, rule, plan.place(place)):
            _check_condition(condition)
    _unlike(plan, lambda condition: condition)


def _check_rule(rule: Rule, where: str) -> None:
    sized = "pilot" in rule.model_fields_set and rule.pilot.size is not None
    if rule.strategy == "base" and sized:
        mend = "leave pilot out; shots = 5 shows it the answers of five pilot people"
        raise PlanError("an untuned model takes no pilot", where=where, mend=mend)


def _check_condition(condition: Condition) -> None:
    where = condition.where
    settings = tune_settings(condition.tune, where)
    if condition.engine == "vllm" and condition.strategy == "tuned":
        _check_vllm(settings, where)
    if condition.engine == "openai" and condition.about.uses_model:
        if condition.strategy == "tuned":
            mend = "use engine = 'transformers' or 'vllm', or strategy = 'base' with shots"
            raise PlanError("a model behind an endpoint cannot be tuned", where=where, mend=mend)
        if condition.endpoint.url is None:
            raise PlanError("no endpoint", where=where, mend='add [plan.endpoint], url = "http://.../v1"')
        if condition.model == "embedded":
            raise PlanError("model 'embedded' is behind no endpoint", where=where, mend="name the endpoint's model")


def _check_vllm(settings: TuneSettings, where: str) -> None:
    """Refuse adapters that vLLM does not load, before they are tuned."""
    if settings.dora:
        mend = "leave dora out, or use engine = 'transformers'"
        raise PlanError("tune.dora: vLLM loads no DoRA adapter", where=where, mend=mend)
    rank = settings.rank * (2 if settings.pissa else 1)
    if rank > VLLM_RANK:
        doubled = ", which pissa doubles" if settings.pissa else ""
        most = VLLM_RANK // (2 if settings.pissa else 1)
        mend = f"use a rank of {most} or less, or engine = 'transformers'"
        message = f"tune.rank: {settings.rank}{doubled}; vLLM loads adapters of rank {VLLM_RANK} at most"
        raise PlanError(message, where=where, mend=mend)


def tune_settings(given: Mapping[str, Any], where: str) -> TuneSettings:
    """Return the settings of a tuning, defaults filled in.

    Raises:
        PlanError: naming key, value and mend.
    """
    known = [each.name for each in fields(TuneSettings)]
    for name, value in given.items():
        if name not in known:
            message = f"tune.{name}: unknown key (value {value!r})"
            raise PlanError(message, where=where, mend=did_you_mean(name, known))
    try:
        return read_settings(given)
    except PlanError as err:
        raise PlanError(f"tune.{err.message}", where=where, mend=err.mend) from err
    except ValidationError as err:
        message, mend = describe(err, {"tune": dict(given)}, Plan)
        raise PlanError(f"tune.{message}", where=where, mend=mend) from err


def _tune_axis(name: str, value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) and value else (value,)


def _unfold(plan: Plan, rule: Rule, where: str) -> Iterator[Condition]:
    """Return the conditions of one rule, sizes of pilots still as written, in ``pilot_n``."""
    own = rule.model_fields_set

    def setting(name: str) -> Any:
        return getattr(rule if name in own else plan, name)

    def within(name: str) -> dict[str, Any]:
        """The keys of a table: the panel's own over the plan's."""
        mine, general = getattr(rule, name), getattr(plan, name)
        return {key: getattr(mine if key in mine.model_fields_set else general, key) for key in type(mine).model_fields}

    tune, pilot, endpoint = plan.tune | rule.tune, within("pilot"), Endpoint(**within("endpoint"))
    axes: dict[str, tuple[Any, ...]] = {name: setting(name) for name in AXES[:-1]}
    axes |= {f"tune.{name}": _tune_axis(name, value) for name, value in tune.items()}
    axes |= {
        "pilot.selection": pilot["selection"],
        "pilot.by": pilot["by"] or (None,),
        "pilot.arm": pilot["arm"] or ({},),
    }
    axes |= {"seed": setting("seed"), "pilot_n": pilot["size"] or (None,)}
    total = 1
    for values in axes.values():
        total *= max(1, len(values))
    if total > LIMIT:
        mend = "leave out values, or write several plans"
        raise PlanError(f"is a grid of {total:,} panels", where=where, mend=mend)
    for values in itertools.product(*axes.values()):
        at = dict(zip(axes, values, strict=True))
        choice = PilotChoice(
            at["pilot.selection"], None if at["pilot.selection"] == "random" else at["pilot.by"], at["pilot.arm"]
        )
        yield Condition(
            strategy=rule.strategy,
            pilot_n=at["pilot_n"],
            tune={name: at[f"tune.{name}"] for name in tune},
            pilot=choice,
            endpoint=endpoint,
            where=where,
            **{name: at[name] for name in AXES},
        )


def conditions(
    plan: Plan, available: int | Callable[[PilotChoice], int], reference_id: str = "the people"
) -> list[Condition]:
    """Return the conditions of a plan, in order, each once.

    Values that play no part under a strategy make no panels of their own: a baseline at two temperatures is one.

    Args:
        plan: the plan.
        available: how many people there are to tune on, or what tells it for a choice of them.
        reference_id: the human panel that they are of, for errors.

    Raises:
        PlanError: where a pilot is larger than what there is, or two panels are the same.
    """
    of = available if callable(available) else lambda _: available
    sized = partial(_sized, of=of, reference_id=reference_id)
    return _unlike(plan, sized)


def _unlike(plan: Plan, finished: Callable[[Condition], Condition]) -> list[Condition]:
    """Return the conditions of all rules, each once.

    Raises:
        PlanError: where two rules make the same panel.
    """
    found: dict[str, int] = {}
    result = []
    for place, rule in enumerate(plan.panels, 1):
        inside = plan.place(place)
        mine: dict[str, Condition] = {}
        for raw in _unfold(plan, rule, inside):
            with placed(inside):
                condition = finished(raw).narrowed()
            mine.setdefault(_key(condition), condition)
        for key, condition in mine.items():
            if key in found:
                size = "" if condition.pilot_n is None else f" on a pilot of {condition.pilot_n}"
                mend = f"leave it out here or in panel[{found[key]}]: list each once"
                raise PlanError(f"panel {rule.strategy!r}{size} stands twice", where=inside, mend=mend)
            found[key] = place
            result.append(condition)
    return result


def _sized(condition: Condition, *, of: Callable[[PilotChoice], int], reference_id: str) -> Condition:
    return replace(condition, pilot_n=_people(condition, of, reference_id))


def _people(condition: Condition, of: Callable[[PilotChoice], int], reference_id: str) -> int | None:
    size = condition.pilot_n
    if condition.strategy == "base":
        size = condition.shots or None  # those whose answers it is shown
        if size is None:
            return None
    if size is None:
        raise PlanError("no pilot size", mend="add pilot = [30, 100]")
    available = of(condition.pilot)
    if available < 2:
        mend = "import more people, or raise split.pilot in the study file"
        raise PlanError(f"{reference_id} has {available} people to tune on", mend=mend)
    people = max(2, round(size * available)) if isinstance(size, float) else size
    shown = condition.shots if condition.strategy == "tuned" else 0
    least = 1 if condition.strategy == "base" else 2 + shown
    if shown and people < least:
        mend = f"use a pilot of {least} or more, or fewer shots: two must be left"
        raise PlanError(f"shots = {shown} of a pilot of {people} leave too few to tune on", mend=mend)
    if not least <= people <= available:
        mend = f"use {least} to {available}, the pilot of {reference_id}; study.split.pilot sets it"
        raise PlanError(f"pilot of {people} people", mend=mend)
    return people


def _key(condition: Condition) -> str:
    return json.dumps({"strategy": condition.strategy} | condition.given(), sort_keys=True)


def fit_to(plan: Plan, available: int) -> Plan:
    """Return the default plan with the pilot sizes that a smaller pilot allows, and all of it as the largest."""
    sizes = [size for rule in plan.panels for size in rule.pilot.size or () if isinstance(size, int)]
    if available >= max(sizes, default=0):
        return plan
    rules = []
    for rule in plan.panels:
        kept = tuple(size for size in rule.pilot.size or () if size < available)
        pilot = rule.pilot.model_copy(update={"size": (*kept, available)})
        rules.append(rule.model_copy(update={"pilot": pilot}) if rule.pilot.size else rule)
    return plan.model_copy(update={"panels": tuple(rules)})


def with_model(plan: Plan, model: Path | None) -> Plan:
    """Return the plan with every panel on one model, or as it is where none is given."""
    if model is None:
        return plan
    one = {"model": (str(model),)}
    return plan.model_copy(update=one | {"panels": tuple(rule.model_copy(update=one) for rule in plan.panels)})
