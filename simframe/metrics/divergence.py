"""How far apart two answer distributions are, whatever the scale of the item.

Count form: `h` and `s` hold the reference's and the compared panel's counts or weights, one row a declared option,
zeros kept. They are normalised inside. Every function is one expression, named after its metric, for `select`,
`group_by().agg`, `over` and lazy frames; it is null where a side has no answers, or a missing, negative or
non-finite count. Logarithms are to base 2, so the unit is the bit; 0 log 0 = 0.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, defined, numbers, shares, usable
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


def bits_against(p: pl.Expr, q: pl.Expr) -> pl.Expr:
    """Each row's term of a Kullback-Leibler divergence, p log2(p / q): 0 where p = 0, infinite where q = 0 < p."""
    return pl.when(p > 0).then(p * (p / q).log(2)).otherwise(0.0)


def kl(p: pl.Expr, q: pl.Expr) -> pl.Expr:
    """Kullback-Leibler divergence of shares in bits. Rounding never makes it negative."""
    return bits_against(p, q).sum().clip(lower_bound=0.0)


def js(p: pl.Expr, q: pl.Expr) -> pl.Expr:
    """Jensen-Shannon divergence of shares in bits."""
    middle = (p + q) / 2
    return ((kl(p, middle) + kl(q, middle)) / 2).clip(0.0, 1.0)


def total_variation(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Half the summed absolute differences of the shares: the share of people who would have to answer otherwise.

    Range 0 to 1.
    """
    h, s = numbers(h), numbers(s)
    return defined("total_variation", (shares(h) - shares(s)).abs().sum() / 2, usable(h), usable(s))


def kl_divergence(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Kullback-Leibler divergence of the reference from the compared panel, sum of p log2(p / q), in bits.

    Infinite where the compared panel never gives an answer that people give. Agrees with
    `scipy.stats.entropy(h, s, base=2)`.
    """
    h, s = numbers(h), numbers(s)
    return defined("kl_divergence", kl(shares(h), shares(s)), usable(h), usable(s))


def kl_smoothed(
    h: IntoExpr, s: IntoExpr, n_h: IntoExpr = None, n_s: IntoExpr = None, *, pseudocount: float = 0.5
) -> pl.Expr:
    """Kullback-Leibler divergence after adding a pseudocount to every declared option, in bits; always finite.

    The shares become (n p + a) / (n + a K), with K the number of rows.

    Args:
        h: counts or weights of the reference.
        s: counts or weights of the compared panel.
        n_h: respondents behind `h`, where `h` holds weights that do not sum to them; default the sum of `h`.
        n_s: the same for `s`.
        pseudocount: a, added to each option's count; 0.5 is Jeffreys' prior.
    """
    h, s = numbers(h), numbers(s)
    size_h = h.sum() if n_h is None else numbers(n_h)
    size_s = s.sum() if n_s is None else numbers(n_s)
    smooth_h = (size_h * shares(h) + pseudocount) / (size_h + pseudocount * pl.len())
    smooth_s = (size_s * shares(s) + pseudocount) / (size_s + pseudocount * pl.len())
    return defined("kl_smoothed", kl(smooth_h, smooth_s), usable(h), usable(s))


def js_divergence(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Jensen-Shannon divergence: the mean Kullback-Leibler divergence of both sides from their midpoint, 0 to 1 bits."""
    h, s = numbers(h), numbers(s)
    return defined("js_divergence", js(shares(h), shares(s)), usable(h), usable(s))


def js_distance(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Square root of the Jensen-Shannon divergence: a metric, 0 to 1.

    Agrees with `scipy.spatial.distance.jensenshannon(h, s, base=2)`.
    """
    h, s = numbers(h), numbers(s)
    return defined("js_distance", js(shares(h), shares(s)).sqrt(), usable(h), usable(s))


def hellinger(h: IntoExpr, s: IntoExpr) -> pl.Expr:
    """Hellinger distance, sqrt(1/2 sum (sqrt p - sqrt q)^2), 0 to 1."""
    h, s = numbers(h), numbers(s)
    distance = ((shares(h).sqrt() - shares(s).sqrt()) ** 2).sum() / 2
    return defined("hellinger", distance.clip(0.0, 1.0).sqrt(), usable(h), usable(s))


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
        s_w2: the same for `s`.
    """
    h, s = numbers(h), numbers(s)
    conditions = [usable(h), usable(s)]
    p, q = shares(h), shares(s)
    if h_w2 is None or s_w2 is None:
        n_h, n_s = h.sum(), s.sum()
    else:
        w2_h, w2_s = numbers(h_w2), numbers(s_w2)
        conditions += [usable(w2_h), usable(w2_s)]
        n_h, n_s = h.sum() ** 2 / w2_h.sum(), s.sum() ** 2 / w2_s.sum()
    pooled = (n_h * p + n_s * q) / (n_h + n_s)
    chosen = pooled > 0
    statistic = n_h * n_s / (n_h + n_s) * pl.when(chosen).then((p - q) ** 2 / pooled).sum()
    if h_w2 is not None and s_w2 is not None:

        def variance(share: pl.Expr, weights: pl.Expr, squares: pl.Expr) -> pl.Expr:
            """Linearised variance of a weighted share, sum of (w_i (x_ik - p_k))^2 over (sum w)^2."""
            return (squares * (1 - 2 * share) + squares.sum() * share**2) / weights.sum() ** 2

        designed = pl.when(chosen).then((variance(p, h, w2_h) + variance(q, s, w2_s)) / pooled).sum()
        simple = pl.when(chosen).then((p * (1 - p) / n_h + q * (1 - q) / n_s) / pooled).sum()
        statistic = pl.when(designed > 0).then(statistic * simple / designed).otherwise(statistic)
    df = chosen.sum().cast(pl.Int64) - 1
    fields = {"statistic": statistic, "df": df, "p": chi2_sf(statistic, df)}
    return pl.struct(defined(name, field, *conditions) for name, field in fields.items()).alias("chi2")


def nonresponse_gap(h_missing: IntoExpr, h_total: IntoExpr, s_missing: IntoExpr, s_total: IntoExpr) -> pl.Expr:
    """Share of missing answers in the compared panel minus that in the reference, -1 to 1.

    Each argument holds counts or weights, summed over rows; totals include the missing.
    """
    missing_h, total_h = numbers(h_missing), numbers(h_total)
    missing_s, total_s = numbers(s_missing), numbers(s_total)
    gap = missing_s.sum() / total_s.sum() - missing_h.sum() / total_h.sum()
    present = [argument.is_not_null().all() for argument in (missing_h, missing_s)]
    return defined("nonresponse_gap", gap, usable(total_h), usable(total_s), *present)
