"""How far apart two answer distributions are on items whose option values have an order and a distance.

Count form as in `divergence`, with `value` the declared option values (raw values for interval items). Rows are put
in the order of `value` first, so their own order does not matter. Null also where a value is missing or not finite.
None of these means anything on a nominal item: whoever knows the scale leaves them out there.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, as_expr, defined, finite, numbers, ratio, shares, usable

__all__ = ["energy", "ks", "mean_shift", "wasserstein", "wasserstein_norm"]


def cdf_gap(p: pl.Expr, q: pl.Expr, value: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Difference of the cumulative shares after each value, and the distance to the next value (null after the last)."""
    return (p - q).sort_by(value).cum_sum(), value.sort().diff().shift(-1)


def earth_moved(p: pl.Expr, q: pl.Expr, value: pl.Expr) -> pl.Expr:
    """Wasserstein-1 distance of shares."""
    gap, step = cdf_gap(p, q, value)
    return (gap.abs() * step).sum()


def wasserstein(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Wasserstein-1 (earth mover's) distance in units of the scale.

    Agrees with `scipy.stats.wasserstein_distance(value, value, h, s)`.
    """
    h, s, value = numbers(h), numbers(s), numbers(value)
    return defined("wasserstein", earth_moved(shares(h), shares(s), value), usable(h), usable(s), finite(value))


def wasserstein_norm(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Wasserstein-1 distance over the width of the declared scale, 0 to 1; null on a scale of one value.

    One minus its mean over items is OpinionQA's representativeness (Santurkar et al. 2023).
    """
    h, s, value = numbers(h), numbers(s), numbers(value)
    distance = ratio(earth_moved(shares(h), shares(s), value), value.max() - value.min())
    return defined("wasserstein_norm", distance, usable(h), usable(s), finite(value))


def ks(h: IntoExpr, s: IntoExpr, value: IntoExpr = None) -> pl.Expr:
    """Kolmogorov-Smirnov statistic: the largest absolute difference of the cumulative shares, 0 to 1.

    Rows are taken in declared order unless `value` is given. Agrees with the statistic of `scipy.stats.ks_2samp`.
    """
    h, s = numbers(h), numbers(s)
    difference = shares(h) - shares(s)
    if value is None:
        return defined("ks", difference.cum_sum().abs().max(), usable(h), usable(s))
    value = as_expr(value)
    # Tied values are one step of the distribution: only the last row of a tie counts.
    ordered = value.sort()
    steps = difference.sort_by(value).cum_sum().filter(ordered.ne_missing(ordered.shift(-1)) | _is_last())
    return defined("ks", steps.abs().max(), usable(h), usable(s), value.is_not_null().all())


def _is_last() -> pl.Expr:
    return pl.int_range(pl.len()) == pl.len() - 1


def energy(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Energy distance, sqrt(2 integral (F - G)^2), in square roots of scale units.

    Agrees with `scipy.stats.energy_distance(value, value, h, s)`.
    """
    h, s, value = numbers(h), numbers(s), numbers(value)
    gap, step = cdf_gap(shares(h), shares(s), value)
    return defined("energy", (2 * (gap**2 * step).sum()).sqrt(), usable(h), usable(s), finite(value))


def mean_shift(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Mean of the compared panel minus mean of the reference, in scale units."""
    h, s, value = numbers(h), numbers(s), numbers(value)
    shift = ((shares(s) - shares(h)) * value).sum()
    return defined("mean_shift", shift, usable(h), usable(s), finite(value))
