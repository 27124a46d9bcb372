"""Regressions against statsmodels called directly."""

import numpy as np
import polars as pl
import pytest
from fitted import FIVE, NUMBER, choice, declared, estimates, model, numbers, study_of
from scipy import stats

from simframe.inference.regressions.regression import fit
from simframe.study import load_study


class TestCategories:
    """Bases and bins change the coding, never the model: statsmodels on hand-made dummies is the oracle."""

    AGE = NUMBER + '\nbins = [{ code = "young", label = "y", max = 29 }, { code = "old", label = "o", min = 40 }]'
    EDUC = (
        'scale = "ordinal"\nrole = "persona"\noptions = [{ code = 1, label = "1" }, { code = 2, label = "2" }, '
        '{ code = 3, label = "3" }, { code = 4, label = "4" }]\n'
        'bins = [{ code = "top", label = "t", codes = [4] }, { code = "low", label = "l", codes = [1, 2] }]'
    )
    SEX = choice(["f", "m", "d"]) + '\nbins = [{ code = "m", label = "m", codes = ["m"] }, '
    SEX += '{ code = "f", label = "f", codes = ["f"] }]'

    @pytest.fixture
    def people(self) -> pl.DataFrame:
        rng = np.random.default_rng(11)
        n = 400
        return pl.DataFrame(
            {
                "age": rng.integers(18, 60, n).astype(float),
                "educ": rng.integers(1, 5, n).astype(float),
                "sex": rng.choice(["f", "m", "d"], n, p=[0.5, 0.4, 0.1]),
                "y": rng.normal(size=n),
            }
        )

    @pytest.fixture
    def study(self):
        return study_of(age=self.AGE, educ=self.EDUC, sex=self.SEX, y=NUMBER)

    def test_a_base_that_the_formula_names(self, people, study) -> None:
        import statsmodels.api as sm

        found = fit(model("y ~ C(educ, '3') + C(sex, 'm')", "ols"), people, study)
        dummies = {f"C(educ)[T.{k}]": people["educ"] == k for k in (1, 2, 4)}
        dummies |= {f"C(sex)[T.{code}]": people["sex"] == code for code in ("f", "d")}
        x = sm.add_constant(np.column_stack([each.cast(float).to_numpy() for each in dummies.values()]))
        expected = sm.OLS(people["y"].to_numpy(), x).fit()
        assert estimates(found) == pytest.approx(dict(zip(["Intercept", *dummies], expected.params, strict=True)))

    def test_bins_are_categories_and_whoever_is_outside_is_left_out(self, people, study) -> None:
        import statsmodels.api as sm

        found = fit(model("y ~ bin(age, 'old') + bin(educ) + bin(sex) + age", "ols"), people, study)
        kept = people.filter(
            ((pl.col("age") <= 29) | (pl.col("age") >= 40)) & (pl.col("educ") != 3) & (pl.col("sex") != "d")
        )
        columns = {
            "bin(age)[T.young]": kept["age"] <= 29,
            "bin(educ)[T.low]": kept["educ"] <= 2,
            "bin(sex)[T.f]": kept["sex"] == "f",
            "age": kept["age"],
        }
        x = sm.add_constant(np.column_stack([each.cast(float).to_numpy() for each in columns.values()]))
        expected = sm.OLS(kept["y"].to_numpy(), x).fit()
        assert found.n == kept.height < people.height
        assert estimates(found) == pytest.approx(dict(zip(["Intercept", *columns], expected.params, strict=True)))

    def test_a_named_base_needs_nobody_in_the_first_category(self, people, study) -> None:
        some = people.filter(pl.col("sex") != "f")
        assert list(estimates(fit(model("y ~ C(sex, 'd')", "ols"), some, study))) == ["Intercept", "C(sex)[T.m]"]
        assert "base category sex = f" in fit(model("y ~ sex", "ols"), some, study).reason

    def test_nobody_has_the_base(self, people, study) -> None:
        some = people.filter(pl.col("educ") != 4)
        assert fit(model("y ~ bin(educ)", "ols"), some, study).reason == "predictor educ is constant"
        some = people.filter(pl.col("sex") != "m")
        assert fit(model("y ~ C(sex, 'm')", "ols"), some, study).reason == "nobody has the base category sex = m"


