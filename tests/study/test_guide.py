"""The guide to study files knows every key that a study file may have."""

from __future__ import annotations

from pathlib import Path

import pytest

import simframe
from simframe.study import base, item, parts
from simframe.study.schema import Study
from simframe.study.thresholds import Thresholds

GUIDE = (Path(simframe.__file__).resolve().parents[1] / "docs/guides/study-files.md").read_text("utf-8")
PARTS = (item.Option, item.Bin, item.Item, parts.Pair, parts.Structure, parts.Crossing, parts.Regression, parts.Data)


@pytest.mark.parametrize("part", [*PARTS, parts.Split, Study, Thresholds])
def test_the_guide_names_every_key(part: type[base.Part]) -> None:
    keys = [field.alias or name for name, field in part.model_fields.items()]
    assert [key for key in keys if key not in GUIDE] == []


def test_the_guide_gives_the_default_of_every_threshold() -> None:
    for name, _, default, _ in Thresholds().rows():
        assert f"| `{name}` | {'none' if default is None else format(default, 'g')} |" in GUIDE
