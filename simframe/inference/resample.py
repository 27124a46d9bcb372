"""Drawing respondents: with replacement, afresh from the reference, or with the panels' labels shuffled.

Every draw is a matrix of weights, one row a respondent and one column a replicate, so that counts are one (sparse)
matrix product away: sums run in the order of respondents, the same bit for bit however many threads there are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simframe.inference.arrays import Floats

Whole = NDArray[np.int64]

_CHUNK = 4_000_000
"""Most entries of one matrix of draws: 32 MB."""


def digest(*key: object) -> str:
    """Return the SHA-256 of a key of texts, numbers and sequences of them, in hex."""
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()


def stream(*key: object) -> np.random.Generator:
    """Return the generator that belongs to ``key``: the same on every machine, unrelated to that of any other key."""
    return np.random.Generator(np.random.Philox(key=int(digest(*key)[:32], 16)))


@dataclass(frozen=True)
class Design:
    """How the respondents of one side were drawn: weights, clusters, strata; all one entry a respondent."""

    weight: Floats
    unit: Whole
    stratum: Whole

    def part(self, rows: Whole) -> Design:
        """Return the design of some respondents."""
        return Design(self.weight[rows], self.unit[rows], self.stratum[rows])

    @property
    def weighted(self) -> bool:
        """Whether respondents count differently."""
        return bool(len(self.weight)) and bool((self.weight != self.weight[0]).any())


def chunks(replicates: int, respondents: int) -> Iterator[int]:
    """Yield numbers of replicates that add up to ``replicates``, small enough for memory."""
    size = max(1, _CHUNK // max(1, respondents))
    for start in range(0, replicates, size):
        yield min(size, replicates - start)


def bootstrap(rng: np.random.Generator, side: Design, replicates: int) -> Floats:
    """Draw as many clusters (respondents, where there are none) as there are, with replacement, within strata."""
    _, unit = np.unique(side.unit, return_inverse=True)
    stratum = np.zeros(unit.max(initial=-1) + 1, dtype=np.int64)
    stratum[unit] = side.stratum
    times = np.empty((len(stratum), replicates))
    for each in np.unique(stratum):
        members = np.flatnonzero(stratum == each)
        times[members] = _times(rng.integers(0, len(members), (replicates, len(members))), len(members))
    return times[unit] * side.weight[:, None]


def afresh(rng: np.random.Generator, side: Design, size: int, replicates: int, *, weighted: bool) -> Floats:
    """Draw ``size`` people from the population that ``side`` stands for: what a perfect simulator would hand over.

    They carry their weights where the simulated panel is ``weighted``; else they are drawn in proportion to them.
    """
    n = len(side.weight)
    if weighted or not side.weighted:
        return _times(rng.integers(0, n, (replicates, size)), n) * side.weight[:, None]
    reach = np.cumsum(side.weight)
    drawn = np.searchsorted(reach / reach[-1], rng.random((replicates, size)), side="right")
    return _times(np.minimum(drawn, n - 1), n).astype(np.float64)


def shuffled(rng: np.random.Generator, h: Design, s: Design, replicates: int) -> tuple[Floats, Floats]:
    """Hand the labels of H out anew over the pooled clusters; return who stands in H, and who in S."""
    _, unit_h = np.unique(h.unit, return_inverse=True)
    _, unit_s = np.unique(s.unit, return_inverse=True)
    many_h, many_s = unit_h.max(initial=-1) + 1, unit_s.max(initial=-1) + 1
    labels = np.zeros((replicates, many_h + many_s), dtype=np.bool_)
    labels[:, :many_h] = True
    in_h = np.ascontiguousarray(rng.permuted(labels, axis=1).T)[np.concatenate([unit_h, many_h + unit_s])]
    weight = np.concatenate([h.weight, s.weight])[:, None]
    return in_h * weight, ~in_h * weight


def _times(picks: Whole, kinds: int) -> Whole:
    """Count how often each of ``kinds`` was picked: a row a kind, a column a replicate (a row of ``picks``)."""
    replicates = len(picks)
    flat = (picks * replicates + np.arange(replicates)[:, None]).ravel()
    return np.bincount(flat, minlength=replicates * kinds).reshape(kinds, replicates)
