"""Intervals of figures made of others, from the intervals of these: differences, quotients, and the span of groups.

The figures are independent. The variance needed for an end is that found at the ends towards it (Zou and Donner 2008),
about the centres of both laws: where a figure is biased upward, as distances and associations are, its estimate is no
centre.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simframe.metrics.arrays import Floats, Whole

Ends = tuple[Floats, Floats, Floats]
"""Where figures may lie: centre, low end, high end."""


def difference(h: Ends, s: Ends) -> tuple[Floats, Floats]:
    """Return the interval of S - H (Newcombe 1998, method 10, where both are shares)."""
    (at_h, low_h, high_h), (at_s, low_s, high_s) = h, s
    low = at_s - at_h - np.hypot(at_s - low_s, high_h - at_h)
    return low, at_s - at_h + np.hypot(high_s - at_s, at_h - low_h)


def quotient(h: Ends, s: Ends) -> tuple[Floats, Floats]:
    """Return the interval of S / H, neither of which is negative: that of the difference of their logarithms.

    Where H may be 0 there is no upper end: no bounded interval of a quotient can cover (Gleser and Hwang 1987).
    """
    with np.errstate(all="ignore"):
        of_h, of_s = ([np.log(end) for end in side] for side in (h, s))
        low, high = difference((of_h[0], of_h[1], of_h[2]), (of_s[0], of_s[1], of_s[2]))
        # A centre at 0 has no logarithm: there the ends alone speak.
        central = np.isfinite(of_h[0]) & np.isfinite(of_s[0])
        low, high = np.where(central, low, of_s[1] - of_h[2]), np.where(central, high, of_s[2] - of_h[1])
        return np.where(s[1] > 0, np.exp(low), 0.0), np.where(h[1] > 0, np.exp(high), np.inf)


def span(ends: Callable[[Floats], Ends], of: Whole) -> tuple[Floats, Floats]:
    """Return the intervals of how far the largest of several figures lies above the smallest.

    Groups whose intervals reach those of the largest may be the largest, and so for the smallest. The low end holds
    against every pair that may be the two, its tail shared out among them (Bonferroni): the largest of many figures
    that are alike is large by chance. The high end needs none of this, as no pair is farther apart than these two.

    Args:
        ends: centre and ends of every figure, where its tails are divided by so much.
        of: the span that each figure belongs to, from 0.
    """
    centre, low, high = ends(np.ones(len(of)))
    shared = np.ones(len(of))
    rows = [np.flatnonzero(of == k) for k in range(of.max(initial=-1) + 1)]
    for own in rows:
        largest, smallest = high[own] >= low[own].max(), low[own] <= high[own].min()
        both = int((largest & smallest).sum())
        shared[own] = max(1, largest.sum() * smallest.sum() - both - both * (both - 1) // 2)
    _, lower, higher = ends(shared)
    worst = np.array([own[centre[own].argmax()] for own in rows], dtype=np.int64)
    best = np.array([own[centre[own].argmin()] for own in rows], dtype=np.int64)
    farther = difference((centre[best], low[best], high[best]), (centre[worst], low[worst], high[worst]))[1]
    nearer = difference((centre[best], low[best], higher[best]), (centre[worst], lower[worst], high[worst]))[0]
    return nearer, farther
