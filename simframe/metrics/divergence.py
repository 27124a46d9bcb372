"""How far apart two answer distributions are, whatever the scale of the item.

Count form: `h` and `s` hold the reference's and the compared panel's counts or weights, one row a declared option,
zeros kept. They are normalised inside. Every function is one expression, named after its metric, for `select`,
`group_by().agg`, `over` and lazy frames; it is null where a side has no answers, or a missing, negative or
non-finite count. Logarithms are to base 2, so the unit is the bit; 0 log 0 = 0.
"""

from __future__ import annotations

import polars as pl

from simframe.errors import MetricError
from simframe.metrics._expr import IntoExpr, countable, defined, number, numbers, scalar, usable
from simframe.metrics._plugin import of_rows
from simframe.metrics.special import chi2_sf

__all__ = [
    "chi2",
    "hellinger",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "kl_smoothed",
    "nonresponse_gap",
    "total_variation",
]


def total_variation(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Half the summed absolute differences of the shares: the share of people who would have to answer otherwise.

    Range 0 to 1.
    """
    return of_rows("total_variation", numbers(h), numbers(s))


def kl_divergence(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Kullback-Leibler divergence of the reference from the compared panel, sum of p log2(p / q), in bits.

    Infinite where the compared panel never gives an answer that people give. Agrees with
    `scipy.stats.entropy(h, s, base=2)`.
    """
    return of_rows("kl_divergence", numbers(h), numbers(s))


def kl_smoothed(
    h: IntoExpr, s: IntoExpr, n_h: IntoExpr = None, n_s: IntoExpr = None, *, pseudocount: float = 0.5
) -> pl.Expr:
    """Kullback-Leibler divergence after adding a pseudocount to every declared option, in bits; always finite.

    The shares become (n p + a) / (n + a K), with K the number of rows.

    Args:
        h: counts or weights of the reference.
        s: counts or weights of the compared panel.
        n_h: respondents behind `h`, where `h` holds weights that do not sum to them; default the sum of `h`.
            A number, an aggregated expression, or the name of a column that repeats it.
        n_s: the same for `s`.
        pseudocount: a, added to each option's count; 0.5 is Jeffreys' prior.

    Raises:
        MetricError: a pseudocount that is no number, or negative.
    """
    if number(pseudocount, "pseudocount") < 0:
        raise MetricError(f"pseudocount={pseudocount!r} is negative", mend="give 0 or more; 0.5 is Jeffreys' prior")
    settings = (scalar(n_h), scalar(n_s), scalar(pseudocount))
    return of_rows("kl_smoothed", numbers(h), numbers(s), settings=settings)


def js_divergence(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Jensen-Shannon divergence: mean Kullback-Leibler divergence of both sides from their midpoint, 0 to 1 bits."""
    return of_rows("js_divergence", numbers(h), numbers(s))


def js_distance(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Square root of the Jensen-Shannon divergence: a metric, 0 to 1.

    Agrees with `scipy.spatial.distance.jensenshannon(h, s, base=2)`.
    """
    return of_rows("js_distance", numbers(h), numbers(s))


def hellinger(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Hellinger distance, sqrt(1/2 sum (sqrt p - sqrt q)^2), 0 to 1."""
    return of_rows("hellinger", numbers(h), numbers(s))


def chi2(h: IntoExpr, s: IntoExpr, h_w2: IntoExpr = None, s_w2: IntoExpr = None) -> pl.Expr:
    """Pearson's chi-squared test that both panels answer alike: a struct of `statistic`, `df` and `p`.

    Options that neither side chose leave no trace. No continuity correction: agrees with
    `scipy.stats.chi2_contingency([h, s], correction=False)`; as there, one shared option gives statistic 0, df 0, p 1.

    Args:
        h: counts of the reference, or sums of weights where `h_w2` is given.
        s: counts of the compared panel, or sums of weights.
        h_w2: sums of squared weights per option. With both given, the statistic gets the first-order Rao-Scott
            correction (Rao and Scott 1981): each side counts as its effective sample size (sum w)^2 / sum w^2, and
            the statistic is divided by the mean design effect that remains. Equal weights leave Pearson's statistic.
            Where design effects differ between options, the test rejects somewhat too often, as first-order does.
        s_w2: the same for `s`.

    Raises:
        MetricError: squared weights of one side alone.
    """
    if (h_w2 is None) != (s_w2 is None):
        raise MetricError("chi2 got squared weights of one side alone", mend="give h_w2 and s_w2, or neither")
    columns = [h, s] if h_w2 is None or s_w2 is None else [h, s, h_w2, s_w2]
    statistic, df = (of_rows(f"chi2_{part}", *map(numbers, columns)) for part in ("statistic", "df"))
    return pl.struct(
        statistic.alias("statistic"), df.cast(pl.Int64).alias("df"), chi2_sf(statistic, df).alias("p")
    ).alias("chi2")


def nonresponse_gap(h_missing: IntoExpr, h_total: IntoExpr, s_missing: IntoExpr, s_total: IntoExpr) -> pl.Expr:
    """Share of missing answers in the compared panel minus that in the reference, -1 to 1.

    Each argument holds counts or weights, summed over rows; totals include the missing.
    """
    missing_h, total_h = numbers(h_missing), numbers(h_total)
    missing_s, total_s = numbers(s_missing), numbers(s_total)
    gap = missing_s.sum() / total_s.sum() - missing_h.sum() / total_h.sum()
    conditions = (countable(missing_h), countable(missing_s), usable(total_h), usable(total_s))
    return defined("nonresponse_gap", gap, *conditions)
