"""Regressions against published figures, against statsmodels called directly, and against planted trouble."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

from simframe.errors import StudyError
from simframe.inference.regression import fit
from simframe.study import Regression, load_study, parse_study

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def study_of(**items: str):
    """Make a study from TOML fragments, one an item."""
    parts = [f'[[item]]\nid = "{name}"\nlabel = "{name}"\n{text}' for name, text in items.items()]
    return parse_study('[study]\nid = "t"\ntitle = "t"\n' + "\n".join(parts), "test")


def choice(codes: list[str], role: str = "persona") -> str:
    options = ", ".join(f'{{ code = "{code}", label = "{code}" }}' for code in codes)
    return f'scale = "nominal"\nrole = "{role}"\noptions = [{options}]'


NUMBER = 'scale = "interval"\nrole = "persona"\nrange = [-1000, 1000]'
YES_NO = choice(["0", "1"], "action")


def model(formula: str, family: str, **more: object) -> Regression:
    return Regression(id="m", label="m", formula=formula, family=family, **more)


def estimates(found) -> dict[str, float]:
    assert found.reason is None, found.reason
    return dict(found.coefficients.select("term", "estimate").iter_rows())


@pytest.fixture(scope="module")
def anes() -> pl.DataFrame:
    from statsmodels.datasets import anes96

    near = (pl.col("selfLR") - pl.col("DoleLR")).abs() - (pl.col("selfLR") - pl.col("ClinLR")).abs()
    frame = pl.from_pandas(anes96.load_pandas().data).with_columns(prox=near)
    return frame.with_columns(pl.col("vote").cast(pl.Int64).cast(pl.String), pl.col("popul").cast(pl.Float64))


@pytest.fixture(scope="module")
def anes_frame(anes: pl.DataFrame) -> pl.DataFrame:
    return anes.with_columns(pl.col("vote").cast(pl.Float64))


def declared(regression_id: str) -> Regression:
    return next(r for r in load_study("anes96").regressions if r.id == regression_id)


class TestPublished:
    """Figures of data/anes96/SOURCE.md, to 4 decimals."""

    def test_multinomial(self, anes_frame):
        found = fit(declared("pid_mnlogit"), anes_frame, load_study("anes96"))
        assert (found.n, found.df_model) == (944, 30)
        assert found.llf == pytest.approx(-1461.9227472481462, abs=1e-6)
        assert found.fit == pytest.approx(0.16478104691847, abs=1e-9)
        assert found.aic == pytest.approx(2995.8454944963, abs=1e-6)
        rows = {
            "selfLR": [0.2977, 0.3917, 0.5735, 1.2788, 1.3470, 2.0701],
            "Intercept": [-0.3734, -2.2509, -3.6656, -7.6138, -7.0605, -12.1058],
            "logpopul": [-0.0115, -0.0888, -0.1060, -0.0916, -0.0933, -0.1409],
            "age": [-0.0249, -0.0229, -0.0149, -0.0087, -0.0179, -0.0094],
            "educ": [0.0825, 0.1810, -0.0072, 0.1998, 0.2169, 0.3219],
            "income": [0.0052, 0.0479, 0.0576, 0.0845, 0.0810, 0.1089],
        }
        wanted = {f"{pid}:{term}": b for term, row in rows.items() for pid, b in enumerate(row, start=1)}
        assert estimates(found) == pytest.approx(wanted, abs=5.1e-5)
        intercepts = found.coefficients.filter(kind="intercept")["term"]
        assert intercepts.to_list() == [f"{pid}:Intercept" for pid in range(1, 7)]

    def test_ordered(self, anes_frame):
        found = fit(declared("pid_ologit"), anes_frame, load_study("anes96"))
        assert found.llf == pytest.approx(-1494.6195069785635, abs=1e-6)
        slopes = {"logpopul": -0.0707, "selfLR": 1.0192, "age": -0.0042, "educ": 0.1777, "income": 0.0472}
        steps = [3.6891, 0.2243, -0.3445, -1.3565, -0.4247, 0.1653]
        got = estimates(found)
        assert {term: got[term] for term in slopes} == pytest.approx(slopes, abs=5.1e-5)
        assert found.coefficients.filter(kind="threshold")["estimate"].to_list() == pytest.approx(steps, abs=5.1e-5)
        assert found.df_model == 5

    def test_binary(self, anes_frame):
        found = fit(declared("vote_logit"), anes_frame, load_study("anes96"))
        wanted = {
            "Intercept": -7.6442,
            "PID": 1.0448,
            "selfLR": 0.6065,
            "age": 0.0103,
            "educ": 0.0467,
            "income": 0.0409,
            "logpopul": -0.0868,
        }
        assert estimates(found) == pytest.approx(wanted, abs=5.1e-5)
        assert found.llf == pytest.approx(-245.38870505046282, abs=1e-6)
        assert found.fit == pytest.approx(0.6172058, abs=1e-7)

    def test_spatial(self, anes_frame):
        found = fit(declared("vote_spatial"), anes_frame, load_study("anes96"))
        assert estimates(found) == pytest.approx({"Intercept": -3.8523, "prox": -0.9256, "PID": 0.9157}, abs=5.1e-5)
        assert found.fit == pytest.approx(0.7030332, abs=1e-7)

    def test_amazon_arms(self):
        data = shared("amazon_disclosure")
        arms = ["control", "altruism", "bonus-05", "bonus-20", "bonus-50"]
        study = study_of(share=YES_NO, incentive=choice(arms), showdata=NUMBER)
        frame = data.select(pl.col("share").cast(pl.String), "incentive", pl.col("showdata").cast(pl.Float64))
        found = fit(model("share ~ incentive + showdata", "logit"), frame, study)
        assert found.n == 6325
        assert found.llf == pytest.approx(-3178.1, abs=0.05)
        wanted = [1.0617, 0.1224, -0.1022, 0.1694, 0.5957, 0.3171]
        assert found.coefficients["estimate"].to_list() == pytest.approx(wanted, abs=5.1e-5)
        assert found.coefficients["term"].to_list()[1] == "incentive[T.altruism]"

    def test_amazon_main(self):
        data, dropped = shared("amazon_disclosure"), ["Prefer not to say"]
        kept = data.filter(
            pl.col("gender").is_in(["Male", "Female"]),
            *(~pl.col(name).is_in(dropped) for name in ("race", "education", "income")),
        )
        single = ["White or Caucasian", "Asian", "Black or African American"]
        frame = kept.select(
            pl.col("share").cast(pl.String),
            pl.col("showdata").cast(pl.Float64),
            "incentive",
            "gender",
            age=bands(
                "age", {"35-54": ["35 - 44 years", "45 - 54 years"], "18-34": ["18 - 24 years", "25 - 34 years"]}
            ),
            income=bands("income", {"50-99": ["$50,000 - $74,999", "$75,000 - $99,999"], "<50": LOW_INCOME}),
            education=bands("education", {"bachelor": ["Bachelor's degree"], "graduate": GRADUATE}),
            race=pl.when(pl.col("race").is_in(single)).then(pl.col("race")).otherwise(pl.lit("other")),
            freq=pl.col("order_frequency"),
        )
        levels = {
            name: sorted(frame[name].unique().to_list()) for name in ("age", "income", "education", "race", "freq")
        }
        first = {"age": "35-54", "income": "50-99", "education": "bachelor", "race": single[0], "freq": FREQUENCY[0]}
        study = study_of(
            share=YES_NO,
            showdata=NUMBER,
            incentive=choice(["control", "altruism", "bonus-05", "bonus-20", "bonus-50"]),
            gender=choice(["Male", "Female"]),
            **{name: choice([first[name], *(c for c in codes if c != first[name])]) for name, codes in levels.items()},
        )
        formula = "share ~ showdata + incentive + gender + age + income + education + race + freq"
        found = fit(model(formula, "logit"), frame, study)
        assert found.n == 5995
        assert found.llf == pytest.approx(-2916.5, abs=0.05)
        assert found.fit == pytest.approx(0.028, abs=5e-4)
        got = estimates(found)
        wanted = {
            "Intercept": 0.9989,
            "showdata": 0.3737,
            "incentive[T.altruism]": 0.0393,
            "incentive[T.bonus-05]": -0.1518,
            "incentive[T.bonus-20]": 0.0796,
            "incentive[T.bonus-50]": 0.5840,
            "gender[T.Female]": 0.3665,
            "age[T.18-34]": -0.1761,
            "age[T.rest]": -0.0624,
            "income[T.<50]": 0.1450,
            "income[T.rest]": 0.0461,
            "education[T.graduate]": 0.1269,
            "education[T.rest]": 0.1598,
            "race[T.Asian]": -0.5611,
            "race[T.Black or African American]": -0.0716,
            "race[T.other]": 0.0208,
            "freq[T.Less than 5 times per month]": -0.0345,
            "freq[T.More than 10 times per month]": -0.1782,
        }
        assert got == pytest.approx(wanted, abs=5.1e-5)

    def test_nonvoters_weighted(self):
        data = shared("nonvoters538")
        frame = data.select(
            "educ",
            "race",
            "gender",
            always=(pl.col("voter_category") == "always").cast(pl.Int8).cast(pl.String),
            imp=(pl.col("Q2_1") == 1).cast(pl.Float64),
            age=pl.col("age").cast(pl.Float64),
        )
        groups = {name: choice(sorted(frame[name].unique().to_list())) for name in ("educ", "race", "gender")}
        study = study_of(always=YES_NO, imp=NUMBER, age=NUMBER, **groups)
        formula = "always ~ imp + age + C(educ) + C(race) + C(gender)"
        found = fit(model(formula, "logit", weighted=True), frame, study, weights=data["weight"])
        got = estimates(found)
        assert {"imp": got["imp"], "age": got["age"]} == pytest.approx({"imp": 1.3887, "age": 0.0208}, abs=5.1e-5)
        assert {term for term in got if term.startswith("C(race)")} == {
            f"C(race)[T.{level}]" for level in ("Hispanic", "Other/Mixed", "White")
        }


FREQUENCY = ["5 - 10 times per month"]
LOW_INCOME = ["Less than $25,000", "$25,000 - $49,999"]
GRADUATE = ["Graduate or professional degree"]


def bands(column: str, groups: dict[str, list[str]]) -> pl.Expr:
    table = {code: name for name, codes in groups.items() for code in codes}
    return pl.col(column).replace_strict(table, default="rest")


def shared(name: str) -> pl.DataFrame:
    path = SHARED / name / "survey.parquet"
    if not path.is_file():
        pytest.skip(f"{name} is not there: its data stand outside the project")
    return pl.read_parquet(path)


def numbers(n: int = 300) -> pl.DataFrame:
    """Two predictors, a measurement with uneven spread, a count and a choice that depend on them."""
    rng = np.random.default_rng(20)
    x, z = rng.normal(size=n), rng.normal(size=n)
    return pl.DataFrame(
        {
            "x": x,
            "z": z,
            "y": 1 + 2 * x - z + rng.normal(size=n) * (1 + x**2),
            "count": rng.poisson(np.exp(0.3 + 0.4 * x)).astype(float),
            "yes": np.where(rng.random(n) < 1 / (1 + np.exp(-x + 0.5 * z)), "1", "0"),
            "w": rng.gamma(3, 1 / 3, n),
            "block": rng.integers(0, 25, n),
        }
    )


FIVE = study_of(x=NUMBER, z=NUMBER, y=NUMBER, count=NUMBER, yes=YES_NO)


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
            kind = "HC1" if covariance == "nonrobust" else covariance
            wanted = smf.wls("y ~ x * z", data.to_pandas(), weights=data["w"].to_numpy()).fit(cov_type=kind)
        else:
            wanted = smf.ols("y ~ x * z", data.to_pandas()).fit(cov_type=covariance)
        table = found.coefficients
        assert table["term"].to_list() == list(wanted.params.index)
        for column, values in (("estimate", wanted.params), ("se", wanted.bse), ("p_value", wanted.pvalues)):
            assert table[column].to_list() == pytest.approx(values.to_list(), rel=1e-9, abs=1e-14)
        low, high = wanted.conf_int().to_numpy().T
        assert table["ci_low"].to_list() == pytest.approx(low.tolist())
        assert table["ci_high"].to_list() == pytest.approx(high.tolist())
        assert found.fit == pytest.approx(wanted.rsquared)
        assert found.aic == pytest.approx(wanted.aic) if not weighted else True

    @pytest.mark.parametrize("family", ["ols", "logit", "poisson"])
    def test_clusters(self, family):
        import statsmodels.api as sm

        data = numbers()
        outcome = {"ols": "y", "logit": "yes", "poisson": "count"}[family]
        found = fit(model(f"{outcome} ~ x", family, covariance="cluster"), data, FIVE, clusters=data["block"])
        kind = {"ols": sm.OLS, "logit": sm.Logit, "poisson": sm.Poisson}[family]
        asked = {} if family == "ols" else {"disp": 0}
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


class TestReasons:
    """No coefficients, a reason, and neither exception nor warning."""

    def reason(self, formula, family, data, study=FIVE, **more) -> str:
        weights, clusters = more.pop("weights", None), more.pop("clusters", None)
        found = fit(model(formula, family, **more), data, study, weights=weights, clusters=clusters)
        assert found.coefficients.is_empty()
        assert found.llf is found.aic is found.fit is found.df_model is None
        return found.reason or ""

    def test_constant_outcome(self):
        data = numbers().with_columns(yes=pl.lit("1"), y=pl.lit(2.0), count=pl.lit(0.0))
        for outcome, family in (("yes", "logit"), ("y", "ols"), ("count", "poisson"), ("yes", "mnlogit")):
            assert "constant" in self.reason(f"{outcome} ~ x", family, data)

    def test_constant_predictor(self):
        assert self.reason("yes ~ x + z", "logit", numbers().with_columns(z=pl.lit(3.0))) == "predictor z is constant"

    def test_singular(self):
        assert "singular" in self.reason("y ~ x + z", "ols", numbers().with_columns(z=2 * pl.col("x") + 1))

    @pytest.mark.parametrize("family", ["logit", "mnlogit", "ologit"])
    def test_separation(self, family):
        data = numbers().with_columns(yes=pl.when(pl.col("x") > 0.1).then(pl.lit("1")).otherwise(pl.lit("0")))
        assert "separation" in self.reason("yes ~ x + z", family, data)

    def test_quasi_separation(self):
        """One category of a predictor has one outcome only: the likelihood still rises for ever."""
        data = numbers().with_columns(z=(pl.col("z") > 1).cast(pl.Float64))
        data = data.with_columns(yes=pl.when(pl.col("z") == 1).then(pl.lit("1")).otherwise("yes"))
        assert "separation" in self.reason("yes ~ x + z", "logit", data)

    def test_separated_counts(self):
        data = numbers().with_columns(z=(pl.col("z") > 1).cast(pl.Float64))
        data = data.with_columns(count=pl.when(pl.col("z") == 1).then(0.0).otherwise("count"))
        assert "separation" in self.reason("count ~ x + z", "poisson", data)

    def test_separated_weighted(self):
        data = numbers().with_columns(yes=pl.when(pl.col("x") > 0.1).then(pl.lit("1")).otherwise(pl.lit("0")))
        assert "separation" in self.reason("yes ~ x", "logit", data, weights=data["w"])

    def test_strong_is_not_separated(self):
        """An effect that looks like separation, and is none, is fitted."""
        rng = np.random.default_rng(3)
        x = rng.normal(size=2000)
        yes = np.where(rng.random(2000) < 1 / (1 + np.exp(-12 * x)), "1", "0")
        found = fit(model("yes ~ x", "logit"), pl.DataFrame({"x": x, "yes": yes}), FIVE)
        row = found.coefficients.row(1, named=True)
        assert row["ci_low"] < 12 < row["ci_high"]

    def test_few_cases(self):
        assert "too few" in self.reason(
            "yes ~ x + z", "logit", numbers().head(3).with_columns(yes=pl.Series(list("101")))
        )
        assert (
            self.reason("yes ~ x", "logit", numbers().with_columns(x=pl.lit(None, pl.Float64))) == "no complete cases"
        )

    def test_complete_cases_are_counted(self):
        data = numbers().with_columns(x=pl.when(pl.int_range(300) < 40).then(None).otherwise("x"))
        data = data.with_columns(z=pl.when(pl.int_range(300) >= 290).then(float("nan")).otherwise("z"))
        assert fit(model("y ~ x + z", "ols"), data, FIVE).n == 250

    def test_infinite_design(self):
        data = numbers().with_columns(z=pl.when(pl.col("z") > 0).then("z").otherwise(0.0))
        assert "not finite" in self.reason("y ~ log(z)", "ols", data)

    def test_weights(self):
        data = numbers()
        assert self.reason("yes ~ x", "logit", data, weights=pl.Series([0.0] * 300)) == "no complete cases"
        assert "negative" in self.reason("yes ~ x", "logit", data, weights=pl.Series([-1.0] + [1.0] * 299))
        assert "no weights" in self.reason("yes ~ x", "mnlogit", data, weights=data["w"])

    def test_not_offered(self):
        assert "HC3" in self.reason("yes ~ x", "logit", numbers(), covariance="HC3")
        assert "clusters" in self.reason("yes ~ x", "logit", numbers(), covariance="cluster")

    def test_exact(self):
        assert "without error" in self.reason("y ~ x", "ols", numbers().with_columns(y=3 * pl.col("x") - 1))

    def test_missing_items_and_bases(self):
        study = study_of(x=NUMBER, y=NUMBER, arm=choice(["control", "a", "b"], "arm"))
        data = numbers().with_columns(arm=pl.Series(["a", "b", "a"] * 100))
        assert "no answers to arm" in self.reason("y ~ x + arm", "ols", data.drop("arm"), study)
        assert "base category arm = control" in self.reason("y ~ arm", "ols", data, study)
        assert "base outcome arm = control" in self.reason("arm ~ x", "mnlogit", data, study)
        assert "predictor arm is constant" in self.reason(
            "y ~ arm", "ols", data.with_columns(arm=pl.lit("control")), study
        )
        assert "3 categories" in self.reason(
            "arm ~ x", "logit", data.with_columns(arm=pl.Series(["a", "b", "control"] * 100)), study
        )

    def test_outcome_of_the_wrong_kind(self):
        assert "no numbers" in self.reason("yes ~ x", "ols", numbers())
        assert "negative" in self.reason("y ~ x", "poisson", numbers())
        assert "300 categories" in self.reason("y ~ x", "ologit", numbers())

    def test_formulas_patsy_refuses(self):
        assert "formula" in self.reason("y ~ x + abs(yes)", "ols", numbers())

    def test_code_is_refused(self):
        with pytest.raises(StudyError):
            fit(model("y ~ __import__('os')", "ols"), numbers(), FIVE)


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


@pytest.mark.parametrize("family", ["ols", "logit", "ologit", "mnlogit", "poisson"])
class TestBrokenPeople:
    """Every family has a reason where there is next to nobody, and none of them an exception."""

    OUTCOME: ClassVar[dict[str, str]] = {"ols": "y", "poisson": "count"}

    def reason(self, family: str, data: pl.DataFrame) -> str:
        found = fit(model(f"{self.OUTCOME.get(family, 'yes')} ~ x + z", family), data, FIVE)
        assert found.coefficients.is_empty()
        assert found.covariance.shape == (0, 0)
        return found.reason or ""

    def test_one_respondent(self, family):
        assert "constant" in self.reason(family, numbers().head(1))

    def test_nobody(self, family):
        assert self.reason(family, numbers().head(0)) == "no complete cases"

    def test_a_predictor_that_nobody_answered(self, family):
        data = numbers().with_columns(x=pl.lit(None, pl.Float64))
        assert self.reason(family, data) == "no complete cases"

    def test_a_constant_outcome(self, family):
        data = numbers().with_columns(yes=pl.lit("0"), y=pl.lit(1.0), count=pl.lit(2.0))
        assert "constant" in self.reason(family, data)

    def test_a_singular_design(self, family):
        assert "singular" in self.reason(family, numbers().with_columns(z=1 - 3 * pl.col("x")))

    def test_a_constant_predictor(self, family):
        assert self.reason(family, numbers().with_columns(z=pl.lit(1.0))) == "predictor z is constant"


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
