"""From replicates to what stands in a result row: interval, floor and p-value. The one place that knows the method.

**Distances and divergences** are never negative, and between samples biased upward; a bootstrap adds the same bias
again. Near zero, where a panel is as good as people, neither percentiles nor the basic bootstrap cover. But squared
distances, and divergences as they are, behave there as noncentral chi-squared variables (Pardo 2006, Statistical
Inference Based on Divergence Measures, 3). So the interval holds every true distance at which one like the estimate
would be seen (``noncentral`` of :mod:`simframe.inference.judging.laws`), under such a law with the mean and variance of
the draws: of the bootstrap at the estimate, of panels that do not differ at zero, and between them in between.

**Associations** of one panel are divergences from what its answers would be without them. There the law at zero is
known (:mod:`simframe.inference.counted.independence`). How far two panels' associations are apart, and their ratio,
join the intervals of both sides: a bootstrap sees too little of the noise that makes both too large. The spread of
groups joins theirs (:mod:`simframe.inference.judging.joined`).

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
by :func:`simframe.inference.judging.laws.inversion`.

All are clipped to the metric's range and stretched to hold the estimate.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simframe.inference.judging.laws import LEVEL, noncentral, normal, shares, student, tail
from simframe.inference.judging.methods import EVERY, JOINED, NONCENTRAL, Method
from simframe.inference.judging.summaries import moments, quantiles
from simframe.metrics.arrays import Floats, Whole

__all__ = [
    "LEVEL",
    "METHOD",
    "TOGETHER",
    "Drawn",
    "centres",
    "judge",
    "moments",
    "scaled",
    "spread",
]

METHOD = "joined, all by group, Student, alike, counts of structures"
"""Names the method in the settings of an evaluation: under another, the same panel is evaluated anew.

Give it another name whenever an evaluation says anything else of the same panel: another number, a row or a reason more
or fewer, another column. tests/inference/golden.py holds the figures that go with the name, and is written under a new
one alone.
"""
FLOOR_QUANTILE = 0.95
TOGETHER = 500
"""Figures judged in one call: enough to be quick, few enough for memory."""
_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
Moments = tuple[Floats, Floats]
_SIGNED_RATIOS = (EVERY["spearman_inflation_ratio"], EVERY["polychoric_inflation_ratio"])
_ALMOST = 1 - 1e-12
"""A correlation of 1 has no arc tangent."""


@dataclass(frozen=True)
class Drawn:
    """Figures under draws, a row a figure and a column a replicate.

    Under the bootstrap, between samples of people, and between panels that do not differ. ``alone`` holds mean and
    variance of figures of one panel where there is nothing to see; NaN where that is not known.
    """

    bootstrap: Floats
    floor: Floats
    null: Floats
    alone: Moments | None = None

    def part(self, rows: Whole) -> tuple[Floats, Floats, Moments]:
        """Return the bootstrap's draws of some figures, those that do not differ, and the moments of these alone."""
        unknown = np.full(len(rows), np.nan)
        alone = (self.alone[0][rows], self.alone[1][rows]) if self.alone else (unknown, unknown)
        return self.bootstrap[rows], self.null[rows], alone


def judge(metrics: Sequence[str], observed: Floats, drawn: Drawn, worth: tuple[Floats, Floats]) -> dict[str, Floats]:
    """Judge many figures at once. Figures made of others have no interval yet: ``joining`` of ``counted`` gives it.

    Args:
        metrics: what each figure is.
        observed: the figures.
        drawn: the same under draws.
        worth: effective sizes behind each figure, people and panel.

    Returns:
        estimate, ci_low, ci_high, floor, floor_q95, p_value: an entry a figure, NaN where there is none.
    """
    methods = [EVERY[metric] for metric in metrics]
    low, high = _intervals(metrics, observed, drawn, worth)
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
    far = np.array([EVERY[metric].scale in (*NONCENTRAL, "span") or metric == "chi2" for metric in metrics])
    ratio = moments(halves)[0] / moments(half_samples)[0]
    known = far & np.isfinite(ratio) & (ratio > 0)
    return np.asarray(floor * np.where(known, ratio, 1.0)[:, None])


