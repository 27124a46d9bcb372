"""Reading arguments, and null where a native expression is undefined."""

from __future__ import annotations

from typing import TypeAlias

import polars as pl

from simframe.metrics._plugin import kernel

IntoExpr: TypeAlias = "pl.Expr | pl.Series | str | int | float | None"


def as_expr(value: IntoExpr) -> pl.Expr:
    """Read a string as a column name and anything else as itself or a literal."""
    if isinstance(value, pl.Expr):
        return value
    return pl.col(value) if isinstance(value, str) else pl.lit(value)


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
