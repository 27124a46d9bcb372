"""How numbers are written and what things are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from simframe.report.findings import Findings
from simframe.simulate.baselines import BASELINES

T = TypeVar("T")
SPLIT_HALF = "split_half"
"""Stands for the strategy of people compared with people."""
NONE = "–"
ALL = "all"

STRATEGIES = {
    "survey": "People",
    "split_half": "People, split in half",
    "base": "Model, untuned",
    "tuned": "Model, tuned",
    "imported": "Simulated elsewhere",
    **{name: baseline.label[0].upper() + baseline.label[1:] for name, baseline in BASELINES.items()},
}
"""What a strategy is called in legends; an unknown one keeps its own name."""

AXES = {
    "marginals": "Answer shares",
    "heterogeneity": "Variety of answers",
    "subgroups": "Subgroups",
    "coherence": "Beliefs and actions",
    "inference": "Regression coefficients",
    "individuals": "Individuals",
    "memorisation": "Memorisation",
}


def strategy_name(strategy: str) -> str:
    """Return what a strategy is called."""
    return STRATEGIES.get(strategy, strategy.replace("_", " "))


def axis_name(axis: str) -> str:
    """Return what an axis is called."""
    return AXES.get(axis, axis.replace("_", " ").capitalize())


def number(x: float | None, digits: int = 3) -> str:
    """Return a number with a fixed count of decimals, a dash where there is none."""
    if x is None:
        return NONE
    text = f"{x:.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "−")


def count(n: float | None) -> str:
    """Return a count, thousands set off by commas."""
    return NONE if n is None else f"{n:,.0f}"


def percent(x: float | None) -> str:
    """Return a share in per cent, one decimal."""
    return NONE if x is None else f"{number(100 * x, 1)} %"


def points(x: float | None) -> str:
    """Return a difference of shares in percentage points, signed."""
    if x is None:
        return NONE
    text = number(100 * x, 1)
    return f"{'' if text.startswith('−') or text == '0.0' else '+'}{text} points"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return an interval, a dash where there is none."""
    return NONE if low is None or high is None else f"{number(low, digits)} to {number(high, digits)}"


def listed(words: Iterable[str]) -> str:
    """Return words as a list in a sentence."""
    some = list(words)
    return some[0] if len(some) == 1 else f"{', '.join(some[:-1])} and {some[-1]}" if some else ""


def by(rows: Iterable[T], *names: str) -> Iterator[tuple[Any, list[T]]]:
    """Group rows by attributes, in order of first appearance."""
    found: dict[Any, list[T]] = {}
    for row in rows:
        key = tuple(getattr(row, name) for name in names)
        found.setdefault(key[0] if len(key) == 1 else key, []).append(row)
    yield from found.items()


def distinct(labels: list[tuple[str, str]]) -> list[str]:
    """Return (label, code) pairs as labels that differ: the code follows a label that stands twice."""
    often = Counter(label for label, _ in labels)
    return [f"{label} ({code})" if often[label] > 1 else label for label, code in labels]


def _labels(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return labels by code, no two alike."""
    known = list(pairs)
    return dict(zip((code for _, code in known), distinct(known), strict=True))


class Names:
    """What the study and its panels call things."""

    def __init__(self, findings: Findings) -> None:
        study = findings.study
        self.reference = findings.reference.panel_id
        self.items = _labels((item.label, item.item_id) for item in study.items)
        self.pairs = _labels((pair.label, pair.pair_id) for pair in study.pairs)
        self.blocks = _labels((block.label, block.structure_id) for block in study.blocks)
        self.regressions = _labels((each.label, each.regression_id) for each in study.regressions)
        self.levels = {
            (attribute, code): label
            for attribute, some in by(study.levels, "attribute")
            for code, label in _labels((each.label, each.level) for each in some).items()
        }
        self.places = {(each.attribute, each.level): each.position for each in study.levels}
        self.options = {
            item_id: _labels((option.label, option.code) for option in some)
            for item_id, some in by(study.options, "item_id")
        }
        panels = [findings.reference, *findings.panels]
        shown = distinct([(panel.label, panel.panel_id.rpartition("-")[2]) for panel in panels])
        self.panels = dict(zip((panel.panel_id for panel in panels), shown, strict=True))

    def item(self, item_id: str | None) -> str:
        """Return an item's label."""
        return self.items.get(item_id or "", item_id or NONE)

    def compared(self, panel_id: str) -> str:
        """Return what a panel is called among those that are compared: the people who judge are split in half."""
        return STRATEGIES[SPLIT_HALF] if panel_id == self.reference else self.panel(panel_id)

    def panel(self, panel_id: str | None) -> str:
        """Return what a panel is called; two of one name are told apart by their hash."""
        return self.panels.get(panel_id or "", panel_id or NONE)

    def attribute(self, attribute: str) -> str:
        """Return an attribute's label, those of a crossing joined."""
        return " × ".join(self.item(part) for part in attribute.split("*"))

    def level(self, attribute: str, level: str) -> str:
        """Return a subgroup's label."""
        return self.levels.get((attribute, level), level)

    def term(self, family: str, term: str | None) -> str:
        """Return the label of a pair, block or regression."""
        labels = {"coherence": self.pairs, "heterogeneity": self.blocks, "recovery": self.regressions}.get(family, {})
        return labels.get(term or "", term or "")

    def option(self, item_id: str, code: str) -> str:
        """Return an answer's label; two of one label are told apart by their code."""
        return self.options.get(item_id, {}).get(code, code)
