"""From replicates to what stands in a result row: interval, floor and p-value. The one place that knows the method.

**Distances and divergences** are never negative, and between samples biased upward; a bootstrap adds the same bias
again. Near zero, where a panel is as good as people, neither percentiles nor the basic bootstrap cover. But squared
distances, and divergences as they are, behave there as noncentral chi-squared variables (Pardo 2006, Statistical
Inference Based on Divergence Measures, 3). So the interval holds every true distance at which one like the estimate
would be seen (:func:`simframe.inference.laws.noncentral`), under such a law with the mean and variance of the draws:
those of the bootstrap at the estimate, those of panels that do not differ at zero, and between them in between.

**Shares** have Wilson's interval, at the sample size whose variance the bootstrap finds; differences of shares join
those of both sides (Newcombe 1998).

**Other figures** have the bootstrap's normal interval, ``plain``, or ``log`` for ratios, where both panels are alike at
1; ``corrected`` takes the bootstrap's bias off first; ``fisher`` is Fisher's interval of a correlation, with the larger
of his standard error and the bootstrap's, as his is too small where answers are lopsided and the bootstrap's where
hardly any vary.

Standard errors are estimates: intervals reach as many of them as Student's t asks for, at the effective sizes (Kish
1965) of the samples (Hesterberg 2015, What Teachers Should Know about the Bootstrap).

Figures of fitted coefficients are drawn from the coefficients' normal law. Their intervals are ``percentile``: of the
figure itself where it is a count or a rate of this pair of samples (what two fresh samples would give), of the figure
freed of the attenuation by noise where it is a correlation. The distance of two coefficient vectors has an interval
by :func:`simframe.inference.laws.inversion`.

All are clipped to the metric's range and stretched to hold the estimate.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simframe.inference.laws import LEVEL, inversion, noncentral, normal, shares, student, wilson
from simframe.metrics.arrays import Floats

__all__ = [
    "LEVEL",
    "METHOD",
    "METHODS",
    "Drawn",
    "Method",
    "floor",
    "interval",
    "inversion",
    "judge",
    "p_value",
    "spread",
    "wilson",
]

METHOD = "noncentral"
"""Names the method in the settings of an evaluation: under another, the same panel is evaluated anew."""
FLOOR_QUANTILE = 0.95
_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
_ALMOST = 1 - 1e-12
"""A correlation of 1 has no arc tangent."""

Scale = Literal[
    "plain", "corrected", "log", "fisher", "share", "shares", "percentile", "noncentral", "noncentral_square", "none"
]


@dataclass(frozen=True)
class Method:
    """How one metric is judged: the scale of its interval, its range, and the value of a panel just like people.

    ``ideal`` is null for figures of one panel alone, which have neither floor nor p-value. ``side`` is where figures
    count as far off, and which edge of the floor ``floor_q95`` is: ``both`` sides of the ideal, with the upper edge;
    ``below``, with the lower edge, for what people themselves make large; ``above``, with the upper edge, for what
    chance alone keeps small.
    """

    scale: Scale
    low: float
    high: float
    ideal: float | None = 0.0
    side: Literal["both", "above", "below"] = "both"


_DISTANCE, _DIVERGENCE = Method("noncentral_square", 0, 1), Method("noncentral", 0, 1)
_FAR, _BITS = Method("noncentral_square", 0, inf), Method("noncentral", 0, inf)
_DIFFERENCE, _RATIO = Method("plain", -1, 1), Method("log", 0, inf, ideal=1.0)
_SHIFT, _OF_SHARES = Method("plain", -inf, inf), Method("shares", -1, 1)
# Figures of one panel alone.
_SHARE, _ASSOCIATION = Method("share", 0, 1, ideal=None), Method("noncentral_square", 0, 1, ideal=None)
_ASSOCIATED = Method("noncentral", 0, 1, ideal=None)
_INFORMATION, _AMOUNT = Method("noncentral", 0, inf, ideal=None), Method("corrected", 0, inf, ideal=None)
_COUNT = Method("none", 0, inf, ideal=None)
_HITS, _MISSES = Method("percentile", 0, inf, inf, "below"), Method("percentile", 0, inf)
_RECOVERED = Method("percentile", 0, 1, 1.0, "below")
_TWINS = Method("share", 0, 1, 1.0, "above")

METHODS: dict[str, Method] = {
    "total_variation": _DISTANCE,
    "kl_divergence": _BITS,
    "kl_smoothed": _BITS,
    "js_divergence": _DIVERGENCE,
    "js_distance": _DISTANCE,
    "hellinger": _DISTANCE,
    "chi2": Method("none", 0, inf),
    "wasserstein": _FAR,
    "wasserstein_norm": _DISTANCE,
    "ks": _DISTANCE,
    "energy": _FAR,
    "mean_shift": _SHIFT,
    "nonresponse_gap": _OF_SHARES,
    "variance_ratio": _RATIO,
    "sd_ratio": _RATIO,
    "entropy_h": _AMOUNT,
    "entropy_s": _AMOUNT,
    "entropy_ratio": _RATIO,
    "modal_share_gap": _DIFFERENCE,
    "unique_structures_h": _COUNT,
    "unique_structures_s": _COUNT,
    "rarefied_structures_h": _COUNT,
    "rarefied_structures_s": _COUNT,
    "structure_ratio": _RATIO,
    "memorised_share": _SHARE,
    "memorised_share_h": _SHARE,
    "within_variance_ratio": _RATIO,
    "eta2_ratio": _RATIO,
    "group_slope": Method("plain", -inf, inf, ideal=1.0),
    "worst_group_js_distance": _DISTANCE,
    "spread_js_distance": _DISTANCE,
    "belief_action_gap": _OF_SHARES,
    "belief_action_gap_h": _SHARE,
    "belief_action_gap_s": _SHARE,
    "cramers_v_h": _ASSOCIATION,
    "cramers_v_s": _ASSOCIATION,
    "cramers_v_inflation": _DIFFERENCE,
    "cramers_v_inflation_ratio": _RATIO,
    "mutual_information_h": _INFORMATION,
    "mutual_information_s": _INFORMATION,
    "mutual_information_inflation": _SHIFT,
    "mutual_information_inflation_ratio": _RATIO,
    "goodman_kruskal_tau_h": _ASSOCIATED,
    "goodman_kruskal_tau_s": _ASSOCIATED,
    "goodman_kruskal_tau_inflation": _DIFFERENCE,
    "goodman_kruskal_tau_inflation_ratio": _RATIO,
    "spearman_h": Method("fisher", -1, 1, ideal=None),
    "spearman_s": Method("fisher", -1, 1, ideal=None),
    "spearman_inflation": Method("plain", -2, 2),
    # It may be negative, and then has no logarithm.
    "spearman_inflation_ratio": Method("percentile", -inf, inf, ideal=1.0),
    "conditional_js": _DIVERGENCE,
    "conditional_js_coverage": Method("plain", 0, 1, ideal=1.0),
    "cramers_v_partial_h": _ASSOCIATION,
    "cramers_v_partial_s": _ASSOCIATION,
    "cramers_v_partial_inflation": _DIFFERENCE,
    "cramers_v_partial_inflation_ratio": _RATIO,
    "mutual_information_partial_h": _INFORMATION,
    "mutual_information_partial_s": _INFORMATION,
    "mutual_information_partial_inflation": _SHIFT,
    "mutual_information_partial_inflation_ratio": _RATIO,
    "goodman_kruskal_tau_partial_h": _ASSOCIATED,
    "goodman_kruskal_tau_partial_s": _ASSOCIATED,
    "goodman_kruskal_tau_partial_inflation": _DIFFERENCE,
    "goodman_kruskal_tau_partial_inflation_ratio": _RATIO,
    "spearman_partial_h": Method("fisher", -1, 1, ideal=None),
    "spearman_partial_s": Method("fisher", -1, 1, ideal=None),
    "spearman_partial_inflation": Method("plain", -2, 2),
    "spearman_partial_inflation_ratio": Method("percentile", -inf, inf, ideal=1.0),
    "polychoric_h": Method("fisher", -1, 1, ideal=None),
    "polychoric_s": Method("fisher", -1, 1, ideal=None),
    "polychoric_inflation": Method("plain", -2, 2),
    "polychoric_inflation_ratio": Method("percentile", -inf, inf, ideal=1.0),
    "predictability_h": Method("plain", -inf, 1, ideal=None),
    "predictability_s": Method("plain", -inf, 1, ideal=None),
    "predictability_inflation": Method("plain", -inf, inf),
    "predictability_inflation_ratio": Method("log", -inf, inf, ideal=1.0),
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
    "coefficient_distance": Method("none", 0, inf),
    "pearson_r": Method("fisher", -1, 1, 1.0, "above"),
    "demeaned_r": Method("fisher", -1, 1, 1.0, "above"),
    "accuracy": _TWINS,
    "exact_match_rate": _TWINS,
}


_EVERY = METHODS | {"nonresponse_h": _SHARE, "nonresponse_s": _SHARE}
"""With the shares that nonresponse_gap is the difference of, which are no figures."""


@dataclass(frozen=True)
class Drawn:
    """Figures under draws, a row a figure and a column a replicate.

    Under the bootstrap, between samples of people, and between panels that do not differ.
    """

    bootstrap: Floats
    floor: Floats
    null: Floats


def judge(metrics: Sequence[str], observed: Floats, drawn: Drawn, worth: tuple[Floats, Floats]) -> dict[str, Floats]:
    """Judge many figures at once. A difference of shares is joined with its sides elsewhere.

    Args:
        metrics: what each figure is.
        observed: the figures.
        drawn: the same under draws.
        worth: effective sizes behind each figure, people and panel.

    Returns:
        estimate, ci_low, ci_high, floor, floor_q95, p_value: an entry a figure, NaN where there is none.
    """
    methods = [_EVERY[metric] for metric in metrics]
    low, high = _intervals(metrics, observed, drawn.bootstrap, drawn.null, worth)
    middle, edge = _floors(methods, drawn.floor)
    defined = ~np.isnan(observed)
    return {
        "estimate": observed,
        "ci_low": low,
        "ci_high": high,
        "floor": np.where(defined, middle, np.nan),
        "floor_q95": np.where(defined, edge, np.nan),
        "p_value": _p_values(methods, observed, drawn.null),
    }


def scaled(metrics: Sequence[str], floor: Floats, halves: Floats, half_samples: Floats) -> Floats:
    """Return the draws between samples of people, distances corrected for what people's sample does not hold.

    Args:
        metrics: what each figure is.
        floor: draws between samples of people, a row a figure.
        halves: draws between halves of the people, without replacement.
        half_samples: between samples of that size, with replacement.
    """
    far = np.array([_EVERY[metric].scale.startswith("noncentral") for metric in metrics])
    ratio = _moments(halves)[0] / _moments(half_samples)[0]
    known = far & np.isfinite(ratio) & (ratio > 0)
    return np.asarray(floor * np.where(known, ratio, 1.0)[:, None])


def spread(halves: Floats) -> dict[str, Floats]:
    """Return the mean of figures over split halves as their estimate, and where 95 % of them lie as their interval."""
    known = np.where(np.isfinite(halves), halves, np.nan)
    low, high = (_quantile(known, share) for share in _TAILS)
    return {"estimate": np.nanmean(known, axis=1), "ci_low": low, "ci_high": high}


def interval(
    metric: str, estimate: float, replicates: Floats, n: float | None = None, null: Floats | None = None
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of ``estimate`` from bootstrap ``replicates``; (None, None) where there is none.

    Args:
        metric: what it is.
        estimate: the figure.
        replicates: draws of it.
        n: size of the sample, or its worth; infinite where left out.
        null: draws between panels that do not differ, of a divergence or distance.
    """
    size = np.array([inf if n is None else n])
    between = np.empty((1, 0)) if null is None else null[None]
    found = _intervals([metric], np.array([estimate]), replicates[None], between, (size, size))
    low, high = (_number(end) for end in found)
    return low, high


