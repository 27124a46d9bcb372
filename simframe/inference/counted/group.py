"""One group of people and of respondents, and every way to draw from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simframe.inference.counted.figures import Tables
from simframe.inference.drawing.counting import Draws, afresh, bootstrap, halves, shuffled
from simframe.inference.drawing.resample import ALIKE, Design
from simframe.inference.panels.sample import Coded
from simframe.metrics.arrays import Counts, Floats, People

SCALING = ("people_halves", "half_samples")
KINDS = ("bootstrap", "floor", "null", *SCALING)
FEW = "fewer than two respondents on one side"
ALONE = "fewer than two clusters on one side"


@dataclass(frozen=True)
class Group:
    """One level of one attribute: who is in it on both sides, and what they answered."""

    attribute: str
    level: str
    designs: tuple[Design, Design]
    h: People
    s: People

    @classmethod
    def of(cls, coded: Coded, attribute: str, level: str, place: int) -> Group:
        """Return the group at ``place`` among the levels of ``attribute``."""
        rows = [np.flatnonzero(side.levels[attribute] == place) for side in (coded.h, coded.s)]
        sides = list(zip((coded.h, coded.s), rows, strict=True))
        h, s = (side.design.part(own) for side, own in sides)
        people = [
            design.people(side.codes[own], coded.columns) for design, (side, own) in zip((h, s), sides, strict=True)
        ]
        return cls(attribute, level, (h, s), *people)

    @property
    def few(self) -> str | None:
        """Why one side is too small to be drawn from."""
        # Whoever weighs nothing is heard in no draw.
        if min(np.count_nonzero(self.h.weight), np.count_nonzero(self.s.weight)) < 2:
            return FEW
        return ALONE if min(self.h.sizes.sum(), self.s.sizes.sum()) < 2 else None

    @property
    def weighted(self) -> bool:
        """Whether anybody counts differently, so that squares of weights matter."""
        return any(design.weighted for design in self.designs)

    def observed(self) -> tuple[Tables, Tables]:
        """Return the counts of both sides, one column, and how many people stand behind them."""
        counts = [Counts(_count(side, side.weight), _count(side, side.weight**2)) for side in (self.h, self.s)]
        heads = [Counts(_count(side, np.ones(len(side.weight)))) for side in (self.h, self.s)]
        return Tables(counts[0], counts[1], self.weighted), Tables(heads[0], heads[1], weighted=False)

    def draws(self, draws: Draws) -> Iterator[tuple[str, Tables]]:
        """Yield the counts of both sides, drawn from themselves and with their labels shuffled."""
        weighted, (h, s) = self.weighted, self.designs
        people = bootstrap(self.h, draws, of_h=True, squares=weighted)
        yield "bootstrap", Tables(people, bootstrap(self.s, draws, of_h=False, squares=weighted), weighted)
        left = min(draws.replicates, ALIKE - draws.first)
        if h.exchangeable and s.exchangeable and left > 0:
            few = Draws(draws.name, draws.first, left)
            yield "null", Tables(*shuffled(self.h, self.s, few, squares=weighted), weighted)

    def people(self, draws: Draws, drawn: Counts | None = None) -> Iterator[tuple[str, Tables]]:
        """Yield the counts of samples of people, one as large as S; of halves of H and of samples as large as these.

        ``drawn`` is H's bootstrap under the same draws, where it is there already.
        """
        weighted = self.weighted
        left = min(draws.replicates, ALIKE - draws.first)
        if left <= 0:
            return
        draws = Draws(draws.name, draws.first, left)
        people = self._people_again(draws, drawn)
        like_people = afresh(self.h, len(self.s.weight), draws, weighted=self.designs[1].weighted, squares=weighted)
        yield "floor", Tables(people, like_people, weighted)
        few = Draws(draws.name, draws.first, max(1, draws.replicates // 2))
        yield "people_halves", Tables(*halves(self.h, few), weighted)
        sizes = (len(self.h.weight) // 2, len(self.h.weight) - len(self.h.weight) // 2)
        two = [afresh(self.h, n, few, weighted=True, of_h=k == 0) for k, n in enumerate(sizes)]
        yield "half_samples", Tables(two[0], two[1], weighted)

    def _people_again(self, draws: Draws, drawn: Counts | None) -> Counts:
        """Return samples of people as large as H. Where it is a plain sample, what it does not hold is made up for.

        That is, by the ratio of halves to samples of that size, and not by drawing one fewer as well.
        """
        if self.designs[0].exchangeable:
            return afresh(self.h, len(self.h.weight), draws, weighted=True, squares=self.weighted, of_h=True)
        return drawn.part(draws.replicates) if drawn else bootstrap(self.h, draws, of_h=True, squares=self.weighted)

    def both(self, draws: Draws) -> Iterator[tuple[str, Tables]]:
        """Yield every kind of draw."""
        drawn = dict(self.draws(draws))
        yield from drawn.items()
        yield from self.people(draws, drawn["bootstrap"].h)

    @property
    def effective(self) -> tuple[float, float]:
        """What respondents of both sides count for by their weights: Kish's effective size, a respondent."""
        h, s = (design.worth / max(len(design.weight), 1) for design in self.designs)
        return h, s

    @property
    def worth(self) -> tuple[float, float]:
        """The same, or the number of clusters, where they are fewer."""
        h, s = (
            min(each, float(x.sizes.sum()) / max(len(x.weight), 1))
            for each, x in zip(self.effective, (self.h, self.s), strict=True)
        )
        return h, s

    def halves(self, draws: Draws) -> Iterator[tuple[str, Tables]]:
        """Yield the counts of both halves of H."""
        yield "halves", Tables(*halves(self.h, draws, squares=self.weighted), self.weighted)


def _count(people: People, weight: Floats) -> Floats:
    """Return the sum of weights in every column, as one column."""
    slots = people.codes.shape[1]
    every = np.bincount(people.codes.ravel() + 1, np.repeat(weight, slots), people.columns + 1)
    return np.asarray(every[1:, None], dtype=np.float64)
