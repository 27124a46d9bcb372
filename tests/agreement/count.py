"""The tables that metrics are expressions over, counted from the answers one respondent at a time.

Nothing of the product counts here: neither its aggregation nor its views. Every table is a Polars frame with a key,
(panel_id, item_id or pair, attribute, level), so that one expression gives the figures of all comparisons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from .people import Case, People
from .study import ABSENT, ATTRIBUTES, BLOCKS, CONTROLS, ITEMS, PAIRS, Item

Key = tuple[str | None, ...]
GROUPINGS = [("all", "all"), *((attribute, level) for attribute, levels in ATTRIBUTES.items() for level in levels)]


@dataclass(frozen=True)
class Side:
    """What one panel answers to one item, one entry a respondent; beside, the weight of the asked and the missing."""

    codes: list[str | None]
    values: np.ndarray
    weight: np.ndarray
    weight_asked: float
    weight_missing: float

    @cached_property
    def n(self) -> int:
        return len(self.codes)

    @cached_property
    def known(self) -> bool:
        return bool(self.n) and self.weight.sum() > 0

    def shares(self, grid: list[str]) -> np.ndarray:
        """Return the weighted share of every code of the grid; NaN where nobody is on it."""
        counts = np.array([self.weight[[code == each for code in self.codes]].sum() for each in grid])
        with np.errstate(invalid="ignore"):
            return counts / counts.sum()

    @cached_property
    def on_grid(self) -> Side:
        keep = [code is not None for code in self.codes]
        codes = [code for code in self.codes if code is not None]
        return Side(codes, self.values[keep], self.weight[keep], self.weight_asked, self.weight_missing)


def side(people: People, item: Item, attribute: str = "all", level: str = "all") -> Side:
    rows = [
        (*item.read(raw), people.weight[k])
        for k, raw in enumerate(_answers(people, item))
        if raw is not ABSENT and people.level(k, attribute) == level
    ]
    kept = [(code, value, w) for code, value, missing, w in rows if not missing]
    return Side(
        codes=[code for code, _, _ in kept],
        values=np.array([np.nan if value is None else value for _, value, _ in kept], dtype=float),
        weight=np.array([w for _, _, w in kept], dtype=float),
        weight_asked=float(sum(w for *_, w in rows)),
        weight_missing=float(sum(w for _, _, missing, w in rows if missing)),
    )


def _answers(people: People, item: Item) -> list[object]:
    """Return the raw answers to an item; those to ``score`` are arithmetic on the others."""
    if item.expression is None:
        return people.answers[item.id]
    hours, mood = ([ITEMS[name].read(raw)[1] for raw in people.answers[name]] for name in ("hours", "mood"))
    return [None if x is None or y is None else x / 4 + y for x, y in zip(hours, mood, strict=True)]


@dataclass(frozen=True)
class Cell:
    """One item of one comparison in one group: both sides of it."""

    case: Case
    item: Item
    attribute: str
    level: str

    @cached_property
    def h(self) -> Side:
        return side(self.case.reference, self.item, self.attribute, self.level)

    @cached_property
    def s(self) -> Side:
        return side(self.case.s, self.item, self.attribute, self.level)

    @property
    def key(self) -> Key:
        return (self.case.panel_id, self.item.id, self.attribute, self.level)


class Tables:
    """Every table of every comparison."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self.cases = list(cases)
        self.groups = [
            (case.within(*each), dict(zip(("attribute", "level"), each, strict=True)))
            for case in self.cases
            for each in GROUPINGS
        ]
        """Every comparison in everybody and in every group."""
        self.cells = {cell.key: cell for case in self.cases for cell in _cells(case)}

    @cached_property
    def options(self) -> pl.DataFrame:
        """One row a declared option or bin, chosen or not."""
        return _frame(row for cell in self.cells.values() for row in _options(cell))

    @cached_property
    def points(self) -> pl.DataFrame:
        """One row a value of an ordered item: those declared (options, ends of the range) and those given."""
        return _frame(row for cell in self.cells.values() if cell.item.ordered for row in _points(cell))

    @cached_property
    def asked(self) -> pl.DataFrame:
        """One row an item: weights of the missing and of all who were asked."""
        return _frame(
            {
                **_named(cell),
                "h": cell.h.weight_asked,
                "s": cell.s.weight_asked,
                "h_missing": cell.h.weight_missing,
                "s_missing": cell.s.weight_missing,
            }
            for cell in self.cells.values()
        )

    @cached_property
    def crosstabs(self) -> pl.DataFrame:
        """One row a (belief, action) combination that the study allows."""
        return _frame(row for case in self.cases for pair in PAIRS for row in _crosstab(case, pair))

    @cached_property
    def strata(self) -> pl.DataFrame:
        """One row a (belief, action, stratum) combination that somebody holds."""
        return _frame({**row, **place} for case, place in self.groups for pair in PAIRS for row in _strata(case, pair))

    @cached_property
    def structures(self) -> pl.DataFrame:
        """One row an answer tuple that either side holds."""
        rows = []
        for case, place in self.groups:
            for block in BLOCKS:
                h, s = (Counter(structures(people, block)) for people in (case.reference, case.s))
                common = {"panel_id": case.panel_id, **place, "block": block}
                rows += [{**common, "h": h[t], "s": s[t]} for t in {**h, **s}]
        return _frame(rows)

    @cached_property
    def vectors(self) -> pl.DataFrame:
        """One row a whole answer vector: its weight on both sides, and how often the pilot holds it."""
        rows = []
        pilots = {case.panel_id: Counter(pilot_vectors(case)) for case in self.cases}
        for case, place in self.groups:
            pilot = pilots[case.panel_id]
            sides = [Counter(), Counter()]
            for people, total in zip((case.reference, case.s), sides, strict=True):
                own = (case.pilot_n or 0) * (people is not case.s)
                for k, (vector, w) in enumerate(zip(vectors(people), people.weight, strict=True)):
                    total[vector] += w if vector and not of_pilot(people, k, own) else 0.0
            rows += [
                {"panel_id": case.panel_id, **place, "h": sides[0][v], "s": sides[1][v], "pilot": pilot[v]}
                for v in {**sides[0], **sides[1]}
            ]
        return _frame(rows)


