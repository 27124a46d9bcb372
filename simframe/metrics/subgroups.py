"""Whether a panel keeps people apart within groups, or turns groups into stereotypes.

Count form over a long table, one row a group and answer: counts or weights `h` and `s`, the answer's `value`, its
`group`. Rows whose group is null are set aside, and so are groups that either panel lacks: no mean exists to compare.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, codes, numbers
from simframe.metrics._plugin import of_rows

__all__ = ["eta2_ratio", "group_slope", "within_variance_ratio"]


def within_variance_ratio(h: IntoExpr, s: IntoExpr, value: IntoExpr, group: IntoExpr) -> pl.Expr:
    """Mean variance within groups, compared panel over reference, both with the reference's group shares.

    1 is ideal; below 1 the panel's groups are too uniform. Null where no group of the reference varies.
    """
    return of_rows("within_variance_ratio", numbers(h), numbers(s), numbers(value), codes(group))


def eta2_ratio(h: IntoExpr, s: IntoExpr, value: IntoExpr, group: IntoExpr) -> pl.Expr:
    """Share of the variance that lies between groups, compared panel over reference; above 1 is stereotyping.

    Null where the compared panel does not vary at all or the reference's groups have equal means.
    """
    return of_rows("eta2_ratio", numbers(h), numbers(s), numbers(value), codes(group))


def group_slope(h: IntoExpr, s: IntoExpr, value: IntoExpr, group: IntoExpr) -> pl.Expr:
    """Least-squares slope of the compared panel's group means on the reference's, weighted by the reference's groups.

    Below 1 differences between groups are attenuated, above 1 exaggerated. Null where the reference's means are equal.
    """
    return of_rows("group_slope", numbers(h), numbers(s), numbers(value), codes(group))
