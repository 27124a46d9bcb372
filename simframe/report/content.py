"""What a page is made of, before anyone decides how it looks: sections of text, tables and figures, all plain text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table of text. ``marks`` gives cells a standing (see ``words.STANDINGS``), by row and column."""

    columns: list[str]
    rows: list[list[str]]
    caption: str
    groups: list[str] = field(default_factory=list)
    """Heading that each row stands under; empty where there are none."""
    text: tuple[int, ...] = (0,)
    """Columns of words; the others are numbers, set to the right."""
    marks: dict[tuple[int, int], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """One small chart: ``kind`` names the function of ``simframe.report.charts`` that draws ``data``."""

    kind: str
    title: str
    alt: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Block:
    """Part of a section: a heading, sentences, figures, and the numbers behind them."""

    title: str
    text: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    table: Table | None = None
    code: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the page. ``queries`` names the lists of ``Findings`` that its numbers come from."""

    id: str
    title: str
    intro: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    legend: dict[str, str] = field(default_factory=dict)
    """Series in its charts, and what each is called; ``survey`` is people."""
    queries: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Card:
    """The verdict on one axis."""

    title: str
    standing: str
    verdict: str
    sentence: str


@dataclass(frozen=True)
class Answer:
    """What the report says first."""

    lead: str
    findings: list[tuple[str, str]]
    """Questions and answers."""
    about: str
    """What the cards are about; empty where there is nothing to judge."""
    cards: list[Card]
    uses: list[tuple[str, str, list[str]]]
    """(standing, heading, what for)."""
    caveats: list[str]


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    subtitle: str
    facts: list[tuple[str, str]]
    answer: Answer
    sections: list[Section]


def trimmed(table: Table) -> Table:
    """Return a table without its last column where nothing stands in it: notes are rare."""
    if any(row[-1] for row in table.rows) or len(table.columns) < 2:
        return table
    last = len(table.columns) - 1
    return replace(
        table,
        columns=table.columns[:-1],
        rows=[row[:-1] for row in table.rows],
        text=tuple(n for n in table.text if n != last),
    )


def capped(things: list[Any], limit: int, noun: str) -> tuple[list[Any], list[str]]:
    """Return the first ``limit`` things, and a sentence on how many were left out."""
    rest = len(things) - limit
    if rest <= 0:
        return things, []
    return things[:limit], [f"{rest} more {noun} are left out here; the JSON report has all of them."]
