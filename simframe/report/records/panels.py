"""Who answered: people and panels, and the few that are drawn in detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """How many people stand in one part of the human panel."""

    split: str
    respondents: int
    weight: float


@dataclass(frozen=True)
class Comparison:
    """People, or a part of them, and how many panels they judge; each is a report of its own."""

    panel_id: str
    study_hash: str
    reference_split: str | None
    """Null for all of them."""
    panels: int
    chosen: bool
    """Whether this report is about it."""


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
    condition: str
    """All that a plan sets, but pilot size and seed, in one text."""
    way: str
    """How its model was asked: of a condition, all but the model, its weights and its tuning, in one text."""
    wave: bool
    """Whether a baseline has seen the earlier wave too."""
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
    """The untuned model that ``largest`` started from, asked in the same way."""
    logit_chain: str | None
    """Logit chain on the pilot of ``largest``, of the same seed where there is one."""
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
class Version:
    """Another version of the study in the warehouse: its people, and how many panels are judged by them."""

    study_hash: str
    imported: str
    panels: int
    newer: bool
    """Imported after the version of this report."""
