"""Cross-fitted models of one action: fitted on four fifths, judged on the fifth left out, five times over.

The loss is squared error for an action on a scale, minus the logarithm of the predicted share of the answer given for
a nominal one. ``predictability`` is one minus the loss of the model over that of the mean (of the shares) of the very
same four fifths: R2 out of sample (Campbell and Thompson 2008), or McFadden's. Beliefs that say nothing score at or
below nought.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simframe.inference.memory import remembered
from simframe.inference.resample import Design, Whole, digest
from simframe.inference.roster import Place, roster
from simframe.inference.sample import Panel, design_of
from simframe.metrics.arrays import Floats
from simframe.study import Item, Study
from simframe.warehouse.wide import wide

Flags = NDArray[np.bool_]

FOLDS = 5
FEWEST = 2 * FOLDS
"""Fewer complete answers than this leave folds of one."""
PRIOR = 0.5
"""Respondents' worth of every option added to predicted shares: none has probability zero, as in ``kl_smoothed``."""


@dataclass(frozen=True)
class Model:
    """A model of one fold.

    ``coefficients`` are a row a predictor, the constant first, and a column an option of ``kinds``: one column for two
    options, or for a scale. ``step`` is the Newton step of the flattened coefficients that counting a respondent once
    more asks for, one column a respondent, 0 for those it is judged by.
    """

    coefficients: Floats
    step: Floats
    kinds: Whole


@dataclass(frozen=True)
class Crossfit:
    """One side: those with complete answers, fold by fold, and a model a fold (None: beliefs say nothing).

    ``y`` are numbers, or places among ``options`` options (0 for a scale); ``edges`` are where folds begin and end.
    """

    ids: list[str]
    design: Design
    x: Floats
    y: Floats
    options: int
    edges: Whole
    models: tuple[Model | None, ...] = ()
    reason: str | None = None

    @property
    def n(self) -> int:
        """Respondents with complete answers."""
        return len(self.ids)

    def observed(self) -> float:
        """Return the predictability of the answers as they are."""
        return float(self._predictability(self.design.weight[:, None], moving=False)[0])

    def predictability(self, times: Floats) -> Floats:
        """Return it with respondents counted ``times``, models moved by one Newton step; one column a draw."""
        return self._predictability(times, moving=True)

    def _predictability(self, times: Floats, *, moving: bool) -> Floats:
        answers = self.y == np.arange(self.options)[:, None] if self.options else np.stack([np.ones(self.n), self.y])
        total, null = np.zeros(times.shape[1]), np.zeros(times.shape[1])
        everybody = answers @ times
        for fold, model in enumerate(self.models):
            out = slice(*self.edges[fold : fold + 2])
            judged, n = times[out], self.n - (out.stop - out.start)
            mine = answers[:, out] @ judged
            rest = everybody - mine
            weight = rest.sum(axis=0) if self.options else rest[0]
            if self.options:
                base = (mine * self._surprise(rest / weight, n)).sum(axis=0)
            else:
                mean = rest[1] / weight
                base = self.y[out] ** 2 @ judged - 2 * mean * mine[1] + mean**2 * mine[0]
            null += base
            if model is None:
                total += base
                continue
            coefficients = model.coefficients[..., None]
            if moving:
                own = self.design.weight
                fitted = own.sum() - own[out].sum()
                change = (model.step @ times) * (fitted / weight) - (model.step @ own)[:, None]
                coefficients = coefficients + change.reshape(*model.coefficients.shape, -1)
            total += np.einsum("ir,ir->r", self._cost(out, model, coefficients, n), judged)
        return np.asarray(1 - total / null)

    def _cost(self, out: slice, model: Model, coefficients: Floats, n: int) -> Floats:
        """Return the losses of those left out by a model fitted to ``n``."""
        p, k, draws = coefficients.shape
        fitted = (_constant(self.x[out]) @ coefficients.reshape(p, -1)).reshape(-1, k, draws)
        if not self.options:
            return np.asarray((self.y[out, None] - fitted[:, 0]) ** 2)
        mine = self.y[out, None] == model.kinds
        if len(model.kinds) == 2:
            share = np.exp(fitted[:, 0] * np.where(mine[:, [1]], -1.0, 1.0))
            share = np.reciprocal(np.add(share, 1.0, out=share), out=share)
        else:
            raised = np.exp(fitted - fitted.max(axis=1, keepdims=True))
            share = (raised * mine[..., None]).sum(axis=1) / raised.sum(axis=1)
        if not mine.any(axis=1).all():  # an option that nobody fitted to has
            share = share * mine.any(axis=1)[:, None]
        return self._surprise(share, n)

    def _surprise(self, share: Floats, n: int) -> Floats:
        """Return minus the logarithm of shares foretold from ``n`` respondents."""
        return np.asarray(-np.log((share * n + PRIOR) / (n + PRIOR * self.options)))


def beliefs(study: Study, action: str) -> list[Item]:
    """Return what an action is foretold from: items of role ``belief``, and the beliefs of its declared pairs."""
    declared = {pair.belief for pair in study.pairs if pair.action == action}
    return [item for item in study.items if (item.role == "belief" or item.id in declared) and item.id != action]


