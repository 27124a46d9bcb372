"""One declared regression on one panel: statsmodels' fit, or the reason why there is none."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simframe.inference.judging.laws import Law
from simframe.inference.regressions.design import Cases, Design, Floats, UnfitError, cases, design
from simframe.inference.regressions.estimators import FAMILIES, SEPARATED, WEIGHTED, Estimate
from simframe.inference.regressions.sandwich import LEVERAGED
from simframe.inference.regressions.separation import separated
from simframe.study import Regression, Study

ALPHA = 0.05
Whole = NDArray[np.int64]
COEFFICIENT = {
    "term": pl.String,
    "kind": pl.String,
    "estimate": pl.Float64,
    "se": pl.Float64,
    "p_value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
}
_SUSPECT = 8.0
"""Effect of one standard deviation, on the scale of log odds, from which separation is looked for."""


@dataclass(frozen=True)
class Fit:
    """A fitted regression: ``coefficients`` has the columns of :data:`COEFFICIENT`, no rows where there is a reason.

    ``covariance`` is that of the estimates, in their order; ``df`` are the degrees of freedom of Student's law of
    their t-statistics, null where it is normal; ``effective`` is how many respondents of equal weight tell as much.
    """

    regression_id: str
    family: str
    n: int
    df_model: float | None
    llf: float | None
    fit: float | None
    aic: float | None
    reason: str | None
    coefficients: pl.DataFrame
    covariance: Floats
    df: float | None = None
    effective: float = 0.0

    def row(self) -> dict[str, Any]:
        """Return the row of the table ``fits``, without the columns that say whom it was fitted to."""
        own = ("regression_id", "family", "n", "effective", "df_model", "llf", "fit", "aic", "reason")
        return {name: getattr(self, name) for name in own}

    def rows(self, **keys: str) -> pl.DataFrame:
        """Return the rows of the table ``coefficients``, with columns that say whom it was fitted to."""
        keys |= {"regression_id": self.regression_id}
        n = self.coefficients.height
        whose = pl.DataFrame({name: [text] * n for name, text in keys.items()}, schema=dict.fromkeys(keys, pl.String))
        return whose.hstack(self.coefficients)


def fit(
    regression: Regression,
    frame: pl.DataFrame,
    study: Study,
    weights: pl.Series | None = None,
    clusters: pl.Series | None = None,
) -> Fit:
    """Fit ``regression`` to the complete cases of ``frame``.

    ols, logit, mnlogit, ologit and poisson are statsmodels' OLS, Logit, MNLogit, OrderedModel and Poisson. Terms of a
    mnlogit read ``<outcome code>:<term>``. Thresholds of an ologit are statsmodels': the first, then the logarithms of
    the steps from one to the next, named ``log(1/2 - 0/1)``.

    Survey weights have mean 1: estimates solve the weighted score equations, ``llf`` is a pseudo-likelihood, and
    covariance is always robust, because the model-based one reads a weight as precision: ``nonrobust`` becomes ``HC3``
    (ols, poisson) or ``HC1``. They enter statsmodels as ``var_weights``; weighted mnlogit and ologit, which it lacks,
    are those of :mod:`simframe.inference.regressions.choices`. HC1 is HC0 times n / (n - k). HC3 exists for ols, logit
    and poisson. Estimates over robust errors have Student's law: see :mod:`simframe.inference.regressions.sandwich`.

    Args:
        regression: formula, family and covariance.
        frame: one row a respondent, one column an item: its value where the item is numeric, else its code.
        study: the study that declares the items.
        weights: one a row of ``frame``.
        clusters: one a row of ``frame``, needed by covariance ``cluster``.

    Returns:
        The fit; ``reason`` says in words why there are no coefficients where there are none.

    Raises:
        StudyError: where the formula is more than a formula.
    """
    everybody = np.arange(frame.height)
    return fit_parts(regression, frame, study, [everybody], weights=weights, clusters=clusters)[0]


def fit_parts(
    regression: Regression,
    frame: pl.DataFrame,
    study: Study,
    parts: Sequence[Whole],
    *,
    weights: pl.Series | None = None,
    clusters: pl.Series | None = None,
) -> list[Fit]:
    """Fit ``regression`` to the complete cases among each of several sets of rows of ``frame``: see :func:`fit`."""
    try:
        _check_offered(regression, clusters)
        own = cases(regression, frame, study, weights, clusters if regression.covariance == "cluster" else None)
    except UnfitError as why:
        return [_unfit(regression, 0, why) for _ in parts]
    return [_fit(regression, own.part(rows), study) for rows in parts]


def _fit(regression: Regression, own: Cases, study: Study) -> Fit:
    n, worth = own.table.height, own.worth
    try:
        data = design(regression, own, study)
        estimate = _estimate(regression, data)
    except UnfitError as why:
        return replace(_unfit(regression, n, why), effective=worth)
    return Fit(
        regression_id=regression.id,
        family=regression.family,
        n=n,
        effective=worth,
        df_model=float(estimate.kinds.count("slope")),
        llf=estimate.llf,
        fit=estimate.fit,
        aic=2 * len(estimate.params) - 2 * estimate.llf,
        reason=None,
        coefficients=_coefficients(estimate),
        covariance=estimate.covariance,
        df=estimate.df,
    )


def _unfit(regression: Regression, n: int, why: UnfitError) -> Fit:
    empty = pl.DataFrame(schema=COEFFICIENT)
    return Fit(regression.id, regression.family, n, None, None, None, None, str(why), empty, np.empty((0, 0)))


def _check_offered(regression: Regression, clusters: pl.Series | None) -> None:
    if regression.covariance == "HC3" and regression.family not in LEVERAGED:
        raise UnfitError(f"covariance HC3 exists for {', '.join(LEVERAGED)} alone")
    if regression.covariance == "cluster" and clusters is None:
        raise UnfitError("covariance is cluster, and the panel has no clusters")


def _estimate(regression: Regression, data: Design) -> Estimate:
    """Fit, and look for separation wherever the estimates look like it."""
    # Importing this tells Python to show its warnings always: it has to happen before they are silenced below.
    from statsmodels.tools import sm_exceptions  # noqa: F401

    likelihood = regression.family != "ols"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # statsmodels reports trouble by warnings; the checks below find the same trouble and say which it is.
        warnings.simplefilter("ignore")
        try:
            families = FAMILIES if data.weights is None else FAMILIES | WEIGHTED
            estimate = families[regression.family](regression, data)
        except (np.linalg.LinAlgError, ValueError, FloatingPointError, ZeroDivisionError) as err:
            if likelihood and separated(regression.family, data):
                raise UnfitError(SEPARATED) from err
            raise UnfitError("the fit broke down numerically") from err
        sound = estimate.converged and bool(
            np.isfinite(estimate.params).all() and (np.diag(estimate.covariance) > 0).all()
        )
        if likelihood and (not sound or _largest_effect(estimate, data) > _SUSPECT):
            if separated(regression.family, data):
                raise UnfitError(SEPARATED)
            if not sound:
                raise UnfitError("the fit did not converge")
    if not sound:
        raise UnfitError("the covariance has no positive diagonal")
    return estimate


def _largest_effect(estimate: Estimate, data: Design) -> float:
    spread = data.x.std(axis=0)
    slopes = [k for k, kind in enumerate(estimate.kinds) if kind == "slope"]
    sizes = np.resize(spread[spread > 0], len(slopes))
    se = np.sqrt(np.diag(estimate.covariance))
    return float(np.max((np.abs(estimate.params) + se)[slopes] * sizes, initial=0.0))


def _coefficients(estimate: Estimate) -> pl.DataFrame:
    se = np.sqrt(np.diag(estimate.covariance))
    reach = Law(estimate.df).ppf(1 - ALPHA / 2) * se
    columns = {
        "term": list(estimate.terms),
        "kind": list(estimate.kinds),
        "estimate": estimate.params,
        "se": se,
        "p_value": 2 * Law(estimate.df).sf(np.abs(estimate.params) / se),
        "ci_low": estimate.params - reach,
        "ci_high": estimate.params + reach,
    }
    return pl.DataFrame(columns, schema=COEFFICIENT)
