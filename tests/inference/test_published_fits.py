"""Regressions against published figures."""

from pathlib import Path

import polars as pl
import pytest
from fitted import NUMBER, YES_NO, choice, declared, estimates, model, study_of

from simframe.inference.regressions.regression import fit
from simframe.study import load_study

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


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