def crossfits(study: Study, panel: Panel, name: str) -> dict[Place, Crossfit]:
    """Fit the models of action ``name`` on one side, in everybody and in every declared subgroup."""
    people = roster(study, panel)
    frame = panel.respondents.sort("respondent_id").join(
        wide(study, panel.responses), on="respondent_id", how="left", maintain_order="left"
    )
    needed = [name, *(item.id for item in beliefs(study, name))]
    complete = frame.select(pl.all_horizontal(pl.col(needed).is_not_null()) & (pl.col("weight") > 0)).to_series()
    whole = complete.fill_null(value=False).to_numpy()
    return {place: _crossfit(study, frame[rows[whole[rows]].tolist()], name) for place, rows in people.places.items()}


crossfits_of_people = remembered(crossfits)


def _crossfit(study: Study, frame: pl.DataFrame, name: str) -> Crossfit:
    """Fit the models to complete answers, a row a respondent; a reason where there are none."""
    action, known = study.item(name), beliefs(study, name)
    ids = frame["respondent_id"].to_list()
    order, edges = folds(ids)
    frame, nominal = frame[order.tolist()], action.scale == "nominal"
    answer = frame[action.id].rank("dense") - 1 if nominal else frame[action.id]
    y = answer.cast(pl.Float64).to_numpy()
    options = max(len(action.scored_options), answer.n_unique()) if nominal else 0
    ids = frame["respondent_id"].to_list()
    found = Crossfit(ids, design_of(frame), _predictors(known, frame), y, options, edges)
    if len(ids) < FEWEST:
        return replace(found, reason=f"fewer than {FEWEST} complete answers")
    if answer.n_unique() == 1:
        return replace(found, reason="the action does not vary")
    fit, rows = _logit if nominal else _linear, np.arange(len(ids))
    inside = [(edges[fold] <= rows) & (rows < edges[fold + 1]) for fold in range(FOLDS)]
    return replace(found, models=tuple(fit(found, ~out) for out in inside))


def folds(ids: list[str]) -> tuple[Whole, Whole]:
    """Return the rows of ``ids`` fold by fold, dealt out in the order of hashes, and where folds begin and end."""
    dealt = np.argsort([digest(each) for each in ids])
    parts = [dealt[fold::FOLDS] for fold in range(FOLDS)]
    return np.concatenate(parts), np.cumsum([0, *(len(part) for part in parts)])


def _predictors(beliefs: list[Item], frame: pl.DataFrame) -> Floats:
    """Return standardised columns: one an item on a scale, one an option of a nominal item; constant ones left out."""
    columns = []
    for item in beliefs:
        answer = frame[item.id]
        if item.scale == "nominal":
            columns += [(answer == each).cast(pl.Float64).to_numpy() for each in answer.unique().sort()[1:]]
        else:
            columns.append(answer.cast(pl.Float64).to_numpy())
    x = np.stack(columns, axis=1) if columns else np.empty((frame.height, 0))
    x = x[:, np.ptp(x, axis=0) > 0] if len(x) else x
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0)) if x.size else x


def _constant(x: Floats) -> Floats:
    return np.hstack([np.ones((len(x), 1)), x])


def _linear(side: Crossfit, rest: Flags) -> Model | None:
    from sklearn.linear_model import LinearRegression

    x, y, weight = side.x[rest], side.y[rest], side.design.weight[rest]
    if not x.shape[1]:
        return None
    model = LinearRegression().fit(x, y, sample_weight=weight)
    full = _constant(x)
    step = np.linalg.pinv(full.T @ (full * weight[:, None])) @ (full * (y - model.predict(x))[:, None]).T
    coefficients = np.concatenate([[model.intercept_], model.coef_])[:, None]
    return Model(coefficients, _of_all(step, rest), np.empty(0, dtype=np.int64))


def _of_all(step: Floats, rest: Flags) -> Floats:
    """Return ``step`` with a column for everybody, 0 for those left out."""
    full = np.zeros((len(step), len(rest)))
    full[:, rest] = step
    return full


def _logit(side: Crossfit, rest: Flags) -> Model | None:
    """Fit scikit-learn's logit with its penalty of one: half the squared coefficients of standardised predictors."""
    from sklearn.linear_model import LogisticRegression

    x, y, weight = side.x[rest], side.y[rest].astype(np.int64), side.design.weight[rest]
    if not x.shape[1] or len(np.unique(y)) < 2:
        return None
    model = LogisticRegression(max_iter=1000, tol=1e-6).fit(x, y, sample_weight=weight)
    full, binary = _constant(x), len(model.classes_) == 2
    shares = model.predict_proba(x)[:, 1:] if binary else model.predict_proba(x)
    given = y[:, None] == (model.classes_[1:] if binary else model.classes_)
    free, columns = shares.shape[1], full.shape[1]
    curve = shares[:, :, None] * np.eye(free) - shares[:, :, None] * shares[:, None, :]
    hessian = np.einsum("i,ip,iq,ikl->pkql", weight, full, full, curve, optimize=True)
    hessian = hessian.reshape(columns * free, columns * free)
    hessian += np.kron(np.diag([0.0] + [1.0] * (columns - 1)), np.eye(free))
    scores = (full[:, :, None] * (given - shares)[:, None, :]).reshape(len(x), -1)
    coefficients = np.vstack([model.intercept_, model.coef_.T])
    step = np.linalg.pinv(hessian, hermitian=True) @ scores.T
    return Model(coefficients, _of_all(step, rest), model.classes_.astype(np.int64))
