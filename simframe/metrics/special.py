"""Functions of numbers that Polars lacks, computed by the C++ kernels."""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, numbers
from simframe.metrics._plugin import kernel

__all__ = ["chi2_sf"]


def chi2_sf(statistic: IntoExpr, df: IntoExpr) -> pl.Expr:
    """Upper tail of the chi-squared distribution, row by row; `scipy.stats.chi2.sf` within 1e-12 (relative).

    With 0 degrees of freedom the distribution is a point at 0. Null where either is null, NaN or negative.
    """
    return kernel("chi2_sf", numbers(statistic), numbers(df))