def _intervals(
    metrics: Sequence[str], observed: Floats, bootstrapped: Floats, null: Floats, worth: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    methods = [_EVERY[metric] for metric in metrics]
    low, high = np.full(len(methods), np.nan), np.full(len(methods), np.nan)
    # A figure that draws make infinite has no law to speak of.
    finite = np.isfinite(observed) & ~np.isinf(bootstrapped).any(axis=1)
    drawn = finite & (np.isfinite(bootstrapped).sum(axis=1) > 1)
    freedom, size = _freedom(metrics, worth)
    scales = np.array([method.scale for method in methods])
    for scale in sorted(set(scales) - {"none", "shares"}):
        rows = np.flatnonzero((scales == scale) & drawn)
        if len(rows):
            own = np.array([methods[row].ideal is None for row in rows])
            figures = _Figures(observed[rows], bootstrapped[rows], null[rows], own, student(freedom[rows]), size[rows])
            low[rows], high[rows] = _of_scale(str(scale), figures)
    least, most = (np.array([getattr(method, side) for method in methods]) for side in ("low", "high"))
    low, high = np.clip(low, least, most), np.clip(high, least, most)
    return np.minimum(low, observed), np.maximum(high, observed)


def _freedom(metrics: Sequence[str], worth: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return degrees of freedom, and sizes of samples: of both sides, or the side that a figure is about."""
    h, s = worth
    ends = [metric[-2:] for metric in metrics]
    of_h, of_s = (np.array([end == side for end in ends], dtype=np.bool_) for side in ("_h", "_s"))
    return np.where(of_h, h - 1, np.where(of_s, s - 1, h + s - 2)), np.where(of_s, s, h)


@dataclass(frozen=True)
class _Figures:
    """Figures of one scale; those of one panel alone are its ``own``. ``reach`` is in standard errors."""

    observed: Floats
    bootstrap: Floats
    null: Floats
    own: NDArray[np.bool_]
    reach: Floats
    size: Floats


def _of_scale(scale: str, x: _Figures) -> tuple[Floats, Floats]:
    if scale.startswith("noncentral"):
        return _noncentral(x, 2 if scale == "noncentral_square" else 1)
    mean, variance = _moments(x.bootstrap)
    if scale in ("plain", "corrected"):
        middle, half = 2 * x.observed - mean if scale == "corrected" else x.observed, x.reach * np.sqrt(variance)
        return middle - half, middle + half
    if scale == "share":
        most = x.observed * (1 - x.observed)
        return shares(x.observed, np.where((variance > 0) & (most > 0), most / variance, np.minimum(x.size, 1e12)))
    below, above = (_quantile(x.bootstrap, share) for share in _TAILS)
    if scale == "fisher":
        ends = np.arctanh(np.clip([below, x.observed, above], -_ALMOST, _ALMOST))
        fishers = np.where(x.size > 3, normal() / np.sqrt(np.maximum(x.size - 3, 1e-9)), 0)
        half = np.maximum((ends[2] - ends[0]) / 2, fishers)
        return np.tanh(ends[1] - half), np.tanh(ends[1] + half)
    # A ratio with draws at 0 has no logarithm there.
    flat = (np.minimum(below, x.observed) <= 0) | (scale == "percentile")
    half = x.reach * np.sqrt(_moments(np.log(np.where(x.bootstrap > 0, x.bootstrap, np.nan)))[1])
    low, high = x.observed * np.exp(-half), x.observed * np.exp(half)
    return np.where(flat, below, low), np.where(flat, above, high)


def _noncentral(x: _Figures, power: int) -> tuple[Floats, Floats]:
    """Put distances on the scale where they are divergences."""
    seen = x.observed**power
    mean, variance = _moments(x.bootstrap**power)
    mean_null, variance_null = _moments(x.null**power) if x.null.size else (mean - seen, variance)
    null = np.where(x.own, mean - seen, mean_null), np.where(x.own, variance, variance_null)
    low, high = noncentral(seen, (mean - seen, variance), null, x.reach)
    return low ** (1 / power), high ** (1 / power)


def _moments(drawn: Floats) -> tuple[Floats, Floats]:
    with warnings.catch_warnings(action="ignore"):
        return np.nanmean(drawn, axis=1), np.nanvar(drawn, axis=1)


def _quantile(drawn: Floats, share: float) -> Floats:
    """Return a quantile of every row as numpy.quantile does, NaN left out."""
    ordered, known = np.sort(drawn, axis=1), (~np.isnan(drawn)).sum(axis=1)
    if not drawn.shape[1]:
        return np.full(len(drawn), np.nan)
    place = np.maximum(known - 1, 0) * share
    below = place.astype(np.int64)
    rows, part = np.arange(len(drawn)), place - below
    low, high = ordered[rows, below], ordered[rows, np.minimum(below + 1, drawn.shape[1] - 1)]
    return np.asarray(np.where((part == 0) | (low == high), low, low + (high - low) * part))


def floor(metric: str, between_people: Floats) -> tuple[float | None, float | None]:
    """Return mean and edge of a metric between samples of people: the 95 % quantile, counted from the better side."""
    middle, edge = _floors([_EVERY[metric]], between_people[None])
    return _number(middle), _number(edge)


def _floors(methods: Sequence[Method], between_people: Floats) -> tuple[Floats, Floats]:
    """Return mean and edge of many figures between samples of people; see :func:`judge`."""
    judged = np.array([method.ideal is not None for method in methods]) & ((~np.isnan(between_people)).sum(axis=1) > 1)
    below = np.array([method.side == "below" for method in methods])
    edge = _quantile(between_people, FLOOR_QUANTILE)
    if below.any():
        edge = np.where(below, _quantile(between_people, 1 - FLOOR_QUANTILE), edge)
    with warnings.catch_warnings(action="ignore"):
        middle = np.nanmean(between_people, axis=1) if between_people.size else np.full(len(methods), np.nan)
    return np.where(judged, middle, np.nan), np.where(judged, edge, np.nan)


def p_value(metric: str, estimate: float, permuted: Floats) -> float | None:
    """Return the share of permutations at least as far off as the estimate, which is one (Phipson and Smyth 2010)."""
    return _number(_p_values([_EVERY[metric]], np.array([estimate]), permuted[None]))


def _p_values(methods: Sequence[Method], observed: Floats, null: Floats) -> Floats:
    """Return the p-values of many figures; see :func:`judge`."""
    known = ~np.isnan(null)
    judged = np.array([method.ideal is not None for method in methods]) & ~np.isnan(observed) & (known.sum(axis=1) > 1)
    p = np.full(len(methods), np.nan)
    for method in set(methods):
        rows = np.flatnonzero(judged & np.array([each == method for each in methods]))
        far, extreme = _distance(method, null[rows]), _distance(method, observed[rows])
        # Ties are ties, whatever the order in which shares were summed.
        reach = np.where(np.isinf(extreme), extreme, extreme - 1e-9 * np.abs(extreme) - 1e-12)
        as_far = np.count_nonzero(far >= reach[:, None], axis=1)
        p[rows] = (1 + as_far) / (1 + known[rows].sum(axis=1))
    return p


def _number(one: Floats) -> float | None:
    return float(one[0]) if np.isfinite(one[0]) else None


def _distance(method: Method, x: Floats) -> Floats:
    if method.side != "both":
        return x if method.side == "above" else -x
    if method.scale == "log":
        with np.errstate(divide="ignore"):
            return np.asarray(np.abs(np.log(x)))
    return np.asarray(np.abs(x - (method.ideal or 0.0)))
