"""How far options that a sample does not tell apart may push a figure up: a bias that a bootstrap hardly sees.

The absolute difference of two equal shares, and the largest of several equal ones, are all noise: samples make them
larger, by about as much as no bootstrap repeats (Fang and Santos 2019), and no estimate can know by how much (Cai and
Low 2011). So intervals reach as far as they would were all those options equal that may be: the ones within
sqrt(log n) standard errors of each other (Andrews and Soares 2010), which in large samples are those that are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from simframe.inference.counted.figures import Tables
from simframe.inference.panels.sample import Coded
from simframe.metrics.arrays import Floats

Bias = tuple[float, float]
"""How much too large, and too small, an estimate may be."""
NONE: Bias = (0.0, 0.0)


def tied(coded: Coded, observed: Tables, worth: tuple[float, float]) -> Iterator[tuple[str, str, Bias]]:
    """Yield item, metric and bias; ``worth`` is what one respondent of people, and of the panel, counts for."""
    for question in coded.questions:
        counts = [side.n[question.options, 0] for side in (observed.h, observed.s)]
        n = [float(side.sum()) * each for side, each in zip(counts, worth, strict=True)]
        if len(counts[0]) and min(n) > 1:
            h, s = (side / side.sum() for side in counts)
            yield question.item.id, "total_variation", (of_differences(h, s, n[0], n[1]), 0.0)
            yield question.item.id, "modal_share_gap", (of_largest(s, n[1]), of_largest(h, n[0]))


def of_differences(h: Floats, s: Floats, n_h: float, n_s: float) -> float:
    """Return the mean of half the sum of absolute differences of shares that may be equal, were they so."""
    both = (n_h * h + n_s * s) / (n_h + n_s)
    error = np.sqrt(both * (1 - both) * (1 / n_h + 1 / n_s))
    equal = np.abs(s - h) <= np.sqrt(np.log(2 / (1 / n_h + 1 / n_s))) * error
    return float(np.sqrt(2 / np.pi) * error[equal].sum() / 2)


def of_largest(share: Floats, n: float) -> float:
    """Return how far the largest of shares that may be equal would be above them, were they so."""
    most = share.max()
    error = np.sqrt((share + most - (share - most) ** 2) / n)
    equal = most - share <= np.sqrt(np.log(n)) * error
    # Their common part has mean nought: the rest is as of independent ones with variance share / n.
    many = int(equal.sum())
    return float(_largest_of(many) * np.sqrt(share[equal].mean() / n)) if many > 1 else 0.0


@cache
def _largest_of(many: int) -> float:
    """Return the mean of the largest of so many standard normal variables."""
    from scipy.special import ndtr

    step = 0.005
    x = np.arange(-10, 10, step) + step / 2
    return float(((x > 0) - ndtr(x) ** many).sum() * step)
