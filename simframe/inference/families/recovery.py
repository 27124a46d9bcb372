"""Uncertainty of regression recovery: the coefficients of people and of a panel, drawn from their estimated law.

The estimator of a fresh sample is asymptotically normal, with the covariance that the regression declares: weights and
clusters enter through it. Where estimates have Student's law, so have the draws.

- intervals: both coefficient vectors drawn about their estimates.
- floors: two samples of people drawn about the people's estimates, the second with the precision of the panel's n.
- p-values: were both samples drawn from one population, their pooled estimate would say nothing of their difference.
  So differences are drawn about nought with the pooled estimate held fixed: what a permutation of labels does to
  answers. Drawing about the people's estimates instead rejects far too often where slopes are weak.

A panel with more cases than people is compared at the people's n: its standard errors grow by sqrt(n_S / n_H), and
Student's law, where there is one, is the people's. What it is *known* to differ by keeps its own errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simframe.inference.drawing.resample import stream
from simframe.inference.judging.halving import HALVES, half_against_half
from simframe.inference.judging.laws import Law, inversion
from simframe.inference.judging.pending import Pending, settle
from simframe.inference.panels.roster import EVERYBODY, Place, columns, named
from simframe.inference.regressions.regression import ALPHA, Fit
from simframe.metrics.arrays import Floats

FIGURES = (
    "tp",
    "fp",
    "fn",
    "tn",
    "sign_reversals",
    "sign_f1",
    "sign_precision",
    "sign_recall",
    "false_positive_rate",
    "coefficient_distance",
    "coefficient_correlation",
    "coefficient_coverage",
)
"""Those of one regression, in the order in which they are computed."""


def inflation(h: Fit, s: Fit) -> float:
    """Return what standard errors of ``s`` grow by at the n of ``h``: 1 where it has no more cases."""
    return float(np.sqrt(max(1.0, s.n / h.n))) if h.n else 1.0


def beside(h: Fit, s: Fit, rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``rows``, the coefficients of ``s``, set beside those of ``h``; null where it lacks the term."""
    places = {term: place for place, term in enumerate(h.coefficients["term"].to_list())}
    at = np.array([places.get(term, -1) for term in rows["term"].to_list()], dtype=np.int64)
    # What is last stands for what there is not.
    estimate_h, known_se = (np.append(h.coefficients[name].to_numpy(), np.nan)[at] for name in ("estimate", "se"))
    estimate, se = rows["estimate"].to_numpy(), rows["se"].to_numpy()
    gap = estimate - estimate_h
    own_law, se_at_n = Law(_df(h, s)), se * inflation(h, s)
    reach = own_law.ppf(1 - ALPHA / 2) * se_at_n
    values = {
        "p_value_equal_n": 2 * own_law.sf(np.abs(estimate) / se_at_n),
        "ci_low_equal_n": estimate - reach,
        "ci_high_equal_n": estimate + reach,
        "p_difference": _two_sided(gap / np.hypot(se, known_se), welch(known_se**2, h.df, se**2, s.df)),
    }
    return rows.hstack(
        [
            pl.Series(name, np.where(at >= 0, column, np.nan), dtype=pl.Float64, nan_to_null=True)
            for name, column in values.items()
        ]
    )


def _two_sided(t: Floats, df: Floats) -> Floats:
    """Return p-values under Student's law; the normal law where ``df`` is infinite."""
    from scipy.special import ndtr, stdtr

    return np.asarray(2 * np.where(np.isinf(df), ndtr(-np.abs(t)), stdtr(np.where(np.isinf(df), 1.0, df), -np.abs(t))))


