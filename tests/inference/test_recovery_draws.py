"""Uncertainty of regression recovery: against statsmodels and SciPy where a law is known, else a planted truth."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from simframe.inference.families.recovery import beside, recovery_rows
from simframe.inference.regressions.regression import COEFFICIENT, Fit, fit
from simframe.study import Regression, parse_study

NUMBER = 'scale = "interval"\nrole = "persona"\nrange = [-1000, 1000]'
YES_NO = 'scale = "nominal"\nrole = "action"\noptions = [{ code = "0", label = "no" }, { code = "1", label = "yes" }]'
STUDY = parse_study(
    '[study]\nid = "t"\ntitle = "t"\n'
    + "".join(f'[[item]]\nid = "{name}"\nlabel = "{name}"\n{NUMBER}\n' for name in ("x", "z", "v", "y"))
    + f'[[item]]\nid = "yes"\nlabel = "yes"\n{YES_NO}',
    "test",
)


def people(n: int, seed: int, slope: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x, z, v = rng.normal(size=(3, n))
    rate = slope * x - 0.5 * z
    yes = np.where(rng.random(n) < 1 / (1 + np.exp(-rate)), "1", "0")
    return pl.DataFrame({"x": x, "z": z, "v": v, "y": rate + rng.normal(size=n), "yes": yes})


def fitted(frame: pl.DataFrame, family: str = "ols", clusters: pl.Series | None = None, **more: object) -> Fit:
    outcome = {"ols": "y", "logit": "yes"}[family]
    model = Regression(id="m", label="m", formula=f"{outcome} ~ x + z + v", family=family, **more)
    found = fit(model, frame, STUDY, clusters=clusters)
    assert found.reason is None
    return found


def known(estimate, covariance, n: int = 500, terms=None, p: float | None = None) -> Fit:
    """A fit whose estimates are what we say."""
    estimate, covariance = np.asarray(estimate, float), np.asarray(covariance, float)
    se = np.sqrt(np.diag(covariance))
    columns = {
        "term": terms or [f"b{k}" for k in range(len(estimate))],
        "kind": ["slope"] * len(estimate),
        "estimate": estimate,
        "se": se,
        "p_value": 2 * stats.norm.sf(np.abs(estimate) / se),
        "ci_low": estimate - 1.96 * se,
        "ci_high": estimate + 1.96 * se,
    }
    return Fit("m", "logit", n, None, None, None, None, None, pl.DataFrame(columns, schema=COEFFICIENT), covariance)


def rows(h: Fit, s: Fit, replicates: int = 2000, seed: int = 0, panel: str = "s") -> dict[str, SimpleNamespace]:
    return {row["metric"]: SimpleNamespace(**row) for row in recovery_rows([h], [s], replicates, seed, panel)}


class TestEqualN:
    @pytest.mark.parametrize("family", ["ols", "logit"])
    def test_a_larger_panel_is_tested_at_the_peoples_n(self, family):
        h, s = fitted(people(80, 1), family), fitted(people(320, 2), family)
        got = beside(h, s, s.rows(panel_id="s", split="all"))
        law = stats.t(80 - 4) if family == "ols" else stats.norm
        estimate, se = got["estimate"].to_numpy(), 2 * got["se"].to_numpy()
        assert got["p_value_equal_n"].to_list() == pytest.approx((2 * law.sf(np.abs(estimate) / se)).tolist(), rel=1e-9)
        assert got["ci_low_equal_n"].to_list() == pytest.approx((estimate - law.ppf(0.975) * se).tolist())
        assert got["ci_high_equal_n"].to_list() == pytest.approx((estimate + law.ppf(0.975) * se).tolist())

    @pytest.mark.parametrize("n", [40, 80])
    def test_no_larger_panel_keeps_its_own_errors(self, n):
        h, s = fitted(people(80, 1)), fitted(people(n, 2))
        got = beside(h, s, s.rows(panel_id="s", split="all"))
        for own, equal in (
            ("p_value", "p_value_equal_n"),
            ("ci_low", "ci_low_equal_n"),
            ("ci_high", "ci_high_equal_n"),
        ):
            assert got[equal].to_list() == pytest.approx(got[own].to_list(), rel=1e-12)

    def test_the_difference_keeps_both_errors(self):
        h, s = fitted(people(80, 1), "logit"), fitted(people(320, 2), "logit")
        got = beside(h, s, s.rows(panel_id="s", split="all"))
        gap = (s.coefficients["estimate"] - h.coefficients["estimate"]).to_numpy()
        z = gap / np.sqrt(np.diag(h.covariance) + np.diag(s.covariance))
        assert got["p_difference"].to_list() == pytest.approx((2 * stats.norm.sf(np.abs(z))).tolist(), rel=1e-9)

    def test_a_term_that_people_lack_has_nothing_beside_it(self):
        h, s = known([1.0], [[1.0]], terms=["a"]), known([1.0, 2.0], np.eye(2), terms=["a", "b"])
        got = beside(h, s, s.rows(panel_id="s", split="all")).select("p_value_equal_n", "p_difference").rows()
        assert got[1] == (None, None)
        assert None not in got[0]

    def test_a_larger_panel_finds_no_more_for_its_size(self):
        """The same effect at ten times the n: significant by its own errors, not at the people's n."""
        h, s = known([1.0], [[1.0]], n=100), known([1.0], [[0.1]], n=1000)
        assert s.coefficients["p_value"].item() < 0.01
        assert rows(h, s)["tn"].estimate == 1


