"""Whether a panel keeps people apart within groups, or turns groups into stereotypes.

Count form over a long table, one row a group and answer: counts or weights `h` and `s`, the answer's `value`, its
`group`. Rows whose group is null are set aside, and so are groups that either panel lacks: no mean exists to compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from simframe.metrics._expr import IntoExpr, as_key, defined, finite, numbers, ratio, total_by, usable

__all__ = ["eta2_ratio", "group_slope", "within_variance_ratio"]


@dataclass(frozen=True)
class _Grouped:
    """Row-wise pieces of both panels: counts with lonely groups zeroed, and each row's group totals and means."""

    h: pl.Expr
    s: pl.Expr
    total_h: pl.Expr
    total_s: pl.Expr
    mean_h: pl.Expr
    mean_s: pl.Expr
    value: pl.Expr
    conditions: tuple[pl.Expr, ...]


def _grouped(h: IntoExpr, s: IntoExpr, value: IntoExpr, group: IntoExpr) -> _Grouped:
    h, s, value, key = numbers(h), numbers(s), numbers(value), as_key(group)
    conditions = (usable(h), usable(s), finite(value))
    total_h, total_s = total_by(h, key), total_by(s, key)
    shared = ((total_h > 0) & (total_s > 0)).fill_null(value=False)

    def mean(counts: pl.Expr, total: pl.Expr) -> pl.Expr:
        return pl.when(shared).then(total_by(counts * value, key) / total).otherwise(0.0)

    return _Grouped(
        h=pl.when(shared).then(h).otherwise(0.0),
        s=pl.when(shared).then(s).otherwise(0.0),
        total_h=total_h,
        total_s=total_s,
        mean_h=mean(h, total_h),
        mean_s=mean(s, total_s),
        value=value,
        conditions=(*conditions, shared.any()),
    )


def _average(weight: pl.Expr, of: pl.Expr) -> pl.Expr:
    return (weight * of).sum() / weight.sum()


def within_variance_ratio(h: IntoExpr, s: IntoExpr, value: IntoExpr, group: IntoExpr) -> pl.Expr:
    """Mean variance within groups, compared panel over reference, both with the reference's group shares.

    1 is ideal; below 1 the panel's groups are too uniform. Null where no group of the reference varies.
    """
    x = _grouped(h, s, value, group)
    # s / total_s is the answer's share within its group; times total_h it stands with the reference's group share.
    reweighted = pl.when(x.h.is_not_null() & (x.total_s > 0)).then(x.s * x.total_h / x.total_s).otherwise(0.0)
    within_s = _average(reweighted, (x.value - x.mean_s) ** 2)
    within_h = _average(x.h, (x.value - x.mean_h) ** 2)
    return defined("within_variance_ratio", ratio(within_s, within_h), *x.conditions)


def _eta2(counts: pl.Expr, group_mean: pl.Expr, value: pl.Expr) -> pl.Expr:
    mean = _average(counts, value)
    return ratio(_average(counts, (group_mean - mean) ** 2), _average(counts, (value - mean) ** 2))


def eta2_ratio(h: IntoExpr, s: IntoExpr, value: IntoExpr, group: IntoExpr) -> pl.Expr:
    """Share of the variance that lies between groups, compared panel over reference; above 1 is stereotyping.

    Null where either panel does not vary at all or the reference's groups have equal means.
    """
    x = _grouped(h, s, value, group)
    quotient = ratio(_eta2(x.s, x.mean_s, x.value), _eta2(x.h, x.mean_h, x.value))
    return defined("eta2_ratio", quotient, *x.conditions)


def group_slope(h: IntoExpr, s: IntoExpr, value: IntoExpr, group: IntoExpr) -> pl.Expr:
    """Least-squares slope of the compared panel's group means on the reference's, weighted by the reference's groups.

    Below 1 differences between groups are attenuated, above 1 exaggerated. Null where the reference's means are equal.
    """
    x = _grouped(h, s, value, group)
    centred = x.mean_h - _average(x.h, x.mean_h)
    slope = ratio(_average(x.h, centred * x.mean_s), _average(x.h, centred**2))
    return defined("group_slope", slope, *x.conditions)
