"""From a TOML file to a :class:`Plan`, with errors a person can act on."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simframe.errors import PlanError
from simframe.simulate.plans.grid import check
from simframe.simulate.plans.schema import Plan
from simframe.study.loader import describe


def load_plan(source: str | Path | None = None) -> Plan:
    """Load a plan file, or the default plan.

    Raises:
        PlanError: naming file, key, value and mend.
    """
    if source is None:
        text, where = (resources.files("simframe.simulate.plans") / "default.toml").read_text("utf-8"), "default plan"
    else:
        text, where = _read(Path(source)), str(source)
    return parse_plan(text, where)


def parse_plan(text: str, where: str) -> Plan:
    """Parse the TOML ``text`` of a plan; ``where`` names its file in errors."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise PlanError(f"not valid TOML: {err}", where=where, mend="correct the line it names") from err
    except RecursionError as err:
        raise PlanError("not valid TOML: nested too deep", where=where, mend="a plan nests three deep") from err
    head = raw.pop("plan", {})
    if not isinstance(head, dict):
        raise PlanError(f"plan: {head!r} is no table", where=where, mend="write [plan], then its keys")
    for key in sorted(head.keys() & raw.keys()):
        message = f"{key}: stands both in [plan] and beside it"
        raise PlanError(message, where=where, mend=f"keep one: [plan.{key}] or {key}")
    return plan_of(head | raw, where)


def plan_of(content: dict[str, Any], where: str) -> Plan:
    """Return the plan that some keys and values come to; ``where`` names in errors where they stand."""
    _refuse_splits(content, where)
    try:
        plan = Plan.model_validate(content, context={"where": where})
    except ValidationError as err:
        message, mend = describe(err, content, Plan)
        raise PlanError(message, where=where, mend=mend) from err
    check(plan)
    return plan


JUDGES = ("holdout", "rectify", "wave")
"""Parts of a human panel that nobody may be tuned on."""
PARTS = {"split", "splits", "part", "from", "people"}


def _refuse_splits(content: dict[str, Any], where: str) -> None:
    """Refuse a plan that says where the people to tune on come from: whoever judges must not have been learned from."""
    rules = content.get("panel")
    tables = [("", content)]
    tables += [(f"panel[{n}].", rule) for n, rule in enumerate(rules if isinstance(rules, list) else [], 1)]
    for prefix, table in tables:
        if not isinstance(table, dict):
            continue
        for name in ("pilot", "tune", None):
            part = table if name is None else table.get(name)
            for key, value in part.items() if isinstance(part, dict) else [(None, part)]:
                named = value if isinstance(value, list) else [value]
                if key in PARTS or (name and any(isinstance(v, str) and v in JUDGES for v in named)):
                    at = prefix + ".".join(each for each in (name, key) if each)
                    message = (
                        f"{at}: {value!r} cannot be: only the pilot is tuned on. The holdout judges, and would judge "
                        "what it taught; rectify corrects estimates; the wave primes the embedded model"
                    )
                    mend = "leave it out; split.pilot in the study file says how many people the pilot has"
                    raise PlanError(message, where=where, mend=mend)


def _read(path: Path) -> str:
    where, mend = str(path), "give the path of a plan, or none for the default"
    try:
        if not path.is_file():
            raise PlanError("no such plan file", where=where, mend=mend)
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as err:
        raise PlanError(f"not UTF-8 text at byte {err.start}", where=where, mend="save the file as UTF-8") from err
    except OSError as err:  # also a name too long for the disk
        raise PlanError(f"cannot be read: {err.strerror}", where=where, mend=mend) from err
