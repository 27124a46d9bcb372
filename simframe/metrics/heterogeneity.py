"""How varied a panel's answers are beside the reference's: a panel of one voice has no variance, no entropy.

Count form as in `divergence`.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, defined, finite, numbers, ratio, shares, usable

__all__ = ["entropy", "entropy_ratio", "modal_share_gap", "sd_ratio", "variance_ratio"]


def spread_of(p: pl.Expr, value: pl.Expr) -> pl.Expr:
    """Population variance (ddof 0) of values with shares p, taken about the mean."""
    return (p * (value - (p * value).sum()) ** 2).sum()


def bits(p: pl.Expr) -> pl.Expr:
    """Shannon entropy of shares in bits."""
    return pl.when(p > 0).then(p * (1 / p).log(2)).otherwise(0.0).sum()


def variance_ratio(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Population variance of the compared panel over that of the reference; 1 is ideal, below 1 too uniform.

    Null where the reference does not vary.
    """
    h, s, value = numbers(h), numbers(s), numbers(value)
    quotient = ratio(spread_of(shares(s), value), spread_of(shares(h), value))
    return defined("variance_ratio", quotient, usable(h), usable(s), finite(value))


def sd_ratio(h: IntoExpr, s: IntoExpr, value: IntoExpr) -> pl.Expr:
    """Population standard deviation of the compared panel over that of the reference; null as `variance_ratio`."""
    return variance_ratio(h, s, value).sqrt().alias("sd_ratio")


def entropy(n: IntoExpr) -> pl.Expr:
    """Shannon entropy of one panel's answers in bits, 0 to log2 K. Agrees with `scipy.stats.entropy(n, base=2)`."""
    n = numbers(n)
    return defined("entropy", bits(shares(n)), usable(n))


def entropy_ratio(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Entropy of the compared panel over that of the reference; null where the reference is unanimous."""
    h, s = numbers(h), numbers(s)
    return defined("entropy_ratio", ratio(bits(shares(s)), bits(shares(h))), usable(h), usable(s))


def modal_share_gap(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Largest share in the compared panel minus largest share in the reference, -1 to 1; above 0 it stereotypes."""
    h, s = numbers(h), numbers(s)
    return defined("modal_share_gap", shares(s).max() - shares(h).max(), usable(h), usable(s))