class TestCovariance:
    """What is drawn from is statsmodels' covariance, as declared."""

    @pytest.mark.parametrize("covariance", ["nonrobust", "HC1", "HC3", "cluster"])
    def test_of_ols(self, covariance):
        import statsmodels.api as sm

        frame = people(120, 3)
        block = pl.Series("block", np.arange(120) // 6)
        asked = {"cov_type": covariance}
        if covariance == "cluster":
            asked["cov_kwds"] = {"groups": block.to_numpy()}
        wanted = sm.OLS(frame["y"].to_numpy(), sm.add_constant(frame.select("x", "z", "v").to_numpy())).fit(**asked)
        found = fitted(frame, covariance=covariance, clusters=block)
        assert found.covariance == pytest.approx(wanted.cov_params(), rel=1e-9)
        assert found.df == (19 if covariance == "cluster" else 116)

    def test_of_an_ordered_logit_whose_predictors_have_units(self):
        """The fit runs on standardised predictors; its covariance speaks of the given ones."""
        rng = np.random.default_rng(4)
        x = rng.normal(size=300) * 1000 + 5000
        y = np.digitize(x / 1000 + rng.logistic(size=300), [4, 6]).astype(float)
        study = parse_study(
            '[study]\nid = "t"\ntitle = "t"\n[[item]]\nid = "x"\nlabel = "x"\nscale = "interval"\nrange = [0, 99999]\n'
            'role = "persona"\n[[item]]\nid = "y"\nlabel = "y"\nscale = "ordinal"\nrole = "belief"\noptions = ['
            + ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(3)) + "]",
            "test",
        )  # fmt: skip
        found = fit(
            Regression(id="m", label="m", formula="y ~ x", family="ologit"), pl.DataFrame({"x": x, "y": y}), study
        )
        assert np.sqrt(np.diag(found.covariance)) == pytest.approx(found.coefficients["se"].to_numpy())
        assert found.covariance.shape == (3, 3)


