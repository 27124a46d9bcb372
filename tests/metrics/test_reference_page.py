"""docs/metrics.md is what the registry says."""

from __future__ import annotations

from pathlib import Path

import simframe
from simframe.metrics.reference import page
from simframe.metrics.registry import METRICS


def test_the_page_is_made_from_the_registry() -> None:
    path = Path(simframe.__file__).resolve().parents[1] / "docs/metrics.md"
    assert path.read_text("utf-8") == page(), "run `make docs`"


def test_every_metric_is_defined_once_and_its_uncertainty_told_once() -> None:
    assert [name for name in METRICS if page().count(f"\n| `{name}` |") != 2] == []
