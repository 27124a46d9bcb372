"""What the report says, as data: everything here comes from the warehouse by SQL, nothing is computed or worded.

``simframe report --format json`` writes one :class:`Findings`. :func:`json_schema` describes that file; its
``schema_version`` goes up by one whenever a field is renamed, removed or given another meaning. Numbers that are
undefined are null, with a ``reason`` beside them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Item:
    """One item of the study."""

    item_id: str
    label: str
    wording: str | None
    scale: str
    role: str
    unit: str | None
    asked: bool


@dataclass(frozen=True)
class Option:
    """One declared answer, or bin, of an item."""

    item_id: str
    code: str
    label: str
    position: int
    kind: str


@dataclass(frozen=True)
class Level:
    """One declared subgroup."""

    attribute: str
    level: str
    label: str
    position: int
    crossing: bool


@dataclass(frozen=True)
class Block:
    """A declared block of items whose answer tuples count as structures."""

    structure_id: str
    label: str
    items: list[str]


@dataclass(frozen=True)
class Pair:
    """A declared pair of a belief and an action."""

    pair_id: str
    label: str
    belief: str
    action: str


@dataclass(frozen=True)
class Regression:
    """A declared regression."""

    regression_id: str
    label: str
    formula: str
    family: str
    weighted: bool
    covariance: str


@dataclass(frozen=True)
class Study:
    """One version of a study."""

    study_id: str
    study_hash: str
    title: str
    description: str | None
    items: list[Item]
    options: list[Option]
    levels: list[Level]
    blocks: list[Block]
    pairs: list[Pair]
    regressions: list[Regression]


@dataclass(frozen=True)
class Part:
    """How many people stand in one part of the human panel."""

    split: str
    respondents: int
    weight: float


@dataclass(frozen=True)
class Panel:
    """Provenance of one panel. ``pilot_n`` is 0 where there was no pilot; ``published`` is UTC."""

    panel_id: str
    kind: str
    label: str
    source: str | None
    strategy: str
    plan_id: str | None
    plan_hash: str | None
    reference_id: str | None
    reference_split: str | None
    pilot_n: int
    seed: int | None
    model: str | None
    base_fingerprint: str | None
    adapter_fingerprint: str | None
    template_hash: str | None
    n_respondents: int
    n_responses: int
    tokens: int | None
    seconds: float | None
    published: str | None
    simframe_version: str
    versions: dict[str, str]
    settings: dict[str, Any]
    evaluation_id: str | None
    replicates: int | None
    evaluation_seed: int | None


@dataclass(frozen=True)
class Focus:
    """The few panels that are drawn in detail, by panel_id; null where the warehouse has none."""

    best: str | None
    """Tuned panel with the smallest mean js_distance."""
    largest: str | None
    """Tuned panel with the largest pilot."""
    base: str | None
    """The untuned model that ``largest`` started from."""
    logit_chain: str | None
    """Logit chain on the pilot of ``largest``."""
    baseline: str | None
    """Baseline on the pilot of ``largest`` with the smallest mean js_distance."""

    @property
    def drawn(self) -> list[str]:
        """Panels drawn in detail, each once: untuned, tuned, baseline."""
        return list(dict.fromkeys(i for i in (self.base, self.largest, self.best, self.baseline) if i))

    @property
    def all(self) -> list[str]:
        """Every panel named here, each once."""
        return list(dict.fromkeys([*self.drawn, *([self.logit_chain] if self.logit_chain else [])]))


@dataclass(frozen=True)
class Rule:
    """The headline metric of one axis, its ideal and the margin that counts as equal."""

    axis: str
    position: int
    family: str
    metric: str
    choice: int
    per: str
    ideal: float
    floored: bool
    """Whether a figure below the upper edge of its floor is not told apart from people."""
    margin: float | None


@dataclass(frozen=True)
class Threshold:
    """One threshold behind the verdicts."""

    name: str
    value: float | None
    """Null for a margin that is not set: then nothing is called fit on that axis."""
    default_value: float | None
    declared: bool
    """By the study file; otherwise the default."""
    declared_at: str | None
    """Since when it counts, UTC; null for a default that no declaration ever changed."""
    late: bool
    """Set after the first of these panels was published: whoever set it may have seen what it decides."""
    meaning: str


@dataclass(frozen=True)
class Version:
    """Another version of the study in the warehouse: its people, and how many panels are judged by them."""

    study_hash: str
    imported: str
    panels: int
    newer: bool
    """Imported after the version of this report."""


@dataclass(frozen=True)
class Score:
    """One row of the view ``scorecard``; of ``reference`` itself, people split in half."""

    panel_id: str
    axis: str
    position: int
    metric: str | None
    item_id: str | None
    item_id_2: str | None
    attribute: str | None
    level: str | None
    term: str | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    floor: float | None
    floor_q95: float | None
    base_panel_id: str | None
    base_estimate: float | None
    baseline_panel_id: str | None
    baseline_estimate: float | None
    baseline_ci_low: float | None
    baseline_ci_high: float | None
    n_h: int | None
    n_s: int | None
    verdict: str
    fit: str | None
    """Fit for the axis, not fit for it, or undecided; null of people split in half."""
    reason: str | None
    thresholds: str | None
    """Thresholds that are not the defaults."""


@dataclass(frozen=True)
class Figure:
    """One figure of one panel, with its uncertainty; ``term`` is a pair, block or regression."""

    panel_id: str
    family: str
    metric: str
    attribute: str
    level: str
    term: str | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    floor: float | None
    floor_q95: float | None
    n_h: int | None
    n_s: int | None
    reason: str | None


@dataclass(frozen=True)
class Share:
    """Share of one answer: ``p`` of people, ``q`` of the panel."""

    panel_id: str
    item_id: str
    code: str
    position: int
    n_h: int
    n_s: int
    p: float | None
    q: float | None


@dataclass(frozen=True)
class ItemDistance:
    """js_distance of one item."""

    panel_id: str
    item_id: str
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    floor: float | None
    floor_q95: float | None
    reason: str | None


@dataclass(frozen=True)
class Structures:
    """Distinct answer tuples over one block: of people (h) and of the panel (s)."""

    panel_id: str
    structure_id: str
    unique_structures_h: float | None
    unique_structures_s: float | None
    rarefied_structures_h: float | None
    rarefied_structures_s: float | None
    structure_ratio: float | None
    n_h: int | None
    n_s: int | None
    reason: str | None


@dataclass(frozen=True)
class Subgroup:
    """js_distance within one subgroup (metric js_distance), or of the worst level of an attribute."""

    panel_id: str
    metric: str
    attribute: str
    level: str
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    floor: float | None
    floor_q95: float | None
    excess: float | None
    n_h: int | None
    n_s: int | None
    reason: str | None


@dataclass(frozen=True)
class Coherence:
    """One coherence metric of one declared pair."""

    panel_id: str
    pair_id: str
    metric: str
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    floor: float | None
    floor_q95: float | None
    p_value: float | None
    n_h: int | None
    n_s: int | None
    reason: str | None


@dataclass(frozen=True)
class Action:
    """Share of one action given one belief; null where nobody on that side holds the belief."""

    panel_id: str
    pair_id: str
    belief_code: str
    belief_position: int
    action_code: str
    action_position: int
    implied: str | None
    n_h: int
    n_s: int
    p: float | None
    q: float | None
    belief_share_h: float
    belief_share_s: float


@dataclass(frozen=True)
class Recovery:
    """One recovery metric of one declared regression."""

    panel_id: str
    regression_id: str
    metric: str
    estimate: float | None
    n_h: int | None
    n_s: int | None
    reason: str | None


@dataclass(frozen=True)
class Coefficient:
    """One slope: people (h) beside panel (s); class is the sign where p < 0.05, else 0."""

    panel_id: str
    regression_id: str
    term: str
    estimate_h: float | None
    se_h: float | None
    ci_low_h: float | None
    ci_high_h: float | None
    estimate_s: float | None
    se_s: float | None
    ci_low_s: float | None
    ci_high_s: float | None
    class_h: int | None
    class_s: int | None
    covered: bool | None
    reason: str | None


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
