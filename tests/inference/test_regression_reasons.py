"""Regressions of planted trouble: a reason in place of figures, and never an exception."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import polars as pl
import pytest
from fitted import FIVE, NUMBER, choice, model, numbers, study_of

from simframe.errors import StudyError
from simframe.inference.regressions.regression import fit


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

    def test_not_offered(self):
        assert "HC3" in self.reason("grade ~ x", "ologit", numbers(), covariance="HC3")
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


FIRST_FIT = """
import contextlib, io, sys
import polars as pl
from simframe.inference.regressions.regression import fit
from simframe.study import Regression, parse_study

study = parse_study(sys.argv[1], "test")
data = pl.DataFrame({"x": [float(k % 5 == 0) for k in range(30)], "yes": ["abc"[k % 5 and k % 3] for k in range(30)]})
said = io.StringIO()
with contextlib.redirect_stderr(said):
    found = fit(Regression(id="m", label="m", formula="yes ~ x", family="mnlogit"), data, study)
assert "separation" in found.reason, found.reason
print(said.getvalue(), end="")
"""


def test_the_first_fit_of_a_process_warns_of_nothing(python: Callable[..., str]) -> None:
    """Loading statsmodels turns its warnings on, whatever was silenced before."""
    items = "".join(
        f'[[item]]\nid = "{name}"\nlabel = "{name}"\n{text}\n'
        for name, text in (("x", NUMBER), ("yes", choice(["a", "b", "c"], "action")))
    )
    assert python(FIRST_FIT, f'[study]\nid = "t"\ntitle = "t"\n{items}') == ""
