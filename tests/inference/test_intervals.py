"""What replicates become: corrected, clipped, never losing the estimate; p-values that count themselves."""

import numpy as np
import pytest
from scipy import stats

from simframe.inference.judging import joined, laws
from simframe.inference.judging.interval import Drawn, judge
from simframe.inference.judging.laws import inversion, wilson
from simframe.inference.judging.methods import JOINED, METHODS

ELSEWHERE = ("none", *JOINED)
"""Without an interval, or with one that joins two others."""
NOTHING = np.empty(0)
NORMAL = np.random.default_rng(1).normal(size=100_000)


def judged(
    metric, estimate=0.5, bootstrap=NOTHING, *, floor=NOTHING, null=NOTHING, n=np.inf
) -> dict[str, float | None]:
    """Judge one figure of two samples of ``n``; None where there is nothing to say."""
    size = np.array([n])
    draws = Drawn(*(np.asarray(kind)[None] for kind in (bootstrap, floor, null)))
    with np.errstate(all="ignore"):
        found = judge([metric], np.array([estimate]), draws, (size, size))
    return {name: float(x[0]) if np.isfinite(x[0]) else None for name, x in found.items()}


def interval(*figure, **draws) -> tuple[float | None, float | None]:
    found = judged(*figure, **draws)
    return found["ci_low"], found["ci_high"]


def floor(metric, drawn) -> tuple[float | None, float | None]:
    found = judged(metric, floor=drawn)
    return found["floor"], found["floor_q95"]


def p_value(metric, estimate, drawn) -> float | None:
    return judged(metric, estimate, null=drawn)["p_value"]


def test_plain_is_the_normal_interval_at_students_quantile():
    low, high = interval("mean_shift", 3.0, 3.0 + 2 * NORMAL)
    assert (low, high) == pytest.approx((3 - 2 * 1.96, 3 + 2 * 1.96), abs=0.05)
    low, high = interval("mean_shift", 3.0, 3.0 + 2 * NORMAL, n=6)
    reach = stats.t.ppf(0.975, 10)
    assert (low, high) == pytest.approx((3 - 2 * reach, 3 + 2 * reach), abs=0.05)


def test_bias_is_taken_off_once():
    low, high = interval("entropy_h", 3.0, 3.5 + 0.1 * NORMAL)
    assert (low, high) == pytest.approx((2.5 - 0.196, 3.0), abs=0.003)


