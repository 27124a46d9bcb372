"""One declared regression on one panel: statsmodels' fit, or the reason why there is none."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simframe.inference.judging.laws import Law
from simframe.inference.regressions import choices
from simframe.inference.regressions.design import INTERCEPT, Cases, Design, Floats, UnfitError, cases, design
from simframe.inference.regressions.sandwich import LEVERAGED, asked, covariance_of, freedom, hc3, small_sample
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
_STEPS = 12
"""Newton's steps to a maximum, where there is one, and a few more."""


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
        return self.coefficients.select(*(pl.lit(text).alias(name) for name, text in keys.items()), pl.all())


@dataclass(frozen=True)
class _Estimate:
    """What every family hands back; ``fit`` is R2 or McFadden's pseudo R2, ``df`` null means normal."""

    params: Floats
    covariance: Floats
    terms: tuple[str, ...]
    kinds: tuple[str, ...]
    llf: float
    fit: float
    converged: bool
    df: float | None = None


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


def _estimate(regression: Regression, data: Design) -> _Estimate:
    """Fit, and look for separation wherever the estimates look like it."""
    # Importing this tells Python to show its warnings always: it has to happen before they are silenced below.
    from statsmodels.tools import sm_exceptions  # noqa: F401

    likelihood = regression.family != "ols"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # statsmodels reports trouble by warnings; the checks below find the same trouble and say which it is.
        warnings.simplefilter("ignore")
        try:
            families = _FAMILIES if data.weights is None else _FAMILIES | _WEIGHTED
            estimate = families[regression.family](regression, data)
        except (np.linalg.LinAlgError, ValueError, FloatingPointError, ZeroDivisionError) as err:
            if likelihood and separated(regression.family, data):
                raise UnfitError(_SEPARATED) from err
            raise UnfitError("the fit broke down numerically") from err
        sound = estimate.converged and bool(
            np.isfinite(estimate.params).all() and (np.diag(estimate.covariance) > 0).all()
        )
        if likelihood and (not sound or _largest_effect(estimate, data) > _SUSPECT):
            if separated(regression.family, data):
                raise UnfitError(_SEPARATED)
            if not sound:
                raise UnfitError("the fit did not converge")
    if not sound:
        raise UnfitError("the covariance has no positive diagonal")
    return estimate


_SEPARATED = "perfect separation: some predictors tell the outcomes apart without error"


def _largest_effect(estimate: _Estimate, data: Design) -> float:
    spread = data.x.std(axis=0)
    slopes = [k for k, kind in enumerate(estimate.kinds) if kind == "slope"]
    sizes = np.resize(spread[spread > 0], len(slopes))
    se = np.sqrt(np.diag(estimate.covariance))
    return float(np.max((np.abs(estimate.params) + se)[slopes] * sizes, initial=0.0))


