"""Belief and action in every group: gaps, association, actions given the belief; in everybody, within strata."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import optimize, stats
from scipy.spatial import distance
from sklearn.metrics import mutual_info_score

import simframe.metrics as m

from .agree import agree, by_key, rows_of
from .count import GROUPINGS, controlled, pairs
from .study import ITEMS, PAIRS

Crosstab = np.ndarray
Respondents = list[tuple[str, str, float]]


def matrix(pair: str, respondents: Respondents) -> Crosstab:
    """Return weights by belief and action, over all declared codes."""
    belief, action, _ = PAIRS[pair]
    table = np.zeros((len(ITEMS[belief].grid), len(ITEMS[action].grid)))
    for b, a, w in respondents:
        table[ITEMS[belief].grid.index(b), ITEMS[action].grid.index(a)] += w
    return table


def chosen(table: Crosstab) -> Crosstab:
    return table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]


def cramers_v(pair: str, respondents: Respondents) -> float | None:
    table = chosen(matrix(pair, respondents))
    if min(table.shape) < 2:
        return None
    chi2 = stats.chi2_contingency(table, correction=False).statistic
    return float(np.sqrt(chi2 / table.sum() / (min(table.shape) - 1)))


def mutual_information(pair: str, respondents: Respondents) -> float | None:
    table = matrix(pair, respondents)
    if not table.any():
        return None
    belief, action, both = (stats.entropy(x, base=2) for x in (table.sum(axis=1), table.sum(axis=0), table.ravel()))
    return float(belief + action - both)


def goodman_kruskal_tau(pair: str, respondents: Respondents) -> float | None:
    """One minus the share of errors that remain when the guess knows the belief."""
    p = chosen(matrix(pair, respondents))
    if p.shape[1] < 2:
        return None
    p = p / p.sum()
    blind = sum(share * (1 - share) for share in p.sum(axis=0))
    informed = sum(cell * (1 - cell / row.sum()) for row in p for cell in row)
    return float((blind - informed) / blind)


def spearman(pair: str, respondents: Respondents) -> float | None:
    """Correlation of weighted mid-ranks, respondent by respondent; scipy's where everybody weighs the same."""
    if not ordered(pair):
        return None
    belief, action, _ = PAIRS[pair]
    counted = [row for row in respondents if row[2] > 0]
    x, y = (np.array([order(name, row[k]) for row in counted]) for k, name in enumerate((belief, action)))
    w = np.array([row[2] for row in counted])
    if not len(w) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    ranks = [np.array([w[z < one].sum() + w[z == one].sum() / 2 for one in z]) for z in (x, y)]
    covariance = np.cov(*ranks, aweights=w)
    found = float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
    if np.ptp(w) == 0:
        assert np.isclose(found, stats.spearmanr(x, y).statistic, rtol=1e-9, atol=1e-12)
    return found


def order(name: str, code: str) -> float:
    item = ITEMS[name]
    return item.options[code] if item.options else item.grid.index(code)


def ordered(pair: str) -> bool:
    """Whether codes of both items have an order: values, or bins."""
    return all(ITEMS[name].numeric for name in PAIRS[pair][:2])


def gap(pair: str, respondents: Respondents) -> float | None:
    implied = PAIRS[pair][2]
    judged = [(implied[b] != a, w) for b, a, w in respondents if b in implied]
    total = sum(w for _, w in judged)
    return sum(w for against, w in judged if against) / total if total else None


def conditional(pair: str, h: Respondents, s: Respondents) -> tuple[float | None, float | None]:
    """Return the mean squared js distance given the belief, and the share of H whose belief S holds too."""
    tables = matrix(pair, h), matrix(pair, s)
    if not all(table.any() for table in tables):
        return None, None
    share = tables[0].sum(axis=1) / tables[0].sum()
    held = [b for b in range(len(share)) if all(table[b].any() for table in tables)]
    js = sum(share[b] * distance.jensenshannon(tables[0][b], tables[1][b], base=2) ** 2 for b in held)
    return (float(js) if held else None), float(share[held].sum())


# Codes are places in declared order, which for every ordered item is the order of its values.
ASSOCIATIONS: dict[str, tuple[Callable, Callable]] = {
    "cramers_v": (m.cramers_v, cramers_v),
    "mutual_information": (m.mutual_information, mutual_information),
    "goodman_kruskal_tau": (m.goodman_kruskal_tau, goodman_kruskal_tau),
    "spearman": (m.spearman, spearman),
}
GAP = "belief_action_gap"


def difference(h: float | None, s: float | None) -> float | None:
    return None if h is None or s is None else s - h


def quotient(h: float | None, s: float | None) -> float | None:
    return None if h is None or s is None or abs(h) < 1e-15 else s / h


