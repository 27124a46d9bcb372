"""Predictability of actions: how well all beliefs together foretell an action, in people and in a panel.

Every side has its own models, fitted on four fifths of its respondents and judged on the fifth left out, five times
over; who is left out together depends on respondents' ids alone. An action on a scale has linear regressions and R2, a
nominal one penalised multinomial logits and McFadden's R2 (`crossfit`). A panel above people is more coherent than
people are: its beliefs give its actions away.

- intervals: respondents drawn anew within strata, whole clusters at a time, both sides independently. Models move with
  the draws by one Newton step, because losses of models held fixed vary too little.
- floors: two samples of people, the second of the panel's size.
- p-values: the share of floors whose difference is at least as far off; a ratio has that of the difference.
"""

from __future__ import annotations

import numpy as np

from simframe.inference.crossfit import Crossfit, crossfit
from simframe.inference.interval import floor, interval, p_value
from simframe.inference.resample import afresh, bootstrap, chunks, digest, stream
from simframe.inference.sample import Panel
from simframe.metrics.arrays import Floats
from simframe.study import Study
from simframe.warehouse.tables import ALL

Draws = dict[str, dict[str, Floats]]


def prediction_rows(
    study: Study, reference: Panel, panel: Panel, replicates: int, seed: int
) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` for every action of a declared pair; none where there is no pair.

    Args:
        study: its pairs name the actions; predictors are all items of role ``belief`` and the beliefs of those pairs.
        reference: the people that the panel is judged by.
        panel: the panel.
        replicates: draws behind every interval, floor and p-value.
        seed: of the draws; they depend on it, on the panel, the action and who answered, and on nothing else.
    """
    rows: list[dict[str, object]] = []
    for name in dict.fromkeys(pair.action for pair in study.pairs):
        h, s = (crossfit(study, side, name) for side in (reference, panel))
        rng = stream(seed, panel.panel_id, "prediction", name, digest(h.ids, s.ids))
        with np.errstate(all="ignore"):
            rows += _rows(name, h, s, replicates, rng)
    return rows


def _rows(action: str, h: Crossfit, s: Crossfit, replicates: int, rng: np.random.Generator) -> list[dict[str, object]]:
    common = {"family": "coherence", "item_id_2": action, "attribute": ALL, "level": ALL, "n_h": h.n, "n_s": s.n}
    reasons = {"_h": h.reason and f"reference: {h.reason}", "_s": s.reason and f"panel: {s.reason}"}
    reasons["_inflation"] = reasons["_h"] or reasons["_s"]
    reasons["_inflation_ratio"] = reasons["_inflation"] or "beliefs do not foretell the action in people"
    sides = [None if side.reason else np.array([side.observed()]) for side in (h, s)]
    draws = _draws(h, s, replicates, rng)
    rows: list[dict[str, object]] = []
    p: float | None = None
    for suffix, reason in reasons.items():
        metric = f"predictability{suffix}"
        estimate = float(_beside(*sides).get(suffix, np.array([np.nan]))[0])
        if not np.isfinite(estimate):
            rows.append(common | {"metric": metric, "reason": reason})
            continue
        between_people = draws["floor"].get(suffix, np.empty(0))
        low, high = interval(metric, estimate, draws["bootstrap"][suffix])
        middle, edge = floor(metric, between_people)
        figures = {"estimate": estimate, "ci_low": low, "ci_high": high, "floor": middle, "floor_q95": edge}
        p = p_value(metric, estimate, between_people) if suffix != "_inflation_ratio" else p
        rows.append(common | figures | {"metric": metric, "p_value": p})
    return rows


def _draws(h: Crossfit, s: Crossfit, replicates: int, rng: np.random.Generator) -> Draws:
    """Return every figure under both kinds of draw; of one side alone where the other has no models."""
    parts: dict[str, list[dict[str, Floats]]] = {"bootstrap": [], "floor": []}
    for size in chunks(replicates, h.n + s.n):
        people = None if h.reason else h.predictability(bootstrap(rng, h.design, size))
        theirs = None if s.reason else s.predictability(bootstrap(rng, s.design, size))
        parts["bootstrap"].append(_beside(people, theirs))
        if people is not None and theirs is not None:
            again = h.predictability(afresh(rng, h.design, s.n, size, weighted=s.design.weighted))
            parts["floor"].append(_beside(people, again))
    return {
        kind: {suffix: np.concatenate([each[suffix] for each in found]) for suffix in (found[0] if found else ())}
        for kind, found in parts.items()
    }


def _beside(h: Floats | None, s: Floats | None) -> dict[str, Floats]:
    """Return the figures of both sides, and what one is beside the other; a ratio where beliefs say anything."""
    found = {suffix: side for suffix, side in (("_h", h), ("_s", s)) if side is not None}
    if h is not None and s is not None:
        found |= {"_inflation": s - h, "_inflation_ratio": np.where(h > 0, s / h, np.nan)}
    return found
