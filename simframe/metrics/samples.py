"""Distances between two samples of raw values, where there are no counts: computed by the C++ kernels.

Two forms of each. `sample_*` aggregates columns: `x` and `y` may differ in length, so each side may be a filter of
the same column. `list_*` takes one list a side and row, and gives one number a row.

A null value is dropped, together with its weight. The result is null where a side is empty, a value that remains is
NaN or infinite, its weight is null, NaN, negative or infinite, or a side's weights sum to zero. Values and weights of
different length, or a list that holds no numbers, are an error that names the column.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, as_expr, numbers
from simframe.metrics._plugin import kernel

__all__ = [
    "list_energy_distance",
    "list_ks",
    "list_wasserstein",
    "sample_energy_distance",
    "sample_ks",
    "sample_wasserstein",
]


def _gathered(name: str, *samples: IntoExpr) -> pl.Expr:
    return kernel(name, *(pl.lit(None) if sample is None else numbers(sample).implode() for sample in samples))


def _listed(name: str, *samples: IntoExpr) -> pl.Expr:
    return kernel(name, *(as_expr(sample) for sample in samples))


def sample_wasserstein(x: IntoExpr, y: IntoExpr, x_weight: IntoExpr = None, y_weight: IntoExpr = None) -> pl.Expr:
    """Wasserstein-1 distance between two samples, in their unit.

    Agrees with `scipy.stats.wasserstein_distance(x, y, x_weight, y_weight)` within 1e-12 of the values' range.
    """
    return _gathered("sample_wasserstein", x, y, x_weight, y_weight).alias("sample_wasserstein")


def sample_energy_distance(x: IntoExpr, y: IntoExpr, x_weight: IntoExpr = None, y_weight: IntoExpr = None) -> pl.Expr:
    """Energy distance between two samples, sqrt(2 integral (F - G)^2).

    Agrees with `scipy.stats.energy_distance(x, y, x_weight, y_weight)`.
    """
    return _gathered("sample_energy_distance", x, y, x_weight, y_weight).alias("sample_energy_distance")


def sample_ks(x: IntoExpr, y: IntoExpr, x_weight: IntoExpr = None, y_weight: IntoExpr = None) -> pl.Expr:
    """Kolmogorov-Smirnov statistic: the largest absolute difference of the two distribution functions, 0 to 1.

    Agrees with the statistic of `scipy.stats.ks_2samp(x, y)` within 1e-12; weighted, the distribution functions are
    those of the weights. Tied values are one step.
    """
    return _gathered("sample_ks", x, y, x_weight, y_weight).alias("sample_ks")


def list_wasserstein(x: IntoExpr, y: IntoExpr, x_weight: IntoExpr = None, y_weight: IntoExpr = None) -> pl.Expr:
    """Wasserstein-1 distance between the samples in each row's lists; see `sample_wasserstein`."""
    return _listed("sample_wasserstein", x, y, x_weight, y_weight).alias("list_wasserstein")


def list_energy_distance(x: IntoExpr, y: IntoExpr, x_weight: IntoExpr = None, y_weight: IntoExpr = None) -> pl.Expr:
    """Energy distance between the samples in each row's lists; see `sample_energy_distance`."""
    return _listed("sample_energy_distance", x, y, x_weight, y_weight).alias("list_energy_distance")


def list_ks(x: IntoExpr, y: IntoExpr, x_weight: IntoExpr = None, y_weight: IntoExpr = None) -> pl.Expr:
    """Kolmogorov-Smirnov statistic of the samples in each row's lists; see `sample_ks`."""
    return _listed("sample_ks", x, y, x_weight, y_weight).alias("list_ks")