VARIANTS: dict[str, Callable] = {
    "_h": lambda h, s: h,
    "_s": lambda h, s: s,
    "": difference,
    "_inflation": difference,
    "_inflation_ratio": quotient,
}
Controlled = list[tuple[str, str, float, str]]


def weighted(pair: str, people: Controlled) -> pd.DataFrame:
    """Return one row a respondent who counts, the codes as their places in order."""
    belief, action, _ = PAIRS[pair]
    rows = [(ITEMS[belief].grid.index(b), ITEMS[action].grid.index(a), w, c) for b, a, w, c in people if w > 0]
    return pd.DataFrame(rows, columns=["b", "a", "w", "c"])


def crosstab(frame: pd.DataFrame) -> Crosstab:
    return frame.pivot_table("w", "b", "a", aggfunc="sum", fill_value=0).to_numpy()


def cramers_v_partial(pair: str, people: Controlled) -> float | None:
    tables = [crosstab(stratum) for _, stratum in weighted(pair, people).groupby("c")]
    tables = [table for table in tables if min(table.shape) > 1]
    chi2 = sum(stats.chi2_contingency(table, correction=False).statistic for table in tables)
    return float(np.sqrt(chi2 / sum(t.sum() * (min(t.shape) - 1) for t in tables))) if tables else None


def mutual_information_partial(pair: str, people: Controlled) -> float | None:
    """scipy's entropies, stratum by stratum; scikit-learn's, which counts whole people only, where all weigh one."""
    frame = weighted(pair, people)
    if frame.empty:
        return None
    tables = [crosstab(stratum) for _, stratum in frame.groupby("c")]
    bits = [
        sum(table.sum() * stats.entropy(x, base=2) for x in (table.sum(axis=1), table.sum(axis=0)))
        - table.sum() * stats.entropy(table.ravel(), base=2)
        for table in tables
    ]
    if (frame.w == 1).all():
        nats = [table.sum() * mutual_info_score(None, None, contingency=table) for table in tables]
        assert np.isclose(sum(bits), sum(nats) / np.log(2), rtol=1e-9, atol=1e-9)
    return float(sum(bits) / frame.w.sum())


def goodman_kruskal_tau_partial(pair: str, people: Controlled) -> float | None:
    """Weighted squared distances of the actions' dummies from their means, by stratum, and by stratum and belief."""
    frame = weighted(pair, people)
    if frame.empty or frame.groupby("c").a.nunique().max() < 2:
        return None
    dummies = pd.get_dummies(frame.a).astype(float)

    def variation(by: list[str]) -> float:
        groups = [frame[name] for name in by]
        means = dummies.mul(frame.w, axis=0).groupby(groups).transform("sum")
        means = means.div(frame.w.groupby(groups).transform("sum"), axis=0)
        return float((dummies - means).pow(2).mul(frame.w, axis=0).to_numpy().sum())

    return 1 - variation(["c", "b"]) / variation(["c"])


def spearman_partial(pair: str, people: Controlled) -> float | None:
    """Correlation of both ranks' residuals from statsmodels' weighted regression on the strata."""
    frame = weighted(pair, people)
    if not ordered(pair) or frame.empty or frame.groupby("c")[["b", "a"]].nunique().max().min() < 2:
        return None
    design = pd.get_dummies(frame.c).astype(float)
    residuals = []
    for name in ("b", "a"):
        at = [frame.w[frame[name] < x].sum() + frame.w[frame[name] == x].sum() / 2 for x in frame[name]]
        residuals.append(sm.WLS(np.array(at), design, weights=frame.w).fit().resid)
    covariance = np.cov(*residuals, aweights=frame.w)
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


PARTIAL: dict[str, tuple[Callable, Callable]] = {
    "cramers_v_partial": (m.cramers_v_partial, cramers_v_partial),
    "mutual_information_partial": (m.mutual_information_partial, mutual_information_partial),
    "goodman_kruskal_tau_partial": (m.goodman_kruskal_tau_partial, goodman_kruskal_tau_partial),
    "spearman_partial": (m.spearman_partial, spearman_partial),
}


@pytest.mark.parametrize("metric", [f"{name}{variant}" for name in PARTIAL for variant in m.METRICS[name].variants])
def test_within_strata(alignment, tables, metric):
    base = next(name for name in PARTIAL if metric.startswith(name))
    combine = VARIANTS[metric.removeprefix(base)]
    function, oracle = PARTIAL[base]
    both: list[list[dict]] = []
    for side in "hs":
        found = by_key(
            tables.strata, function(side, "belief", "action", "stratum"), "panel_id", "pair", "attribute", "level"
        )
        unordered = [pair for pair in PAIRS if base == "spearman_partial" and not ordered(pair)]
        wanted = {(c.panel_id, p, *place.values()): (c, p) for c, place in tables.groups for p in PAIRS}
        both.append(
            [
                {key: None if p in unordered else found.get(key) for key, (_, p) in wanted.items()},
                {k: oracle(p, controlled(c.reference if side == "h" else c.s, p)) for k, (c, p) in wanted.items()},
            ]
        )
    polars, scipy = ({_named(key): combine(both[0][k][key], both[1][k][key]) for key in both[0][k]} for k in range(2))
    least = 10 if base == "spearman_partial" else 100
    agree(rows_of(alignment, "coherence", metric), polars, scipy, least=least)


