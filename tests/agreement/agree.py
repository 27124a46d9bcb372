"""Three answers to one question: what a view says, what the Polars expression says, what scipy says."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

RELATIVE = 1e-9
"""Sums of some hundred products in three orders of summation differ by 1e-14; 1e-9 leaves room for a cancelled digit or
five, as in the variance of answers that are nearly all alike. What should be nought is within 1e-12."""

RESULT_KEY = ("panel_id", "item_id", "item_id_2", "attribute", "level", "term")


def rows_of(alignment: pl.DataFrame, family: str, metric: str) -> dict[tuple, float | None]:
    """Return key -> estimate of one metric in the view, and assert what holds of every row.

    A key stands once; NULL has a reason; nothing is NaN.
    """
    rows = alignment.filter(family=family, metric=metric)
    keys = rows.select(RESULT_KEY).rows()
    assert len(set(keys)) == len(keys), f"{metric}: a key stands twice"
    unexplained = rows.filter(pl.col("estimate").is_null() & (pl.col("reason").fill_null("") == ""))
    assert unexplained.is_empty(), f"{metric}: NULL without a reason: {unexplained.select(RESULT_KEY).rows()}"
    assert not rows["estimate"].is_nan().any(), f"{metric}: NaN"
    return dict(zip(keys, rows["estimate"], strict=True))


def by_key(frame: pl.DataFrame, expr: pl.Expr, *key: str) -> dict[tuple, float | None]:
    """Return key -> figure of one expression, aggregated over the rows of each key."""
    found = frame.group_by(*key, maintain_order=True).agg(expr.cast(pl.Float64).alias("x"))
    return dict(zip(found.select(key).rows(), found["x"], strict=True))


def close(a: float | None, b: float | None) -> bool:
    if a is None or b is None or math.isinf(a) or math.isinf(b):
        return a == b
    return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=1e-12)


def agree(sql: Mapping, polars: Mapping, scipy: Mapping, *, least: int) -> None:
    """Assert that all three have the same keys, the same numbers, and the same gaps; ``least`` numbers at least."""
    for other in (polars, scipy):
        assert sql.keys() == other.keys(), f"keys on one side only: {sql.keys() ^ other.keys()}"
    wrong = {
        key: (sql[key], polars[key], scipy[key])
        for key in sql
        if not (close(sql[key], polars[key]) and close(sql[key], scipy[key]))
    }
    assert not wrong, f"(SQL, Polars, scipy): {wrong}"
    defined = sum(value is not None for value in sql.values())
    assert defined >= least, f"only {defined} of {len(sql)} are defined"
