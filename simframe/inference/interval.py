"""From replicates to what stands in a result row: interval, floor and p-value. The one place that knows the method.

Divergences between samples are biased upward, and resampling adds the same bias again: a percentile interval then lies
above the truth altogether. So intervals are *basic* (reverse percentile) bootstrap intervals, 2 x - x*, which subtract
that bias, on a scale where it is additive (Davison and Hinkley 1997, sections 5.2 and 2.1.3):

- ``square`` for distances, whose squares behave like divergences near zero;
- ``folded`` for Wasserstein distances: the same, but where all answers move one way the distance is the absolute value
  of a difference, which has no bias to take off, so the upper end is at least that of the percentile interval;
- ``log`` for ratios, where both panels are alike at 1;
- ``plain`` for divergences and differences;
- ``fisher`` for correlations of answers: Fisher's interval, with the larger of his standard error and the bootstrap's,
  as his is too small where answers are lopsided and the bootstrap's where hardly any vary;
- ``share`` for means of what lies in 0..1: Wilson's interval, at the sample size whose variance the bootstrap finds.

Figures of fitted coefficients are drawn from the coefficients' normal law. Their intervals are ``percentile``: of the
figure itself where it is a count or a rate of this pair of samples (what two fresh samples would give), of the figure
freed of the attenuation by noise where it is a correlation. The distance of two coefficient vectors has an interval
by :func:`inversion`.

All are clipped to the metric's range and stretched, where the correction has moved them away, to hold the estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from statistics import NormalDist
from typing import Literal

import numpy as np

from simframe.inference.arrays import Floats

LEVEL = 0.95
FLOOR_QUANTILE = 0.95


@dataclass(frozen=True)
class Method:
    """How one metric is judged: the scale of its interval, its range, and the value of a panel just like people.

    ``ideal`` is null for figures of one panel alone, which have neither floor nor p-value. ``side`` is where figures
    count as far off, and which edge of the floor ``floor_q95`` is: ``both`` sides of the ideal, with the upper edge;
    ``below``, with the lower edge, for what people themselves make large; ``above``, with the upper edge, for what
    chance alone keeps small.
    """

    scale: Literal["plain", "square", "folded", "log", "fisher", "share", "percentile"]
    low: float
    high: float
    ideal: float | None = 0.0
    side: Literal["both", "above", "below"] = "both"


_DISTANCE, _DIVERGENCE = Method("square", 0, 1), Method("plain", 0, 1)
_DIFFERENCE, _RATIO = Method("plain", -1, 1), Method("log", 0, inf, ideal=1.0)
_HITS, _MISSES = Method("percentile", 0, inf, inf, "below"), Method("percentile", 0, inf)
_RECOVERED = Method("percentile", 0, 1, 1.0, "below")
_TWINS = Method("share", 0, 1, 1.0, "above")

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
    "polychoric_h": Method("fisher", -1, 1, ideal=None),
    "polychoric_s": Method("fisher", -1, 1, ideal=None),
    "polychoric_inflation": Method("plain", -2, 2),
    "polychoric_inflation_ratio": Method("log", -inf, inf, ideal=1.0),
    "conditional_js": _DIVERGENCE,
    "tp": _HITS,
    "tn": _HITS,
    "fp": _MISSES,
    "fn": _MISSES,
    "sign_reversals": _MISSES,
    "sign_f1": _RECOVERED,
    "sign_precision": _RECOVERED,
    "sign_recall": _RECOVERED,
    "false_positive_rate": Method("percentile", 0, 1),
    "coefficient_coverage": _RECOVERED,
    "coefficient_correlation": Method("percentile", -1, 1, 1.0, "below"),
    "coefficient_distance": Method("square", 0, inf),
    "pearson_r": Method("fisher", -1, 1, 1.0, "above"),
    "demeaned_r": Method("fisher", -1, 1, 1.0, "above"),
    "accuracy": _TWINS,
    "exact_match_rate": _TWINS,
}

_ALMOST = 1 - 1e-12
"""A correlation of 1 has no arc tangent."""
_SCALES: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "plain": (lambda x: x, lambda x: x),
    "square": (np.square, lambda x: np.sqrt(np.maximum(x, 0.0))),
    "log": (np.log, np.exp),
    "fisher": (lambda x: np.arctanh(np.clip(x, -_ALMOST, _ALMOST)), np.tanh),
}
_SCALES["folded"] = _SCALES["square"]


def interval(
    metric: str, estimate: float, replicates: Floats, n: float | None = None
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of ``estimate`` from bootstrap ``replicates``; (None, None) where there is none.

    A ratio with replicates at 0 has no logarithm there: it falls back on percentiles. Correlations and shares of one
    sample take its size ``n``.
    """
    drawn = replicates[np.isfinite(replicates)]
    if not np.isfinite(estimate) or len(drawn) < 2:
        return None, None
    method = METHODS[metric]
    if method.scale == "share" and method.low <= estimate <= method.high:
        spread, most = float(drawn.var(ddof=1)), estimate * (1 - estimate)
        return wilson(estimate, most / spread if spread > 0 and most > 0 else n or 1.0)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    below, above = np.quantile(drawn, tails)
    if method.scale == "percentile" or (method.scale == "log" and min(below, estimate) <= 0):
        low, high = below, above
    else:
        there, back = _SCALES[method.scale]
        if method.scale == "fisher":
            spread = float(np.ptp(there(np.array([below, above])))) / 2
            reach = max(spread, _normal() / np.sqrt(n - 3) if n is not None and n > 3 else 0.0)
            low, high = back(there(np.array(estimate)) + np.array([-reach, reach]))
        else:
            low, high = back(2 * there(np.array(estimate)) - there(np.array([above, below])))
        if method.scale == "folded":
            high = max(high, above)
    low, high = np.clip([low, high], method.low, method.high)
    return float(min(low, estimate)), float(max(high, estimate))


