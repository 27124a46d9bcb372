"""Whether a panel acts on its beliefs as people do: association between a belief item and an action item.

Count form over a crosstab, one row a (belief, action) combination with its count or weight `n` (or `h` and `s`);
combinations that the table leaves out are empty. Rows whose belief or action is null are set aside.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import (
    IntoExpr,
    as_expr,
    as_key,
    defined,
    group_totals,
    numbers,
    ratio,
    spread,
    total_by,
    usable,
)
from simframe.metrics.divergence import bits_against

__all__ = [
    "belief_action_gap",
    "conditional_js",
    "conditional_js_coverage",
    "cramers_v",
    "goodman_kruskal_tau",
    "mutual_information",
    "spearman",
]

# Below this share of the total, what a table leaves out is rounding, not an omitted combination.
_ROUNDING = 1e-12


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


class _Crosstab:
    """Row-wise pieces of a crosstab: the counts kept, their total, and each row's belief and action totals."""

    def __init__(self, n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> None:
        counts = numbers(n)
        self.belief, self.action = as_key(belief), as_key(action)
        self.n = pl.when(self.belief.is_not_null() & self.action.is_not_null()).then(counts).otherwise(0.0)
        self.total = self.n.sum()
        self.by_belief = total_by(self.n, self.belief)
        self.by_action = total_by(self.n, self.action)
        self.usable = (usable(counts), self.total > 0)

    def chosen(self, key: pl.Expr) -> pl.Expr:
        """Count the codes of one item that anyone chose."""
        return (group_totals(self.n, key) > 0).sum()

    def sum_chosen(self, term: pl.Expr) -> pl.Expr:
        """Sum a term over the combinations that anyone chose, so that 0/0 never enters."""
        return pl.when(self.n > 0).then(term).sum()


def cramers_v(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Cramer's V, sqrt(chi2 / (n (min(r, c) - 1))), 0 to 1, without bias or continuity correction.

    Only codes that someone chose count as rows and columns; null where either item has one such code. Agrees with
    `scipy.stats.contingency.association(table, method="cramer")`.
    """
    t = _Crosstab(n, belief, action)
    expected = t.by_belief * t.by_action / t.total
    listed = pl.when(expected > 0).then((t.n - expected) ** 2 / expected).sum()
    # An empty combination contributes its expectation: add the expectations of those not listed.
    left_out = t.total - expected.sum()
    chi2 = listed + pl.when(left_out > _ROUNDING * t.total).then(left_out).otherwise(0.0)
    freedom = pl.min_horizontal(t.chosen(t.belief), t.chosen(t.action)).cast(pl.Float64) - 1
    return defined("cramers_v", ratio(chi2 / t.total, freedom).clip(0.0, 1.0).sqrt(), *t.usable)


def mutual_information(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Mutual information of belief and action in bits: sum of p_ba log2(p_ba / (p_b p_a))."""
    t = _Crosstab(n, belief, action)
    information = t.sum_chosen(t.n / t.total * (t.n / t.by_belief * (t.total / t.by_action)).log(2))
    return defined("mutual_information", information.clip(lower_bound=0.0), *t.usable)


def goodman_kruskal_tau(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Goodman and Kruskal's tau: how much knowing the belief reduces the error of guessing the action, 0 to 1.

    The guess is drawn in proportion to the shares. Null where everybody acts alike.
    """
    t = _Crosstab(n, belief, action)
    given_belief = t.sum_chosen(t.n / t.total * (t.n / t.by_belief))
    at_large = t.sum_chosen(t.n / t.total * (t.by_action / t.total))
    tau = ratio(given_belief - at_large, 1 - at_large).clip(0.0, 1.0)
    return defined("goodman_kruskal_tau", tau, *t.usable, t.chosen(t.action) > 1)


def spearman(n: IntoExpr, belief: IntoExpr, action: IntoExpr) -> pl.Expr:
    """Spearman's rank correlation of two ordered items from their crosstab, -1 to 1, with mid-ranks for ties.

    Null where either item has a single chosen code. Agrees with `scipy.stats.spearmanr` on the expanded respondents.

    Args:
        n: counts or weights.
        belief: the belief's option values; only their order matters.
        action: the action's option values.
    """
    t = _Crosstab(n, belief, action)

    def centred_rank(key: pl.Expr) -> pl.Expr:
        totals = group_totals(t.n, key)
        # The mean mid-rank is half the total, whatever the ties.
        return spread(totals.cum_sum() - totals / 2, key) - t.total / 2

    x, y = centred_rank(t.belief) / t.total, centred_rank(t.action) / t.total
    r = (t.n * x * y).sum() / ((t.n * x**2).sum().sqrt() * (t.n * y**2).sum().sqrt())
    return defined("spearman", r.clip(-1.0, 1.0), *t.usable, t.chosen(t.belief) > 1, t.chosen(t.action) > 1)


class _Conditional:
    """Row-wise pieces of two crosstabs, joined on the belief: its totals on both sides, and where both hold it."""

    def __init__(self, h: IntoExpr, s: IntoExpr, belief: IntoExpr) -> None:
        key = as_key(belief)
        self.all_h, self.all_s = numbers(h), numbers(s)
        self.h = pl.when(key.is_not_null()).then(self.all_h).otherwise(0.0)
        self.total = self.h.sum()
        self.by_h, self.by_s = total_by(self.h, key), total_by(self.all_s, key)
        self.shared = (self.by_h > 0) & (self.by_s > 0)
        self.coverage = pl.when(self.shared).then(self.h).otherwise(0.0).sum() / self.total
        self.usable = (usable(self.all_h), usable(self.all_s), self.total > 0)


def conditional_js(h: IntoExpr, s: IntoExpr, belief: IntoExpr) -> pl.Expr:
    """Jensen-Shannon divergence of the actions given the belief, averaged with the reference's belief shares, in bits.

    sum_b p_H(b) JSD(P_H(a | b), P_S(a | b)) over the beliefs that the compared panel holds. Shares are not scaled up
    for beliefs it lacks: read the figure beside `conditional_js_coverage`. Null where no belief is shared.

    Args:
        h: counts or weights of the reference, one row a (belief, action) combination; leave missing actions out.
        s: counts or weights of the compared panel.
        belief: the row's belief.
    """
    t = _Conditional(h, s, belief)
    p, q = t.all_h / t.by_h, t.all_s / t.by_s
    middle = (p + q) / 2
    divergence = (bits_against(p, middle) + bits_against(q, middle)) / 2
    mean = pl.when(t.shared).then(t.by_h / t.total * divergence).sum().clip(0.0, 1.0)
    return defined("conditional_js", mean, *t.usable, t.coverage > 0)


def conditional_js_coverage(h: IntoExpr, s: IntoExpr, belief: IntoExpr) -> pl.Expr:
    """Share of the reference that holds a belief which the compared panel holds too, 0 to 1."""
    t = _Conditional(h, s, belief)
    return defined("conditional_js_coverage", t.coverage, *t.usable)
