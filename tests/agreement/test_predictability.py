"""How far beliefs foretell actions: an evaluation's figure, the expression's, and scikit-learn's on the same folds."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

import simframe.metrics as m
from simframe.metrics.crossfit import folds

from .agree import rows_of
from .count import GROUPINGS
from .people import Case, People
from .study import ABSENT, ITEMS, PAIRS

ACTIONS = list(dict.fromkeys(action for _, action, _ in PAIRS.values()))


def frame_of(people: People, action: str, attribute: str, level: str) -> pl.DataFrame:
    """Return complete answers of a group, a row a respondent who counts: numbers, and text where an item is nominal."""
    declared = (belief for belief, own, _ in PAIRS.values() if own == action)
    names = list(dict.fromkeys((action, "mood", "trust", *declared)))
    rows = []
    for k, respondent in enumerate(people.ids):
        read = [ITEMS[name].read(raw) if (raw := people.answers[name][k]) is not ABSENT else None for name in names]
        answers = [None if x is None or x[2] else x[0] if ITEMS[n].scale == "nominal" else x[1]
                   for n, x in zip(names, read, strict=True)]  # fmt: skip
        if None not in answers and people.weight[k] > 0 and people.level(k, attribute) == level:
            rows.append((respondent, float(people.weight[k]), *answers))
    return pl.DataFrame(rows, schema=["id", "w", *names], orient="row")


def expression(action: str, frame: pl.DataFrame) -> pl.Expr:
    nominal = ITEMS[action].scale == "nominal"
    options = max(len(ITEMS[action].grid), frame[action].n_unique()) if nominal else None
    return m.predictability(action, frame.columns[3:], "id", "w", options=options)


def by_scikit_learn(frame: pl.DataFrame, action: str) -> float:
    """Cross-validate on the folds of the respondents' ids, from the respondents in order of their ids."""
    frame = frame.sort("id")
    parts = [
        frame[name].to_dummies(separator=".")[:, 1:] if ITEMS[name].scale == "nominal" else frame.select(name)
        for name in frame.columns[3:]
    ]
    x = np.hstack([part.cast(pl.Float64).to_numpy() for part in parts])
    x = x[:, np.ptp(x, axis=0) > 0]
    x, nominal = (x - x.mean(axis=0)) / x.std(axis=0), ITEMS[action].scale == "nominal"
    w = frame["w"].to_numpy() / frame["w"].mean()
    order, edges = folds(frame["id"].to_list())
    fold = np.empty(len(w), dtype=int)
    for k in range(5):
        fold[order[edges[k] : edges[k + 1]]] = k
    how = {"cv": PredefinedSplit(fold), "params": {"sample_weight": w}}
    if not nominal:
        y = frame[action].cast(pl.Float64).to_numpy()
        model, null = (cross_val_predict(each, x, y, **how) for each in (LinearRegression(), DummyRegressor()))
        return float(1 - w @ (y - model) ** 2 / (w @ (y - null) ** 2))
    y, options = frame[action].to_numpy(), len(ITEMS[action].grid)
    fitted = np.array([(fold != k).sum() for k in fold])
    losses = []
    for model in (LogisticRegression(max_iter=1000, tol=1e-6), DummyClassifier(strategy="prior")):
        share = cross_val_predict(model, x, y, method="predict_proba", **how)
        own = share[np.arange(len(y)), np.searchsorted(sorted(set(y)), y)]
        losses.append(w @ -np.log((own * fitted + 0.5) / (fitted + 0.5 * options)))
    return float(1 - losses[0] / losses[1])


@pytest.mark.parametrize("side", ["h", "s"])
@pytest.mark.parametrize("action", ACTIONS)
def test_evaluation_expression_and_scikit_learn(alignment, worlds: list[Case], action, side):
    found = rows_of(alignment, "coherence", f"predictability_{side}")
    evaluated = {(key[0], *key[3:5]): estimate for key, estimate in found.items() if key[2] == action}
    defined = 0
    for case in worlds:
        for grouping in GROUPINGS:
            key = (case.panel_id, *grouping)
            frame = frame_of(case.reference if side == "h" else case.s, action, *grouping)
            own = frame.select(expression(action, frame)).item() if frame.height else None
            assert (own is None) == (evaluated[key] is None), key
            if own is None:
                continue
            defined += 1
            assert own == pytest.approx(evaluated[key], rel=1e-9, abs=1e-12), key
            if grouping == ("all", "all"):
                # Two maximisers of one likelihood stop a little apart.
                near = 1e-9 if ITEMS[action].scale != "nominal" else 1e-3
                assert own == pytest.approx(by_scikit_learn(frame, action), rel=near, abs=near), key
    assert defined >= 50
