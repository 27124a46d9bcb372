"""Giving figures made of others the interval that joins those of these."""

from __future__ import annotations

import numpy as np

from simframe.inference.counted.combine import Figure
from simframe.inference.counted.figures import Key
from simframe.inference.judging.interval import Drawn, centres, moments, scaled
from simframe.inference.judging.joined import Ends, difference, quotient, span
from simframe.inference.judging.laws import noncentral, student, tail
from simframe.inference.judging.methods import EVERY, SIDES
from simframe.metrics.arrays import Floats, Whole

GROUPED = "js_distance"
"""Whose spread over groups is a figure."""


def join(figures: dict[Key, Figure], found: dict[str, Floats], drawn: Drawn) -> None:
    """Set ``ci_low`` and ``ci_high`` of figures made of others; ``found`` holds an entry a figure."""
    if not drawn.bootstrap.size:
        return
    _join_sides(list(figures), found, drawn)
    _widen(figures, found, drawn)
    spreads = [(k, figure.parts) for k, figure in enumerate(figures.values()) if figure.parts and not figure.reason]
    if spreads:
        of = np.repeat(np.arange(len(spreads)), [len(parts) for _, parts in spreads])
        ends = _spans([part for _, parts in spreads for part in parts], of)
        _keep(found, np.array([k for k, _ in spreads]), *ends)


def _join_sides(keys: list[Key], found: dict[str, Floats], drawn: Drawn) -> None:
    place = {key: k for k, key in enumerate(keys)}
    made = [key for key in keys if key.metric in SIDES]
    if not made:
        return
    centre = centres([key.metric for key in keys], found["estimate"], drawn)
    at = [np.array([place[key._replace(metric=SIDES[key.metric][side])] for key in made]) for side in (0, 1)]
    h, s = ((centre[rows], found["ci_low"][rows], found["ci_high"][rows]) for rows in at)
    ratio = np.array([EVERY[key.metric].scale == "quotient" for key in made])
    ends = (np.where(ratio, *each) for each in zip(quotient(h, s), difference(h, s), strict=True))
    _keep(found, np.array([place[key] for key in made]), *ends)


def _widen(figures: dict[Key, Figure], found: dict[str, Floats], drawn: Drawn) -> None:
    """Let intervals reach as far as options that are alike may push the estimate off."""
    tied, worth = (np.array([getattr(figure, name) for figure in figures.values()]) for name in ("tied", "worth"))
    at = np.flatnonzero((tied > 0).any(axis=1) & np.isfinite(found["ci_low"]))
    if not len(at):
        return
    methods = [EVERY[key.metric] for key in figures]
    least, most = (np.array([getattr(methods[k], side) for k in at]) for side in ("low", "high"))
    reach = student(worth[at].sum(axis=1) - 2) * np.nanstd(drawn.bootstrap[at], axis=1)
    seen, low, high = (found[name][at] for name in ("estimate", "ci_low", "ci_high"))
    above, below = tied[at].T
    low = np.where(above > 0, np.minimum(low, np.maximum(seen - above - reach, least)), low)
    _keep(found, at, low, np.where(below > 0, np.maximum(high, np.minimum(seen + below + reach, most)), high))


def _keep(found: dict[str, Floats], at: Whole, low: Floats, high: Floats) -> None:
    """Stretch intervals to hold the estimate."""
    found["ci_low"][at] = np.minimum(low, found["estimate"][at])
    found["ci_high"][at] = np.maximum(high, found["estimate"][at])


def _spans(parts: list[Figure], of: Whole) -> tuple[Floats, Floats]:
    """Return the intervals of spreads over groups; ``of`` says which spread a group belongs to."""
    observed, worth = (np.array([getattr(part, name) for part in parts]) for name in ("observed", "worth"))
    (mean, variance), null = (moments(np.stack([kind(part) for part in parts]) ** 2) for kind in (_bootstrap, _alike))
    seen, share = observed**2, tail(student(worth.sum(axis=1) - 2))

    def at(*chances: Floats) -> tuple[Floats, ...]:
        """Return the distances at several chances, all at once."""
        many, law = len(chances), (seen, mean - seen, variance, *null)
        tiled = [np.tile(each, many) for each in law]
        found = noncentral(tiled[0], (tiled[1], tiled[2]), (tiled[3], tiled[4]), np.concatenate(chances))
        return tuple(np.split(np.sqrt(found), many))

    def ends(shared: Floats) -> Ends:
        centre, low, high = at(np.full(len(seen), 0.5), 1 - share / shared, share / shared)
        return centre, low, high

    return span(ends, of)


def _bootstrap(part: Figure) -> Floats:
    return part.draws["bootstrap"]


def _alike(part: Figure) -> Floats:
    """Return the draws of a distance between panels that do not differ."""
    if "null" in part.draws:
        return part.draws["null"]
    people = (part.draws[kind][None] for kind in ("floor", "people_halves", "half_samples"))
    return np.asarray(scaled([GROUPED], *people)[0])
