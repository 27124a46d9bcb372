"""How far apart two answer distributions are on items whose option values have an order and a distance.

Count form as in `divergence`, with `value` the declared option values (raw values for interval items). Rows are put
in the order of `value` first, so their own order does not matter. Null also where a value is missing or not finite.
None of these means anything on a nominal item: whoever knows the scale leaves them out there.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, numbers
from simframe.metrics._plugin import of_rows

__all__ = ["energy", "ks", "mean_shift", "wasserstein", "wasserstein_norm"]


def wasserstein(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Wasserstein-1 (earth mover's) distance in units of the scale.

    Agrees with `scipy.stats.wasserstein_distance(value, value, h, s)`.
    """
    return of_rows("wasserstein", numbers(h), numbers(s), numbers(value))


def wasserstein_norm(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Wasserstein-1 distance over the width of the declared scale, 0 to 1; null on a scale of one value.

    One minus its mean over items is OpinionQA's representativeness (Santurkar et al. 2023).
    """
    return of_rows("wasserstein_norm", numbers(h), numbers(s), numbers(value))


def ks(h: IntoExpr, s: IntoExpr, value: IntoExpr = None) -> pl.Expr:
    """Kolmogorov-Smirnov statistic: the largest absolute difference of the cumulative shares, 0 to 1.

    Rows are taken in declared order unless `value` is given. Agrees with the statistic of `scipy.stats.ks_2samp`.
    """
    return of_rows("ks", numbers(h), numbers(s), *(() if value is None else (numbers(value),)))


def energy(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Energy distance, sqrt(2 integral (F - G)^2), in square roots of scale units.

    Agrees with `scipy.stats.energy_distance(value, value, h, s)`.
    """
    return of_rows("energy", numbers(h), numbers(s), numbers(value))


def mean_shift(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Mean of the compared panel minus mean of the reference, in scale units."""
    return of_rows("mean_shift", numbers(h), numbers(s), numbers(value))