@pytest.mark.parametrize("noncentrality", [0.0, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("df", [1, 4, 10])
def test_divergences_cover_where_their_law_is_noncentral_chi_squared(df, noncentrality):
    """Truth planted: a divergence of 1/n times a noncentral chi-squared variable, draws from the same family."""
    rng = np.random.default_rng(int(3 + df + noncentrality))
    covered, runs = 0, 400
    for _ in range(runs):
        seen = rng.noncentral_chisquare(df, noncentrality + 1e-9) / 1000
        drawn = rng.noncentral_chisquare(df, 1000 * seen, 400) / 1000
        null = rng.chisquare(df, 400) / 1000
        low, high = interval("kl_smoothed", seen, drawn, null=null)
        covered += low <= noncentrality / 1000 <= high
    # At 0 the lower end cannot miss.
    assert covered >= stats.binom.ppf(0.001, runs, 0.95)


@pytest.mark.parametrize("df", [1, 2, 3, 10])
def test_noncentral_distribution_is_scipys(df):
    """Sankaran's closed form where intervals look it up: the upper tail anywhere, the lower away from nothing."""
    for noncentrality, shares in ((0.0, [0.975]), (0.5, [0.975]), (5.0, [0.025, 0.5, 0.975]), (100.0, [0.025, 0.975])):
        x = stats.ncx2.ppf(shares, df, noncentrality + 1e-12)
        ours = laws._noncentral_cdf(x, np.full(len(x), df), np.full(len(x), noncentrality))
        assert ours == pytest.approx(shares, abs=0.006)


def test_difference_of_shares_is_newcombes():
    """Newcombe 1998, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10."""
    for (a, m), (b, n), wanted in (((56, 70), (48, 80), (0.0524, 0.3339)), ((9, 10), (3, 10), (0.1705, 0.8090))):
        s, h = (
            (np.array([k / of]), *map(np.array, zip(wilson(k / of, of), strict=True))) for k, of in ((a, m), (b, n))
        )
        low, high = joined.difference(h, s)
        assert (low[0], high[0]) == pytest.approx(wanted, abs=6e-5)


def test_logs_make_ratios_symmetric():
    low, high = interval("variance_ratio", 2.0, 2.0 * np.exp(0.3 * NORMAL))
    assert low * high == pytest.approx(4.0, rel=0.01)
    assert high == pytest.approx(2 * np.exp(0.3 * 1.96), rel=0.01)


def test_noise_around_nothing_reaches_zero():
    """Two samples of one population: distance and replicates are noise, and the interval says so."""
    noise = np.sqrt(0.01 * (NORMAL[:50_000] ** 2 + NORMAL[50_000:] ** 2))
    low, high = interval("js_distance", 0.1, np.sqrt(0.01 + noise**2))
    assert low == 0.0
    assert high >= 0.1


def test_estimate_is_never_lost():
    low, high = interval("entropy_h", 0.01, 0.05 + 0.001 * NORMAL)
    assert (low, high) == (0.0, 0.01)


@pytest.mark.parametrize("shift", [1.0, 2.0, 4.0])
def test_a_shift_of_all_answers_is_covered(shift):
    """Then the Wasserstein distance is the absolute value of a normal difference with standard error 1."""
    rng = np.random.default_rng(2)
    covered = 0
    for seen in shift + rng.normal(size=1000):
        low, high = interval(
            "wasserstein", abs(seen), np.abs(seen + rng.normal(size=500)), null=np.abs(rng.normal(size=500))
        )
        covered += low <= shift <= high
    assert covered >= stats.binom.ppf(0.001, 1000, 0.95)


def test_range_is_kept():
    assert interval("total_variation", 0.98, 0.9 + 0.05 * np.abs(NORMAL))[1] == 1.0
    assert interval("modal_share_gap", -0.99, -0.9 + 0.2 * np.abs(NORMAL))[0] == -1.0


def test_a_collapsed_panel_has_no_logarithm():
    assert interval("variance_ratio", 0.0, np.zeros(100)) == (0.0, 0.0)
    low, high = interval("variance_ratio", 0.1, np.concatenate([np.zeros(50), np.full(50, 0.2)]))
    assert (low, high) == pytest.approx((0.0, 0.2))


def test_undefined():
    nothing, some = np.array([]), np.array([np.nan, 0.1])
    for drawn in (nothing, some):
        assert interval("js_distance", 0.1, drawn) == (None, None)
        assert floor("js_distance", drawn) == (None, None)
        assert p_value("js_distance", 0.1, drawn) is None
    assert interval("js_distance", float("nan"), NORMAL) == (None, None)
    assert p_value("js_distance", float("nan"), NORMAL) is None
    assert floor("cramers_v_s", NORMAL) == (None, None)
    assert p_value("belief_action_gap_h", 0.3, NORMAL) is None


def test_floor():
    mean, q95 = floor("mean_shift", NORMAL)
    assert mean == pytest.approx(0, abs=4 / np.sqrt(len(NORMAL)))
    assert q95 == pytest.approx(stats.norm.ppf(0.95), abs=0.03)


def test_p_value_counts_itself_and_ties():
    assert p_value("js_distance", 0.5, np.full(99, 0.1)) == 0.01
    assert p_value("js_distance", 0.5, np.full(99, 0.5)) == 1.0
    assert p_value("js_distance", 0.3, np.full(99, 0.1 + 0.2)) == 1.0


def test_p_value_looks_both_ways_where_both_tails_count():
    drawn = np.concatenate([np.full(50, -0.2), np.full(49, 0.1)])
    assert p_value("belief_action_gap", 0.15, drawn) == pytest.approx(0.51)
    ratios = np.concatenate([np.full(50, 0.25), np.full(49, 1.1)])
    assert p_value("variance_ratio", 2.0, ratios) == pytest.approx(0.51)


@pytest.mark.parametrize("name", sorted(name for name, method in METHODS.items() if method.scale not in ELSEWHERE))
def test_every_metric_has_an_interval_that_holds_its_estimate(name):
    method = METHODS[name]
    middle = 1.5 if method.scale == "log" else 0.5
    drawn = middle + 0.05 * NORMAL[:2000]
    low, high = interval(name, middle, drawn)
    assert method.low <= low < middle < high <= method.high


@pytest.mark.parametrize(("share", "n"), [(0.0, 20), (0.1, 30), (0.5, 11), (1.0, 7)])
def test_shares_have_wilsons_interval(share, n):
    known = stats.binomtest(round(share * n), n).proportion_ci(0.95, method="wilson")
    assert wilson(round(share * n) / n, n) == pytest.approx((known.low, known.high), abs=1e-12)


@pytest.mark.parametrize("truth", [0.0, 1.0, 3.0, 10.0])
def test_inversion_covers_the_length_of_a_vector(truth):
    """The squared length has a noncentral chi-squared law, which SciPy inverts for us."""
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(4000, 4))
    covered = 0
    for _ in range(400):
        seen = np.array([truth, 0, 0, 0]) + rng.normal(size=4)
        low, high = inversion(seen, noise)
        covered += low <= truth <= high
    assert covered >= stats.binom.ppf(0.001, 400, 0.95)
    square = float(seen @ seen)
    assert stats.ncx2.cdf(square, 4, high**2) == pytest.approx(0.025, abs=0.01)
    if low > 0:
        assert stats.ncx2.cdf(square, 4, low**2) == pytest.approx(0.975, abs=0.01)


def test_what_people_make_large_has_its_lower_edge_and_what_chance_keeps_small_its_upper():
    assert floor("sign_f1", np.linspace(0, 1, 101)) == pytest.approx((0.5, 0.05))
    assert floor("tp", np.arange(101.0)) == pytest.approx((50, 5))
    assert floor("pearson_r", np.linspace(0, 1, 101)) == pytest.approx((0.5, 0.95))
    drawn = np.concatenate([np.full(90, 3.0), np.full(9, 1.0)])
    assert p_value("tp", 1.0, drawn) == pytest.approx(0.1)
    assert p_value("tp", 3.0, drawn) == 1.0
    assert p_value("accuracy", 3.0, drawn) == pytest.approx(0.91)


def test_floors_of_ratios_are_medians():
    """A ratio to next to nothing has no mean worth the name; its draws here have median 1 and mean 20.8."""
    assert floor("eta2_ratio", np.array([0.5, 0.8, 1.0, 1.2, 100.5]))[0] == 1.0
    assert floor("js_distance", np.array([0.5, 0.8, 1.0, 1.2, 100.5]))[0] == pytest.approx(20.8)
