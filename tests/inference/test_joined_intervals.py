"""Intervals of figures made of others: differences, quotients, spans; and what their parts rest on."""

import numpy as np
import pytest
from scipy import stats

from simframe.inference.counted import independence, ties
from simframe.inference.judging.joined import difference, quotient, span


def normal_ends(seen, error):
    return seen, seen - 1.96 * error, seen + 1.96 * error


def test_a_difference_of_normal_variables_has_their_interval():
    one, other = normal_ends(np.array([1.0]), 3.0), normal_ends(np.array([2.5]), 4.0)
    low, high = difference(one, other)
    assert (low[0], high[0]) == pytest.approx((1.5 - 1.96 * 5, 1.5 + 1.96 * 5))


def test_quotients_cover():
    """Two lognormal estimates, whose quotient is lognormal."""
    rng = np.random.default_rng(1)
    h, s = (np.exp(rng.normal(mean, error, 4000)) for mean, error in ((0.0, 0.3), (0.7, 0.4)))
    sides = ((x, x * np.exp(-1.96 * e), x * np.exp(1.96 * e)) for x, e in ((h, 0.3), (s, 0.4)))
    low, high = quotient(*sides)
    covered = int(((low <= np.exp(0.7)) & (np.exp(0.7) <= high)).sum())
    assert stats.binom.ppf(0.001, 4000, 0.95) <= covered <= stats.binom.ppf(0.999, 4000, 0.95)


def test_quotients_to_what_may_be_nothing_have_no_upper_end():
    some, nothing = (np.array([x]) for x in (0.5, 0.0))
    low, high = quotient((some, nothing, 2 * some), (some, some / 2, 2 * some))
    assert 0 < low[0] < 1
    assert high[0] == np.inf
    low, high = quotient((nothing, nothing, some), (nothing, nothing, some))
    assert (low[0], high[0]) == (0.0, np.inf)
    low, high = quotient((some, some / 2, 2 * some), (some, nothing, 2 * some))
    assert low[0] == 0.0
    assert 1 < high[0] < np.inf


@pytest.mark.parametrize("truth", [[0.0, 0.0], [0.0] * 8, [0.0] * 5 + [4.0], [0.0, 2.0, 4.0, 6.0], [0.0, 30.0]])
def test_spans_cover_whichever_groups_are_the_ends(truth):
    """Normal estimates with error 1: the span of those that are alike is large by chance."""
    rng, runs = np.random.default_rng(len(truth)), 2000
    seen = (np.array(truth) + rng.normal(size=(runs, len(truth)))).ravel()
    of = np.repeat(np.arange(runs), len(truth))

    def ends(shared):
        reach = stats.norm.isf(0.025 / shared)
        return seen, seen - reach, seen + reach

    low, high = span(ends, of)
    wide = max(truth) - min(truth)
    covered = int(((low <= wide) & (wide <= high)).sum())
    assert covered >= stats.binom.ppf(0.001, runs, 0.95)


@pytest.mark.parametrize(("rows", "columns", "n"), [(2, 2, 40), (3, 2, 60), (4, 5, 300)])
def test_associations_of_unrelated_answers(rows, columns, n):
    """Mean and variance of scipy's chi-squared and G in tables of independent answers."""
    rng = np.random.default_rng(n)
    laws = [np.arange(1.0, k + 1) / np.arange(1.0, k + 1).sum() for k in (rows, columns)]
    tables = rng.multinomial(n, np.outer(*laws).ravel(), 4000).reshape(-1, rows, columns)
    tables = [t for t in tables if (t.sum(axis=0) > 0).all() and (t.sum(axis=1) > 0).all()]
    least = min(rows, columns) - 1
    known = independence.of_margins(*laws, n)
    chi2 = np.array([stats.chi2_contingency(t, correction=False)[0] for t in tables]) / n / least
    assert known["cramers_v"][0] == pytest.approx(chi2.mean(), rel=0.05)
    assert known["cramers_v"][1] == pytest.approx(chi2.var(), rel=0.2)
    # On average tau is chi2 / (n (columns - 1)): Light and Margolin 1971.
    assert known["goodman_kruskal_tau"][0] == pytest.approx(chi2.mean() * least / (columns - 1), rel=0.05)
    ratios = [stats.chi2_contingency(t, correction=False, lambda_="log-likelihood")[0] for t in tables]
    assert known["mutual_information"][0] == pytest.approx(np.mean(ratios) / (2 * n * np.log(2)), rel=0.08)
    assert independence.of_margins(np.array([1.0]), laws[1], n) == {}


@pytest.mark.parametrize("options", [2, 3, 7])
def test_bias_of_options_that_are_alike(options):
    """Of uniform options: half the sum of absolute differences, and the largest share, by simulation."""
    rng, n, even = np.random.default_rng(options), 200, np.full(options, 1 / options)
    h, s = (rng.multinomial(n, even, 20_000) / n for _ in range(2))
    assert ties.of_differences(even, even, n, n) == pytest.approx(np.abs(h - s).sum(axis=1).mean() / 2, rel=0.02)
    assert ties.of_largest(even, n) == pytest.approx((h.max(axis=1) - 1 / options).mean(), rel=0.06)


def test_options_that_differ_have_no_bias():
    h, s = np.array([0.7, 0.2, 0.1]), np.array([0.4, 0.1, 0.5])
    assert ties.of_differences(h, s, 1000, 1000) == 0.0
    assert ties.of_largest(h, 1000) == 0.0
