"""Variances, entropies and group structure equal numpy, scipy and statsmodels on the expanded respondents."""

from fractions import Fraction
from math import comb

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

import simframe.metrics as m

from .contexts import per_group


def groups_of(frame: pl.DataFrame):
    for (g,), table in frame.group_by("g"):
        yield g, *(table[name].to_numpy() for name in table.columns if name != "g")


def test_variance_and_sd_ratio_equal_numpy_on_expanded_answers(tables):
    variance = per_group(tables, m.variance_ratio("h", "s", "v"))
    sd = per_group(tables, m.sd_ratio("h", "s", "v"))
    for g, h, s, v in groups_of(tables):
        human, panel = np.repeat(v, h), np.repeat(v, s)
        if len(set(human)) == 1:
            assert (variance[g], sd[g]) == (None, None)
            continue
        assert variance[g] == pytest.approx(np.var(panel) / np.var(human), rel=1e-10)
        assert sd[g] == pytest.approx(np.std(panel) / np.std(human), rel=1e-10)


def test_entropy_equals_scipy(tables):
    entropy = per_group(tables, m.entropy("s"))
    quotient = per_group(tables, m.entropy_ratio("h", "s"))
    for g, h, s, _ in groups_of(tables):
        assert entropy[g] == pytest.approx(stats.entropy(s, base=2), rel=1e-12)
        if np.count_nonzero(h) == 1:
            assert quotient[g] is None
            continue
        assert quotient[g] == pytest.approx(stats.entropy(s, base=2) / stats.entropy(h, base=2), rel=1e-12)


def test_modal_share_gap_of_a_stereotyping_panel():
    frame = pl.DataFrame({"h": [50, 30, 20], "s": [90, 5, 5]})
    assert frame.select(m.modal_share_gap("h", "s")).item() == pytest.approx(0.4)


@pytest.fixture(scope="module")
def grouped() -> pl.DataFrame:
    """Thirty items answered 1..5 by five groups of both panels."""
    rng = np.random.default_rng(11)
    rows = []
    for g in range(30):
        for group in "abcde":
            h = rng.multinomial(int(rng.integers(20, 90)), rng.dirichlet(np.full(5, 2.0)))
            s = rng.multinomial(int(rng.integers(20, 90)), rng.dirichlet(np.full(5, 2.0)))
            rows.extend({"g": g, "group": group, "v": v + 1, "h": int(h[v]), "s": int(s[v])} for v in range(5))
    return pl.DataFrame(rows).sample(fraction=1.0, shuffle=True, seed=1)


def answers(table: pl.DataFrame, side: str) -> dict[str, np.ndarray]:
    return {
        group: np.repeat(part["v"].to_numpy(), part[side].to_numpy())
        for (group,), part in table.sort("group").group_by("group", maintain_order=True)
    }


def eta2(samples: list[np.ndarray]) -> float:
    f = stats.f_oneway(*samples).statistic
    between, within = len(samples) - 1, sum(map(len, samples)) - len(samples)
    return f * between / (f * between + within)


def test_eta2_ratio_equals_the_one_way_anova(grouped):
    results = per_group(grouped, m.eta2_ratio("h", "s", "v", "group"))
    for (g,), table in grouped.group_by("g"):
        h, s = answers(table, "h"), answers(table, "s")
        assert results[g] == pytest.approx(eta2(list(s.values())) / eta2(list(h.values())), rel=1e-9)


def test_within_variance_ratio_equals_numpy(grouped):
    results = per_group(grouped, m.within_variance_ratio("h", "s", "v", "group"))
    for (g,), table in grouped.group_by("g"):
        h, s = answers(table, "h"), answers(table, "s")
        share = [len(h[group]) for group in h]
        expected = np.average([np.var(s[k]) for k in h], weights=share) / np.average(
            [np.var(h[k]) for k in h], weights=share
        )
        assert results[g] == pytest.approx(expected, rel=1e-9)


def test_group_slope_equals_weighted_least_squares(grouped):
    results = per_group(grouped, m.group_slope("h", "s", "v", "group"))
    for (g,), table in grouped.group_by("g"):
        h, s = answers(table, "h"), answers(table, "s")
        x, y = [h[k].mean() for k in h], [s[k].mean() for k in h]
        fit = sm.WLS(y, sm.add_constant(x), weights=[len(h[k]) for k in h]).fit()
        assert results[g] == pytest.approx(fit.params[1], rel=1e-8)


