"""Uncertainty of belief structures: how many a panel holds beside people, at a common size.

Drawing with replacement loses the rare structures that the figure is about, so the bootstrap's variance is too small.
Intervals are normal on the log scale with delete-one jackknife variances, which on average err on the wide side (Efron
and Stein 1981); but a jackknife is blind where leaving one out changes nothing, as where nobody holds a structure
alone, or changes as much whoever it is, as where everybody does. So no variance is smaller than the bootstrap's, which
has a closed form. The floor is between two samples of people, both with the structures that are seen among people:
what is lost in drawing them is lost on both sides, and their ratio stays about 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from simframe.inference.drawing.counting import Draws, afresh, halves, shuffled
from simframe.inference.drawing.resample import ALIKE, Design
from simframe.inference.judging.halving import HALVES, half_against_half
from simframe.inference.judging.interval import Drawn, judge
from simframe.inference.judging.laws import normal
from simframe.inference.panels.roster import Place, columns, named, roster
from simframe.inference.panels.sample import Panel
from simframe.metrics.arrays import Floats, Whole
from simframe.study import Structure, Study

FIGURES = (
    "unique_structures_h",
    "unique_structures_s",
    "rarefied_structures_h",
    "rarefied_structures_s",
    "structure_ratio",
)
FEW = "fewer than three respondents answered the whole block on one side"
NO_HALVES = "fewer than two respondents answered the whole block"


@dataclass(frozen=True)
class Block:
    """Who answered a whole block of items, on both sides: the structure each one holds, and how they were drawn."""

    id: str
    structures: tuple[Whole, Whole]
    designs: tuple[Design, Design]
    kinds: int
    ids: tuple[str, ...]

    @classmethod
    def each(cls, study: Study, block: Structure, reference: Panel, panel: Panel) -> Iterator[tuple[Place, Block]]:
        """Yield the block in everybody and in every declared subgroup: those of both panels who answered all of it."""
        people, others = (roster(study, side) for side in (reference, panel))
        texts = [_tuples(block, side) for side in (reference, panel)]
        kind = pl.concat(texts).rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
        of_h, of_s = kind[: len(people.ids)], kind[len(people.ids) :]
        for place in people.places:
            h, s = people.places[place], others.places[place]
            h, s = h[of_h[h] >= 0], s[of_s[s] >= 0]
            kinds, held = np.unique(np.concatenate([of_h[h], of_s[s]]), return_inverse=True)
            designs = people.design.part(h), others.design.part(s)
            ids = (*(people.ids[row] for row in h), *(others.ids[row] for row in s))
            yield place, cls(block.id, (held[: len(h)], held[len(h) :]), designs, len(kinds), ids)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many answered, people and panel."""
        return len(self.structures[0]), len(self.structures[1])

    def counts(self, side: int) -> Whole:
        """Return how many respondents of one side hold each structure."""
        return np.bincount(self.structures[side], minlength=self.kinds)

    def draws(self, draws: Draws) -> dict[str, Floats]:
        """Return structure_ratio between samples of people, and between panels that do not differ."""
        n_h, n_s = self.sizes
        h, s = (
            design.people(kind[:, None].astype(np.int32), self.kinds)
            for design, kind in zip(self.designs, self.structures, strict=True)
        )
        found: dict[str, list[Floats]] = {kind: [] for kind in ("floor", "null")}
        for part in draws.part(self.kinds):
            people = [afresh(h, n, part, weighted=False, of_h=k == 0).n for k, n in enumerate((n_h, n_s))]
            found["floor"].append(ratio(people[0], people[1]))
            if all(design.exchangeable for design in self.designs):
                now_h, now_s = shuffled(h, s, part)
                found["null"].append(ratio(now_h.n, now_s.n))
        joined = {kind: np.concatenate(parts) for kind, parts in found.items() if parts}
        return {"null": joined["floor"], **joined}


