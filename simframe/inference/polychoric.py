"""Polychoric correlations of the declared pairs: an estimate that no view can compute, and its uncertainty.

A likelihood is too dear to be maximised for thousands of replicates. So the correlation, on Fisher's scale, is taken
as normal, with the variance of its linearisation: what one more respondent of each kind would change (the
infinitesimal jackknife, Efron 1982), summed over whole clusters within strata. Replicates are drawn from that law.

- intervals: both sides drawn from their own law.
- floors and p-values: both drawn from the law of the people's correlation, S's with a variance for its own size. The
  ratio has the p-value of the difference: both ask whether the correlations are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

import simframe.metrics as m
from simframe.inference.halving import HALVES, half_against_half
from simframe.inference.memory import remembered
from simframe.inference.pending import Pending, settle
from simframe.inference.resample import Design, stream
from simframe.inference.roster import Place, columns, named, roster
from simframe.inference.sample import Panel
from simframe.metrics.arrays import Floats
from simframe.study import Item, Pair, Study

MOST_CELLS = 200
"""A table with more combinations than this has no interval: each costs two likelihoods to be maximised."""
_STEP = 1e-3
"""Of all respondents: how many are put into a cell, and taken out, to see what that changes."""
_END = 1 - 1e-9
_NO_ORDER = "nominal item without values"


@dataclass(frozen=True)
class _Side:
    """The correlation of one side, its standard error on Fisher's scale, and how many respondents' worth is in it."""

    n: int
    worth: float
    rho: float | None
    error: float | None
    reason: str | None

    def draws(self, rng: np.random.Generator, replicates: int, scale: float = 1.0) -> Floats:
        """Draw the correlation from its law, with its standard error times ``scale``."""
        assert self.rho is not None
        assert self.error is not None
        drawn = np.arctanh(self.rho) + self.error * scale * rng.standard_normal(replicates)
        return np.asarray(np.tanh(drawn), dtype=np.float64)


def polychoric_rows(
    study: Study, reference: Panel, panel: Panel, replicates: int, seed: int
) -> list[dict[str, object]]:
    """Return four rows of ``estimates`` for every declared pair and subgroup: H, S, difference and quotient."""
    waiting: list[Pending] = []
    for pair in study.pairs:
        people, others = _sides_of_people(study, reference, pair.id), _sides(study, panel, pair.id)
        for place, h in people.items():
            rng = stream(seed, *named(panel.panel_id, place), pair.id, "polychoric")
            waiting += _figures(_key(pair) | columns(place), h, others[place], replicates, rng)
    return list(settle(waiting))


def polychoric_halves(study: Study, panel: Panel, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` that compare people with themselves, half against half.

    On Fisher's scale two halves lie as far on either side of all: by an error of the same variance.
    """
    rows: list[dict[str, object]] = []
    for pair in study.pairs:
        for place, people in _sides_of_people(study, panel, pair.id).items():
            if people.error is None or people.rho is None:
                continue
            rng = stream(seed, *named(panel.panel_id, place), pair.id, "polychoric", "halves")
            centre, error = np.arctanh(people.rho), people.error * rng.standard_normal(HALVES)
            h, s = np.tanh(centre + error), np.tanh(centre - error)
            found = {"_h": h, "_s": s, "_inflation": s - h, "_inflation_ratio": s / h}
            common = _key(pair) | columns(place)
            rows += [common | half_against_half(f"polychoric{each}", x, people.n) for each, x in found.items()]
    return rows


def _key(pair: Pair) -> dict[str, object]:
    return {"family": "coherence", "item_id": pair.belief, "item_id_2": pair.action, "term": pair.id}


