"""Whether some combination of predictors tells the outcomes apart without error, so that no finite estimate exists.

Albert and Anderson (1984); the linear programme is Konis (2007): a direction along which the likelihood never falls
and somewhere rises.
"""

from __future__ import annotations

import numpy as np

from simframe.inference.regressions.design import Design, Floats


def separated(family: str, data: Design) -> bool:
    """Tell whether the likelihood of ``family`` has no maximum on ``data``."""
    rising, level = _GAINS[family](data)
    return _has_direction(rising, level)


def _has_direction(rising: Floats, level: Floats) -> bool:
    """Tell whether some d within the unit box has rising @ d >= 0, not all 0, and level @ d = 0."""
    from scipy.optimize import linprog

    scale = np.maximum(np.abs(rising).max(axis=0, initial=0.0), np.abs(level).max(axis=0, initial=0.0))
    scale[scale == 0] = 1.0
    rising, level = rising / scale, level / scale
    found = linprog(
        -rising.sum(axis=0),
        A_ub=-rising,
        b_ub=np.zeros(len(rising)),
        A_eq=level if len(level) else None,
        b_eq=np.zeros(len(level)) if len(level) else None,
        bounds=(-1.0, 1.0),
        method="highs",
    )
    return bool(found.status == 0 and -found.fun > 1e-6)


def _binary(data: Design) -> tuple[Floats, Floats]:
    return (2 * data.y - 1)[:, None] * data.x, np.empty((0, data.x.shape[1]))


def _multinomial(data: Design) -> tuple[Floats, Floats]:
    """Every respondent's own outcome gains on every other outcome; the base outcome has no coefficients."""
    kinds, k = len(data.outcomes), data.x.shape[1]
    blocks = []
    for own in range(kinds):
        mine = data.x[data.y == own]
        for other in range(kinds):
            if other != own:
                gain = np.zeros((len(mine), kinds, k))
                gain[:, own], gain[:, other] = mine, -mine
                blocks.append(gain[:, 1:].reshape(len(mine), -1))
    return np.vstack(blocks), np.empty((0, (kinds - 1) * k))


def _ordered(data: Design) -> tuple[Floats, Floats]:
    """The respondent's place rises above the threshold below, and falls beneath the one above."""
    kinds = len(data.outcomes)
    y = data.y.astype(int)
    thresholds = np.eye(kinds - 1)
    above, below = y > 0, y < kinds - 1
    upper = np.hstack([data.x[above], -thresholds[y[above] - 1]])
    lower = np.hstack([-data.x[below], thresholds[y[below]]])
    return np.vstack([upper, lower]), np.empty((0, data.x.shape[1] + kinds - 1))


def _counts(data: Design) -> tuple[Floats, Floats]:
    """A count of 0 gains as its rate falls; every other count pins its rate (Correia, Guimaraes and Zylkin 2019)."""
    return -data.x[data.y == 0], data.x[data.y > 0]


_GAINS = {"logit": _binary, "mnlogit": _multinomial, "ologit": _ordered, "poisson": _counts}