def recovery_rows(
    h: Sequence[Fit], s: Sequence[Fit], replicates: int, seed: int, panel_id: str, *, place: Place = EVERYBODY
) -> list[dict[str, object]]:
    """Return the rows of ``estimates``: every figure of every regression that both sides could fit.

    Args:
        h: fits of the people that the panel is judged by.
        s: fits of the panel, one of every regression in ``h``.
        replicates: draws behind every interval, floor and p-value.
        seed: of the draws; they depend on it, the panel, the regression, and nothing else.
        panel_id: the panel.
        place: the subgroup that both sides were fitted on.
    """
    return list(settle(recovery_pending(h, s, replicates, seed, panel_id, place=place)))


def recovery_pending(
    h: Sequence[Fit], s: Sequence[Fit], replicates: int, seed: int, panel_id: str, *, place: Place = EVERYBODY
) -> Iterator[Pending]:
    """Yield the figures of :func:`recovery_rows`, to be judged with those of other subgroups."""
    theirs = {each.regression_id: each for each in s}
    for each in h:
        pair = _Pair.of(each, theirs[each.regression_id])
        if pair is not None:
            with np.errstate(all="ignore"):
                rng = stream(seed, *named(panel_id, place), "recovery", each.regression_id)
                yield from pair.pending(columns(place), replicates, rng)


