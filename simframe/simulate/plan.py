"""A plan: which panels to simulate. A TOML list of panels, each over one or more pilot sizes."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from simframe.errors import PlanError
from simframe.study import Study
from simframe.study.loader import describe
from simframe.study.parts import SEED_LIMIT, STUDY_ID, Part, check_id, wrong

Strategy = Literal["base", "tuned", "pilot_marginals", "logit_chain"]
LABELS: dict[str, str] = {
    "base": "model, untuned",
    "tuned": "model, tuned on {n}",
    "pilot_marginals": "pilot marginals, {n}",
    "logit_chain": "logit chain, {n}",
}
KINDS: dict[str, str] = {
    "base": "simulated",
    "tuned": "simulated",
    "pilot_marginals": "baseline",
    "logit_chain": "baseline",
}


class PanelRule(Part):
    """One strategy, over the pilot sizes it is tried on."""

    strategy: Strategy
    pilot: tuple[int, ...] = ()

    @field_validator("pilot", mode="before")
    @classmethod
    def _one_or_many(cls, raw: Any) -> Any:
        return [raw] if isinstance(raw, int) else raw


class Tune(Part):
    """What a plan sets of the tuning; what it leaves out has the default of ``tuning.TuneSettings``."""

    rank: int | None = Field(default=None, ge=1, le=1024)
    alpha: int | None = Field(default=None, ge=1)
    rate: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, ge=1)
    batch: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
    field_dropout: float | None = Field(default=None, ge=0, lt=1)

    @property
    def given(self) -> dict[str, Any]:
        """The settings that the plan names."""
        return self.model_dump(exclude_none=True)


class Plan(Part):
    """Everything that decides which panels a simulation makes, and every number in them."""

    id: str = "default"
    study: str | None = None
    """Built-in study whose data are imported where the warehouse has none; any study where left out."""
    seed: int = Field(default=1, ge=0, lt=SEED_LIMIT)
    temperature: float = Field(default=1.0, gt=0)
    tune: Tune = Tune()
    panels: tuple[PanelRule, ...] = Field(min_length=1, alias="panel")

    @field_validator("id")
    @classmethod
    def _id(cls, text: str) -> str:
        return check_id(STUDY_ID, "plan", text)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        made: set[tuple[str, int | None]] = set()
        for rule in self.panels:
            for size in rule.pilot or (None,):
                if (rule.strategy, size) in made:
                    of = "" if size is None else f" on a pilot of {size}"
                    raise wrong(f"panel {rule.strategy!r}{of} stands twice", "list each pilot size once")
                made.add((rule.strategy, size))
        return self


@dataclass(frozen=True)
class PanelSpec:
    """One panel to make."""

    panel_id: str
    plan_hash: str
    strategy: str
    pilot_n: int | None

    @property
    def kind(self) -> str:
        """Kind of the panel: simulated or baseline."""
        return KINDS[self.strategy]

    @property
    def label(self) -> str:
        """What people call the panel."""
        return LABELS[self.strategy].format(n=self.pilot_n)


def load_plan(source: str | Path | None = None) -> Plan:
    """Load a plan file, or the default plan.

    Raises:
        PlanError: naming file, key, value and mend.
    """
    if source is None:
        text, where = (resources.files("simframe.simulate") / "default_plan.toml").read_text("utf-8"), "default plan"
    else:
        text, where = _read(Path(source)), str(source)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise PlanError(f"not valid TOML: {err}", where=where, mend="correct the line it names") from err
    except RecursionError as err:
        raise PlanError("not valid TOML: nested too deep", where=where, mend="a plan nests two deep") from err
    head = raw.pop("plan", {})
    if not isinstance(head, dict):
        raise PlanError(f"plan: {head!r} is no table", where=where, mend="write [plan], then its keys")
    for key in sorted(head.keys() & raw.keys()):
        message = f"{key}: stands both in [plan] and beside it"
        raise PlanError(message, where=where, mend=f"keep one: [plan.{key}] or {key}")
    content = head | raw
    try:
        return Plan.model_validate(content)
    except ValidationError as err:
        message, mend = describe(err, content, Plan)
        raise PlanError(message, where=where, mend=mend) from err


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


def specify(plan: Plan, study: Study, reference_id: str, available: int, model_key: str) -> list[PanelSpec]:
    """Return the panels of a plan, in order.

    Args:
        plan: the plan.
        study: the study it is carried out on.
        reference_id: the human panel that gives pilot and holdout.
        available: how many people its pilot has.
        model_key: what identifies the base model; baselines do not depend on it.

    Raises:
        PlanError: where a pilot is larger than what there is.
    """
    specs = []
    for place, rule in enumerate(plan.panels, 1):
        where = f"plan {plan.id!r}, panel[{place}] {rule.strategy!r}"
        if rule.strategy == "base" and rule.pilot:
            raise PlanError("an untuned model takes no pilot", where=where, mend="leave pilot out")
        if rule.strategy != "base" and not rule.pilot:
            raise PlanError("no pilot size", where=where, mend="add pilot = [30, 100]")
        for size in rule.pilot or (None,):
            if size is not None and available < 2:
                mend = "import more people, or raise split.pilot in the study file"
                raise PlanError(f"{reference_id} has {available} people to tune on", where=where, mend=mend)
            if size is not None and not 2 <= size <= available:
                mend = f"use 2 to {available}, the pilot of {reference_id}; study.split.pilot sets it"
                raise PlanError(f"pilot of {size} people", where=where, mend=mend)
            uses_model = KINDS[rule.strategy] == "simulated"
            content = {
                "study": study.study_hash,
                "reference": reference_id,
                "strategy": rule.strategy,
                "pilot": size,
                "seed": plan.seed,
                "temperature": plan.temperature if uses_model else None,
                "tune": plan.tune.given if rule.strategy == "tuned" else None,
                "model": model_key if uses_model else None,
            }
            digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
            name = "-".join([study.id, rule.strategy, *([f"n{size}"] if size else []), digest]).replace("_", "-")
            specs.append(PanelSpec(name, digest, rule.strategy, size))
    return specs


def fit_to(plan: Plan, available: int) -> Plan:
    """Return the default plan with the pilot sizes that a smaller pilot allows, and all of it as the largest."""
    rules = []
    for rule in plan.panels:
        sizes = tuple(size for size in rule.pilot if size < available)
        rules.append(rule.model_copy(update={"pilot": (*sizes, available)}) if rule.pilot else rule)
    return plan.model_copy(update={"panels": tuple(rules)}) if available < _largest(plan) else plan


def _largest(plan: Plan) -> int:
    return max((size for rule in plan.panels for size in rule.pilot), default=0)
