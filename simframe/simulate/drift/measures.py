"""What is read off a model's probabilities of options: response styles, honesty, how sure it is. Arrays alone.

Styles: U. Böckenholt (2017), Measuring response styles in Likert items, Psychological Methods 22:69-83; acquiescence by
statements said both ways: J. B. Winkler, J. E. Kanouse and J. E. Ware (1982), Controlling for acquiescence response
set in scale development, Journal of Applied Psychology 67:555-561.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simframe.study import Item, Study

Array = NDArray[Any]
Units = dict[str, Array]
"""A figure by what it was asked of: an item, or a pair of them. One number a respondent."""


@dataclass(frozen=True)
class Reading:
    """What one model thinks of one item, for everybody asked."""

    item: Item
    p: Array
    """Probabilities of the valid options, shape (respondents, options), in declared order."""
    shown: Array
    """Places of the options in the order shown, same shape."""
    mass: Array
    """Probability of all options together under the full vocabulary, shape (respondents,)."""

    def at(self, place: int) -> Array:
        """Return the probability of what was shown at a place."""
        rows = np.arange(len(self.p))
        found: Array = self.p[rows, self.shown[:, place]]
        return found

    @property
    def scored(self) -> list[int]:
        """Places of the options that are no "don't know"."""
        return [place for place, option in enumerate(self.item.valid_options) if not option.missing]


Readings = Mapping[str, Reading]


def option_mass(readings: Readings, study: Study) -> Units:
    """How much of everything it could say are the options: a fall is a model that would rather say something else."""
    return {name: reading.mass for name, reading in readings.items()}


def entropy(readings: Readings, study: Study) -> Units:
    """How far from sure it is: Shannon entropy of the options over that of even ones."""
    return {
        name: -np.sum(reading.p * np.log(np.clip(reading.p, 1e-300, 1)), axis=1) / np.log(reading.p.shape[1])
        for name, reading in readings.items()
        if reading.p.shape[1] > 1
    }


def extremity(readings: Readings, study: Study) -> Units:
    """Probability of the two ends of an ordered scale of four options and more, of those that are no "don't know"."""
    return {name: _within(r, [r.scored[0], r.scored[-1]]) for name, r in _ordered(readings) if len(r.scored) >= 4}


def midpoint(readings: Readings, study: Study) -> Units:
    """Probability of the middle of an ordered scale with a middle, of those that are no "don't know"."""
    return {name: _within(r, [r.scored[len(r.scored) // 2]]) for name, r in _ordered(readings) if len(r.scored) % 2}


def dont_know(readings: Readings, study: Study) -> Units:
    """Probability of the options declared missing, where they count as answers."""
    return {
        name: 1 - reading.p[:, reading.scored].sum(axis=1)
        for name, reading in readings.items()
        if len(reading.scored) < reading.p.shape[1]
    }


def first_place(readings: Readings, study: Study) -> Units:
    """Probability of what was shown first, less an even share: an order of options must not decide."""
    return {name: r.at(0) - 1 / r.p.shape[1] for name, r in _reordered(readings)}


def last_place(readings: Readings, study: Study) -> Units:
    """Probability of what was shown last, less an even share."""
    return {name: r.at(-1) - 1 / r.p.shape[1] for name, r in _reordered(readings)}


def acquiescence(readings: Readings, study: Study) -> Units:
    """Agreement, from 0 to 1, with a statement and its opposite, averaged, less a half: consistency has none."""
    return {
        pair.id: (_agreement(readings[pair.belief]) + _agreement(readings[pair.action])) / 2 - 0.5
        for pair in study.pairs
        if pair.belief in readings and pair.action in readings
    }


def facts(readings: Readings, study: Study) -> Units:
    """Probability of the true answer to what everybody knows."""
    return _marked(readings, study, "facts")


def claims(readings: Readings, study: Study) -> Units:
    """Probability of claiming what nobody can claim: to be better than anybody is."""
    return _marked(readings, study, "claims")


def unknown(readings: Readings, study: Study) -> Units:
    """Probability of "don't know" to what nobody can know."""
    return {name: units for name, units in dont_know(readings, study).items() if name in _block(study, "unknown")}


MEASURES: dict[str, Callable[[Readings, Study], Units]] = {
    each.__name__: each
    for each in (
        *(option_mass, entropy, extremity, midpoint, dont_know, first_place, last_place),
        *(acquiescence, facts, claims, unknown),
    )
}
"""By name; each is read before tuning and after, and the difference is the drift."""
PROBES_ONLY = ("acquiescence", "facts", "claims", "unknown")
"""Those that only a study written for them can tell."""
DISTANCE = "total_variation"
"""How far the probabilities of an item's options have moved, 0 to 1: it has no before and after."""


def total_variation(before: Readings, after: Readings) -> Units:
    """Half the sum of absolute differences of the options' probabilities."""
    return {name: np.abs(after[name].p - before[name].p).sum(axis=1) / 2 for name in before}


def _ordered(readings: Readings) -> Iterable[tuple[str, Reading]]:
    return ((name, r) for name, r in readings.items() if r.item.scale != "nominal" and len(r.scored) >= 3)


def _reordered(readings: Readings) -> Iterable[tuple[str, Reading]]:
    """Return the items whose options were shown in several orders: in one alone, place and answer are the same."""
    return ((name, r) for name, r in readings.items() if (r.shown != r.shown[0]).any())


def _within(reading: Reading, places: list[int]) -> Array:
    scored = reading.p[:, reading.scored].sum(axis=1)
    share: Array = reading.p[:, places].sum(axis=1) / np.maximum(scored, 1e-300)
    return share


def _agreement(reading: Reading) -> Array:
    values = np.array([reading.item.valid_options[place].value for place in reading.scored], dtype=float)
    p = reading.p[:, reading.scored]
    mean: Array = p @ ((values - values.min()) / np.ptp(values)) / np.maximum(p.sum(axis=1), 1e-300)
    return mean


def _block(study: Study, name: str) -> tuple[str, ...]:
    return next((block.items for block in study.structures if block.id == name), ())


def _marked(readings: Readings, study: Study, block: str) -> Units:
    """Return the probability of the options with value 1, by item of a block."""
    return {
        name: readings[name].p[:, [option.value == 1 for option in readings[name].item.valid_options]].sum(axis=1)
        for name in _block(study, block)
        if name in readings
    }
