"""What the report says, as data: everything here comes from the warehouse by SQL, nothing is computed or worded.

``simframe report --format json`` writes one :class:`Findings`. :func:`json_schema` describes that file; its
``schema_version`` goes up by one whenever a field is renamed, removed or given another meaning. Numbers that are
undefined are null, with a ``reason`` beside them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from simframe.report.records.declared import Block, Item, Level, Option, Pair, Regression, Study
from simframe.report.records.figures import (
    Action,
    Coefficient,
    Coherence,
    Figure,
    ItemDistance,
    Recovery,
    Share,
    Structures,
    Subgroup,
)
from simframe.report.records.panels import Comparison, Focus, Panel, Part, Version
from simframe.report.records.sweep import Condition, Look
from simframe.report.records.verdicts import Rule, Score, Threshold

__all__ = [
    "SCHEMA_VERSION",
    "Action",
    "Block",
    "Coefficient",
    "Coherence",
    "Comparison",
    "Condition",
    "Figure",
    "Findings",
    "Focus",
    "Item",
    "ItemDistance",
    "Level",
    "Look",
    "Option",
    "Pair",
    "Panel",
    "Part",
    "Recovery",
    "Regression",
    "Rule",
    "Score",
    "Share",
    "Structures",
    "Study",
    "Subgroup",
    "Threshold",
    "Version",
    "json_schema",
]

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Findings:
    """Everything the report says about one study."""

    schema_version: int
    simframe_version: str
    study: Study
    reference: Panel
    """The human panel that judges."""
    reference_split: str | None
    """The part of it that judges; null for all of it."""
    parts: list[Part]
    panels: list[Panel]
    """Panels judged by that reference."""
    elsewhere: int
    """Panels of the study judged by another reference, part or study version, not in this report."""
    comparisons: list[Comparison]
    """Everybody who judges panels of the study, this report's among them."""
    versions: list[Version]
    focus: Focus
    rules: list[Rule]
    thresholds: list[Threshold]
    scores: list[Score]
    curves: list[Figure]
    shares: list[Share]
    item_distances: list[ItemDistance]
    structures: list[Structures]
    subgroups: list[Subgroup]
    coherence: list[Coherence]
    actions: list[Action]
    recovery: list[Recovery]
    coefficients: list[Coefficient]
    sweep: list[Condition]
    learning: list[Look]
    prelude: list[str]
    """SQL that sets what ``queries`` read."""
    queries: dict[str, str]
    """SQL behind each list above, by its name."""

    @property
    def evaluated(self) -> bool:
        """Whether any panel has intervals."""
        return any(panel.evaluation_id for panel in self.panels)

    def threshold(self, name: str) -> float | None:
        """Return the value of one threshold."""
        return next(each.value for each in self.thresholds if each.name == name)

    def panel(self, panel_id: str) -> Panel:
        """Return one panel."""
        return next(panel for panel in (self.reference, *self.panels) if panel.panel_id == panel_id)

    def score(self, panel_id: str | None, axis: str) -> Score | None:
        """Return one row of the scorecard."""
        return next((s for s in self.scores if s.panel_id == panel_id and s.axis == axis), None)

    def to_json(self) -> str:
        """Return the file that ``--format json`` writes: strict JSON, no NaN."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of :meth:`Findings.to_json`."""
    from pydantic import TypeAdapter

    return TypeAdapter(Findings).json_schema()
