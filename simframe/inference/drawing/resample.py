"""Drawing respondents: with replacement, afresh from the reference, or with the panels' labels shuffled.

Respondents are drawn in whole clusters, within strata. Resampling takes one cluster fewer than a stratum has, and lets
each count for a little more (Rao and Wu 1988): the variance of a mean is then that of survey sampling, where drawing as
many as there are makes it too small, by half with two clusters in a stratum.

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

from simframe.metrics.arrays import Codes, Floats, People

Whole = NDArray[np.int64]

ALIKE = 1000
"""Most draws of panels that do not differ: a p-value of 5 %, or a 95 % quantile, then has a standard error of 0.7 %."""
_CHUNK = 4_000_000
"""Most entries of one matrix of draws: 32 MB."""


def effective(weight: Floats) -> float:
    """Return how many respondents of equal weight tell as much as such (Kish 1965); 0 where nobody weighs anything."""
    return float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0


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

    @property
    def clustered(self) -> bool:
        """Whether respondents are drawn together."""
        return len(np.unique(self.unit)) < len(self.unit)

    @property
    def stratified(self) -> bool:
        """Whether respondents are drawn within strata."""
        return bool(len(self.stratum)) and bool((self.stratum != self.stratum[0]).any())

    @property
    def exchangeable(self) -> bool:
        """Whether any respondent, with weight, might stand in for any other: then labels may be shuffled."""
        return not (self.clustered or self.stratified)

    @property
    def worth(self) -> float:
        """How many respondents of equal weight tell as much."""
        return effective(self.weight)

    def people(self, codes: Codes, columns: int) -> People:
        """Return these respondents with their answers, clusters numbered stratum by stratum.

        A cluster alone in its stratum has nobody to be drawn against: all such clusters make one stratum.
        """
        _, first, unit = np.unique(self.unit, return_index=True, return_inverse=True)
        _, stratum, sizes = np.unique(self.stratum[first], return_inverse=True, return_counts=True)
        alone = sizes[stratum] == 1
        if alone.any():
            # One that is still alone joins the first stratum there is.
            stratum = np.where(alone, -1 if alone.sum() > 1 or alone.all() else stratum[~alone].min(), stratum)
            _, stratum, sizes = np.unique(stratum, return_inverse=True, return_counts=True)
        place = np.empty(len(stratum), dtype=np.int32)
        place[np.argsort(stratum, kind="stable")] = np.arange(len(stratum), dtype=np.int32)
        return People(np.ascontiguousarray(codes), columns, self.weight, place[unit], sizes.astype(np.int64))


def chunks(replicates: int, respondents: int) -> Iterator[int]:
    """Yield numbers of replicates that add up to ``replicates``, small enough for memory."""
    size = max(1, _CHUNK // max(1, respondents))
    for start in range(0, replicates, size):
        yield min(size, replicates - start)


def portions(replicates: int, respondents: int) -> Iterator[tuple[int, int]]:
    """Yield numbers of replicates as :func:`chunks` does, and how many of these are for panels that do not differ."""
    left = ALIKE
    for size in chunks(replicates, respondents):
        yield size, min(size, left)
        left -= min(size, left)


def bootstrap(rng: np.random.Generator, side: Design, replicates: int) -> Floats:
    """Draw clusters (respondents, where there are none) with replacement, within strata, one fewer than there are."""
    _, unit = np.unique(side.unit, return_inverse=True)
    stratum = np.zeros(unit.max(initial=-1) + 1, dtype=np.int64)
    stratum[unit] = side.stratum
    times = np.empty((len(stratum), replicates))
    for each in np.unique(stratum):
        members = np.flatnonzero(stratum == each)
        take = max(len(members) - 1, 1)
        picks = rng.integers(0, len(members), (replicates, take))
        times[members] = _times(picks, len(members)) * (len(members) / take)
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


def halves(rng: np.random.Generator, people: Design, replicates: int) -> tuple[Floats, Floats]:
    """Cut people in two at random, half the clusters of every stratum in the first; return who stands in which."""
    _, unit = np.unique(people.unit, return_inverse=True)
    stratum = np.zeros(unit.max(initial=-1) + 1, dtype=np.int64)
    stratum[unit] = people.stratum
    first = np.zeros((len(stratum), replicates), dtype=np.bool_)
    spare = False
    for each in np.unique(stratum):
        members = np.flatnonzero(stratum == each)
        # Every other stratum with an odd cluster gives it to the first half.
        take = (len(members) + spare) // 2
        spare ^= bool(len(members) % 2)
        order = rng.permuted(np.tile(np.arange(len(members)), (replicates, 1)), axis=1).T
        first[members] = order < take
    return first[unit] * people.weight[:, None], ~first[unit] * people.weight[:, None]


def _times(picks: Whole, kinds: int) -> Whole:
    """Count how often each of ``kinds`` was picked: a row a kind, a column a replicate (a row of ``picks``)."""
    replicates = len(picks)
    flat = (picks * replicates + np.arange(replicates)[:, None]).ravel()
    return np.bincount(flat, minlength=replicates * kinds).reshape(kinds, replicates)
