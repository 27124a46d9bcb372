"""How varied a panel's answers are beside the reference's: a panel of one voice has no variance, no entropy.

Count form as in `divergence`.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, numbers
from simframe.metrics._plugin import of_rows

__all__ = ["entropy", "entropy_ratio", "modal_share_gap", "sd_ratio", "variance_ratio"]


def variance_ratio(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Population variance of the compared panel over that of the reference; 1 is ideal, below 1 too uniform.

    Null where the reference does not vary.
    """
    return of_rows("variance_ratio", numbers(h), numbers(s), numbers(value))


def sd_ratio(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Population standard deviation of the compared panel over that of the reference; null as `variance_ratio`."""
    return of_rows("sd_ratio", numbers(h), numbers(s), numbers(value))


def entropy(n: IntoExpr) -> pl.Expr:
    """Shannon entropy of one panel's answers in bits, 0 to log2 K. Agrees with `scipy.stats.entropy(n, base=2)`."""
    return of_rows("entropy", numbers(n))


def entropy_ratio(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Entropy of the compared panel over that of the reference; null where the reference is unanimous."""
    return of_rows("entropy_ratio", numbers(h), numbers(s))


def modal_share_gap(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Largest share in the compared panel minus largest share in the reference, -1 to 1; above 0 it stereotypes."""
    return of_rows("modal_share_gap", numbers(h), numbers(s))