def _figures(
    key: dict[str, object], h: _Side, s: _Side, replicates: int, rng: np.random.Generator
) -> Iterator[Pending]:
    reasons = [
        f"{side.reason} in the {name}" if side.reason else None for side, name in ((h, "reference"), (s, "panel"))
    ]
    both = reasons[0] or reasons[1]
    gap = ratio = None
    if h.rho is not None and s.rho is not None:
        gap, ratio = s.rho - h.rho, s.rho / h.rho if h.rho else None
    figures: dict[str, tuple[float | None, str | None]] = {
        "_h": (h.rho, reasons[0]),
        "_s": (s.rho, reasons[1]),
        "_inflation": (gap, both),
        "_inflation_ratio": (ratio, both or "no association in the reference"),
    }
    drawn, between = _draws(h, s, replicates, rng)
    for suffix, (estimate, reason) in figures.items():
        kinds = {"bootstrap": drawn, "floor": between, "null": between}
        own = {kind: draws[suffix] for kind, draws in kinds.items() if suffix in draws}
        row = key | {"n_h": h.n, "n_s": s.n, "reason": reason if estimate is None or suffix not in drawn else None}
        yield Pending(row, f"polychoric{suffix}", np.nan if estimate is None else estimate, own)


def _draws(
    h: _Side, s: _Side, replicates: int, rng: np.random.Generator
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return the figures of both panels drawn anew, and those of two samples of people, by suffix."""
    drawn = {suffix: side.draws(rng, replicates) for suffix, side in (("_h", h), ("_s", s)) if side.error is not None}
    if len(drawn) < 2:
        return drawn, {}
    people, others = h.draws(rng, replicates), h.draws(rng, replicates, np.sqrt(h.worth / s.worth))
    between = {"_inflation": others - people, "_inflation_ratio": others / people}
    return drawn | {
        "_inflation": drawn["_s"] - drawn["_h"],
        "_inflation_ratio": drawn["_s"] / drawn["_h"],
    }, between


def _sides(study: Study, panel: Panel, pair_id: str) -> dict[Place, _Side]:
    """Estimate the correlation of a pair in everybody and in every declared subgroup, all likelihoods in one call."""
    pair = next(each for each in study.pairs if each.id == pair_id)
    people, answers = roster(study, panel), _answers(study, pair, panel)
    if answers is None:
        return dict.fromkeys(people.places, _Side(0, 0.0, None, None, _NO_ORDER))
    answered = np.isfinite(answers.sum(axis=1))
    rows = {place: own[answered[own]] for place, own in people.places.items()}
    tables = {place: _Table.of(answers[own], people.design.weight[own]) for place, own in rows.items()}
    rhos = _correlations([(table.cells, table.n) for table in tables.values()])
    found, sure = {}, {}
    for (place, table), rho in zip(tables.items(), rhos, strict=True):
        weight = people.design.weight[rows[place]]
        worth = float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0
        reason = table.no_figure if np.isnan(rho) else table.no_interval(rho)
        found[place] = _Side(len(weight), worth, None if np.isnan(rho) else float(rho), None, reason)
        if reason is None:
            sure[place] = table
    changes = _changes(list(sure.values()))
    for (place, table), change in zip(sure.items(), changes, strict=True):
        variance = _variance(people.design.part(rows[place]), table.change(answers[rows[place]], change))
        error = float(np.sqrt(variance)) / (1 - (found[place].rho or 0.0) ** 2)
        found[place] = replace(found[place], error=error)
    return found


_sides_of_people = remembered(_sides)


@dataclass(frozen=True)
class _Table:
    """Belief and action of every combination that somebody of some weight gave, and the sum of their weights."""

    cells: Floats
    n: Floats

    @classmethod
    def of(cls, answers: Floats, weight: Floats) -> _Table:
        """Count answers, one row a respondent."""
        cells, cell = np.unique(answers[weight > 0], axis=0, return_inverse=True)
        return cls(cells, np.bincount(cell.ravel(), weight[weight > 0], len(cells)).astype(np.float64))

    @property
    def no_figure(self) -> str:
        """Why there is no correlation."""
        if not len(self.n):
            return "no answers to both"
        return "a single belief" if np.ptp(self.cells[:, 0]) == 0 else "a single action"

    def no_interval(self, rho: float) -> str | None:
        """Why there is no interval, if there is none."""
        if abs(rho) > _END:
            return "no interval: a table without exceptions"
        return f"no interval: more than {MOST_CELLS} combinations" if len(self.n) > MOST_CELLS else None

    def change(self, answers: Floats, change: Floats) -> Floats:
        """Return what each respondent changes, from what each cell does; nothing where nobody of weight is in it."""
        known = {tuple(cell): x for cell, x in zip(self.cells.tolist(), change.tolist(), strict=True)}
        return np.array([known.get(tuple(each), 0.0) for each in answers.tolist()])


def _answers(study: Study, pair: Pair, side: Panel) -> Floats | None:
    """Return places of belief and action, a row a respondent in the order of ids; None where either has no order."""
    order = side.respondents.select("respondent_id").sort("respondent_id")
    columns = []
    for name in (pair.belief, pair.action):
        known = places(study.item(name))
        if known is None:
            return None
        answered = side.responses.filter((pl.col("item_id") == name) & ~pl.col("missing")).select(
            "respondent_id", place=pl.col("code").replace_strict(known, default=None, return_dtype=pl.Float64)
        )
        found = order.join(answered, on="respondent_id", how="left", maintain_order="left")
        columns.append(found["place"].fill_null(np.nan).to_numpy())
    return np.stack(columns, axis=1)


def places(item: Item) -> dict[str, float] | None:
    """Return where each code stands in order; None where there is no order. A missing category has no place."""
    if not item.scored_options:
        return {bin_.code: float(place) for place, bin_ in enumerate(item.bins)}
    values = {option.code: option.value for option in item.scored_options}
    if all(value is not None for value in values.values()):
        return {code: float(value) for code, value in values.items() if value is not None}
    return {code: float(place) for place, code in enumerate(values)} if item.scale != "nominal" else None


def _correlations(tables: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Return the correlation of every table, NaN where there is none."""
    sizes = [len(n) for _, n in tables]
    if not sum(sizes):
        return np.full(len(tables), np.nan)
    cells, n = np.concatenate([cells for cells, _ in tables]), np.concatenate([n for _, n in tables])
    frame = pl.DataFrame(
        {"table": np.repeat(np.arange(len(sizes)), sizes), "n": n, "belief": cells[:, 0], "action": cells[:, 1]}
    )
    found = frame.group_by("table").agg(m.polychoric("n", "belief", "action").alias("rho"))
    rho = np.full(len(tables), np.nan)
    rho[found["table"].to_numpy()] = found["rho"].fill_null(np.nan).to_numpy()
    return rho


def _changes(tables: list[_Table]) -> list[Floats]:
    """Return what one more respondent in each cell of each table would change, by central differences."""
    steps = [np.minimum(_STEP * table.n.sum(), table.n / 2) for table in tables]
    moved = [
        (table.cells, n)
        for table, step in zip(tables, steps, strict=True)
        for n in (*(table.n - np.diag(step)), *(table.n + np.diag(step)))
    ]
    found, start, changes = _correlations(moved), 0, []
    for step in steps:
        less, more = found[start : start + 2 * len(step)].reshape(2, -1)
        changes.append(np.asarray((more - less) / (2 * step)))
        start += 2 * len(step)
    return changes


def _variance(design: Design, change: Floats) -> float:
    """Return the variance of the sum of respondents' changes over clusters drawn within strata."""
    units, unit = np.unique(np.stack([design.stratum, design.unit]), axis=1, return_inverse=True)
    z = np.bincount(unit.ravel(), design.weight * np.nan_to_num(change))
    drawn = [z[units[0] == stratum] for stratum in np.unique(units[0])]
    return float(sum(len(own) * own.var(ddof=1) for own in drawn if len(own) > 1))