def inversion(difference: Floats, noise: Floats) -> tuple[float, float]:
    """Return the 95 % interval of the length of a vector: the lengths at which one like ``difference`` is likely.

    A difference of estimates is longer than the true one, by its noise. So the interval holds every length t for
    which a true difference of that length, in the direction seen, would be seen longer, and shorter, than
    ``difference`` with a chance of at least 2.5 %.

    Args:
        difference: estimate of the vector.
        noise: draws of its error, one a row.
    """
    seen, size = float(difference @ difference), (noise**2).sum(axis=1)
    if seen == 0.0 or len(noise) < 2:
        return 0.0, 0.0
    along = noise @ (difference / np.sqrt(seen))

    def length(share: float) -> float:
        """Return the true length at which ``share`` of the draws are seen no longer than the difference is."""
        low, high = 0.0, np.sqrt(seen) + np.sqrt(size.max())
        if np.mean(size <= seen) <= share:
            return 0.0
        for _ in range(50):
            middle = (low + high) / 2
            likely = np.mean(middle**2 + 2 * middle * along + size <= seen) > share
            low, high = (middle, high) if likely else (low, middle)
        return float(high)

    return length((1 + LEVEL) / 2), length((1 - LEVEL) / 2)


def floor(metric: str, between_people: Floats) -> tuple[float | None, float | None]:
    """Return mean and edge of a metric between samples of people: the 95 % quantile, counted from the better side."""
    method, drawn = METHODS[metric], between_people[np.isfinite(between_people)]
    if method.ideal is None or len(drawn) < 2:
        return None, None
    quantile = 1 - FLOOR_QUANTILE if method.side == "below" else FLOOR_QUANTILE
    return float(drawn.mean()), float(np.quantile(drawn, quantile))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share among ``n`` respondents, or their worth (Wilson 1927)."""
    z = _normal()
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # At shares of 0 and 1 rounding may leave the estimate outside.
    return max(0.0, float(min(middle - reach, share))), min(1.0, float(max(middle + reach, share)))


def p_value(metric: str, estimate: float, permuted: Floats) -> float | None:
    """Return the share of permutations at least as far off as the estimate, which is one (Phipson and Smyth 2010)."""
    method, drawn = METHODS[metric], permuted[np.isfinite(permuted)]
    if method.ideal is None or not np.isfinite(estimate) or len(drawn) < 2:
        return None
    far, extreme = _distance(method, drawn), _distance(method, np.array([estimate]))[0]
    # Ties are ties, whatever the order in which shares were summed.
    return float((1 + np.count_nonzero(far >= extreme - 1e-9 * abs(extreme) - 1e-12)) / (1 + len(drawn)))


def _distance(method: Method, x: Floats) -> Floats:
    if method.side != "both":
        return x if method.side == "above" else -x
    if method.scale == "log":
        with np.errstate(divide="ignore"):
            return np.asarray(np.abs(np.log(x)))
    return np.asarray(np.abs(x - (method.ideal or 0.0)))


def _normal() -> float:
    return NormalDist().inv_cdf((1 + LEVEL) / 2)
