"""Whether the conclusions of a regression survive: its coefficients in people (h) and in the compared panel (s).

One row a slope, as in the view `coefficient_pairs` where `kind = 'slope'`: leave intercepts and thresholds out, and
take the panel's p-value and interval at the people's n (`p_value_s_equal_n`) where the panel is larger. A slope is
significant where p < 0.05. Null stands for a slope that one fit lacks; NaN is read as null. All are null where no slope
is in both fits.
"""

from __future__ import annotations

import polars as pl

from simframe.metrics._expr import IntoExpr, defined, numbers

__all__ = [
    "coefficient_correlation",
    "coefficient_coverage",
    "coefficient_distance",
    "false_positive_rate",
    "fn",
    "fp",
    "sign_f1",
    "sign_precision",
    "sign_recall",
    "sign_reversals",
    "standardised_bias",
    "tn",
    "tp",
    "z_difference",
]

ALPHA = 0.05


def _read(value: IntoExpr) -> pl.Expr:
    return numbers(value).fill_nan(None)


def _class(estimate: IntoExpr, p_value: IntoExpr) -> pl.Expr:
    """Return -1, 0 or 1: the sign of a significant slope."""
    p = _read(p_value)
    return pl.when(p < ALPHA).then(_read(estimate).sign()).when(p >= ALPHA).then(0.0)


def _common(estimate_h: IntoExpr, estimate_s: IntoExpr) -> pl.Expr:
    return (_read(estimate_h).is_not_null() & _read(estimate_s).is_not_null()).sum()


class _Counts:
    """Slopes by sign and significance on both sides, as expressions."""

    def __init__(self, estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> None:
        h, s = _class(estimate_h, p_value_h), _class(estimate_s, p_value_s)
        self.common = _common(estimate_h, estimate_s) > 0
        self.tp = ((h != 0) & (s == h)).sum()
        self.fp = ((s != 0) & (s != h)).sum()
        self.fn = ((h != 0) & s.ne_missing(h)).sum()
        self.tn = ((h == 0) & (s == 0)).sum()
        self.reversals = (h * s == -1).sum()

    def figure(self, name: str, count: pl.Expr) -> pl.Expr:
        return defined(name, count.cast(pl.Float64), self.common)

    def ratio(self, name: str, part: pl.Expr, whole: pl.Expr) -> pl.Expr:
        return defined(name, part / whole, self.common, whole > 0)


def tp(estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> pl.Expr:
    """Count slopes that are significant on both sides with the same sign."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.figure("tp", counts.tp)


def fp(estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> pl.Expr:
    """Count slopes that are significant in the panel, and in people not so or with the opposite sign."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.figure("fp", counts.fp)


def fn(estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> pl.Expr:
    """Count slopes that are significant in people, and in the panel not so, with the opposite sign, or left out."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.figure("fn", counts.fn)


def tn(estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> pl.Expr:
    """Count slopes that are significant on neither side."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.figure("tn", counts.tn)


def sign_reversals(estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> pl.Expr:
    """Count slopes that are significant on both sides with opposite signs; each is in `fp` and in `fn`."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.figure("sign_reversals", counts.reversals)


def sign_precision(estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> pl.Expr:
    """Return tp / (tp + fp); null where nothing is significant in the panel."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.ratio("sign_precision", counts.tp, counts.tp + counts.fp)


def sign_recall(estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> pl.Expr:
    """Return tp / (tp + fn); null where nothing is significant in people."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.ratio("sign_recall", counts.tp, counts.tp + counts.fn)


def sign_f1(estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr) -> pl.Expr:
    """Return 2 tp / (2 tp + fp + fn); null where nothing is significant on either side."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.ratio("sign_f1", 2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def false_positive_rate(
    estimate_h: IntoExpr, p_value_h: IntoExpr, estimate_s: IntoExpr, p_value_s: IntoExpr
) -> pl.Expr:
    """Return fp / (fp + tn); null where there is neither."""
    counts = _Counts(estimate_h, p_value_h, estimate_s, p_value_s)
    return counts.ratio("false_positive_rate", counts.fp, counts.fp + counts.tn)


def coefficient_distance(estimate_h: IntoExpr, estimate_s: IntoExpr) -> pl.Expr:
    """Return the Euclidean distance of both vectors of slopes, over those in both fits."""
    apart = _read(estimate_s) - _read(estimate_h)
    return defined("coefficient_distance", (apart**2).sum().sqrt(), _common(estimate_h, estimate_s) > 0)


def coefficient_correlation(estimate_h: IntoExpr, estimate_s: IntoExpr) -> pl.Expr:
    """Return the slopes' Pearson correlation; null under three slopes, or where one side's are equal."""
    h, s = _read(estimate_h), _read(estimate_s)
    both = h.is_not_null() & s.is_not_null()
    h, s = h.filter(both), s.filter(both)
    dh, ds = h - h.mean(), s - s.mean()
    r = (dh * ds).sum() / ((dh**2).sum().sqrt() * (ds**2).sum().sqrt())
    return defined("coefficient_correlation", r.clip(-1.0, 1.0), both.sum() > 2, h.max() > h.min(), s.max() > s.min())


def coefficient_coverage(estimate_h: IntoExpr, ci_low_s: IntoExpr, ci_high_s: IntoExpr) -> pl.Expr:
    """Return the share of slopes with the people's estimate inside the panel's 95 % interval."""
    estimate = _read(estimate_h)
    # Not is_between, which panics where both ends differ in length.
    covered = (estimate >= _read(ci_low_s)) & (estimate <= _read(ci_high_s))
    return covered.mean().alias("coefficient_coverage")


def z_difference(estimate_h: IntoExpr, se_h: IntoExpr, estimate_s: IntoExpr, se_s: IntoExpr) -> pl.Expr:
    """Return (b_S - b_H) / sqrt(se_S^2 + se_H^2) of every slope: Clogg, Petkova and Haritou (1995)."""
    error = (_read(se_h) ** 2 + _read(se_s) ** 2).sqrt()
    return defined("z_difference", (_read(estimate_s) - _read(estimate_h)) / error, error > 0)


def standardised_bias(estimate_h: IntoExpr, se_h: IntoExpr, estimate_s: IntoExpr) -> pl.Expr:
    """Return (b_S - b_H) / se_H of every slope."""
    return defined("standardised_bias", (_read(estimate_s) - _read(estimate_h)) / _read(se_h), _read(se_h) > 0)
