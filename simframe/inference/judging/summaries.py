"""What many draws of many figures come to, row by row."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from simframe.metrics.arrays import Floats


def moments(drawn: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of every row, NaN left out."""
    holes = np.isnan(drawn).any(axis=1)
    with warnings.catch_warnings(action="ignore"):
        if not holes.any():
            return _moments(drawn)
        mean, variance = np.empty(len(drawn)), np.empty(len(drawn))
        mean[~holes], variance[~holes] = _moments(drawn[~holes])
        mean[holes], variance[holes] = np.nanmean(drawn[holes], axis=1), np.nanvar(drawn[holes], axis=1)
    return mean, variance


def _moments(drawn: Floats) -> tuple[Floats, Floats]:
    """Return the same numbers as of rows with holes, sooner: the mean is taken once."""
    mean = drawn.mean(axis=1)
    apart = drawn - mean[:, None]
    apart *= apart
    return mean, apart.mean(axis=1)


def quantiles(drawn: Floats, shares: Sequence[float]) -> list[Floats]:
    """Return quantiles of every row as numpy.quantile does, NaN left out."""
    if not drawn.shape[1]:
        return [np.full(len(drawn), np.nan) for _ in shares]
    known = (~np.isnan(drawn)).sum(axis=1)
    places = [np.maximum(known - 1, 0) * share for share in shares]
    below = [place.astype(np.int64) for place in places]
    above = [np.minimum(place + 1, drawn.shape[1] - 1) for place in below]
    # NaN goes to the end. Rows nearly always miss the same few draws, so there are few places to put in order.
    ordered = np.partition(drawn, np.unique(np.concatenate([*below, *above])), axis=1)
    rows, found = np.arange(len(drawn)), []
    for place, lower, upper in zip(places, below, above, strict=True):
        low, high, part = ordered[rows, lower], ordered[rows, upper], place - lower
        found.append(np.asarray(np.where((part == 0) | (low == high), low, low + (high - low) * part)))
    return found
