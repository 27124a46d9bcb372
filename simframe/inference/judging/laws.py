"""Intervals in closed form: of shares, of divergences, of the length of a vector; the law of a coefficient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from simframe.metrics.arrays import Floats

LEVEL = 0.95


def normal() -> float:
    """Return how many standard errors a normal interval reaches."""
    return NormalDist().inv_cdf((1 + LEVEL) / 2)


def tail(reach: Floats) -> Floats:
    """Return the chance to lie more than ``reach`` standard errors off, on one side."""
    from scipy.special import ndtr

    return np.asarray(ndtr(-reach))


def student(df: Floats) -> Floats:
    """Return how many standard errors an interval reaches where the error itself has ``df`` degrees of freedom."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(df, 1.0), (1 + LEVEL) / 2))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share among ``n`` respondents, or their worth (Wilson 1927)."""
    low, high = shares(np.array([share]), np.array([n]))
    return float(low[0]), float(high[0])


def shares(share: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return the intervals of many shares; see :func:`wilson`."""
    z = normal()
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # At shares of 0 and 1 rounding may leave the estimate outside.
    return np.maximum(0.0, np.minimum(middle - reach, share)), np.minimum(1.0, np.maximum(middle + reach, share))


def noncentral(seen: Floats, here: tuple[Floats, Floats], null: tuple[Floats, Floats], share: Floats | float) -> Floats:
    """Return the true divergences under which estimates are smaller than those seen with a chance of ``share``.

    An end of an interval is such a divergence, by inverting tests. The law at a true divergence d is a times a
    noncentral chi-squared variable with noncentrality d / a. Its mean d + b and variance v fit the draws: those of the
    bootstrap where d is what was ``seen``, those of samples that do not differ where it is 0, in proportion between;
    above, the variance grows as that of a noncentral chi-squared variable does.

    Args:
        seen: estimates of divergences (squares of distances).
        here: bias and variance of the bootstrap's draws.
        null: mean and variance between samples that do not differ.
        share: the chance.
    """
    (bias, variance), (bias_null, variance_null) = here, null
    seen = np.maximum(seen, 1e-14)
    least = 1e-4 * seen

    def chance(d: Floats) -> Floats:
        """Return the chance to see less than was seen, were ``d`` true."""
        part = np.minimum(d / seen, 1)
        b = np.maximum(part * bias + (1 - part) * bias_null, least)
        v = np.maximum(part * variance + (1 - part) * variance_null, 1e-30)
        a = v / (2 * b + 4 * np.minimum(d, seen))
        return _noncentral_cdf(seen / a, b / a, d / a)

    furthest = seen + 10 * np.sqrt(np.maximum(variance, variance_null)) + 10 * np.abs(bias_null)
    return _falls_to(chance, share, chance(np.zeros_like(seen)), furthest)


def _falls_to(chance: Callable[[Floats], Floats], share: Floats | float, nothing: Floats, furthest: Floats) -> Floats:
    """Return where ``chance``, which falls as d grows, reaches ``share``; 0 where it starts below."""
    low, high = np.zeros_like(furthest), furthest
    for _ in range(32):
        middle = (low + high) / 2
        likely = chance(middle) > share
        low, high = np.where(likely, middle, low), np.where(likely, high, middle)
    return np.where(nothing <= share, 0.0, (low + high) / 2)


def _noncentral_cdf(x: Floats, df: Floats, noncentrality: Floats) -> Floats:
    """Return the distribution function of a noncentral chi-squared variable, in Sankaran's closed form (1963).

    Johnson, Kotz and Balakrishnan 1995, Continuous Univariate Distributions 2, (29.61d).
    """
    from scipy.special import ndtr

    mean, twice, thrice = df + noncentrality, df + 2 * noncentrality, df + 3 * noncentrality
    h = 1 - 2 / 3 * mean * thrice / twice**2
    p = twice / mean**2
    m = (h - 1) * (1 - 3 * h)
    z = (x / mean) ** h - (1 + h * p * (h - 1 - (2 - h) * m * p / 2))
    return np.asarray(ndtr(z / (h * np.sqrt(2 * p) * (1 + m * p / 2))))


def inversion(difference: Floats, noise: Floats) -> tuple[float, float]:
    """Return the 95 % interval of the length of a vector: the lengths at which one like ``difference`` is likely.

    A difference of estimates is longer than the true one, by its noise. So the interval holds every length t for
    which a true difference of that length, in the direction seen, would be seen longer, and shorter, than
    ``difference`` with a chance of at least 2.5 %.

    Args:
        difference: estimate of the vector.
        noise: draws of its error, one a row.
    """
    seen, size = float(difference @ difference), (noise**2).sum(axis=1)
    if seen == 0.0 or len(noise) < 2:
        return 0.0, 0.0
    along = noise @ (difference / np.sqrt(seen))

    def length(share: float) -> float:
        """Return the true length at which ``share`` of the draws are seen no longer than the difference is."""
        low, high = 0.0, np.sqrt(seen) + np.sqrt(size.max())
        if np.count_nonzero(size <= seen) / len(size) <= share:
            return 0.0
        for _ in range(50):
            middle = (low + high) / 2
            likely = np.count_nonzero(middle**2 + 2 * middle * along + size <= seen) / len(size) > share
            low, high = (middle, high) if likely else (low, middle)
        return float(high)

    return length((1 + LEVEL) / 2), length((1 - LEVEL) / 2)


@dataclass(frozen=True)
class Law:
    """The law of an estimate over its standard error: Student's, normal where ``df`` is null.

    SciPy's functions themselves: ``scipy.stats`` takes a hundred times as long to say the same of a few numbers.
    """

    df: float | None

    def ppf(self, share: float) -> float:
        """Return what a share of the law is below."""
        from scipy.special import ndtri, stdtrit

        return float(ndtri(share) if self.df is None else stdtrit(self.df, share))

    def sf(self, x: Floats) -> Floats:
        """Return the share of the law above ``x``."""
        from scipy.special import ndtr, stdtr

        return np.asarray(ndtr(-x) if self.df is None else stdtr(self.df, -x))
