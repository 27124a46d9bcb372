"""The guide to study files knows every key that a study file may have."""

from __future__ import annotations

from pathlib import Path

import pytest

import simframe
from simframe.study import parts
from simframe.study.schema import Study

GUIDE = (Path(simframe.__file__).resolve().parents[1] / "docs/guides/study-files.md").read_text("utf-8")
PARTS = (parts.Option, parts.Bin, parts.Item, parts.Pair, parts.Structure, parts.Crossing, parts.Regression, parts.Data)


@pytest.mark.parametrize("part", [*PARTS, parts.Split, Study])
def test_the_guide_names_every_key(part: type[parts.Part]) -> None:
    keys = [field.alias or name for name, field in part.model_fields.items()]
    assert [key for key in keys if key not in GUIDE] == []
