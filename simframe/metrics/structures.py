"""How many different belief structures a panel holds: distinct answer tuples over a declared block of items.

Count form: one row a tuple, with the number of respondents who gave it (respondents, not weights).
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, countable, defined, numbers, scalar, usable
from simframe.metrics._plugin import of_rows

__all__ = ["memorised_share", "rarefied_structures", "structure_ratio", "unique_structures"]


def unique_structures(n: IntoExpr) -> pl.Expr:
    """Distinct tuples that anyone gave. It grows with the panel: compare panels by `rarefied_structures`."""
    n = numbers(n)
    return defined("unique_structures", (n > 0).sum().cast(pl.Int64), usable(n))


def rarefied_structures(n: IntoExpr, m: IntoExpr) -> pl.Expr:
    """Distinct tuples expected among m respondents drawn without replacement: sum of 1 - C(n - n_t, m) / C(n, m).

    Hurlbert (1971). Counts must be whole numbers; null where m exceeds the panel or is negative.

    Args:
        n: respondents per tuple.
        m: the common size, a number, an aggregated expression, or the name of a column that repeats it.
    """
    return of_rows("rarefied_structures", numbers(n), settings=(scalar(m),))


def structure_ratio(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Rarefied structures of the compared panel over the reference's, both at m = min(n_h, n_s); 1 is ideal.

    One row a tuple that either panel holds, with 0 for the one that does not.
    """
    h, s = numbers(h), numbers(s)
    m = pl.min_horizontal(h.sum(), s.sum())
    return (rarefied_structures(s, m) / rarefied_structures(h, m)).alias("structure_ratio")


def memorised_share(s: IntoExpr, pilot: IntoExpr) -> pl.Expr:
    """Share of a panel whose whole answer vector equals some pilot respondent's, 0 to 1.

    Read it beside the same share of holdout humans: people coincide too.
    """
    s, pilot = numbers(s), numbers(pilot)
    share = pl.when(pilot > 0).then(s).otherwise(0.0).sum() / s.sum()
    return defined("memorised_share", share, usable(s), countable(pilot))
