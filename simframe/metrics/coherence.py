"""Whether a panel acts on its beliefs as people do: association between a belief item and an action item.

Count form over a crosstab, one row a (belief, action) combination with its count or weight `n` (or `h` and `s`);
combinations that the table leaves out are empty. Rows whose belief or action is null are set aside.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, as_expr, codes, defined, numbers, usable
from simframe.metrics._plugin import of_rows

__all__ = [
    "belief_action_gap",
    "conditional_js",
    "conditional_js_coverage",
    "cramers_v",
    "goodman_kruskal_tau",
    "mutual_information",
    "polychoric",
    "spearman",
]


def belief_action_gap(n: IntoExpr, implied: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Share of one panel that acts against its belief, 0 to 1; compare panels by the difference of their shares.

    Works on a crosstab as on respondents (with `n` their weights).

    Args:
        n: counts or weights.
        implied: the action that the row's belief implies; null where the study says it implies none.
        action: the action taken; null where it is missing. Rows with either null are set aside.
    """
    n, implied, action = numbers(n), as_expr(implied), as_expr(action)
    judged = pl.when(implied.is_not_null() & action.is_not_null()).then(n).otherwise(0.0)
    against = pl.when(implied != action).then(n).otherwise(0.0)
    return defined("belief_action_gap", against.sum() / judged.sum(), usable(n), judged.sum() > 0)


def cramers_v(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Cramer's V, sqrt(chi2 / (n (min(r, c) - 1))), 0 to 1, without bias or continuity correction.

    Only codes that someone chose count as rows and columns; null where either item has one such code. Agrees with
    `scipy.stats.contingency.association(table, method="cramer")`.
    """
    return of_rows("cramers_v", numbers(n), codes(belief), codes(action))


def mutual_information(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Mutual information of belief and action in bits: sum of p_ba log2(p_ba / (p_b p_a))."""
    return of_rows("mutual_information", numbers(n), codes(belief), codes(action))


def goodman_kruskal_tau(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Goodman and Kruskal's tau: how much knowing the belief reduces the error of guessing the action, 0 to 1.

    The guess is drawn in proportion to the shares. Null where everybody acts alike.
    """
    return of_rows("goodman_kruskal_tau", numbers(n), codes(belief), codes(action))


def spearman(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Spearman's rank correlation of two ordered items from their crosstab, -1 to 1, with mid-ranks for ties.

    Null where either item has a single chosen code. Agrees with `scipy.stats.spearmanr` on the expanded respondents.

    Args:
        n: counts or weights.
        belief: the belief's option values; only their order matters.
        action: the action's option values.
    """
    return of_rows("spearman", numbers(n), codes(belief), codes(action))


def polychoric(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Polychoric correlation of two ordered items, -1 to 1: that of the normal variables supposed to lie behind them.

    The two-step estimator of Olsson (1979): thresholds from the margins, then the correlation by maximum likelihood
    (Genz's bivariate normal integral, within 1e-9 of the maximum). Two items of two options give the tetrachoric
    correlation. -1 or 1 where the likelihood rises all the way, as in a table without exceptions. Null where either
    item has a single chosen code.

    Args:
        n: counts or weights.
        belief: the belief's option values; only their order matters.
        action: the action's option values.
    """
    return of_rows("polychoric", numbers(n), codes(belief), codes(action))


def conditional_js(h: IntoExpr, s: IntoExpr, belief: IntoExpr) -> pl.Expr:
    """Jensen-Shannon divergence of the actions given the belief, averaged with the reference's belief shares, in bits.

    sum_b p_H(b) JSD(P_H(a | b), P_S(a | b)) over the beliefs that the compared panel holds. Shares are not scaled up
    for beliefs it lacks: read the figure beside `conditional_js_coverage`. Null where no belief is shared.

    Args:
        h: counts or weights of the reference, one row a (belief, action) combination; leave missing actions out.
        s: counts or weights of the compared panel.
        belief: the row's belief.
    """
    return of_rows("conditional_js", numbers(h), numbers(s), codes(belief))


def conditional_js_coverage(h: IntoExpr, s: IntoExpr, belief: IntoExpr) -> pl.Expr:
    """Share of the reference that holds a belief which the compared panel holds too, 0 to 1."""
    return of_rows("conditional_js_coverage", numbers(h), numbers(s), codes(belief))