def _kinds(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("intercept" if term == INTERCEPT else "slope" for term in terms)


def _ols(regression: Regression, data: Design) -> _Estimate:
    from statsmodels.regression.linear_model import WLS

    weights, kind = np.ones(len(data.y)) if data.weights is None else data.weights, covariance_of(regression, data)
    result = WLS(data.y, data.x, weights=weights).fit(**asked(kind, data))
    if result.ssr <= 1e-20 * result.uncentered_tss:
        raise UnfitError("the predictors give the outcome without error")
    params = np.asarray(result.params)
    return _Estimate(
        params=params,
        covariance=hc3("ols", data, params) if kind == "HC3" else np.asarray(result.cov_params()),
        terms=data.terms,
        kinds=_kinds(data.terms),
        llf=float(result.llf),
        fit=float(result.rsquared),
        converged=True,
        df=float(result.df_resid) if kind == "nonrobust" else freedom(kind, data, len(params)),
    )


def _likelihood(regression: Regression, data: Design) -> _Estimate:
    """Logit, mnlogit and poisson; weighted logit and poisson as generalised linear models."""
    # statsmodels.api would import all of statsmodels, which takes as long as ten fits.
    from statsmodels.discrete.discrete_model import Logit, MNLogit, Poisson
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    kind = covariance_of(regression, data)
    if data.weights is None:
        model = {"logit": Logit, "mnlogit": MNLogit, "poisson": Poisson}[regression.family]
        start = _start("mnlogit", data) if regression.family == "mnlogit" else None
        result = model(data.y, data.x).fit(start, method="newton", maxiter=100, disp=0, **asked(kind, data))
        converged = bool(result.mle_retvals["converged"])
    else:
        family = {"logit": families.Binomial, "poisson": families.Poisson}[regression.family]()
        glm = GLM(data.y, data.x, family=family, var_weights=data.weights)
        result = glm.fit(maxiter=100, tol=1e-10, **asked(kind, data))
        converged = bool(result.converged)
    named = _per_outcome(data) if regression.family == "mnlogit" else (data.terms, _kinds(data.terms))
    params, k = np.asarray(result.params).ravel(order="F"), len(named[0])
    robust = hc3(regression.family, data, params) if kind == "HC3" else np.asarray(result.cov_params())
    return _Estimate(
        params=params,
        covariance=robust * small_sample(kind, data, k),
        terms=named[0],
        kinds=named[1],
        llf=float(result.llf),
        fit=float(1 - result.llf / _null(regression, data)),
        converged=converged,
        df=freedom(kind, data, k),
    )


def _per_outcome(data: Design) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return terms and kinds of a mnlogit: those of every outcome but the base."""
    terms = tuple(f"{code}:{term}" for code in data.outcomes[1:] for term in data.terms)
    return terms, _kinds(data.terms) * (len(data.outcomes) - 1)


def _thresholds(data: Design) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return terms and kinds of an ologit: slopes, the first threshold, logarithms of the steps to the others."""
    edges = [f"{low}/{high}" for low, high in pairwise(data.outcomes)]
    steps = [f"log({high} - {low})" for low, high in pairwise(edges)]
    return (*data.terms, edges[0], *steps), ("slope",) * len(data.terms) + ("threshold",) * len(edges)


def _weighted_choice(regression: Regression, data: Design) -> _Estimate:
    ordered = regression.family == "ologit"
    found = (choices.ordered_logit if ordered else choices.multinomial_logit)(data)
    terms, kinds = (_thresholds if ordered else _per_outcome)(data)
    kind = covariance_of(regression, data)
    return _Estimate(
        params=found.params,
        covariance=found.covariance * small_sample(kind, data, len(terms)),
        terms=terms,
        kinds=kinds,
        llf=found.llf,
        fit=float(1 - found.llf / _null(regression, data)),
        converged=found.converged,
        df=freedom(kind, data, len(terms)),
    )


def _null(regression: Regression, data: Design) -> float:
    """Log-likelihood of the model with nothing but an intercept (or thresholds), which has a closed form."""
    from scipy import stats

    weights = np.ones(len(data.y)) if data.weights is None else data.weights
    if regression.family == "poisson":
        return float(weights @ stats.poisson.logpmf(data.y, np.average(data.y, weights=weights)))
    shares = np.bincount(data.y.astype(int), weights=weights) / weights.sum()
    return float(weights @ np.log(shares)[data.y.astype(int)])


def _ologit(regression: Regression, data: Design) -> _Estimate:
    """Fit on standardised predictors, where the optimiser is at home, and map back linearly."""
    from scipy.special import expit
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    kind = covariance_of(regression, data)
    centre, scale = data.x.mean(axis=0), data.x.std(axis=0)
    model = OrderedModel(data.y.astype(int), (data.x - centre) / scale, distr="logit")
    # What scipy's logistic law calls, without its checks of every argument, which took most of the fit.
    model.cdf = expit
    result = model.fit(
        start_params=_start("ologit", replace(data, x=(data.x - centre) / scale)),
        method="bfgs",
        maxiter=500,
        gtol=1e-8,
        disp=0,
        **asked(kind, data),
    )
    slopes, params = data.x.shape[1], np.asarray(result.params)
    back = np.diag(np.concatenate([1 / scale, np.ones(len(params) - slopes)]))
    back[slopes, :slopes] = centre / scale
    terms, kinds = _thresholds(data)
    return _Estimate(
        params=back @ params,
        covariance=back @ np.asarray(result.cov_params()) @ back.T * small_sample(kind, data, len(params)),
        terms=terms,
        kinds=kinds,
        llf=float(result.llf),
        fit=float(1 - result.llf / _null(regression, data)),
        # The optimiser says no where rounding stops it short of so small a gradient; the gradient itself decides.
        converged=bool(np.abs(model.score(params)).max() < 1e-5 * len(data.y)),
        df=freedom(kind, data, len(params)),
    )


def _start(family: str, data: Design) -> Floats | None:
    """Return where our own Newton's method finds the maximum: to statsmodels it leaves little to do.

    What has not arrived after a few steps often has nowhere to arrive at.

    Raises:
        UnfitError: where predictors tell the outcomes apart.
    """
    method = choices.ordered_logit if family == "ologit" else choices.multinomial_logit
    try:
        found = method(data, _STEPS)
    except np.linalg.LinAlgError:
        return None
    if found.converged and np.isfinite(found.params).all():
        return found.params
    if separated(family, data):
        raise UnfitError(_SEPARATED)
    return None


_FAMILIES = {"ols": _ols, "logit": _likelihood, "mnlogit": _likelihood, "poisson": _likelihood, "ologit": _ologit}
_WEIGHTED = {"mnlogit": _weighted_choice, "ologit": _weighted_choice}


def _coefficients(estimate: _Estimate) -> pl.DataFrame:
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
