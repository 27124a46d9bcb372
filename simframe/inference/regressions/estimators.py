"""The families of regressions: how each is estimated by statsmodels, or, where it has no such model, by ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from simframe.inference.regressions import choices
from simframe.inference.regressions.design import INTERCEPT, Design, Floats, UnfitError
from simframe.inference.regressions.sandwich import asked, covariance_of, freedom, hc3, small_sample
from simframe.inference.regressions.separation import separated
from simframe.study import Regression

SEPARATED = "perfect separation: some predictors tell the outcomes apart without error"
_STEPS = 12
"""Newton's steps to a maximum, where there is one, and a few more."""


@dataclass(frozen=True)
class Estimate:
    """What every family hands back; ``fit`` is R2 or McFadden's pseudo R2, ``df`` null means normal."""

    params: Floats
    covariance: Floats
    terms: tuple[str, ...]
    kinds: tuple[str, ...]
    llf: float
    fit: float
    converged: bool
    df: float | None = None


def _kinds(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("intercept" if term == INTERCEPT else "slope" for term in terms)


def _ols(regression: Regression, data: Design) -> Estimate:
    from statsmodels.regression.linear_model import WLS

    weights, kind = np.ones(len(data.y)) if data.weights is None else data.weights, covariance_of(regression, data)
    result = WLS(data.y, data.x, weights=weights).fit(**asked(kind, data))
    if result.ssr <= 1e-20 * result.uncentered_tss:
        raise UnfitError("the predictors give the outcome without error")
    params = np.asarray(result.params)
    return Estimate(
        params=params,
        covariance=hc3("ols", data, params) if kind == "HC3" else np.asarray(result.cov_params()),
        terms=data.terms,
        kinds=_kinds(data.terms),
        llf=float(result.llf),
        fit=float(result.rsquared),
        converged=True,
        df=float(result.df_resid) if kind == "nonrobust" else freedom(kind, data, len(params)),
    )


def _likelihood(regression: Regression, data: Design) -> Estimate:
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
    return Estimate(
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


def _weighted_choice(regression: Regression, data: Design) -> Estimate:
    ordered = regression.family == "ologit"
    found = (choices.ordered_logit if ordered else choices.multinomial_logit)(data)
    terms, kinds = (_thresholds if ordered else _per_outcome)(data)
    kind = covariance_of(regression, data)
    return Estimate(
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


def _ologit(regression: Regression, data: Design) -> Estimate:
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
    return Estimate(
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
        raise UnfitError(SEPARATED)
    return None


FAMILIES = {"ols": _ols, "logit": _likelihood, "mnlogit": _likelihood, "poisson": _likelihood, "ologit": _ologit}
WEIGHTED = {"mnlogit": _weighted_choice, "ologit": _weighted_choice}
