"""People split in half: what any figure comes to between two halves of the same people, as a row of ``estimates``."""

from __future__ import annotations

import numpy as np

from simframe.inference.interval import spread
from simframe.inference.methods import EVERY
from simframe.metrics.arrays import Floats

HALVES = 200
"""Times that a human panel is cut in two."""
UNDEFINED = "undefined on halves of these answers"


def is_ratio(metric: str) -> bool:
    """Whether a figure may have no mean over halves, as its denominator may come near nought.

    With weights, chi2 too is a ratio: to a design effect, which is next to nothing where one respondent weighs all.
    """
    return EVERY[metric].scale in ("log", "quotient") or metric.endswith("_inflation_ratio") or metric == "chi2"


def half_against_half(metric: str, drawn: Floats, n: int) -> dict[str, object]:
    """Return the columns that say how a figure of ``n`` people falls between their halves.

    ``estimate`` is its mean over the halves, its median where it is a ratio; the interval holds 95 % of them.
    """
    columns: dict[str, object] = {"metric": metric, "n_h": n // 2, "n_s": n // 2}
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return columns | {"reason": UNDEFINED}
    found = {name: float(values[0]) for name, values in spread(known[None]).items()}
    return columns | found | ({"estimate": float(np.median(known))} if is_ratio(metric) else {})