def structure_rows(study: Study, reference: Panel, panel: Panel, replicates: int, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` for every declared block of items and subgroup."""
    rows = []
    for declared in study.structures:
        for place, block in Block.each(study, declared, reference, panel):
            draws = Draws.of(
                seed, *named(panel.panel_id, place), block.id, block.ids, replicates=min(replicates, ALIKE)
            )
            rows += [columns(place) | row for row in _rows(block, draws)]
    return rows


def structure_halves(study: Study, panel: Panel, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` that compare a human panel's structures with its own, half against half."""
    rows: list[dict[str, object]] = []
    for declared in study.structures:
        for place, block in Block.each(study, declared, panel, panel):
            n, common = block.sizes[0], _key(block) | columns(place)
            if n < 2:
                rows += [common | half_against_half(metric, None, n, n, NO_HALVES) for metric in FIGURES]
                continue
            # Structures are counted, not weighed: two halves of people, whatever each stands for.
            each = replace(block.designs[0], weight=np.ones(n))
            people = each.people(block.structures[0][:, None].astype(np.int32), block.kinds)
            name = named(panel.panel_id, place)
            draws = Draws.of(seed, *name, block.id, block.ids, "halves", replicates=HALVES)
            found = figures(*(side.n for side in halves(people, draws)))
            rows += [common | half_against_half(*each, n, n) for each in zip(FIGURES, found, strict=True)]
    return rows


def _key(block: Block) -> dict[str, object]:
    return {"family": "heterogeneity", "term": block.id}


def _rows(block: Block, draws: Draws) -> list[dict[str, object]]:
    n_h, n_s = block.sizes
    m = min(n_h, n_s)
    beside = {"n_h": n_h, "n_s": n_s} | ({"reason": FEW} if m < 3 else {})
    counts = [block.counts(side) for side in (0, 1)]
    if m == 0:
        unique = [float((side > 0).sum()) or None for side in counts]
        return [
            _key(block) | {"metric": metric} | beside | {"estimate": x}
            for metric, x in zip(FIGURES, unique + [None] * 3, strict=True)
        ]
    observed = dict(zip(FIGURES, (float(x[0]) for x in figures(*(n[:, None] for n in counts))), strict=True))
    rows = {metric: _key(block) | {"metric": metric} | beside | {"estimate": observed[metric]} for metric in FIGURES}
    if m < 3:
        return list(rows.values())
    # A count of all is what samples of its own size hold on average.
    own = [_relative_variance(n, size) for n, size in zip(counts, (n_h, n_s), strict=True)]
    variances = [_relative_variance(n, m) for n in counts]
    for metric, variance in zip(FIGURES, (*own, *variances, sum(variances)), strict=True):
        reach = float(np.exp(normal() * np.sqrt(variance)))
        rows[metric] |= {"ci_low": observed[metric] / reach, "ci_high": observed[metric] * reach}
    drawn = block.draws(draws)
    nothing = np.full((1, 0), np.nan)
    seen = np.array([observed["structure_ratio"]])
    between = Drawn(nothing, drawn["floor"][None], drawn["null"][None])
    judged = judge(["structure_ratio"], seen, between, (np.array([n_h]), np.array([n_s])))
    wanted = ("floor", "floor_q95", "p_value")
    rows["structure_ratio"] |= {name: float(judged[name][0]) for name in wanted if np.isfinite(judged[name][0])}
    return list(rows.values())


def _tuples(block: Structure, side: Panel) -> pl.Series:
    """Return every respondent's answers to the block as one text, in the order of ids; null where any is missing."""
    answered = side.responses.filter(
        pl.col("item_id").is_in(block.items) & ~pl.col("missing") & pl.col("code").is_not_null()
    )
    # A code never holds the unit separator; the item's name keeps the order of answers fixed.
    text = pl.concat_str("item_id", "code", separator="\x1f").sort().str.join("\x1e").alias("structure")
    whole = answered.group_by("respondent_id").agg(text, pl.len()).filter(len=len(block.items)).drop("len")
    order = side.respondents.select("respondent_id").sort("respondent_id")
    return order.join(whole, on="respondent_id", how="left", maintain_order="left")["structure"]


def figures(h: Floats | Whole, s: Floats | Whole) -> tuple[Floats, ...]:
    """Return the figures of a block from the counts of every structure, structures x replicates."""
    unique_h, unique_s = ((side > 0).sum(axis=0).astype(np.float64) for side in (h, s))
    rarefied_h, rarefied_s = _at_common_size(h, s)
    return unique_h, unique_s, rarefied_h, rarefied_s, _quotient(rarefied_h, rarefied_s)


def ratio(h: Floats, s: Floats) -> Floats:
    """Return structure_ratio from the counts of every structure, structures x replicates."""
    return _quotient(*_at_common_size(h, s))


def _quotient(h: Floats, s: Floats) -> Floats:
    return s / np.where(h > 0, h, np.nan)


def _at_common_size(h: Floats | Whole, s: Floats | Whole) -> tuple[Floats, Floats]:
    """Return the structures expected on both sides at the size of the smaller one, replicate by replicate."""
    of_h, of_s = (side.sum(axis=0).astype(np.int64) for side in (h, s))
    found = np.zeros(len(of_h)), np.zeros(len(of_h))
    # Whole clusters fall on either side: draws may differ in size. Both sizes are one number, to be told apart soon.
    both = of_h * (of_s.max(initial=0) + 1) + of_s
    for each in np.unique(both):
        own = np.flatnonzero(both == each)
        n_h, n_s = int(of_h[own[0]]), int(of_s[own[0]])
        for side, n, to in ((h, n_h, found[0]), (s, n_s, found[1])):
            to[own] = rarefied(side[:, own], n, min(n_h, n_s))
    return found


def rarefied(counts: Floats | Whole, n: int, m: int) -> Floats:
    """Return the structures expected among ``m`` of ``n`` respondents; one row of ``counts`` a structure."""
    seen = _seen(n, m, int(counts.max(initial=0)))
    return np.asarray(seen[counts.astype(np.int64)].sum(axis=0), dtype=np.float64)


def _seen(n: int, m: int, most: int) -> Floats:
    """Return the chance that ``m`` of ``n`` respondents hold a structure that 0, 1, ... ``most`` of them hold."""
    from scipy.special import gammaln

    # The chance that none of m respondents is among the k of n who hold a structure: C(n - k, m) / C(n, m).
    k = np.arange(most + 1)
    left = np.maximum(n - k - m, 0)
    log_missed = gammaln(n - k + 1) - gammaln(left + 1) - gammaln(n + 1) + gammaln(n - m + 1)
    return np.where(n - k >= m, -np.expm1(np.minimum(log_missed, 0.0)), 1.0)


def _relative_variance(counts: Whole, m: int) -> float:
    """Return the variance of the rarefied count at depth ``m``, over its square: the larger of the two."""
    n = int(counts.sum())
    figures = ((_jackknife(counts, m - 1), m - 1), (_bootstrap(counts[counts > 0], m), m))
    return max(float(variance / rarefied(counts, n, depth) ** 2) for variance, depth in figures)


def _bootstrap(counts: Whole, m: int) -> float:
    """Return the variance of the rarefied count in samples drawn from this one, counts taken as Poisson variables.

    One structure is missed at depth ``m`` with a chance of (1 - m / n)^N, where N is Poisson: mean and mean square are
    values of its generating function. That counts add up to n takes off what total and figure share.
    """
    n = int(counts.sum())
    t = m / n
    apart = np.exp(-counts * (2 * t - t**2)) - np.exp(-2 * t * counts)
    with_total = t * (counts * np.exp(-t * counts)).sum()
    return float(max(apart.sum() - with_total**2 / n, 0.0))


def _jackknife(counts: Whole, m: int) -> float:
    """Return the jackknife variance of the rarefied count at depth ``m`` of those left when one is left out.

    Leaving out any of those who share a structure comes to the same, so there is one case a distinct count.
    """
    n = int(counts.sum())
    sizes, structures = np.unique(counts[counts > 0], return_counts=True)
    seen = _seen(n - 1, m, int(counts.max(initial=0)))
    without = []
    for size in sizes:
        fewer = counts.copy()
        fewer[np.argmax(counts == size)] -= 1
        without.append(float(seen[fewer].sum()))
    left, people = np.array(without), sizes * structures
    centre = (left * people).sum() / n
    return float((n - 1) / n * (people * (left - centre) ** 2).sum())
