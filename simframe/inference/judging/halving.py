"""People split in half: what figures come to between two halves of the same people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simframe.inference.judging.interval import spread
from simframe.inference.judging.methods import EVERY
from simframe.metrics.arrays import Floats

HALVES = 200
"""Times that a human panel is cut in two."""
UNDEFINED = "undefined on halves of these answers"


def between_halves(metrics: Sequence[str], drawn: Floats) -> dict[str, Floats]:
    """Return the mean of figures over halves as their estimate, of ratios the median, and where 95 % of them lie.

    A ratio may have no mean, as its denominator may come near nought. With weights, chi2 is one too: to a design
    effect, which is next to nothing where one respondent weighs all.
    """
    found = spread(drawn)
    ratios = np.array([EVERY[metric].scale in ("log", "quotient") for metric in metrics], dtype=np.bool_)
    ratios |= np.array([metric.endswith("_inflation_ratio") or metric == "chi2" for metric in metrics], dtype=np.bool_)
    ratios &= np.isfinite(found["estimate"])
    if ratios.any():
        found["estimate"][ratios] = np.nanmedian(np.where(np.isfinite(drawn[ratios]), drawn[ratios], np.nan), axis=1)
    # Of counts that hardly ever differ between halves, the mean may be beyond what 95 % of them are.
    found["ci_low"] = np.fmin(found["ci_low"], found["estimate"])
    found["ci_high"] = np.fmax(found["ci_high"], found["estimate"])
    return found


def half_against_half(
    metric: str, drawn: Floats | None, n: int, worth: float, reason: str | None = None
) -> dict[str, object]:
    """Return the columns that say how a figure of ``n`` people, who are ``worth`` so many, falls between their halves.

    Where there is nothing ``drawn``, or nothing finite, they say why: the ``reason``, or that it is undefined.
    """
    columns: dict[str, object] = {"metric": metric, "n_h": n // 2, "n_s": n // 2}
    columns |= {"effective_h": worth / 2, "effective_s": worth / 2}
    if drawn is None or not np.isfinite(drawn).any():
        return columns | {"reason": reason or UNDEFINED}
    return columns | {name: float(values[0]) for name, values in between_halves([metric], drawn[None]).items()}
