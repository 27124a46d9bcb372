"""Reading arguments, and null where a native expression is undefined."""

from __future__ import annotations

from math import isfinite
from numbers import Integral, Real
from typing import TypeAlias

import polars as pl

from simframe.errors import MetricError
from simframe.metrics._plugin import kernel

IntoExpr: TypeAlias = "pl.Expr | pl.Series | str | int | float | None"


def as_expr(value: IntoExpr) -> pl.Expr:
    """Read a string as a column name and anything else as itself or a literal.

    Raises:
        MetricError: what is nothing that Polars could read.
    """
    if isinstance(value, pl.Expr):
        return value
    try:
        return pl.col(value) if isinstance(value, str) else pl.lit(value)
    except TypeError as err:
        raise MetricError(f"{value!r} is neither a column nor a value", mend="name a column, or give a number") from err


def numbers(value: IntoExpr) -> pl.Expr:
    """Read a numeric argument as Float64; ComputeError where the column holds anything else.

    Integers, floats and decimals are numbers, and so are truth values, 0 and 1. Text, categories, dates and times are
    none, though Polars would cast some of them, a date to its days since 1970.
    """
    if value is None or isinstance(value, (int, float)):
        return pl.lit(value, dtype=pl.Float64)
    return kernel("numbers", as_expr(value)).cast(pl.Float64)


def codes(value: IntoExpr) -> pl.Expr:
    """Read a grouping argument of any type as dense ranks, 1 the smallest; null stays null."""
    return as_expr(value).to_physical().rank("dense").cast(pl.Float64)


def scalar(value: IntoExpr) -> pl.Expr:
    """Read an argument that is one number: itself, an aggregated expression, or the column that repeats it."""
    return numbers(pl.col(value)).first() if isinstance(value, str) else numbers(value)


def keyed(value: IntoExpr) -> pl.Expr:
    """Read what tells rows apart as text; ComputeError where the column holds lists, structs, bytes or durations."""
    key = as_expr(value)
    return pl.when(kernel("key", key) == 1).then(key.cast(pl.String))


def equal(one: IntoExpr, other: IntoExpr) -> pl.Expr:
    """Tell whether two answers are the same; ComputeError where none could be, as of text and numbers."""
    one, other = as_expr(one), as_expr(other)
    # The check stands first: what Polars itself makes of such a comparison names no column, or is an answer.
    return (kernel("alike", one, other) == 1) & (one == other)


def whole(value: object, what: str, least: int, most: int) -> int:
    """Read a setting that is a whole number.

    Raises:
        MetricError: it is none, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        raise MetricError(f"{what}={value!r} is out of range", mend=f"give a whole number from {least} to {most}")
    return int(value)


def number(value: object, what: str) -> float:
    """Read a setting that is a finite number.

    Raises:
        MetricError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
        raise MetricError(f"{what}={value!r} is no number", mend="give a finite number")
    return float(value)


def countable(counts: pl.Expr) -> pl.Expr:
    """Tell whether every count is present, finite and not negative."""
    return (counts.is_finite() & (counts >= 0)).all(ignore_nulls=False)


def usable(counts: pl.Expr) -> pl.Expr:
    """Tell whether counts can be normalised: countable, with a positive and finite total."""
    total = counts.sum()
    return countable(counts) & (total > 0) & total.is_finite()


def finite(values: pl.Expr) -> pl.Expr:
    """Tell whether every value is present and finite."""
    return values.is_finite().all(ignore_nulls=False)


def defined(name: str, result: pl.Expr, *conditions: pl.Expr) -> pl.Expr:
    """Name a result and make it null unless every condition is true (an unknown condition is not true)."""
    return pl.when(pl.all_horizontal(conditions)).then(result).alias(name)