class TestCovariance:
    """Standard errors against statsmodels called directly, or against the sandwich written out."""

    @pytest.mark.parametrize("covariance", ["nonrobust", "HC0", "HC1", "HC3"])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_ols(self, covariance, weighted):
        import statsmodels.formula.api as smf

        data = numbers()
        found = fit(
            model("y ~ x * z", "ols", covariance=covariance), data, FIVE, weights=data["w"] if weighted else None
        )
        if weighted:
            kind = "HC3" if covariance == "nonrobust" else covariance
            wanted = smf.wls("y ~ x * z", data.to_pandas(), weights=data["w"].to_numpy()).fit(cov_type=kind)
            # statsmodels counts cases; weights leave their worth (Kish).
            law = stats.t(data["w"].sum() ** 2 / (data["w"] ** 2).sum() - 4)
        else:
            wanted = smf.ols("y ~ x * z", data.to_pandas()).fit(cov_type=covariance, use_t=True)
            law = stats.t(296)
            assert found.coefficients["p_value"].to_list() == pytest.approx(wanted.pvalues.to_list(), abs=1e-14)
        table = found.coefficients
        assert table["term"].to_list() == list(wanted.params.index)
        p_value, reach = 2 * law.sf(np.abs(wanted.params / wanted.bse)), law.ppf(0.975) * wanted.bse
        for column, values in (("estimate", wanted.params), ("se", wanted.bse), ("p_value", p_value)):
            assert table[column].to_list() == pytest.approx(list(values), rel=1e-9, abs=1e-14)
        assert table["ci_low"].to_list() == pytest.approx((wanted.params - reach).tolist())
        assert table["ci_high"].to_list() == pytest.approx((wanted.params + reach).tolist())
        assert found.fit == pytest.approx(wanted.rsquared)
        assert found.aic == pytest.approx(wanted.aic) if not weighted else True

    @pytest.mark.parametrize("family", ["ols", "logit", "poisson"])
    def test_clusters(self, family):
        import statsmodels.api as sm

        data = numbers()
        outcome = {"ols": "y", "logit": "yes", "poisson": "count"}[family]
        found = fit(model(f"{outcome} ~ x", family, covariance="cluster"), data, FIVE, clusters=data["block"])
        kind = {"ols": sm.OLS, "logit": sm.Logit, "poisson": sm.Poisson}[family]
        asked = {"use_t": True} if family == "ols" else {"disp": 0, "use_t": True}
        wanted = kind(data[outcome].cast(pl.Float64).to_numpy(), sm.add_constant(data["x"].to_numpy())).fit(
            cov_type="cluster", cov_kwds={"groups": data["block"].to_numpy()}, **asked
        )
        assert found.coefficients["se"].to_list() == pytest.approx(wanted.bse.tolist(), rel=1e-6)
        assert found.coefficients["p_value"].to_list() == pytest.approx(wanted.pvalues.tolist(), rel=1e-5)

    @pytest.mark.parametrize("covariance", ["HC0", "HC1"])
    @pytest.mark.parametrize(("family", "outcome"), [("logit", "yes"), ("poisson", "count")])
    def test_survey_weights_give_the_sandwich(self, family, outcome, covariance):
        data = numbers()
        found = fit(model(f"{outcome} ~ x + z", family, covariance=covariance), data, FIVE, weights=data["w"] * 7)
        x = np.column_stack([np.ones(300), data["x"], data["z"]])
        y, w = data[outcome].cast(pl.Float64).to_numpy(), data["w"].to_numpy()
        rate = x @ found.coefficients["estimate"].to_numpy()
        mean = 1 / (1 + np.exp(-rate)) if family == "logit" else np.exp(rate)
        slope = mean * (1 - mean) if family == "logit" else mean
        assert x.T @ (w * (y - mean)) == pytest.approx(np.zeros(3), abs=1e-6)
        bread = np.linalg.inv(x.T @ (x * (w * slope)[:, None]))
        meat = (x * (w * (y - mean))[:, None]).T @ (x * (w * (y - mean))[:, None])
        factor = 300 / 297 if covariance == "HC1" else 1
        wanted = np.sqrt(np.diag(bread @ meat @ bread) * factor)
        assert found.coefficients["se"].to_list() == pytest.approx(wanted.tolist(), rel=1e-6)

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize(("family", "outcome"), [("logit", "yes"), ("poisson", "count")])
    def test_hc3_is_nearly_the_jackknife(self, family, outcome, weighted):
        """What leaving out each case in turn does to the estimates, with weights as without."""
        data = numbers()
        asked = model(f"{outcome} ~ x + z", family, covariance="HC3")
        found = fit(asked, data, FIVE, weights=data["w"] if weighted else None)
        at = np.arange(300)
        left = [fit(asked, data[(at != k).nonzero()[0].tolist()], FIVE,
                    weights=data["w"][(at != k).nonzero()[0].tolist()] if weighted else None) for k in at]  # fmt: skip
        apart = np.array([each.coefficients["estimate"].to_list() for each in left])
        wanted = np.sqrt(((apart - found.coefficients["estimate"].to_numpy()) ** 2).sum(axis=0))
        assert found.coefficients["se"].to_numpy() == pytest.approx(wanted, rel=0.03)
        if weighted and family == "poisson":
            undeclared = fit(model(f"{outcome} ~ x + z", family), data, FIVE, weights=data["w"])
            assert undeclared.coefficients.equals(found.coefficients)

    def test_a_case_with_a_coefficient_of_its_own_says_nothing_of_errors(self):
        data = numbers().with_columns(z=(pl.int_range(300) == 7).cast(pl.Float64))
        found = fit(model("y ~ x + z", "ols", covariance="HC3"), data, FIVE)
        others = fit(model("y ~ x", "ols", covariance="HC3"), data[[k for k in range(300) if k != 7]], FIVE)
        se, wanted = (each.coefficients.filter(term="x")["se"].item() for each in (found, others))
        assert se == pytest.approx(wanted, rel=1e-9)

    def test_whole_weights_give_the_estimates_of_repeated_rows(self):
        data = numbers().with_columns(times=pl.int_range(300) % 3)
        repeated = data.select(pl.exclude("times").repeat_by("times").explode())
        for family, outcome in (("logit", "yes"), ("poisson", "count"), ("ols", "y")):
            weighted = fit(model(f"{outcome} ~ x + z", family), data, FIVE, weights=data["times"])
            plain = fit(model(f"{outcome} ~ x + z", family), repeated, FIVE)
            assert estimates(weighted) == pytest.approx(estimates(plain), rel=1e-6)
            assert weighted.n == 200

    def test_ordered_does_not_care_about_units(self, anes_frame):
        rescaled = anes_frame.with_columns(pl.col("income") * 1e6 + 5e7)
        study = load_study("anes96")
        plain, other = (fit(declared("pid_ologit"), frame, study) for frame in (anes_frame, rescaled))
        assert other.llf == pytest.approx(plain.llf, abs=1e-7)
        both = plain.coefficients.join(other.coefficients, on="term", suffix="_2").filter(kind="slope")
        scale = pl.when(pl.col("term") == "income").then(1e6).otherwise(1.0)
        gap = both.select((pl.col(name) / (pl.col(f"{name}_2") * scale) - 1).abs().max() for name in ("estimate", "se"))
        assert max(gap.row(0)) < 1e-4