METRICS = [f"{name}{variant}" for name in ASSOCIATIONS for variant in m.METRICS[name].variants]
METRICS += [f"{GAP}{variant}" for variant in m.METRICS[GAP].variants]


@pytest.mark.parametrize("metric", METRICS)
def test_sides(alignment, tables, metric):
    base = next(name for name in (*ASSOCIATIONS, GAP) if metric.startswith(name))
    combine = VARIANTS[metric.removeprefix(base)]
    sides = [_polars_and_scipy(tables, base, side) for side in "hs"]
    polars, scipy = (
        {_named(key): combine(sides[0][k][key], sides[1][k][key]) for key in sides[0][k]} for k in range(2)
    )
    agree(rows_of(alignment, "coherence", metric), polars, scipy, least=20 if base == "spearman" else 150)


def _polars_and_scipy(tables, base: str, side: str) -> tuple[dict, dict]:
    if base == GAP:
        expr, oracle = m.belief_action_gap(side, "implied", "action_code"), gap
    else:
        function, oracle = ASSOCIATIONS[base]
        expr = function(side, "belief", "action")
    found = by_key(tables.crosstabs, expr, "panel_id", "pair", "attribute", "level")
    polars, scipy = {}, {}
    for case in tables.cases:
        people = case.reference if side == "h" else case.s
        for pair in PAIRS:
            for grouping in GROUPINGS:
                key = (case.panel_id, pair, *grouping)
                polars[key] = found[key] if base != "spearman" or ordered(pair) else None
                scipy[key] = oracle(pair, pairs(people, pair, *grouping))
    return polars, scipy


def _named(key: tuple[str, str, str, str]) -> tuple:
    panel, pair, attribute, level = key
    return (panel, *PAIRS[pair][:2], attribute, level, pair)


@pytest.mark.parametrize(("metric", "place"), [("conditional_js", 0), ("conditional_js_coverage", 1)])
def test_actions_given_the_belief(alignment, tables, metric, place):
    polars = by_key(tables.crosstabs, getattr(m, metric)("h", "s", "belief"), "panel_id", "pair", "attribute", "level")
    scipy = {
        (case.panel_id, pair, *grouping): conditional(
            pair, pairs(case.reference, pair, *grouping), pairs(case.s, pair, *grouping)
        )[place]
        for case in tables.cases
        for pair in PAIRS
        for grouping in GROUPINGS
    }
    sql = rows_of(alignment, "coherence", metric)
    agree(sql, *({_named(key): x for key, x in each.items()} for each in (polars, scipy)), least=150)


def polychoric(table: Crosstab) -> tuple[float, Callable[[float], float]]:
    """Two-step maximum likelihood (Olsson 1979), by scipy's bivariate normal and its bounded minimiser.

    Return the correlation, and the function that it minimises.
    """
    p = chosen(table) / table.sum()
    edges = [np.r_[-9, stats.norm.ppf(np.cumsum(p.sum(axis=axis))[:-1]), 9] for axis in (1, 0)]
    corners = np.stack(np.meshgrid(*edges, indexing="ij"), axis=-1)

    def deviance(rho: float) -> float:
        below = stats.multivariate_normal.cdf(corners, cov=[[1, rho], [rho, 1]])
        cells = np.diff(np.diff(below, axis=0), axis=1)
        return -float((p * np.log(cells.clip(1e-300))).sum())

    return float(optimize.minimize_scalar(deviance, bounds=(-0.999, 0.999), options={"xatol": 1e-9}).x), deviance


@pytest.mark.parametrize("side", ["h", "s"])
def test_polychoric(tables, side):
    """No view maximises a likelihood: Polars and scipy alone. Two minimisers of one flat bottom agree to 1e-5."""
    found = by_key(tables.crosstabs, m.polychoric(side, "belief", "action"), "panel_id", "pair", "attribute", "level")
    tables_of = {
        case.panel_id: matrix("work", pairs(case.reference if side == "h" else case.s, "work")) for case in tables.cases
    }
    inside = {panel: table for panel, table in tables_of.items() if min(chosen(table).shape) > 1}
    assert len(inside) >= 5
    for panel, table in inside.items():
        rho, deviance = polychoric(table)
        own = found[panel, "work", "all", "all"]
        assert own == pytest.approx(rho, abs=1e-5)
        assert deviance(own) <= deviance(rho) + 1e-10
