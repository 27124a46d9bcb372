"""What the scorecard says, and what it takes to say so."""

from __future__ import annotations

from dataclasses import dataclass


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
