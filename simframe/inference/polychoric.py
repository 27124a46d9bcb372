"""Polychoric correlations of the declared pairs: an estimate that no view can compute, and its uncertainty.

A likelihood is too dear to be maximised for thousands of replicates. So the correlation, on Fisher's scale, is taken
as normal, with the variance of its linearisation: what one more respondent of each kind would change (the
infinitesimal jackknife, Efron 1982), summed over whole clusters within strata. Replicates are drawn from that law.

- intervals: both sides drawn from their own law.
- floors and p-values: both drawn from the law of the people's correlation, S's with a variance for its own size. The
  ratio has the p-value of the difference: both ask whether the correlations are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

import simframe.metrics as m
from simframe.inference.interval import floor, interval, p_value
from simframe.inference.resample import stream
from simframe.inference.sample import Panel, design_of
from simframe.metrics.arrays import Floats
from simframe.study import Item, Pair, Study
from simframe.warehouse.tables import ALL

MOST_CELLS = 200
"""A table with more combinations than this has no interval: each costs two likelihoods to be maximised."""
_STEP = 1e-3
"""Of all respondents: how many are put into a cell, and taken out, to see what that changes."""
_END = 1 - 1e-9
_NOTHING = np.empty(0)


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
    """Return four rows of ``estimates`` for every declared pair: H, S, their difference and their quotient."""
    return [
        row
        for pair in study.pairs
        for row in _rows(
            pair,
            _side(study, pair, reference),
            _side(study, pair, panel),
            replicates,
            stream(seed, panel.panel_id, pair.id, "polychoric"),
        )
    ]


def _rows(pair: Pair, h: _Side, s: _Side, replicates: int, rng: np.random.Generator) -> list[dict[str, object]]:
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
    rows: list[dict[str, object]] = []
    for suffix, (estimate, reason) in figures.items():
        metric, x = f"polychoric{suffix}", np.nan if estimate is None else estimate
        low, high = interval(metric, x, drawn.get(suffix, _NOTHING))
        middle, edge = floor(metric, between.get(suffix, _NOTHING)) if estimate is not None else (None, None)
        p = None
        if gap is not None and estimate is not None and "_inflation" in suffix:
            p = p_value("polychoric_inflation", gap, between.get("_inflation", _NOTHING))
        rows.append(
            {
                "family": "coherence",
                "metric": metric,
                "item_id": pair.belief,
                "item_id_2": pair.action,
                "attribute": ALL,
                "level": ALL,
                "term": pair.id,
                "estimate": estimate,
                "ci_low": low,
                "ci_high": high,
                "floor": middle,
                "floor_q95": edge,
                "p_value": p,
                "reason": reason if estimate is None or low is None else None,
                "n_h": h.n,
                "n_s": s.n,
            }
        )
    return rows


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


def _side(study: Study, pair: Pair, side: Panel) -> _Side:
    """Estimate the correlation in one panel."""
    rows = _answers(study, pair, side)
    if rows is None:
        return _Side(0, 0.0, None, None, "nominal item without values")
    weight = rows["weight"].to_numpy()
    table = (
        rows.filter(pl.col("weight") > 0)
        .group_by("belief", "action", maintain_order=True)
        .agg(n=pl.col("weight").sum())
    )
    table = table.sort("belief", "action")
    rho = table.select(m.polychoric("n", "belief", "action")).item()
    worth = float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0
    if rho is None:
        few = next((name for name in ("belief", "action") if table[name].n_unique() == 1), None)
        return _Side(rows.height, worth, None, None, f"a single {few}" if few else "no answers to both")
    if abs(rho) > _END or table.height > MOST_CELLS:
        why = "a table without exceptions" if abs(rho) > _END else f"more than {MOST_CELLS} combinations"
        return _Side(rows.height, worth, rho, None, f"no interval: {why}")
    changes = table.select("belief", "action").with_columns(change=pl.Series(_changes(table)))
    rows = rows.join(changes, on=["belief", "action"], how="left", maintain_order="left")
    return _Side(rows.height, worth, rho, float(np.sqrt(_variance(rows))) / (1 - rho**2), None)


def _answers(study: Study, pair: Pair, side: Panel) -> pl.DataFrame | None:
    """Return weight, unit, stratum, belief and action of those who answered both; None where either has no order."""
    people = side.respondents.sort("respondent_id")
    design = design_of(people)
    rows = people.select("respondent_id").with_columns(
        weight=pl.Series(design.weight), unit=pl.Series(design.unit), stratum=pl.Series(design.stratum)
    )
    for name, kind in ((pair.belief, "belief"), (pair.action, "action")):
        known = places(study.item(name))
        if known is None:
            return None
        answered = side.responses.filter((pl.col("item_id") == name) & ~pl.col("missing")).select(
            "respondent_id", pl.col("code").replace_strict(known, default=None, return_dtype=pl.Float64).alias(kind)
        )
        rows = rows.join(answered, on="respondent_id", how="left", maintain_order="left")
    return rows.drop_nulls(["belief", "action"])


def places(item: Item) -> dict[str, float] | None:
    """Return where each code stands in order; None where there is no order. A missing category has no place."""
    if not item.scored_options:
        return {bin_.code: float(place) for place, bin_ in enumerate(item.bins)}
    values = {option.code: option.value for option in item.scored_options}
    if all(value is not None for value in values.values()):
        return {code: float(value) for code, value in values.items() if value is not None}
    return {code: float(place) for place, code in enumerate(values)} if item.scale != "nominal" else None


def _changes(table: pl.DataFrame) -> Floats:
    """Return what one more respondent in each cell would change, by central differences."""
    n = table["n"].to_numpy()
    steps = np.minimum(_STEP * n.sum(), n / 2)
    moved = np.concatenate([n - np.diag(steps), n + np.diag(steps)])
    frame = pl.DataFrame({"table": np.repeat(np.arange(len(moved)), len(n)), "n": moved.ravel()}).with_columns(
        pl.Series(name, np.tile(table[name].to_numpy(), len(moved))) for name in ("belief", "action")
    )
    found = frame.group_by("table").agg(m.polychoric("n", "belief", "action")).sort("table")["polychoric"].to_numpy()
    return np.asarray((found[len(n) :] - found[: len(n)]) / (2 * steps), dtype=np.float64)


def _variance(rows: pl.DataFrame) -> float:
    """Return the variance of the sum of respondents' changes over clusters drawn within strata."""
    units = rows.group_by("stratum", "unit", maintain_order=True).agg(
        z=(pl.col("weight") * pl.col("change").fill_null(0.0)).sum()
    )
    parts = units.group_by("stratum", maintain_order=True).agg(pl.col("z").var(ddof=1) * pl.len()).sort("stratum")
    return float(parts["z"].fill_null(0.0).to_numpy().sum())