def test_categories_follow_the_declared_order_not_the_alphabet():
    study = study_of(y=NUMBER, arm=choice(["zero", "b", "a"], "arm"))
    rng = np.random.default_rng(1)
    arm = np.repeat(["zero", "b", "a"], 50)
    data = pl.DataFrame({"arm": arm, "y": rng.normal(size=150) + (arm == "a")})
    found = fit(model("y ~ C(arm)", "ols"), data, study)
    means = dict(data.group_by("arm").agg(pl.col("y").mean()).iter_rows())
    assert found.coefficients["term"].to_list() == ["Intercept", "C(arm)[T.b]", "C(arm)[T.a]"]
    wanted = [means["zero"], means["b"] - means["zero"], means["a"] - means["zero"]]
    assert found.coefficients["estimate"].to_list() == pytest.approx(wanted)


def test_numbers_under_c_are_named_by_code(anes_frame):
    found = fit(model("TVnews ~ C(PID) + PID", "ols"), anes_frame, load_study("anes96"))
    assert found.reason is not None
    found = fit(model("TVnews ~ C(PID)", "ols"), anes_frame, load_study("anes96"))
    assert found.coefficients["term"].to_list()[1:] == [f"C(PID)[T.{pid}]" for pid in range(1, 7)]


def test_poisson_and_its_mcfadden():
    import statsmodels.formula.api as smf

    data = numbers()
    found = fit(model("count ~ x + z", "poisson"), data, FIVE)
    wanted = smf.poisson("count ~ x + z", data.to_pandas()).fit(disp=0)
    assert found.coefficients["estimate"].to_list() == pytest.approx(wanted.params.to_list())
    assert found.fit == pytest.approx(wanted.prsquared)
    assert found.aic == pytest.approx(wanted.aic)


@pytest.mark.parametrize("family", ["mnlogit", "ologit"])
def test_clusters_of_several_categories(family):
    """Against statsmodels called directly; the ordered logit in the units its optimiser likes."""
    from statsmodels.discrete.discrete_model import MNLogit
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    data = numbers()
    codes = np.digitize(data["y"].to_numpy(), [-1.0, 3.0])
    study = study_of(x=NUMBER, z=NUMBER, mood=choice(["0", "1", "2"], "action"))
    frame = data.select("x", "z", mood=pl.Series(codes).cast(pl.String))
    found = fit(model("mood ~ x + z", family, covariance="cluster"), frame, study, clusters=data["block"])
    x, asked = (
        data.select("x", "z").to_numpy(),
        {"cov_type": "cluster", "cov_kwds": {"groups": data["block"].to_numpy()}},
    )
    if family == "mnlogit":
        wanted = MNLogit(codes, np.column_stack([np.ones(300), x])).fit(disp=0, **asked).bse.ravel(order="F")
    else:
        wanted = OrderedModel(codes, x, distr="logit").fit(method="bfgs", gtol=1e-8, disp=0, **asked).bse
    assert found.coefficients["se"].to_list() == pytest.approx(wanted.tolist(), rel=1e-3)
