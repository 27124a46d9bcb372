"""From replicates to what stands in a result row: interval, floor and p-value. The one place that knows the method.

Divergences between samples are biased upward, and resampling adds the same bias again: a percentile interval then lies
above the truth altogether. So intervals are *basic* (reverse percentile) bootstrap intervals, 2 x - x*, which subtract
that bias, on a scale where it is additive (Davison and Hinkley 1997, sections 5.2 and 2.1.3):

- ``square`` for distances, whose squares behave like divergences near zero;
- ``folded`` for Wasserstein distances: the same, but where all answers move one way the distance is the absolute value
  of a difference, which has no bias to take off, so the upper end is at least that of the percentile interval;
- ``log`` for ratios, where both panels are alike at 1;
- ``plain`` for divergences and differences.

They are clipped to the metric's range and stretched, where the correction has moved them away, to hold the estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from simframe.inference.arrays import Floats

LEVEL = 0.95
FLOOR_QUANTILE = 0.95


@dataclass(frozen=True)
class Method:
    """How one metric is judged: the scale of its interval, its range, and the value of a panel just like people.

    ``ideal`` is null for figures of one panel alone, which have neither floor nor p-value.
    """

    scale: Literal["plain", "square", "folded", "log"]
    low: float
    high: float
    ideal: float | None = 0.0


_DISTANCE, _DIVERGENCE = Method("square", 0, 1), Method("plain", 0, 1)
_DIFFERENCE, _RATIO = Method("plain", -1, 1), Method("log", 0, inf, ideal=1.0)

METHODS: dict[str, Method] = {
    "js_distance": _DISTANCE,
    "js_divergence": _DIVERGENCE,
    "total_variation": _DISTANCE,
    "hellinger": _DISTANCE,
    "wasserstein": Method("folded", 0, inf),
    "wasserstein_norm": Method("folded", 0, 1),
    "mean_shift": Method("plain", -inf, inf),
    "variance_ratio": _RATIO,
    "entropy_ratio": _RATIO,
    "modal_share_gap": _DIFFERENCE,
    "structure_ratio": _RATIO,
    "worst_group_js_distance": _DISTANCE,
    "spread_js_distance": _DIVERGENCE,
    "belief_action_gap": _DIFFERENCE,
    "belief_action_gap_h": Method("plain", 0, 1, ideal=None),
    "belief_action_gap_s": Method("plain", 0, 1, ideal=None),
    "cramers_v_h": Method("square", 0, 1, ideal=None),
    "cramers_v_s": Method("square", 0, 1, ideal=None),
    "cramers_v_inflation": _DIFFERENCE,
    "conditional_js": _DIVERGENCE,
}

_SCALES: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "plain": (lambda x: x, lambda x: x),
    "square": (np.square, lambda x: np.sqrt(np.maximum(x, 0.0))),
    "log": (np.log, np.exp),
}
_SCALES["folded"] = _SCALES["square"]


def interval(metric: str, estimate: float, replicates: Floats) -> tuple[float | None, float | None]:
    """Return the 95 % interval of ``estimate`` from bootstrap ``replicates``; (None, None) where there is none.

    A ratio with replicates at 0 has no logarithm there: it falls back on percentiles.
    """
    drawn = replicates[np.isfinite(replicates)]
    if not np.isfinite(estimate) or len(drawn) < 2:
        return None, None
    method = METHODS[metric]
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    below, above = np.quantile(drawn, tails)
    if method.scale == "log" and min(below, estimate) <= 0:
        low, high = below, above
    else:
        there, back = _SCALES[method.scale]
        low, high = back(2 * there(np.array(estimate)) - there(np.array([above, below])))
        if method.scale == "folded":
            high = max(high, above)
    low, high = np.clip([low, high], method.low, method.high)
    return float(min(low, estimate)), float(max(high, estimate))


def floor(metric: str, between_people: Floats) -> tuple[float | None, float | None]:
    """Return mean and 95 % quantile of a metric between samples of people."""
    drawn = between_people[np.isfinite(between_people)]
    if METHODS[metric].ideal is None or len(drawn) < 2:
        return None, None
    return float(drawn.mean()), float(np.quantile(drawn, FLOOR_QUANTILE))


def p_value(metric: str, estimate: float, permuted: Floats) -> float | None:
    """Return the share of permutations at least as far from the ideal, itself counted (Phipson and Smyth 2010)."""
    method, drawn = METHODS[metric], permuted[np.isfinite(permuted)]
    if method.ideal is None or not np.isfinite(estimate) or len(drawn) < 2:
        return None
    far, extreme = _distance(method, drawn), _distance(method, np.array([estimate]))[0]
    # Ties are ties, whatever the order in which shares were summed.
    return float((1 + np.count_nonzero(far >= extreme * (1 - 1e-9) - 1e-12)) / (1 + len(drawn)))


def _distance(method: Method, x: Floats) -> Floats:
    if method.scale == "log":
        with np.errstate(divide="ignore"):
            return np.asarray(np.abs(np.log(x)))
    return np.asarray(np.abs(x - (method.ideal or 0.0)))
