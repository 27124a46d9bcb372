"""The guide to plan files knows every key and default, its example loads, and says how many panels it comes to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

import simframe
from simframe.simulate.plans import conditions, parse_plan
from simframe.simulate.plans.schema import Endpoint, Pilot, Plan, Settings
from simframe.simulate.tuning.settings import TuneSettings

GUIDE = (Path(simframe.__file__).resolve().parents[1] / "docs/guides/plan-files.md").read_text("utf-8")


def rows() -> dict[str, str]:
    """Return {key: default} of the guide's tables."""
    found: dict[str, str] = {}
    for keys, default in re.findall(r"^\| (`.*?) \| (.*?) \|", GUIDE, re.MULTILINE):
        names, defaults = re.findall(r"`(\w+)`", keys), re.findall(r"`([^`]*)`", default) or [default]
        found |= dict(zip(names, defaults if len(defaults) == len(names) else defaults * len(names), strict=True))
    return found


SAID = rows()
IN_WORDS = {"all", "none", "everybody", "by size"}


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and value != 1.0 else str(value)


@pytest.mark.parametrize("part", [Plan, Pilot, Endpoint])
def test_every_key_of_a_plan_stands_there_with_its_default(part: type[Any]) -> None:
    for name, field in part.model_fields.items():
        key = field.alias or name
        if key in ("panel", "tune", "endpoint"):
            assert f"[plan.{key}]" in GUIDE or f"[[{key}]]" in GUIDE
            continue
        assert key in SAID
        default = field.default[0] if isinstance(field.default, tuple) and field.default else field.default
        if isinstance(default, str | int | float):
            assert SAID[key] == written(default), key
        else:
            assert SAID[key] in IN_WORDS or SAID[key].startswith(("engine", "required")), key


def test_every_setting_of_a_tuning_stands_there_with_its_default() -> None:
    table = GUIDE.partition("## `[plan.tune]`")[2].partition("\n## ")[0]
    for field in fields(TuneSettings):
        assert f"`{field.name}`" in table
        if field.default is not MISSING and field.default is not None:
            row = next(line for line in table.splitlines() if line.startswith("|") and f"`{field.name}`" in line)
            assert f"`{written(field.default)}`" in row, field.name


def test_no_key_of_the_guide_is_made_up() -> None:
    known = {*Plan.model_fields, *Settings.model_fields, *Pilot.model_fields, *Endpoint.model_fields, "strategy"}
    assert set(SAID) <= known | {field.name for field in fields(TuneSettings)}


def test_the_example_comes_to_the_panels_that_the_guide_counts() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    made = Counter(condition.strategy for condition in conditions(parse_plan(example, "guide"), 300))
    (counts,) = re.findall(
        r"has (\d+) panels of `base` .*?, (\d+) of `tuned`, and (\d+) of `logit_chain`", GUIDE, re.DOTALL
    )
    assert made == dict(zip(("base", "tuned", "logit_chain"), map(int, counts), strict=True))
