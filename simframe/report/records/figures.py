"""The numbers behind verdicts, a class a list of rows."""

from __future__ import annotations

from dataclasses import dataclass


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
