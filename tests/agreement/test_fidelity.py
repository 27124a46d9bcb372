"""Twins beside their own humans."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from scipy import stats

import simframe.metrics as m

from .agree import agree, by_key, rows_of
from .count import GROUPINGS, _frame
from .people import Case
from .study import ITEMS, Item

ASKED = [item for item in ITEMS.values() if item.asked]
EXPRESSIONS = {
    "pearson_r": lambda item: m.pearson_r("y", "yhat").struct.field("r"),
    "accuracy": lambda item: m.accuracy("y", "yhat", *_range(item)),
    "exact_match_rate": lambda item: m.exact_match_rate("code", "code_hat"),
    "demeaned_r": lambda item: m.demeaned_r("y", "yhat", "arm"),
}


def _range(item: Item) -> tuple[float, float]:
    values = item.options.values()
    return min(values), max(values)


def twins(case: Case, item: Item, attribute: str, level: str) -> Iterator[dict[str, object]]:
    """Yield the pairs that both answered, of humans of a group whom the panel is judged by."""
    judges = case.reference.within(attribute, level)
    place = {name: k for k, name in enumerate(judges.ids)}
    for k, name in enumerate(case.s.twin_of):
        if name not in place:
            continue
        code, y, missing = item.read(judges.answers[item.id][place[name]])
        code_hat, yhat, missing_hat = item.read(case.s.answers[item.id][k])
        if not missing and not missing_hat:
            arm = judges.answers["arm"][place[name]]
            yield {"code": code, "code_hat": code_hat, "y": y, "yhat": yhat, "arm": arm, "item": item.id}


def by_scipy(metric: str, item: Item, pairs: list[dict]) -> float | None:
    if metric == "exact_match_rate":
        return float(np.mean([pair["code"] == pair["code_hat"] for pair in pairs])) if pairs else None
    if not item.numeric or not pairs:
        return None
    y, yhat = (np.array([pair[name] for pair in pairs], dtype=float) for name in ("y", "yhat"))
    if metric == "accuracy":
        return float(1 - np.abs(y - yhat).mean() / np.subtract(*_range(item)[::-1]))
    if metric == "demeaned_r":
        arms = np.array([pair["arm"] for pair in pairs])
        y, yhat = (side - np.array([side[arms == arm].mean() for arm in arms]) for side in (y, yhat))
    flat = min(np.abs(side - side.mean()).max() for side in (y, yhat)) < 1e-9
    return None if flat else float(stats.pearsonr(y, yhat).statistic)


@pytest.fixture(scope="module")
def pairs(worlds) -> dict[tuple[str, str, str, str], list[dict]]:
    paired = [case for case in worlds if any(case.s.twin_of)]
    return {
        (case.panel_id, item.id, *place): list(twins(case, item, *place))
        for case in paired
        for item in ASKED
        for place in GROUPINGS
    }


@pytest.mark.parametrize("metric", EXPRESSIONS)
def test_item(alignment, pairs, metric):
    sql = rows_of(alignment.filter(pl.col("item_id").is_not_null()), "fidelity", metric)
    polars, scipy = both(metric, pairs)
    agree(sql, *(in_full(each) for each in (polars, scipy)), least=30)


@pytest.mark.parametrize("metric", EXPRESSIONS)
def test_mean_over_the_asked_items(alignment, pairs, metric):
    sql = rows_of(alignment.filter(pl.col("item_id").is_null()), "fidelity", metric)
    agree(sql, *(means(each) for each in both(metric, pairs)), least=8)


def both(metric: str, pairs: dict) -> tuple[dict, dict]:
    polars = {}
    for key, rows in pairs.items():
        name = key[1]
        usable = rows and (metric == "exact_match_rate" or ITEMS[name].numeric)
        expr = EXPRESSIONS[metric](ITEMS[name]) if usable else pl.lit(None)
        polars[key] = by_key(_frame(rows), expr, "item")[name,] if usable else None
    return polars, {key: by_scipy(metric, ITEMS[key[1]], rows) for key, rows in pairs.items()}


def in_full(figures: dict) -> dict:
    return {(panel, item, None, *place, None): x for (panel, item, *place), x in figures.items()}


def means(figures: dict) -> dict:
    defined: dict[tuple, list[float]] = {}
    for (panel, _, *place), x in figures.items():
        defined.setdefault((panel, None, None, *place, None), []).extend([] if x is None else [x])
    return {key: float(np.mean(found)) if found else None for key, found in defined.items()}
