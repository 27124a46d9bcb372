"""Whether each simulated twin answers as their own human did. One row a twin pair; pairs with a null are set aside.

Null where fewer than two pairs remain, a side does not vary, or a value is not finite.
"""

from __future__ import annotations

from statistics import NormalDist

import polars as pl

from simframe.errors import MetricError
from simframe.metrics._expr import IntoExpr, codes, defined, equal, finite, number, numbers
from simframe.metrics._plugin import of_rows

__all__ = ["accuracy", "demeaned_r", "exact_match_rate", "pearson_r"]


def _correlation(x: pl.Expr, y: pl.Expr) -> pl.Expr:
    """Pearson correlation of columns without nulls; NaN where a side does not vary. Two passes, for precision."""
    dx, dy = x - x.mean(), y - y.mean()
    return ((dx * dy).sum() / ((dx**2).sum().sqrt() * (dy**2).sum().sqrt())).clip(-1.0, 1.0)


def _varies(x: pl.Expr) -> pl.Expr:
    return x.max() > x.min()


def pearson_r(y: IntoExpr, yhat: IntoExpr, *, level: float = 0.95) -> pl.Expr:
    """Pearson correlation with Fisher's interval: a struct of `r`, `ci_low`, `ci_high` and `n`.

    Agrees with `scipy.stats.pearsonr(...).confidence_interval(level)`; the interval is null under 4 pairs.

    Raises:
        MetricError: a level that is not between 0 and 1.
    """
    if not 0 < number(level, "level") < 1:
        raise MetricError(f"level={level!r} is not between 0 and 1", mend="give a share such as 0.95")
    y, yhat = numbers(y), numbers(yhat)
    paired = y.is_not_null() & yhat.is_not_null()
    x, z = y.filter(paired), yhat.filter(paired)
    n = paired.sum().cast(pl.Int64)
    r = _correlation(x, z)
    half = NormalDist().inv_cdf((1 + level) / 2) / (n - 3).cast(pl.Float64).sqrt()
    conditions = (finite(x), finite(z), _varies(x), _varies(z))
    return pl.struct(
        defined("r", r, *conditions),
        defined("ci_low", (r.arctanh() - half).tanh(), n > 3, *conditions),
        defined("ci_high", (r.arctanh() + half).tanh(), n > 3, *conditions),
        n.alias("n"),
    ).alias("pearson_r")


def accuracy(y: IntoExpr, yhat: IntoExpr, low: float, high: float) -> pl.Expr:
    """One minus the mean absolute error over the declared range: 1 - mean |y - yhat| / (high - low).

    Raises:
        MetricError: a range that is no range.
    """
    if not number(high, "high") > number(low, "low"):
        raise MetricError(
            f"accuracy needs a range with high > low, got low={low!r}, high={high!r}",
            mend="give the smallest and the largest declared option value",
        )
    error = (numbers(y) - numbers(yhat)).drop_nulls().abs()
    return defined("accuracy", 1 - error.mean() / (high - low), finite(error))


def exact_match_rate(y: IntoExpr, yhat: IntoExpr) -> pl.Expr:
    """Share of pairs that gave the very same answer, 0 to 1."""
    return equal(y, yhat).mean().alias("exact_match_rate")


def demeaned_r(y: IntoExpr, yhat: IntoExpr, group: IntoExpr) -> pl.Expr:
    """Correlation after each side's group mean is taken off: are individuals told apart within an arm cell?

    Pairs with a null group are set aside. Null where a side does not vary within any group.
    """
    y, yhat = numbers(y), numbers(yhat)
    paired = y.is_not_null() & yhat.is_not_null()
    return of_rows("demeaned_r", y.filter(paired), yhat.filter(paired), codes(group).filter(paired))