def spread(halves: Floats) -> dict[str, Floats]:
    """Return the mean of figures over split halves as their estimate, and where 95 % of them lie as their interval."""
    known = np.where(np.isfinite(halves), halves, np.nan)
    low, high = quantiles(known, _TAILS)
    return {"estimate": np.nanmean(known, axis=1), "ci_low": low, "ci_high": high}


def _intervals(
    metrics: Sequence[str], observed: Floats, drawn: Drawn, worth: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    methods = [EVERY[metric] for metric in metrics]
    low, high = np.full(len(methods), np.nan), np.full(len(methods), np.nan)
    # A figure that draws make infinite has no law to speak of.
    finite = np.isfinite(observed) & ~np.isinf(drawn.bootstrap).any(axis=1)
    known = finite & (np.isfinite(drawn.bootstrap).sum(axis=1) > 1)
    freedom, size = _freedom(metrics, worth)
    scales = np.array([method.scale for method in methods])
    for scale in sorted(set(scales) - {"none", *JOINED}):
        rows = np.flatnonzero((scales == scale) & known)
        if len(rows):
            own = np.array([methods[row].ideal is None for row in rows])
            figures = _Figures(observed[rows], *drawn.part(rows), own, student(freedom[rows]), size[rows])
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
    alone: Moments
    own: NDArray[np.bool_]
    reach: Floats
    size: Floats


def _of_scale(scale: str, x: _Figures) -> tuple[Floats, Floats]:
    if scale.startswith("noncentral"):
        return _noncentral(x, 2 if scale == "noncentral_square" else 1)
    mean, variance = moments(x.bootstrap)
    if scale in ("plain", "corrected"):
        middle, half = 2 * x.observed - mean if scale == "corrected" else x.observed, x.reach * np.sqrt(variance)
        return middle - half, middle + half
    if scale == "share":
        most = x.observed * (1 - x.observed)
        return shares(x.observed, np.where((variance > 0) & (most > 0), most / variance, np.minimum(x.size, 1e12)))
    below, above = quantiles(x.bootstrap, _TAILS)
    if scale == "fisher":
        ends = np.arctanh(np.clip([below, x.observed, above], -_ALMOST, _ALMOST))
        fishers = np.where(x.size > 3, normal() / np.sqrt(np.maximum(x.size - 3, 1e-9)), 0)
        half = np.maximum((ends[2] - ends[0]) / 2, fishers)
        return np.tanh(ends[1] - half), np.tanh(ends[1] + half)
    # A ratio with draws at 0 has no logarithm there.
    flat = (np.minimum(below, x.observed) <= 0) | (scale == "percentile")
    half = x.reach * np.sqrt(moments(np.log(np.where(x.bootstrap > 0, x.bootstrap, np.nan)))[1])
    low, high = x.observed * np.exp(-half), x.observed * np.exp(half)
    return np.where(flat, below, low), np.where(flat, above, high)


def _noncentral(x: _Figures, power: int) -> tuple[Floats, Floats]:
    """Put distances on the scale where they are divergences."""
    seen, here, null = _divergence(x, power)
    share = tail(x.reach)
    # A sample of one panel hides cells that nobody is in, and bias with them: it is at most that of nothing there.
    most = np.where(x.own, np.maximum(here[0], null[0]), here[0])
    # Both ends at once.
    both = [np.concatenate([each, each]) for each in (seen, here[1], *null)]
    bias, chance = np.concatenate([most, here[0]]), np.concatenate([1 - share, share])
    low, high = np.split(noncentral(both[0], (bias, both[1]), (both[2], both[3]), chance) ** (1 / power), 2)
    return low, high


def _divergence(x: _Figures, power: int) -> tuple[Floats, Moments, Moments]:
    """Return figures as divergences, bias and variance where they are, and mean and variance where there is none."""
    seen = x.observed**power
    mean, variance = moments(x.bootstrap**power)
    here = mean - seen, variance
    between = moments(x.null**power) if x.null.size else here
    # Of one panel alone: the known law, or that of the bootstrap all the way.
    alone = (np.where(np.isnan(known), each, known) for known, each in zip(x.alone, here, strict=True))
    null = [np.where(x.own, own, other) for own, other in zip(alone, between, strict=True)]
    return seen, here, (null[0], null[1])


def centres(metrics: Sequence[str], observed: Floats, drawn: Drawn) -> Floats:
    """Return, of associations, the true figures whose laws have the estimates in the middle; else the estimates."""
    centre = observed.copy()
    scales = np.array([EVERY[metric].scale if EVERY[metric].ideal is None else "" for metric in metrics])
    for power, scale in enumerate(NONCENTRAL, 1):
        rows = np.flatnonzero((scales == scale) & np.isfinite(observed))
        if len(rows):
            own, nothing = np.ones(len(rows), dtype=np.bool_), np.zeros(len(rows))
            figures = _Figures(observed[rows], *drawn.part(rows), own, nothing, nothing)
            centre[rows] = noncentral(*_divergence(figures, power), 0.5) ** (1 / power)
    return centre


def _floors(methods: Sequence[Method], between_people: Floats) -> tuple[Floats, Floats]:
    """Return mean (of ratios, the median) and edge of many figures between samples of people; see :func:`judge`."""
    judged = np.array([method.ideal is not None for method in methods]) & ((~np.isnan(between_people)).sum(axis=1) > 1)
    below = np.array([method.side == "below" for method in methods])
    edge = np.empty(len(methods))
    for rows, share in ((below, 1 - FLOOR_QUANTILE), (~below, FLOOR_QUANTILE)):
        if rows.any():
            edge[rows] = quantiles(between_people[rows], [share])[0]
    with warnings.catch_warnings(action="ignore"):
        middle = np.nanmean(between_people, axis=1) if between_people.size else np.full(len(methods), np.nan)
        # Of ratios the median: where people's own figure may be next to nothing, there is no mean.
        ratios = np.array([method.scale in ("log", "quotient") or method in _SIGNED_RATIOS for method in methods])
        if ratios.any() and between_people.size:
            middle[ratios] = np.nanmedian(between_people[ratios], axis=1)
    return np.where(judged, middle, np.nan), np.where(judged, edge, np.nan)


def _p_values(methods: Sequence[Method], observed: Floats, null: Floats) -> Floats:
    """Return the p-values of many figures; see :func:`judge`."""
    known = ~np.isnan(null)
    judged = np.array([method.ideal is not None for method in methods]) & ~np.isnan(observed) & (known.sum(axis=1) > 1)
    p = np.full(len(methods), np.nan)
    alike: dict[Method, list[int]] = {}
    for row in np.flatnonzero(judged).tolist():
        alike.setdefault(methods[row], []).append(row)
    for method, places in alike.items():
        rows = np.array(places)
        far, extreme = _distance(method, null[rows]), _distance(method, observed[rows])
        # Ties are ties, whatever the order in which shares were summed.
        reach = np.where(np.isinf(extreme), extreme, extreme - 1e-9 * np.abs(extreme) - 1e-12)
        as_far = np.count_nonzero(far >= reach[:, None], axis=1)
        p[rows] = (1 + as_far) / (1 + known[rows].sum(axis=1))
    return p


def _distance(method: Method, x: Floats) -> Floats:
    if method.side != "both":
        return x if method.side == "above" else -x
    if method.scale in ("log", "quotient"):
        with np.errstate(divide="ignore"):
            return np.asarray(np.abs(np.log(x)))
    return np.asarray(np.abs(x - (method.ideal or 0.0)))
