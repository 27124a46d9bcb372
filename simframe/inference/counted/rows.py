"""From one drawing of every group to rows of ``estimates``: figures of groups, joined, judged, a table of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise

import numpy as np
import polars as pl

from simframe.inference.counted.combine import UNKNOWN, Figure, between_groups, extremes, means
from simframe.inference.counted.figures import HIDDEN, MOMENTS, Key, Tables, figures_of, sizes_of
from simframe.inference.counted.group import KINDS, SCALING, Group
from simframe.inference.counted.independence import unassociated
from simframe.inference.counted.joining import join
from simframe.inference.counted.ties import NONE, tied
from simframe.inference.drawing.counting import Draws
from simframe.inference.judging.halving import UNDEFINED, between_halves
from simframe.inference.judging.interval import TOGETHER, Drawn, judge, scaled
from simframe.inference.panels.sample import Coded
from simframe.metrics.arrays import Floats
from simframe.warehouse.tables import ALL, EVALUATION

OBSERVED = "observed"
"""Stands among the kinds of draws for what was observed."""


def rows_of(
    coded: Coded,
    identity: str,
    replicates: int,
    *,
    drawn: Callable[[Group, Draws], Iterator[tuple[str, Tables]]],
    rows: Callable[[dict[Key, Figure]], dict[str, list[object]]],
    observed: Callable[[Group], tuple[Tables, Tables]] = Group.observed,
) -> pl.DataFrame:
    """Return the rows of table ``estimates`` that one way of drawing gives.

    Args:
        coded: both sides.
        identity: names the random numbers, with the group.
        replicates: how many draws.
        drawn: draws of a group, kind by kind.
        rows: columns of ``estimates`` from figures.
        observed: the counts that figures are taken of, and the heads behind them.
    """
    parts = []
    figures: dict[Key, Figure] = {}
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        for attribute, levels in coded.groups.items():
            kept: dict[Key, Figure] = {}
            for place, level in enumerate(levels):
                draws = Draws.of(identity, attribute, level, replicates=replicates)
                own = _figures(coded, Group.of(coded, attribute, level, place), draws, drawn, observed)
                own |= means(own, coded)
                figures |= {key: figure for key, figure in own.items() if key.metric not in MOMENTS}
                kept |= {key: figure for key, figure in own.items() if key.metric in (*MOMENTS, "js_distance")}
                if len(figures) > TOGETHER:
                    parts.append(rows(figures))
                    figures = {}
            if attribute != ALL:
                figures |= extremes(kept, levels) | between_groups(kept, coded)
        parts.append(rows(figures))
    schema = pl.DataFrame(EVALUATION["estimates"].empty_table()).schema
    nothing: dict[str, None] = dict.fromkeys(schema)
    told = pl.concat(pl.DataFrame(nothing | part, schema=schema) for part in parts)
    return told.filter(~pl.col("metric").is_in(HIDDEN))


def _keyed(figures: dict[Key, Figure]) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {name: [key[k] for key in figures] for k, name in enumerate(Key._fields)}
    for side, name in enumerate("hs"):
        columns[f"n_{name}"] = [figure.n[side] for figure in figures.values()]
        columns[f"effective_{name}"] = [figure.effective[side] for figure in figures.values()]
    return columns


def judged(figures: dict[Key, Figure]) -> dict[str, list[object]]:
    """Return rows with interval, floor and p-value."""
    columns = _keyed(figures)
    observed = np.array([figure.observed for figure in figures.values()])
    metrics = [key.metric for key in figures]
    drawn = {kind: _stacked(figures, kind) for kind in KINDS}
    floor = scaled(metrics, drawn["floor"], drawn["people_halves"], drawn["half_samples"])
    worth = tuple(np.array([figure.worth[side] for figure in figures.values()]) for side in (0, 1))
    null = drawn["null"] if drawn["null"].size or not drawn["bootstrap"].size else floor
    alone = np.array([figure.alone for figure in figures.values()]).reshape(-1, 2).T
    draws = Drawn(drawn["bootstrap"], floor, null, (alone[0], alone[1]))
    found = judge(metrics, observed, draws, (worth[0], worth[1]))
    join(figures, found, draws)
    columns |= {name: _nullable(values) for name, values in found.items()}
    ends = zip(found["ci_low"], found["ci_high"], strict=True)
    columns["reason"] = [_reason(figure, *each) for figure, each in zip(figures.values(), ends, strict=True)]
    return columns


def _stacked(figures: dict[Key, Figure], kind: str) -> Floats:
    """Return the draws of one kind, a row a figure; NaN for figures that have none."""
    length = max((len(figure.draws[kind]) for figure in figures.values() if kind in figure.draws), default=0)
    nothing = np.full(length, np.nan)
    rows = [figure.draws.get(kind, nothing) for figure in figures.values()]
    return np.concatenate(rows).reshape(len(rows), length) if rows else np.empty((0, 0))


def halved(figures: dict[Key, Figure]) -> dict[str, list[object]]:
    """Return rows with the mean over split halves (of ratios, which may have none, the median), and where 95 % lie."""
    columns = _keyed(figures)
    drawn = _stacked(figures, "halves")
    found = between_halves([key.metric for key in figures], drawn)
    columns |= {name: _nullable(values) for name, values in found.items()}
    for name in "hs":
        columns[f"n_{name}"] = [figure.n[0] // 2 for figure in figures.values()]
        columns[f"effective_{name}"] = [figure.effective[0] / 2 for figure in figures.values()]
    reasons = [figure.reason or UNDEFINED for figure in figures.values()]
    known = columns["estimate"]
    columns["reason"] = [None if x is not None else why for x, why in zip(known, reasons, strict=True)]
    return columns


def _nullable(values: Floats) -> list[object]:
    return [float(x) if np.isfinite(x) else None for x in values]


def _reason(figure: Figure, low: float, high: float) -> str | None:
    if figure.reason or np.isfinite([low, high]).all():
        return figure.reason
    if np.isfinite(low):
        return "no upper end: people's own association may be none"
    if np.isinf(figure.observed):
        return "infinite: the panel never gives an answer that people give"
    if np.isnan(figure.observed):
        return "undefined on these answers"
    infinite = any(np.isinf(drawn).any() for drawn in figure.draws.values())
    return "no interval: some draws are infinite" if infinite else None


def _figures(
    coded: Coded,
    group: Group,
    draws: Draws,
    drawn: Callable[[Group, Draws], Iterator[tuple[str, Tables]]],
    observe: Callable[[Group], tuple[Tables, Tables]],
) -> dict[Key, Figure]:
    """Return the figures of one group."""
    tables, heads = observe(group)
    place = (group.attribute, group.level)
    sizes = sizes_of(coded, heads)
    (of_h, of_s), (kish_h, kish_s) = group.worth, group.effective
    if group.few:
        observed = figures_of(coded, place, tables, heads)
        few = {}
        for key, value in observed:
            n_h, n_s = sizes(key)
            few[key] = Figure(float(value[0]), reason=group.few, n=(n_h, n_s), effective=(n_h * kish_h, n_s * kish_s))
        return few
    alone = {
        (pair, f"{metric}_{name}"): law
        for name, design, side, each in zip("hs", group.designs, (tables.h, tables.s), group.worth, strict=True)
        if not design.clustered  # of clusters the bootstrap knows more than their number says
        for pair, metric, law in unassociated(coded, side.n[:, 0], each)
    }
    alike = {(item, metric): bias for item, metric, bias in tied(coded, tables, group.worth)}
    found: dict[Key, dict[str, list[Floats]]] = {}
    every = [(OBSERVED, tables)]
    for part in draws.part(coded.columns * len(KINDS)):
        every += drawn(group, part)
        for distances in (False, True):
            # What was observed and draws of several kinds side by side: one call instead of many.
            kinds = [(kind, counts) for kind, counts in every if (kind in SCALING) is distances]
            if not kinds:
                continue
            ends = list(accumulate((counts.h.n.shape[1] for _, counts in kinds), initial=0))
            own = [(kind, slice(*between)) for (kind, _), between in zip(kinds, pairwise(ends), strict=True)]
            joined = Tables.joined([counts for _, counts in kinds])
            for key, values in figures_of(coded, place, joined, heads, distances=distances):
                kept = found.setdefault(key, {})
                for kind, between in own:
                    kept.setdefault(kind, []).append(values[between])
        every = []
    figures = {}
    for key, drawn_of in found.items():
        n_h, n_s = sizes(key)
        figures[key] = Figure(
            float(drawn_of.pop(OBSERVED)[0][0]),
            {kind: parts[0] if len(parts) == 1 else np.concatenate(parts) for kind, parts in drawn_of.items()},
            n=(n_h, n_s),
            worth=(n_h * of_h, n_s * of_s),
            effective=(n_h * kish_h, n_s * kish_s),
            alone=alone.get((key.term or "", key.metric), UNKNOWN),
            tied=alike.get((key.item_id or "", key.metric), NONE),
        )
    return figures