def recovery_halves(fits: Sequence[Fit], seed: int, panel_id: str, place: Place = EVERYBODY) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` that compare fits of people with themselves, half against half.

    The coefficients of two halves lie as far on either side of those of all: by an error of the same covariance.
    """
    rows: list[dict[str, object]] = []
    for each in fits:
        pair = _Pair.of(each, each)
        common = columns(place) | {"family": "recovery", "term": each.regression_id}
        if pair is None:
            why = each.reason or "the model has no slope"
            rows += [common | half_against_half(metric, None, each.n, each.effective, why) for metric in FIGURES]
            continue
        df = None if each.df is None else max(1.0, (each.df - len(pair.h.estimate)) / 2)
        half = replace(pair.h, df=df, se=pair.h.se * np.sqrt(2), critical=float(Law(df).ppf(1 - ALPHA / 2)))
        error = pair.h.noise(stream(seed, *named(panel_id, place), "halves", each.regression_id), HALVES)
        with np.errstate(all="ignore"):
            found = _figures(half.estimate + error, half.estimate - error, half, half, missed=0)
        rows += [common | half_against_half(metric, drawn, each.n, each.effective) for metric, drawn in found.items()]
    return rows


def _df(h: Fit, s: Fit) -> float | None:
    return h.df if s.n > h.n else s.df


@dataclass(frozen=True)
class _Side:
    """Slopes of one side with what their significance takes: the standard errors, and how many make a finding."""

    estimate: Floats
    covariance: Floats
    df: float | None
    se: Floats
    critical: float

    def noise(self, rng: np.random.Generator, replicates: int, *, known: bool = False) -> Floats:
        """Draw errors of the estimates, one row a replicate; normal ones where the covariance is taken as ``known``."""
        scale = np.sqrt(np.diag(self.covariance))
        # Slopes of unlike units meet in one matrix: it is taken apart as correlations.
        correlation = self.covariance / np.outer(scale, scale)
        try:
            root = np.linalg.cholesky(correlation)
        except np.linalg.LinAlgError:  # a robust covariance of few clusters has less than full rank
            values, vectors = np.linalg.eigh(correlation)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = rng.standard_normal((replicates, len(scale))) @ root.T * scale
        if self.df is None or known:
            return np.asarray(drawn)
        return np.asarray(drawn * np.sqrt(self.df / rng.chisquare(self.df, replicates))[:, None])

    def classes(self, slopes: Floats) -> Floats:
        """Return -1, 0 or +1: the sign where significant, else 0."""
        return np.asarray(np.sign(slopes) * (np.abs(slopes) > self.critical * self.se))


@dataclass(frozen=True)
class _Pair:
    """One regression on people and on a panel: the slopes that both fits have, and people's findings it lacks."""

    regression_id: str
    n_h: int
    n_s: int
    h: _Side
    s: _Side
    missed: int

    @classmethod
    def of(cls, h: Fit, s: Fit) -> _Pair | None:
        """Match slopes by name; None where nothing can be compared."""
        own, other = (_slopes(each) for each in (h, s))
        names = [name for name in own if name in other]
        if not names:
            return None
        critical = Law(_df(h, s)).ppf(1 - ALPHA / 2)
        sides = []
        for fit, places, growth, reach in (
            (h, [own[name] for name in names], 1.0, Law(h.df).ppf(1 - ALPHA / 2)),
            (s, [other[name] for name in names], inflation(h, s), critical),
        ):
            covariance = fit.covariance[np.ix_(places, places)]
            estimate = fit.coefficients["estimate"].to_numpy()[places]
            sides.append(_Side(estimate, covariance, fit.df, np.sqrt(np.diag(covariance)) * growth, float(reach)))
        p_values = h.coefficients["p_value"].to_list()
        missed = sum(p_values[place] < ALPHA for name, place in own.items() if name not in other)
        return cls(h.regression_id, h.n, s.n, sides[0], sides[1], missed)

    def pending(self, place: dict[str, object], replicates: int, rng: np.random.Generator) -> Iterator[Pending]:
        """Yield every figure that is defined."""
        observed = {name: float(x[0]) for name, x in self.figures(self.h.estimate[None], self.s.estimate[None]).items()}
        noise_h, noise_s = (side.noise(rng, replicates) for side in (self.h, self.s))
        drawn_h, drawn_s = self.h.estimate + noise_h, self.s.estimate + noise_s
        bootstrap = self.figures(drawn_h, drawn_s)
        bootstrap["coefficient_correlation"] = self._unattenuated(drawn_h, drawn_s)
        between_people, shifted = self._between_people(replicates, rng), self._one_population(replicates, rng)
        row = place | {"family": "recovery", "term": self.regression_id, "n_h": self.n_h, "n_s": self.n_s}
        for metric, estimate in observed.items():
            if np.isfinite(estimate):
                draws = {"bootstrap": bootstrap[metric], "floor": between_people[metric], "null": shifted[metric]}
                known: dict[str, float | None] = {}
                if metric == "coefficient_distance":
                    low, high = inversion(self.s.estimate - self.h.estimate, _apart(self.h, self.s, rng, replicates))
                    known = {"ci_low": min(low, estimate), "ci_high": max(high, estimate)}
                yield Pending(row, metric, estimate, draws, known=known)

    def figures(self, h: Floats, s: Floats) -> dict[str, Floats]:
        """Return every figure for slopes of both sides, one row a replicate."""
        return _figures(h, s, self.h, self.s, self.missed)

    def _between_people(self, replicates: int, rng: np.random.Generator) -> dict[str, Floats]:
        """Return the figures between two samples of people, the second of the panel's size."""
        people, grown = self.h, np.sqrt(self.n_h / self.n_s)
        size = max(1.0, grown)
        second = _Side(people.estimate, people.covariance, people.df, people.se * size, people.critical)
        drawn_h = people.estimate + people.noise(rng, replicates)
        drawn_s = people.estimate + people.noise(rng, replicates) * grown
        return _figures(drawn_h, drawn_s, people, second, missed=0)

    def _one_population(self, replicates: int, rng: np.random.Generator) -> dict[str, Floats]:
        """Return the figures under differences drawn about nought, the pooled estimate held fixed."""
        gap = _apart(self.h, self.s, rng, replicates)
        scale = np.sqrt(np.diag(self.h.covariance + self.s.covariance))
        both = (self.h.covariance + self.s.covariance) / np.outer(scale, scale)
        # The share of a difference that the people's side owes: V_H (V_H + V_S)^-1.
        share = self.h.covariance / scale @ np.linalg.pinv(both, hermitian=True) / scale
        pooled = self.h.estimate + share @ (self.s.estimate - self.h.estimate)
        h = pooled - gap @ share.T
        return self.figures(h, h + gap)

    def _unattenuated(self, h: Floats, s: Floats) -> Floats:
        """Return the correlation of drawn slopes as the estimator that knows of noise finds it: its variance taken off.

        Spearman 1904. Every draw has noise of its own, which makes slopes vary more than the true ones do.
        """
        x, y = _centred(h), _centred(s)
        variances = []
        for side, slopes in ((self.h, x), (self.s, y)):
            noise = np.trace(side.covariance) - side.covariance.sum() / len(side.estimate)
            variances.append(np.maximum((slopes**2).sum(axis=1) - noise, 0.0))
        together = (x * y).sum(axis=1)
        found = together / np.sqrt(variances[0] * variances[1])
        # Where noise alone could have made the variance, anything is possible on the side that is seen.
        return np.asarray(np.clip(np.where(np.isfinite(found), found, np.sign(together)), -1.0, 1.0))


def _apart(h: _Side, s: _Side, rng: np.random.Generator, replicates: int) -> Floats:
    """Draw errors of the difference of two estimates: its variance is known by both sides together.

    Two errors of Student's law would lie further apart than such a difference over its estimated error does (Welch
    1947).
    """
    gap = s.noise(rng, replicates, known=True) - h.noise(rng, replicates, known=True)
    df = welch(np.array([np.trace(h.covariance)]), h.df, np.array([np.trace(s.covariance)]), s.df)[0]
    return gap if np.isinf(df) else np.asarray(gap * np.sqrt(df / rng.chisquare(df, replicates))[:, None])


def welch(h: Floats, df_h: float | None, s: Floats, df_s: float | None) -> Floats:
    """Return the degrees of freedom of sums of two variances (Satterthwaite 1946); infinite where both are known."""
    unsure = sum(v**2 / df if df is not None else np.zeros_like(v) for v, df in ((h, df_h), (s, df_s)))
    with np.errstate(divide="ignore"):
        return np.asarray((h + s) ** 2 / unsure)


def _slopes(fit: Fit) -> dict[str, int]:
    rows = zip(fit.coefficients["term"].to_list(), fit.coefficients["kind"].to_list(), strict=True)
    return {term: place for place, (term, kind) in enumerate(rows) if kind == "slope"}


def _centred(slopes: Floats) -> Floats:
    return np.asarray(slopes - slopes.mean(axis=1, keepdims=True))


def _count(true: NDArray[np.bool_]) -> Floats:
    """Count what is true in every row, as a product: sums over short rows take five times as long."""
    return np.asarray(true.astype(np.float64) @ np.ones(true.shape[1]))


def _figures(h: Floats, s: Floats, of_h: _Side, of_s: _Side, missed: int) -> dict[str, Floats]:
    """Return every figure of view ``recovery`` for slopes of both sides, one row a replicate; NaN where undefined."""
    class_h, class_s = of_h.classes(h), of_s.classes(s)
    found_h, found_s, same = class_h != 0, class_s != 0, class_h == class_s
    tp, fp = _count(found_h & same), _count(found_s & ~same)
    fn, tn = _count(found_h & ~same) + float(missed), _count(~found_h & ~found_s)
    x, y = _centred(h), _centred(s)
    scale = np.sqrt((x**2).sum(axis=1)) * np.sqrt((y**2).sum(axis=1))
    correlation = np.clip((x * y).sum(axis=1) / scale, -1.0, 1.0)
    found = (
        tp,
        fp,
        fn,
        tn,
        _count(class_h * class_s == -1),
        2 * tp / (2 * tp + fp + fn),
        tp / (tp + fp),
        tp / (tp + fn),
        fp / (fp + tn),
        np.sqrt(((s - h) ** 2).sum(axis=1)),
        correlation if x.shape[1] > 2 else np.full(len(x), np.nan),
        _count(np.abs(s - h) <= of_s.critical * of_s.se) / h.shape[1],
    )
    return dict(zip(FIGURES, found, strict=True))
