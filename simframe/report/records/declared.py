"""What was asked: one version of a study."""

from __future__ import annotations

from dataclasses import dataclass


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