class TestKnownLaws:
    def test_floor_of_one_slope(self):
        """The distance of two estimates of one slope is the absolute value of a normal variable."""
        found = rows(known([3.0], [[0.25]], n=100), known([3.1], [[0.5]], n=50), 40_000)
        spread = np.sqrt(0.25 + 0.25 * 2)
        got = found["coefficient_distance"]
        assert got.floor == pytest.approx(spread * np.sqrt(2 / np.pi), rel=0.02)
        assert got.floor_q95 == pytest.approx(spread * stats.norm.ppf(0.975), rel=0.02)

    def test_people_cover_one_another_83_percent_of_the_time(self):
        covariance = stats.wishart(12, np.eye(6) / 12, seed=1).rvs()
        found = rows(known(np.arange(6.0), covariance), known(np.arange(6.0), covariance), 20_000)
        expected = 2 * stats.norm.cdf(stats.norm.ppf(0.975) / np.sqrt(2)) - 1
        assert found["coefficient_coverage"].floor == pytest.approx(expected, abs=0.005)

    def test_p_value_of_a_distance_is_the_chi_squared_test(self):
        """With one variance for all slopes the squared distance is a chi-squared variable."""
        gap = np.array([1.0, -2.0, 0.5])
        found = rows(known(np.zeros(3), np.eye(3)), known(gap, np.eye(3) * 0.5), 40_000)
        assert found["coefficient_distance"].p_value == pytest.approx(stats.chi2.sf(gap @ gap / 1.5, 3), abs=0.01)

    def test_interval_of_one_slope_is_the_normal_one(self):
        got = rows(known([0.0], [[0.5]]), known([5.0], [[0.5]]), 40_000)["coefficient_distance"]
        assert (got.ci_low, got.ci_high) == pytest.approx((5 - 1.96, 5 + 1.96), abs=0.05)

    def test_floors_know_the_panels_size(self):
        h = known([1.0, 2.0, -1.0], np.eye(3) / 4, n=400)
        small, large = (rows(h, known([1.0, 2.0, -1.0], np.eye(3) / 4, n=n)) for n in (100, 4000))
        assert small["coefficient_distance"].floor == pytest.approx(
            np.sqrt((1 + 4) / (1 + 0.1)) * large["coefficient_distance"].floor, rel=0.05
        )
        assert small["tp"].floor < large["tp"].floor


WORLDS = 300
TRUTHS = {
    "alike": ([1.0, 2.0, 0.0, -3.0], [1.0, 2.0, 0.0, -3.0]),
    "apart": ([1.0, 2.0, 0.0, -3.0], [2.0, 0.0, 1.0, -4.0]),
    "nothing": ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
}


def share(flags, *, least: float | None = None, most: float | None = None) -> None:
    """Hold a share to a bound that chance breaks in one run of a thousand."""
    flags = list(flags)
    if least is not None:
        assert sum(flags) >= stats.binom.ppf(0.001, len(flags), least), np.mean(flags)
    if most is not None:
        assert sum(flags) <= stats.binom.ppf(0.999, len(flags), most), np.mean(flags)


@pytest.mark.parametrize("name", TRUTHS)
def test_planted_coefficients(name):
    """Intervals cover, p-values hold their level, and a fresh pair of samples falls where the intervals say."""
    h, s = (np.array(each) for each in TRUTHS[name])
    rng = np.random.default_rng(11)
    covariance = np.diag([0.5, 1.0, 1.0, 1.5]) + 0.2
    root = np.linalg.cholesky(covariance)
    drawn = [[known(truth + root @ rng.normal(size=4), covariance) for truth in (h, s)] for _ in range(WORLDS)]
    worlds = [rows(*pair, 300, seed=k) for k, pair in enumerate(drawn)]

    lengths = [w["coefficient_distance"] for w in worlds]
    share((w.ci_low <= np.linalg.norm(s - h) <= w.ci_high for w in lengths), least=0.93)
    if h.std():
        truth, found = np.corrcoef(h, s)[0, 1], [w["coefficient_correlation"] for w in worlds]
        share((w.ci_low - 1e-9 <= truth <= w.ci_high + 1e-9 for w in found), least=0.93)

    for metric in worlds[0]:
        rejected = [w[metric].p_value <= 0.05 for w in worlds if metric in w]
        if name != "apart":
            share(rejected, most=0.05)
        elif metric == "coefficient_distance":
            assert sum(rejected) > stats.binom.ppf(0.999, WORLDS, 0.05)

    # Nine times of ten: the draws stand about estimates, which have an error of their own.
    for metric in ("tp", "fp", "fn", "tn", "sign_f1", "false_positive_rate", "coefficient_coverage"):
        fresh = [(w[metric], v[metric]) for w, v in pairwise(worlds) if metric in w and metric in v]
        share((w.ci_low - 1e-9 <= v.estimate <= w.ci_high + 1e-9 for w, v in fresh), least=0.87)


