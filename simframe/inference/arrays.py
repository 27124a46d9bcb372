"""The metrics of many count tables at once, for resampling.

A metric is defined in :mod:`simframe.metrics`. There, one table in ``group_by().agg`` takes some 30 microseconds; here
it takes a tenth of one, and an evaluation needs tens of millions. A test holds every function below to the Polars
expression of the same name.

Shapes: the first axis is the declared option (or value), the second the replicate; results have one entry a replicate,
NaN where the metric is undefined. ``h`` and ``s`` are counts or weights of the reference and the compared panel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shares(counts: Floats) -> Floats:
    """Divide by the total over the first axis; NaN where there are no answers."""
    total = counts.sum(axis=0)
    return counts / np.where(total > 0, total, np.nan)


def _total(terms: Floats) -> Floats:
    total: Floats = terms.sum(axis=0)
    return total


def _quotient(above: Floats, below: Floats) -> Floats:
    return above / np.where(below != 0, below, np.nan)


def _bits_against(p: Floats, q: Floats) -> Floats:
    """Terms p log2(p / q), 0 where p = 0; q is positive wherever p is."""
    held = p > 0
    return p * np.log2(np.where(held, p, 1.0) / np.where(held, q, 1.0))


def total_variation(h: Floats, s: Floats) -> Floats:
    """Half the summed absolute differences of the shares."""
    return _total(np.abs(shares(h) - shares(s))) / 2


def js_divergence(h: Floats, s: Floats) -> Floats:
    """Jensen-Shannon divergence in bits."""
    p, q = shares(h), shares(s)
    middle = (p + q) / 2
    both = _total(_bits_against(p, middle) + _bits_against(q, middle)) / 2
    return np.clip(both, 0.0, 1.0)


def js_distance(h: Floats, s: Floats) -> Floats:
    """Square root of the Jensen-Shannon divergence."""
    return np.sqrt(js_divergence(h, s))


def hellinger(h: Floats, s: Floats) -> Floats:
    """Hellinger distance."""
    gap = _total((np.sqrt(shares(h)) - np.sqrt(shares(s))) ** 2) / 2
    return np.sqrt(np.clip(gap, 0.0, 1.0))


def entropy_ratio(h: Floats, s: Floats) -> Floats:
    """Shannon entropy of S over that of H."""
    p, q = shares(h), shares(s)
    return _quotient(_total(_bits_against(q, np.ones_like(q))), _total(_bits_against(p, np.ones_like(p))))


def modal_share_gap(h: Floats, s: Floats) -> Floats:
    """Largest share of S minus largest share of H."""
    gap: Floats = np.max(shares(s), axis=0) - np.max(shares(h), axis=0)
    return gap


def wasserstein(h: Floats, s: Floats, value: Floats) -> Floats:
    """Wasserstein-1 distance; ``value`` rises."""
    gap = np.cumsum(shares(h) - shares(s), axis=0)[:-1]
    return _total(np.abs(gap) * np.diff(value)[:, None])


def mean_shift(h: Floats, s: Floats, value: Floats) -> Floats:
    """Mean of S minus mean of H."""
    return _total((shares(s) - shares(h)) * value[:, None])


def _variance(counts: Floats, value: Floats) -> Floats:
    p, v = shares(counts), value[:, None]
    variance = (p * (v - (p * v).sum(axis=0)) ** 2).sum(axis=0)
    # A side that gave one value does not vary, whatever the rounding of its mean.
    return np.where((counts > 0).sum(axis=0) == 1, 0.0, variance)


def variance_ratio(h: Floats, s: Floats, value: Floats) -> Floats:
    """Population variance of S over that of H."""
    return _quotient(_variance(s, value), _variance(h, value))


def cramers_v(table: Floats) -> Floats:
    """Cramer's V of belief (first axis) by action (second axis)."""
    total = table.sum(axis=(0, 1))
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    expected = _quotient(rows[:, None] * columns[None], total[None, None])
    freedom = np.minimum((rows > 0).sum(axis=0), (columns > 0).sum(axis=0)) - 1.0
    statistic = np.where(expected > 0, (table - expected) ** 2 / np.where(expected > 0, expected, 1.0), 0.0)
    return np.sqrt(np.clip(_quotient(_quotient(statistic.sum(axis=(0, 1)), total), freedom), 0.0, 1.0))


def conditional_js(h: Floats, s: Floats) -> Floats:
    """Divergence of the actions (second axis) given the belief (first axis), averaged with H's belief shares."""
    by_h, by_s = h.sum(axis=1), s.sum(axis=1)
    shared = (by_h > 0) & (by_s > 0)
    p = h / np.where(shared, by_h, 1.0)[:, None]
    q = s / np.where(shared, by_s, 1.0)[:, None]
    middle = (p + q) / 2
    divergence = (_bits_against(p, middle) + _bits_against(q, middle)).sum(axis=1) / 2
    mean = np.where(shared, shares(by_h) * divergence, 0.0).sum(axis=0)
    return np.where(shared.any(axis=0), np.clip(mean, 0.0, 1.0), np.nan)


def belief_action_gap(table: Floats, against: Floats, judged: Floats) -> Floats:
    """Share that acts against its belief; ``against`` and ``judged`` mark cells of the belief by action table."""
    return _quotient((table * against[..., None]).sum(axis=(0, 1)), (table * judged[..., None]).sum(axis=(0, 1)))


NOMINAL: dict[str, Callable[[Floats, Floats], Floats]] = {
    "js_distance": js_distance,
    "js_divergence": js_divergence,
    "total_variation": total_variation,
    "hellinger": hellinger,
    "entropy_ratio": entropy_ratio,
    "modal_share_gap": modal_share_gap,
}
"""Metrics of any item, on its declared options or bins."""

ORDERED: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "wasserstein": wasserstein,
    "mean_shift": mean_shift,
    "variance_ratio": variance_ratio,
}
"""Metrics of ordinal and interval items, on their values."""
