"""Predictability of actions: how well all beliefs together foretell an action, in people and in a panel.

Every side has its own models, fitted on four fifths of its respondents and judged on the fifth left out, five times
over; who is left out together depends on respondents' ids alone. An action on a scale has linear regressions and R2, a
nominal one penalised multinomial logits and McFadden's R2 (`simframe.metrics.crossfit`). A panel above people is more
coherent than people are: its beliefs give its actions away.

- intervals: respondents drawn anew within strata, whole clusters at a time, both sides independently. Models move with
  the draws by one Newton step, because losses of models held fixed vary too little.
- floors: two samples of people, the second of the panel's size.
- p-values: the share of floors whose difference is at least as far off; a ratio has that of the difference.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simframe.inference.drawing.resample import afresh, bootstrap, digest, halves, portions, stream
from simframe.inference.families.foretelling import Side, foretelling, foretelling_of_people
from simframe.inference.judging.halving import HALVES, half_against_half
from simframe.inference.judging.methods import SUFFIXES
from simframe.inference.judging.pending import Pending, settle
from simframe.inference.panels.roster import columns, named
from simframe.inference.panels.sample import Panel
from simframe.metrics.arrays import Floats
from simframe.study import Study

Draws = dict[str, dict[str, Floats]]


def prediction_rows(
    study: Study, reference: Panel, panel: Panel, replicates: int, seed: int
) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` for every action of a declared pair and every subgroup; none without a pair.

    Args:
        study: its pairs name the actions; predictors are all items of role ``belief`` and the beliefs of those pairs.
        reference: the people that the panel is judged by.
        panel: the panel.
        replicates: draws behind every interval, floor and p-value.
        seed: of the draws; they depend on it, on the panel, the action and who answered, and on nothing else.
    """
    waiting: list[Pending] = []
    for name in dict.fromkeys(pair.action for pair in study.pairs):
        people, others = foretelling_of_people(study, reference, name), foretelling(study, panel, name)
        for place, h in people.items():
            s = others[place]
            rng = stream(seed, *named(panel.panel_id, place), "prediction", name, digest(h.ids, s.ids))
            with np.errstate(all="ignore"):
                waiting += _figures(_key(name) | columns(place), h, s, replicates, rng)
    return list(settle(waiting))


def prediction_halves(study: Study, panel: Panel, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` that compare people with themselves, half against half."""
    rows: list[dict[str, object]] = []
    for name in dict.fromkeys(pair.action for pair in study.pairs):
        for place, people in foretelling_of_people(study, panel, name).items():
            common = _key(name) | columns(place)
            if people.reason:
                rows += [
                    common
                    | half_against_half(f"predictability{each}", None, people.n, people.design.worth, people.reason)
                    for each in SUFFIXES
                ]
                continue
            rng = stream(seed, *named(panel.panel_id, place), "prediction", "halves", name, digest(people.ids))
            with np.errstate(all="ignore"):
                found = _beside(*map(people.predictability, halves(rng, people.design, HALVES)))
            n, worth = people.n, people.design.worth
            rows += [common | half_against_half(f"predictability{each}", x, n, worth) for each, x in found.items()]
    return rows


def _key(action: str) -> dict[str, object]:
    return {"family": "coherence", "item_id_2": action}


def _figures(key: dict[str, object], h: Side, s: Side, replicates: int, rng: np.random.Generator) -> Iterator[Pending]:
    reasons = {"_h": h.reason and f"reference: {h.reason}", "_s": s.reason and f"panel: {s.reason}"}
    reasons["_inflation"] = reasons["_h"] or reasons["_s"]
    reasons["_inflation_ratio"] = reasons["_inflation"] or "beliefs do not foretell the action in people"
    sides = [None if side.reason else np.array([side.observed()]) for side in (h, s)]
    draws = _draws(h, s, replicates, rng)
    for suffix, reason in reasons.items():
        estimate = float(_beside(*sides).get(suffix, np.array([np.nan]))[0])
        row, metric = key | {"n_h": h.n, "n_s": s.n}, f"predictability{suffix}"
        row |= {"effective_h": h.design.worth, "effective_s": s.design.worth}
        if np.isfinite(estimate):
            own = {kind: drawn[suffix] for kind, drawn in draws.items() if suffix in drawn}
            yield Pending(row, metric, estimate, own)
        else:
            yield Pending(row | {"reason": reason}, metric, np.nan, {})


def _draws(h: Side, s: Side, replicates: int, rng: np.random.Generator) -> Draws:
    """Return every figure under both kinds of draw; of one side alone where the other has no models."""
    parts: dict[str, list[dict[str, Floats]]] = {"bootstrap": [], "floor": []}
    for size, alike in portions(replicates, h.n + s.n):
        people = None if h.reason else h.predictability(bootstrap(rng, h.design, size))
        theirs = None if s.reason else s.predictability(bootstrap(rng, s.design, size))
        parts["bootstrap"].append(_beside(people, theirs))
        if people is not None and theirs is not None and alike:
            again = h.predictability(afresh(rng, h.design, s.n, alike, weighted=s.design.weighted))
            parts["floor"].append(_beside(people[:alike], again))
    joined = {
        kind: {suffix: np.concatenate([each[suffix] for each in found]) for suffix in (found[0] if found else ())}
        for kind, found in parts.items()
    }
    return joined | {"null": joined["floor"]}


def _beside(h: Floats | None, s: Floats | None) -> dict[str, Floats]:
    """Return the figures of both sides, and what one is beside the other; a ratio where beliefs say anything."""
    found = {suffix: side for suffix, side in (("_h", h), ("_s", s)) if side is not None}
    if h is not None and s is not None:
        found |= {"_inflation": s - h, "_inflation_ratio": np.where(h > 0, s / h, np.nan)}
    return found
