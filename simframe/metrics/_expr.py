"""What every count-form metric shares: reading arguments, shares, totals by key, and null where undefined."""

from __future__ import annotations

from typing import TypeAlias

import polars as pl

IntoExpr: TypeAlias = "pl.Expr | pl.Series | str | int | float | None"


def as_expr(value: IntoExpr) -> pl.Expr:
    """Read a string as a column name and anything else as itself or a literal."""
    if isinstance(value, pl.Expr):
        return value
    return pl.col(value) if isinstance(value, str) else pl.lit(value)


def numbers(value: IntoExpr) -> pl.Expr:
    """Read a numeric argument as Float64."""
    return as_expr(value).cast(pl.Float64)


def usable(counts: pl.Expr) -> pl.Expr:
    """Tell whether counts can be normalised: all present, finite and non-negative, with a positive total."""
    total = counts.sum()
    return (counts.is_finite() & (counts >= 0)).all(ignore_nulls=False) & (total > 0) & total.is_finite()


def finite(values: pl.Expr) -> pl.Expr:
    """Tell whether every value is present and finite."""
    return values.is_finite().all(ignore_nulls=False)


def shares(counts: pl.Expr) -> pl.Expr:
    """Divide counts by their total. Meaningful only where `usable` holds."""
    return counts / counts.sum()


def ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Divide, with null (never NaN or infinity) where the denominator is zero."""
    return pl.when(denominator != 0).then(numerator / denominator)


def defined(name: str, result: pl.Expr, *conditions: pl.Expr) -> pl.Expr:
    """Name a result and make it null unless every condition is true (an unknown condition is not true)."""
    return pl.when(pl.all_horizontal(conditions)).then(result).alias(name)


def group_totals(counts: pl.Expr, key: pl.Expr) -> pl.Expr:
    """Total the counts by key: one row a distinct key in ascending key order, null keys last.

    Written with a sort and run ends because `over` inside `group_by().agg` is refused by Polars 1.x.
    """
    ordered = key.sort(nulls_last=True)
    run_end = ordered.ne_missing(ordered.shift(-1)) | (pl.int_range(pl.len()) == pl.len() - 1)
    cumulative = counts.sort_by(key, nulls_last=True).cum_sum().filter(run_end)
    return cumulative - cumulative.shift(1, fill_value=0.0)


def spread(by_key: pl.Expr, key: pl.Expr) -> pl.Expr:
    """Give each row its key's entry of a `group_totals` result; null where the key is null."""
    return by_key.gather(key.rank("dense").cast(pl.Int64) - 1)


def total_by(counts: pl.Expr, key: pl.Expr) -> pl.Expr:
    """Give each row the total of the counts that share its key."""
    return spread(group_totals(counts, key), key)


def as_key(value: IntoExpr) -> pl.Expr:
    """Read a grouping argument: categories by their physical code, everything else as it is."""
    return as_expr(value).to_physical()