def test_clusters_widen_what_they_should():
    """Outcomes and predictors that whole blocks share: only the clustered covariance knows how little was seen."""
    rng = np.random.default_rng(5)
    rejected = {"nonrobust": 0, "cluster": 0}
    worlds = 80
    block = pl.Series("block", np.repeat(np.arange(40), 8))
    for world in range(worlds):
        sides = []
        for _ in range(2):
            shared = {name: np.repeat(rng.normal(size=40), 8) for name in ("x", "z", "v", "e")}
            y = shared["x"] + shared["e"] + 0.3 * rng.normal(size=320)
            sides.append(pl.DataFrame({name: shared[name] for name in ("x", "z", "v")} | {"y": y, "yes": ["1"] * 320}))
        for covariance in rejected:
            h, s = (fitted(side, covariance=covariance, clusters=block) for side in sides)
            rejected[covariance] += rows(h, s, 200, seed=world)["coefficient_distance"].p_value <= 0.05
    assert rejected["nonrobust"] > worlds / 2
    # A sandwich of forty clusters is a little small itself.
    assert rejected["cluster"] <= stats.binom.ppf(0.999, worlds, 0.1)


def test_a_slope_that_the_panel_lacks_is_missed_in_every_draw():
    h = known([9.0, 9.0], np.eye(2), terms=["a", "lost"])
    found = rows(h, known([9.0], [[1.0]], terms=["a"]))
    assert (found["fn"].estimate, found["fn"].ci_low, found["fn"].floor) == (1.0, 1.0, 0.0)
    assert found["sign_f1"].estimate == pytest.approx(2 / 3)


def test_nothing_to_compare_is_no_row():
    h = known([1.0], [[1.0]], terms=["a"])
    empty = Fit("m", "logit", 0, None, None, None, None, "constant", pl.DataFrame(schema=COEFFICIENT), np.empty((0, 0)))
    assert rows(h, known([1.0], [[1.0]], terms=["b"])) == {}
    assert rows(h, empty) == rows(empty, h) == {}


def test_undefined_figures_have_no_row():
    found = rows(known([0.1, 0.2], np.eye(2)), known([0.2, 0.1], np.eye(2)))
    assert {"sign_f1", "sign_precision", "sign_recall", "coefficient_correlation"}.isdisjoint(found)
    assert found["false_positive_rate"].estimate == 0


def test_seed_panel_and_model_decide_the_draws():
    h, s = known([1.0, 2.0], np.eye(2)), known([2.0, 1.0], np.eye(2))
    assert rows(h, s, 200) == rows(h, s, 200)
    assert rows(h, s, 200) != rows(h, s, 200, seed=1)
    assert rows(h, s, 200) != rows(h, s, 200, panel="t")


def test_a_covariance_of_less_than_full_rank_is_drawn_from():
    flat = np.ones((2, 2))
    got = rows(known([1.0, 1.0], flat), known([3.0, 3.0], flat), 20_000)["coefficient_distance"]
    assert got.floor == pytest.approx(np.sqrt(2) * np.sqrt(2) * np.sqrt(2 / np.pi), rel=0.03)
    assert got.p_value == pytest.approx(2 * stats.norm.sf(2 / np.sqrt(2)), abs=0.01)
