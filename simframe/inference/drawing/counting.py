"""Drawing respondents and counting their answers: bootstrap, samples afresh, labels shuffled, halves.

Respondents are drawn with all their answers; a draw is the counts of every answer, which the kernels add up. The
methods are those of :mod:`simframe.inference.drawing.resample`, which draws weights for what is no matter of counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simframe.inference.drawing.resample import digest
from simframe.metrics.arrays import Counts, People, Stream, Whole, count_draws

MOST_ENTRIES = 4_000_000
"""Most entries of one array of counts: 32 MB."""
_BOOTSTRAP_H, _BOOTSTRAP_S, _AFRESH_H, _AFRESH_S, _SHUFFLED, _HALVES = range(6)


@dataclass(frozen=True)
class Draws:
    """Which replicates, and whose random numbers."""

    name: str
    first: int
    replicates: int

    @classmethod
    def of(cls, *key: object, first: int = 0, replicates: int) -> Draws:
        """Return the draws that belong to ``key``: the same on every machine, unrelated to those of any other key."""
        return cls(digest(*key), first, replicates)

    def part(self, columns: int) -> Iterator[Draws]:
        """Yield the same replicates in parts that are small enough for memory."""
        size = max(1, MOST_ENTRIES // max(1, columns))
        for start in range(0, self.replicates, size):
            yield Draws(self.name, self.first + start, min(size, self.replicates - start))

    def stream(self, use: int) -> Stream:
        """Return the random numbers of one use."""
        return Stream(int(self.name[:16], 16), int(self.name[16:32], 16), use)


def bootstrap(people: People, draws: Draws, *, of_h: bool, squares: bool = False) -> Counts:
    """Draw clusters with replacement within strata, one fewer than there are, each counting n / (n - 1)."""
    take = np.maximum(people.sizes - 1, 1)
    use = draws.stream(_BOOTSTRAP_H if of_h else _BOOTSTRAP_S)
    return count_draws(people, take, use, draws.first, draws.replicates, scale=people.sizes / take, squares=squares)[0]


def afresh(
    people: People, size: int, draws: Draws, *, weighted: bool, squares: bool = False, of_h: bool = False
) -> Counts:
    """Draw ``size`` people from the population that these stand for: what a perfect simulator would hand over.

    They carry their weights where the simulated panel is ``weighted``; else they are drawn in proportion to them.
    """
    n, one = len(people.weight), np.ones(len(people.weight))
    uneven = not weighted and bool((people.weight != people.weight[0]).any())
    alone = People(
        people.codes,
        people.columns,
        people.weight if weighted else one,
        np.arange(n, dtype=np.int32),
        np.array([n], dtype=np.int64),
    )
    chance = people.weight if uneven else None
    take = np.array([size], dtype=np.int64)
    return count_draws(
        alone,
        take,
        draws.stream(_AFRESH_H if of_h else _AFRESH_S),
        draws.first,
        draws.replicates,
        chance=chance,
        squares=squares,
    )[0]


def shuffled(h: People, s: People, draws: Draws, *, squares: bool = False) -> tuple[Counts, Counts]:
    """Hand the labels of H out anew over all respondents, who keep their weights; return who stands in H, and in S."""
    n_h, n = len(h.weight), len(h.weight) + len(s.weight)
    pooled = People(
        np.concatenate([h.codes, s.codes]),
        h.columns,
        np.concatenate([h.weight, s.weight]),
        np.arange(n, dtype=np.int32),
        np.array([n], dtype=np.int64),
    )
    take = np.array([n_h], dtype=np.int64)
    return _split(pooled, take, draws, _SHUFFLED, squares=squares)


def halves(people: People, draws: Draws, *, squares: bool = False) -> tuple[Counts, Counts]:
    """Cut people in two at random, half the clusters of every stratum in the first; return the counts of both."""
    take, odd = people.sizes // 2, np.flatnonzero(people.sizes % 2)
    # Every other stratum with an odd cluster gives it to the first half.
    take[odd[::2]] += 1
    return _split(people, take, draws, _HALVES, squares=squares)


def _split(people: People, take: Whole, draws: Draws, use: int, *, squares: bool = False) -> tuple[Counts, Counts]:
    ours, others = count_draws(
        people, take, draws.stream(use), draws.first, draws.replicates, replace=False, squares=squares, rest=True
    )
    assert others is not None
    return ours, others
