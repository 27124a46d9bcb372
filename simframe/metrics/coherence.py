"""Whether a panel acts on its beliefs as people do: association between a belief item and an action item.

Count form over a crosstab, one row a (belief, action) combination with its count or weight `n` (or `h` and `s`);
combinations that the table leaves out are empty. Rows whose belief or action is null are set aside. The partial forms
hold a control constant: their table has a row a (belief, action, control) combination, and `control` is any column
that tells strata apart, `pl.struct` of several included.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, as_expr, codes, defined, equal, numbers, usable
from simframe.metrics._plugin import of_rows

__all__ = [
    "belief_action_gap",
    "conditional_js",
    "conditional_js_coverage",
    "cramers_v",
    "cramers_v_partial",
    "goodman_kruskal_tau",
    "goodman_kruskal_tau_partial",
    "mutual_information",
    "mutual_information_partial",
    "polychoric",
    "spearman",
    "spearman_partial",
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
    # A product: inside of a when, dates beside text are refused before the check of both is asked.
    against = n * (~equal(implied, action)).fill_null(value=False)
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


def cramers_v_partial(n: IntoExpr, belief: IntoExpr, action: IntoExpr, control: IntoExpr) -> pl.Expr:
    """Cramer's V within strata of a control, pooled: sqrt(sum_c chi2_c / sum_c n_c (min(r_c, c_c) - 1)), 0 to 1.

    r_c and c_c count the beliefs and actions that someone in the stratum chose; a stratum with one of either says
    nothing and counts for nothing. Null where every stratum is such a one.
    """
    return of_rows("cramers_v_partial", numbers(n), codes(belief), codes(action), codes(control))


def mutual_information_partial(n: IntoExpr, belief: IntoExpr, action: IntoExpr, control: IntoExpr) -> pl.Expr:
    """Mutual information of belief and action given the control, in bits: its mean over the strata.

    The conditional mutual information I(B; A | C) of Cover and Thomas (2006), 2.5.
    """
    return of_rows("mutual_information_partial", numbers(n), codes(belief), codes(action), codes(control))


def goodman_kruskal_tau_partial(n: IntoExpr, belief: IntoExpr, action: IntoExpr, control: IntoExpr) -> pl.Expr:
    """Goodman and Kruskal's tau given the control, 0 to 1: variation explained over variation, both within strata.

    The partial tau of Gray and Williams (1981). Null where everybody in a stratum acts alike, in every stratum.
    """
    return of_rows("goodman_kruskal_tau_partial", numbers(n), codes(belief), codes(action), codes(control))


def spearman_partial(n: IntoExpr, belief: IntoExpr, action: IntoExpr, control: IntoExpr) -> pl.Expr:
    """Partial rank correlation, -1 to 1: correlation of mid-ranks less their means within the strata of the control.

    Ranks are over all rows with a control, so that it equals the correlation of the residuals when both ranks are
    regressed on the strata. Null where, in every stratum, one item has a single chosen code.

    Args:
        n: counts or weights.
        belief: the belief's option values; only their order matters.
        action: the action's option values.
        control: what tells strata apart.
    """
    return of_rows("spearman_partial", numbers(n), codes(belief), codes(action), codes(control))


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
