"""Whether a panel keeps people apart within groups, or turns groups into stereotypes.

Count form over a long table, one row a group and answer: counts or weights `h` and `s`, the answer's `value`, its
`group`. Rows whose group is null are set aside, and so are groups that either panel lacks: no mean exists to compare.
The worst group, the spread and the excess take distances that are computed already, one row a group.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, codes, defined, numbers
from simframe.metrics._plugin import of_rows

__all__ = [
    "eta2_ratio",
    "excess",
    "group_slope",
    "spread_js_distance",
    "within_variance_ratio",
    "worst_group_js_distance",
]


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


def worst_group_js_distance(js_distance: IntoExpr) -> pl.Expr:
    """Largest `js_distance` over the levels of an attribute, one row a level; null where none is defined."""
    return numbers(js_distance).fill_nan(None).max().alias("worst_group_js_distance")


def spread_js_distance(js_distance: IntoExpr) -> pl.Expr:
    """Largest minus smallest `js_distance` over the levels of an attribute; null where fewer than two are defined."""
    distance = numbers(js_distance).fill_nan(None)
    return defined("spread_js_distance", distance.max() - distance.min(), distance.count() > 1)


def excess(estimate: IntoExpr, floor: IntoExpr) -> pl.Expr:
    """Take the floor off every estimate: groups of unequal size have unequal floors."""
    return (numbers(estimate) - numbers(floor)).fill_nan(None).alias("excess")
