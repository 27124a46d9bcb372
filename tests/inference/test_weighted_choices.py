"""Weighted multinomial and ordered logits against statsmodels on rows that are repeated as often as they weigh."""

import numpy as np
import polars as pl
import pytest
from fitted import NUMBER, choice, estimates, model, study_of

from simframe.inference.regressions.regression import fit

STUDY = study_of(x=NUMBER, z=NUMBER, choice=choice(["a", "b", "c"], "action"), grade=choice(["1", "2", "3", "4"]))


def respondents(n: int = 250) -> pl.DataFrame:
    rng = np.random.default_rng(31)
    x, z, block = rng.normal(size=n), rng.normal(size=n), rng.integers(0, 30, n)
    utility = np.stack([np.zeros(n), 0.5 + x, 0.8 * z], axis=1) + rng.gumbel(size=(n, 3))
    place = np.digitize(x - 0.5 * z + rng.logistic(size=n), [-1, 0.3, 1.5])
    return pl.DataFrame(
        {
            "x": 40 + 9 * x,
            "z": z,
            "choice": np.array(["a", "b", "c"])[utility.argmax(axis=1)],
            "grade": (place + 1).astype(str),
            "times": rng.integers(1, 5, n),
            "block": block,
        }
    )


def by_statsmodels(family: str, frame: pl.DataFrame, groups: str):
    """Fit repeated rows; clusters of a row's repetitions make the sandwich of the weighted score equations."""
    import statsmodels.api as sm
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    repeated = frame.with_row_index("row").select(pl.all().repeat_by("times").explode())
    x = repeated.select("x", "z").to_numpy()
    asked = {"cov_type": "cluster", "cov_kwds": {"groups": repeated[groups].to_numpy(), "use_correction": False}}
    if family == "mnlogit":
        y = repeated["choice"].replace_strict({"a": 0, "b": 1, "c": 2}).to_numpy()
        result = sm.MNLogit(y, sm.add_constant(x)).fit(disp=0, method="newton", maxiter=100, **asked)
    else:
        centred = (x - x.mean(axis=0)) / x.std(axis=0)
        y = repeated["grade"].cast(pl.Int64).to_numpy()
        result = OrderedModel(y, centred, distr="logit").fit(disp=0, method="bfgs", gtol=1e-9, maxiter=1000, **asked)
    return result, x


@pytest.mark.parametrize(("family", "outcome", "parameters"), [("mnlogit", "choice", 6), ("ologit", "grade", 5)])
@pytest.mark.parametrize("covariance", ["HC0", "HC1", "nonrobust", "cluster"])
def test_weights_are_repetitions(family, outcome, parameters, covariance):
    frame = respondents()
    n = frame.height
    found = fit(
        model(f"{outcome} ~ x + z", family, covariance=covariance),
        frame,
        STUDY,
        weights=frame["times"],
        clusters=frame["block"],
    )
    wanted, x = by_statsmodels(family, frame, "block" if covariance == "cluster" else "row")
    params, se = np.asarray(wanted.params).ravel(order="F"), np.asarray(wanted.bse).ravel(order="F")
    got = found.coefficients
    slopes = got["kind"].to_numpy() == "slope"
    if family == "ologit":
        # Slopes and steps between thresholds; the first threshold moves with the centring.
        keep = np.array([True, True, False, True, True])
        scale = np.concatenate([x.std(axis=0), np.ones(3)])
        params, se = params / scale, se / scale
    else:
        keep = np.ones(parameters, dtype=bool)
    groups = frame["block"].n_unique()
    factor = {
        "HC0": 1.0,
        "cluster": groups / (groups - 1) * (n - 1) / (n - parameters),
    }.get(covariance, n / (n - parameters))
    assert found.n == n
    assert slopes.sum() == (4 if family == "mnlogit" else 2)
    assert got["estimate"].to_numpy()[keep] == pytest.approx(params[keep], rel=1e-5, abs=1e-7)
    assert got["se"].to_numpy()[keep] == pytest.approx(se[keep] * np.sqrt(factor), rel=1e-4)


@pytest.mark.parametrize(("family", "outcome"), [("mnlogit", "choice"), ("ologit", "grade")])
def test_equal_weights_change_nothing_but_the_covariance(family, outcome):
    frame = respondents()
    regression = model(f"{outcome} ~ x + z", family, covariance="HC1")
    plain = fit(regression, frame, STUDY)
    weighted = fit(regression, frame, STUDY, weights=pl.Series([2.5] * frame.height))
    assert estimates(weighted) == pytest.approx(estimates(plain), rel=1e-5, abs=1e-7)
    assert weighted.coefficients["se"].to_list() == pytest.approx(plain.coefficients["se"].to_list(), rel=1e-4)
    assert (weighted.llf, weighted.fit) == pytest.approx((plain.llf, plain.fit))
    assert weighted.coefficients["term"].to_list() == plain.coefficients["term"].to_list()


@pytest.mark.parametrize(("family", "outcome"), [("mnlogit", "choice"), ("ologit", "grade")])
def test_separation_has_its_reason(family, outcome):
    frame = respondents().with_columns(
        x=pl.col(outcome).replace_strict({"a": 0.0, "b": 1.0, "c": 2.0, "1": 0.0, "2": 1.0, "3": 2.0, "4": 3.0})
    )
    found = fit(model(f"{outcome} ~ x + z", family), frame, STUDY, weights=frame["times"])
    assert "separation" in (found.reason or "")