def _cells(case: Case) -> Iterator[Cell]:
    for item in ITEMS.values():
        for attribute, level in GROUPINGS:
            if attribute == "all" or item.judged:
                yield Cell(case, item, attribute, level)


def _named(cell: Cell) -> dict[str, object]:
    return dict(zip(("panel_id", "item_id", "attribute", "level"), cell.key, strict=True))


def _frame(rows: Iterable[dict]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), infer_schema_length=None)


def _options(cell: Cell) -> Iterator[dict[str, object]]:
    h, s = cell.h.on_grid, cell.s.on_grid
    for code in cell.item.grid:
        own_h, own_s = (x.weight[[c == code for c in x.codes]] for x in (h, s))
        yield {
            **_named(cell),
            "code": code,
            "h": own_h.sum(),
            "s": own_s.sum(),
            "h2": (own_h**2).sum(),
            "s2": (own_s**2).sum(),
            "n_h": h.n,
            "n_s": s.n,
        }


def _points(cell: Cell) -> Iterator[dict[str, object]]:
    declared = list((cell.item.options or {}).values()) + list(cell.item.range or ())
    for value in sorted({*declared, *cell.h.values, *cell.s.values}):
        h, s = (x.weight[x.values == value].sum() for x in (cell.h, cell.s))
        yield {**_named(cell), "value": float(value), "h": h, "s": s}


def pairs(people: People, pair: str, attribute: str = "all", level: str = "all") -> list[tuple[str, str, float]]:
    """Return (belief, action, weight) of those who answered both."""
    belief, action, _ = PAIRS[pair]
    found = []
    for k, raw in enumerate(zip(people.answers[belief], people.answers[action], strict=True)):
        b, a = (ITEMS[name].read(answer)[0::2] for name, answer in zip((belief, action), raw, strict=True))
        if people.level(k, attribute) == level and not b[1] and not a[1] and b[0] is not None and a[0] is not None:
            found.append((b[0], a[0], float(people.weight[k])))
    return found


def controlled(people: People, pair: str) -> list[tuple[str, str, float, str]]:
    """Return (belief, action, weight, stratum) of those who answered both and have every control."""
    attribute = "*".join(CONTROLS[pair])
    strata = {people.level(k, attribute) for k in range(len(people))} - {None}
    return [(*row, stratum) for stratum in sorted(strata) for row in pairs(people, pair, attribute, stratum)]


def _strata(case: Case, pair: str) -> Iterator[dict[str, object]]:
    belief, action, _ = PAIRS[pair]
    sums: list[Counter] = []
    for people in (case.reference, case.s):
        sums.append(Counter())
        for b, a, w, stratum in controlled(people, pair):
            sums[-1][b, a, stratum] += w
    for b, a, stratum in {**sums[0], **sums[1]}:
        yield {
            "panel_id": case.panel_id,
            "pair": pair,
            "belief": ITEMS[belief].grid.index(b),
            "action": ITEMS[action].grid.index(a),
            "stratum": stratum,
            "h": float(sums[0][b, a, stratum]),
            "s": float(sums[1][b, a, stratum]),
        }


def _crosstab(case: Case, pair: str) -> Iterator[dict[str, object]]:
    belief, action, implied = PAIRS[pair]
    for attribute, level in GROUPINGS:
        sums: list[Counter] = []
        for people in (case.reference, case.s):
            sums.append(Counter())
            for b, a, w in pairs(people, pair, attribute, level):
                sums[-1][b, a] += w
        for place_b, b in enumerate(ITEMS[belief].grid):
            for place_a, a in enumerate(ITEMS[action].grid):
                yield {
                    "panel_id": case.panel_id,
                    "pair": pair,
                    "attribute": attribute,
                    "level": level,
                    "belief": place_b,
                    "action": place_a,
                    "action_code": a,
                    "implied": implied.get(b),
                    "h": float(sums[0][b, a]),
                    "s": float(sums[1][b, a]),
                }


def structures(people: People, block: str) -> list[tuple[str, ...]]:
    """Return the answer tuples of those who answered the whole block."""
    items = [ITEMS[name] for name in BLOCKS[block]]
    read = [[item.read(raw) for raw in people.answers[item.id]] for item in items]
    return [tuple(code for code, _, _ in row) for row in zip(*read, strict=True) if not any(m for *_, m in row)]


def vectors(people: People) -> list[tuple[tuple[str, str], ...]]:
    """Return every respondent's answers to the asked items, those left out and those refused alike."""
    asked = [item for item in ITEMS.values() if item.asked]
    return [
        tuple((item.id, raw) for item in asked if not item.read(raw := people.answers[item.id][k])[2])
        for k in range(len(people))
    ]


def of_pilot(people: People, k: int, pilot_n: int) -> bool:
    """Tell whether somebody is of the pilot that was used."""
    return people.split[k] == "pilot" and people.draw[k] < pilot_n


def pilot_vectors(case: Case) -> list[tuple[tuple[str, str], ...]]:
    """Return the vectors of the pilot that was used; nobody's where none was."""
    whole = vectors(case.h)
    drawn = zip(whole, case.h.split, case.h.draw, strict=True)
    return [vector for vector, split, place in drawn if split == "pilot" and vector and place < (case.pilot_n or 0)]
