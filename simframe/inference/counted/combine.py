"""Figures made of figures, replicate by replicate: means over items, the worst group, variance between groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from simframe.inference.counted.figures import MOMENTS, Key, contrasts
from simframe.inference.panels.sample import Coded
from simframe.metrics.arrays import Floats
from simframe.warehouse.tables import ALL

AVERAGED = {
    "divergence": ("total_variation", "js_distance", "wasserstein_norm"),
    "subgroups": ("total_variation", "js_distance", "wasserstein_norm"),
    "heterogeneity": ("variance_ratio", "entropy_ratio"),
}
"""Metrics of which the mean over the asked items is taken, by family."""
UNKNOWN = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Figure:
    """One metric on the observed panels and under every kind of draw; nothing is drawn where there is a reason.

    ``worth`` is what weights and clusters leave of ``n``, ``effective`` what weights alone do. ``alone`` is mean and
    variance of an association where there is none, ``parts`` the groups whose spread it is, ``tied`` how much too large
    and too small options that are alike may make it.
    """

    observed: float
    draws: dict[str, Floats] = field(default_factory=dict)
    reason: str | None = None
    n: tuple[int, int] = (0, 0)
    worth: tuple[float, float] = (0.0, 0.0)
    effective: tuple[float, float] = (0.0, 0.0)
    alone: tuple[float, float] = UNKNOWN
    parts: tuple[Figure, ...] = ()
    tied: tuple[float, float] = (0.0, 0.0)


def _combine(figures: list[Figure], how: Callable[[Floats], Floats]) -> Figure:
    """Combine figures over the first axis, replicate by replicate; drawn from only where all of them were."""
    reason = next((figure.reason for figure in figures if figure.reason), None)
    observed = float(how(np.array([[figure.observed] for figure in figures]))[0])
    # Of a mean that no item defines, all items: people are not nobody because the panel lacks them.
    defined = [figure for figure in figures if np.isfinite(figure.observed)] or figures
    n, worth, effective = (
        _fewest([getattr(figure, name) for figure in defined]) for name in ("n", "worth", "effective")
    )
    whole = (int(n[0]), int(n[1]))
    if reason:
        return Figure(observed, reason=reason, n=whole, effective=effective)
    draws = {kind: how(np.stack([figure.draws[kind] for figure in figures])) for kind in figures[0].draws}
    return Figure(observed, draws, n=whole, worth=worth, effective=effective)


def _fewest(sizes: list[tuple[float, float]]) -> tuple[float, float]:
    return min((h for h, _ in sizes), default=0), min((s for _, s in sizes), default=0)


def means(figures: dict[Key, Figure], coded: Coded) -> dict[Key, Figure]:
    """Average over the asked items, in every replicate over those that are defined."""
    asked = {question.item.id for question in coded.questions if question.item.answerable}
    chosen: dict[Key, list[Figure]] = {}
    for key, figure in figures.items():
        if key.item_id in asked and key.metric in AVERAGED.get(key.family, ()):
            chosen.setdefault(key._replace(item_id=None), []).append(figure)
    return {key: _mean(parts) for key, parts in chosen.items()}


def _mean(parts: list[Figure]) -> Figure:
    above, below = np.mean([part.tied for part in parts if np.isfinite(part.observed)] or [(0.0, 0.0)], axis=0)
    return replace(_combine(parts, _over_defined), tied=(float(above), float(below)))


def _over_defined(x: Floats) -> Floats:
    """Return the mean over the first axis, NaN left out."""
    return np.asarray(np.nanmean(x, axis=0) if np.isnan(x).any() else x.mean(axis=0))


def extremes(figures: dict[Key, Figure], levels: list[str]) -> dict[Key, Figure]:
    """Find the worst level of an attribute, and the spread over its levels, by item and for the mean."""
    chosen: dict[Key, list[tuple[str, Figure]]] = {}
    for key in sorted((k for k in figures if k.family == "subgroups"), key=lambda k: levels.index(k.level)):
        if key.metric == "js_distance" and np.isfinite(figures[key].observed):
            chosen.setdefault(key._replace(level=ALL), []).append((key.level, figures[key]))
    found = {}
    for key, named in chosen.items():
        parts = [figure for _, figure in named]
        # The first of equals, as in the catalog.
        worst, figure = max(named, key=lambda each: each[1].observed)
        combined = _combine(parts, lambda x: np.nanmax(x, axis=0))
        own = replace(combined, n=figure.n, effective=figure.effective)
        found[key._replace(metric="worst_group_js_distance", level=worst)] = own
        if len(parts) > 1:
            spread = _combine(parts, lambda x: np.nanmax(x, axis=0) - np.nanmin(x, axis=0))
            found[key._replace(metric="spread_js_distance")] = replace(spread, parts=tuple(parts))
    return found


def between_groups(figures: dict[Key, Figure], coded: Coded) -> dict[Key, Figure]:
    """Compare the variance within and between the groups of one attribute that both sides hold, by item."""
    found: dict[Key, Figure] = {}
    for question in coded.questions:
        own = {key: figure for key, figure in figures.items() if key.item_id == question.item.id}
        parts: dict[str, list[Figure]] = {name: [] for name in MOMENTS}
        for key, figure in own.items():
            if key.metric in MOMENTS:
                parts[key.metric].append(figure)
        some = next((key for key in own if key.metric in MOMENTS), None)
        if some is None:
            continue
        weights = zip(parts["weight_h"], parts["weight_s"], strict=True)
        shared = [k for k, (h, s) in enumerate(weights) if h.observed > 0 and s.observed > 0]
        if not shared:
            continue
        parts = {name: [each[k] for k in shared] for name, each in parts.items()}
        first = parts[MOMENTS[0]]
        reason = next((figure.reason for figure in first if figure.reason), None)
        kinds = () if reason else tuple(first[0].draws)
        observed = contrasts([np.array([[f.observed] for f in parts[name]]) for name in MOMENTS], question)
        drawn = {
            kind: contrasts([np.stack([f.draws[kind] for f in parts[name]]) for name in MOMENTS], question)
            for kind in kinds
        }
        n, worth, effective = (
            (sum(getattr(f, name)[0] for f in first), sum(getattr(f, name)[1] for f in first))
            for name in ("n", "worth", "effective")
        )
        for metric, values in observed.items():
            key = Key("heterogeneity", metric, question.item.id, attribute=some.attribute)
            draws = {kind: drawn[kind][metric] for kind in kinds}
            found[key] = Figure(float(values[0]), draws, reason, n, worth, effective)
    return found