def test_a_panel_that_doubles_group_differences_has_slope_two():
    h = {"a": [30, 10, 0, 0, 0], "b": [0, 20, 20, 0, 0]}
    frame = pl.DataFrame(
        [{"group": k, "v": v, "h": n, "s": 0} for k, counts in h.items() for v, n in enumerate(counts)]
        # group means 0.25 and 1.5 become 0.5 and 3
        + [{"group": "a", "v": 0.5, "h": 0, "s": 7}, {"group": "b", "v": 3.0, "h": 0, "s": 9}]
    )
    assert frame.select(m.group_slope("h", "s", "v", "group")).item() == pytest.approx(2.0, rel=1e-12)
    assert frame.select(m.within_variance_ratio("h", "s", "v", "group")).item() == pytest.approx(0.0, abs=1e-15)


def test_groups_that_one_panel_lacks_and_null_groups_are_set_aside(grouped):
    lonely = pl.concat(
        [
            grouped,
            grouped.with_columns(group=pl.lit("f"), s=pl.lit(0, pl.Int64)),
            grouped.with_columns(group=pl.lit(None, pl.String)),
        ]
    )
    for metric in (m.within_variance_ratio, m.eta2_ratio, m.group_slope):
        expr = metric("h", "s", "v", "group")
        assert per_group(lonely, expr) == pytest.approx(per_group(grouped, expr), rel=1e-9)


def test_equal_group_means_have_no_slope_and_no_eta2():
    # Weighted means whose rounding must not pass for a difference between groups.
    frame = pl.DataFrame(
        {
            "group": ["a", "a", "b", "b", "c", "c"],
            "v": [0.1, 0.7] * 3,
            "h": [0.1, 0.2, 0.3, 0.6, 0.7, 1.4],
            "s": [1] * 6,
        }
    )
    assert frame.select(m.group_slope("h", "s", "v", "group")).item() is None
    assert frame.select(m.eta2_ratio("h", "s", "v", "group")).item() is None


def test_rarefied_structures_equal_the_hypergeometric_distribution():
    rng = np.random.default_rng(5)
    sizes = [rng.geometric(0.3, size=int(rng.integers(1, 40))) for _ in range(20)]
    frame = pl.DataFrame(
        [{"g": g, "n": int(n), "m": int(sum(counts)) // 2} for g, counts in enumerate(sizes) for n in counts]
    )
    results = per_group(frame, m.rarefied_structures("n", "m"))
    for g, counts in enumerate(sizes):
        total = int(counts.sum())
        expected = stats.hypergeom(total, counts, total // 2).sf(0).sum()
        assert results[g] == pytest.approx(expected, rel=1e-9)


def test_rarefaction_of_ten_million_respondents_equals_exact_arithmetic():
    """Fractions of whole numbers, where logarithms of factorials would have lost ten digits."""
    counts = [6_000_000, 3_000_000, 997_000, 2_500, 400, 60, 30, 7, 1, 1, 1]
    everybody = sum(counts)
    frame = pl.DataFrame({"n": counts})
    for m_ in (1, 2, 250, 3_000):
        missed = [Fraction(comb(everybody - n, m_), comb(everybody, m_)) for n in counts]
        expected = float(sum(1 - each for each in missed))
        assert frame.select(m.rarefied_structures("n", m_)).item() == pytest.approx(expected, rel=1e-12)


def test_rarefaction_of_many_structures_is_the_mean_over_draws():
    rng = np.random.default_rng(12)
    counts = rng.geometric(0.02, size=5_000)
    draws = rng.multivariate_hypergeometric(counts, 40_000, size=200, method="count")
    distinct = (draws > 0).sum(axis=1)
    error = distinct.std(ddof=1) / np.sqrt(len(distinct))
    result = pl.DataFrame({"n": counts}).select(m.rarefied_structures("n", 40_000)).item()
    assert result == pytest.approx(distinct.mean(), abs=4 * error)


def test_rarefaction_at_its_ends():
    frame = pl.DataFrame({"n": [500_000, 300_000, 1, 0, 7]})
    results = frame.select(
        none=m.rarefied_structures("n", 0),
        one=m.rarefied_structures("n", 1),
        everybody=m.rarefied_structures("n", 800_008),
        too_many=m.rarefied_structures("n", 800_009),
        unique=m.unique_structures("n"),
    ).row(0, named=True)
    assert results == {"none": 0.0, "one": pytest.approx(1.0), "everybody": 4.0, "too_many": None, "unique": 4}


def test_structure_ratio_compares_at_the_smaller_panel():
    frame = pl.DataFrame({"h": [1] * 50 + [0] * 2, "s": [0] * 50 + [500, 500]})
    # 50 people, all different; the panel knows two structures and shows both among any 50.
    expected = stats.hypergeom(1000, 500, 50).sf(0) * 2 / 50
    assert frame.select(m.structure_ratio("h", "s")).item() == pytest.approx(expected, rel=1e-9)


def test_memorised_share_counts_respondents_not_tuples():
    frame = pl.DataFrame({"s": [8, 1, 1], "pilot": [1, 0, 2]})
    assert frame.select(m.memorised_share("s", "pilot")).item() == pytest.approx(0.9)
