"""Tables of belief and action, the polychoric correlation of many at once, and what each respondent changes in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

import simframe.metrics as m
from simframe.inference.drawing.resample import Design
from simframe.metrics.arrays import Floats

MOST_CELLS = 200
"""A table with more combinations than this has no interval: each costs a likelihood to be maximised."""
_STEP = 1e-3
"""Of all respondents: how many are put into a cell, to see what that changes."""
_END = 1 - 1e-9


@dataclass(frozen=True)
class Table:
    """Belief and action of every combination that somebody of some weight gave, and the sum of their weights."""

    cells: Floats
    n: Floats

    @classmethod
    def of(cls, answers: Floats, weight: Floats) -> Table:
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
        own = (answers[:, :1] == self.cells[:, 0]) & (answers[:, 1:] == self.cells[:, 1])
        return np.where(own.any(axis=1), np.nan_to_num(change)[own.argmax(axis=1)], 0.0)


def correlations(tables: Sequence[tuple[Floats, Floats]]) -> Floats:
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


def changes_of(tables: Sequence[tuple[Table, float]]) -> list[Floats]:
    """Return what one more respondent in each cell of each table would change in its correlation.

    By differences to one side: those to both cost twice as many likelihoods, for an error of a thousandth.
    """
    steps = [_STEP * table.n.sum() for table, _ in tables]
    moved = [
        (table.cells, n)
        for (table, _), step in zip(tables, steps, strict=True)
        for n in table.n + step * np.eye(len(table.n))
    ]
    found, start, changes = correlations(moved), 0, []
    for (table, rho), step in zip(tables, steps, strict=True):
        changes.append(np.asarray((found[start : start + len(table.n)] - rho) / step))
        start += len(table.n)
    return changes


def variance(design: Design, change: Floats) -> float:
    """Return the variance of the sum of respondents' changes over clusters drawn within strata."""
    units, unit = np.unique(np.stack([design.stratum, design.unit]), axis=1, return_inverse=True)
    z = np.bincount(unit.ravel(), design.weight * np.nan_to_num(change))
    drawn = [z[units[0] == stratum] for stratum in np.unique(units[0])]
    return float(sum(len(own) * own.var(ddof=1) for own in drawn if len(own) > 1))
