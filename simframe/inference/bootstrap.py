"""Respondent-level uncertainty of every metric that counts can give: intervals, human floors, p-values, split halves.

Respondents are drawn with all their answers, so figures of several items keep their dependence. Every draw is made
within the levels of one attribute at a time: subgroup sizes are those observed, and a floor is that of the subgroup's
own size. Between attributes draws are independent, as no figure combines two attributes.

- intervals: both panels drawn anew from themselves, within strata, whole clusters at a time; H and S independently.
  A twin shares its human's persona, which correlates the two sides: their intervals err on the wide side.
- floors: H drawn anew as above, against as many people as S has, drawn from H by its weights. Draws with replacement
  know nothing of what nobody in H happened to answer, and are too alike: distances are scaled by how much closer
  samples of half the size come than halves of H do, which have no such flaw.
- p-values: labels handed out anew over the pooled respondents, who keep their weights. Clusters and strata stand on one
  side alone and leave no label to exchange: there, the draws of the floor.
- split halves: a human panel against itself, half against half.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

import numpy as np
import polars as pl

from simframe.inference.counting import Draws, afresh, bootstrap, halves, shuffled
from simframe.inference.figures import HIDDEN, MOMENTS, SIDES, Key, Tables, contrasts, figures_of, sizes_of
from simframe.inference.interval import Drawn, judge, scaled, spread
from simframe.inference.laws import difference
from simframe.inference.memory import Memory
from simframe.inference.resample import Design, digest
from simframe.inference.sample import Coded
from simframe.metrics.arrays import Counts, Floats, People
from simframe.warehouse.tables import ALL, EVALUATION

SCALING = ("people_halves", "half_samples")
KINDS = ("bootstrap", "floor", "null", *SCALING)
HALVES = 200
"""Times that a human panel is cut in two."""
ALIKE = 1000
"""Most draws of panels that do not differ: a p-value of 5 %, or a 95 % quantile, then has a standard error of 0.7 %."""
MOST_TOLD = 500
"""Figures that are judged together: enough to be quick, few enough for memory."""
FEW = "fewer than two respondents on one side"
ALONE = "fewer than two clusters on one side"
AVERAGED = {
    "divergence": ("total_variation", "js_distance", "wasserstein_norm"),
    "subgroups": ("total_variation", "js_distance", "wasserstein_norm"),
    "heterogeneity": ("variance_ratio", "entropy_ratio"),
}
"""Metrics of which the mean over the asked items is taken, by family."""


@dataclass(frozen=True)
class Figure:
    """One metric on the observed panels and under every kind of draw; nothing is drawn where there is a reason."""

    observed: float
    draws: dict[str, Floats] = field(default_factory=dict)
    reason: str | None = None
    n: tuple[int, int] = (0, 0)
    worth: tuple[float, float] = (0.0, 0.0)


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
        if min(len(self.h.weight), len(self.s.weight)) < 2:
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

    def people(self, draws: Draws) -> Iterator[tuple[str, Tables]]:
        """Yield the counts of samples of people, one as large as S; of halves of H and of samples as large as these."""
        weighted = self.weighted
        left = min(draws.replicates, ALIKE - draws.first)
        if left <= 0:
            return
        draws = Draws(draws.name, draws.first, left)
        people = bootstrap(self.h, draws, of_h=True, squares=weighted)
        like_people = afresh(self.h, len(self.s.weight), draws, weighted=self.designs[1].weighted, squares=weighted)
        yield "floor", Tables(people, like_people, weighted)
        few = Draws(draws.name, draws.first, max(1, draws.replicates // 2))
        yield "people_halves", Tables(*halves(self.h, few), weighted)
        sizes = (len(self.h.weight) // 2, len(self.h.weight) - len(self.h.weight) // 2)
        two = [afresh(self.h, n, few, weighted=True, of_h=k == 0) for k, n in enumerate(sizes)]
        yield "half_samples", Tables(two[0], two[1], weighted)

    def both(self, draws: Draws) -> Iterator[tuple[str, Tables]]:
        """Yield every kind of draw."""
        yield from self.draws(draws)
        yield from self.people(draws)

    @property
    def worth(self) -> tuple[float, float]:
        """What respondents of both sides count for: Kish's effective size, or the number of clusters, a respondent."""
        h, s = (
            min((x.weight.sum() ** 2 / max((x.weight**2).sum(), 1e-300)), float(x.sizes.sum())) / max(len(x.weight), 1)
            for x in (self.h, self.s)
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


def estimates(coded: Coded, replicates: int, seed: int, panel_id: str) -> pl.DataFrame:
    """Return the rows of table ``estimates``: every figure with interval, floor and p-value.

    The draws depend on ``seed``, ``panel_id``, the respondents' ids and the group drawn from, and on nothing else.
    Floors are people's alone: panels of one size have one floor, which is drawn once.
    """
    identity = digest(seed, panel_id, coded.h.ids, coded.s.ids)
    if not (coded.h.design.exchangeable and coded.s.design.exchangeable):
        return _rows(coded, identity, replicates, Group.both, _judged)
    found = _rows(coded, identity, replicates, Group.draws, _judged)
    floors = _FLOORS.get(
        digest(seed, replicates, *_floored_by(coded)),
        lambda: _rows(coded, digest(seed, coded.h.ids), replicates, Group.people, _judged),
    )
    # Which group is the worst one is the panel's affair.
    level = pl.when(pl.col("metric") == "worst_group_js_distance").then(pl.lit(ALL)).otherwise("level").alias(".level")
    keys = [".level" if name == "level" else name for name in Key.__dataclass_fields__]
    edges = floors.with_columns(level).select(*keys, "floor", "floor_q95")
    joined = (
        found.drop("floor", "floor_q95")
        .with_columns(level)
        .join(edges, on=keys, how="left", nulls_equal=True, maintain_order="left")
    )
    known = pl.col("estimate").is_not_null()
    return joined.with_columns(pl.when(known).then(name).alias(name) for name in ("floor", "floor_q95")).select(
        found.columns
    )


_FLOORS: Memory[pl.DataFrame] = Memory()


def _floored_by(coded: Coded) -> Iterator[str]:
    """Yield what floors depend on: what was asked, the people, how many of S are in every group, what they answered."""
    yield digest(
        *((question.item.model_dump_json(), question.values.tolist()) for question in coded.questions),
        *(crosstab.pair.model_dump_json() for crosstab in coded.crosstabs),
    )
    h, s = coded.h, coded.s
    design = (h.design.weight.tolist(), h.design.unit.tolist(), h.design.stratum.tolist())
    places = {attribute: levels.tolist() for attribute, levels in h.levels.items()}
    yield digest(h.ids, design, places, h.codes.tolist(), coded.columns, s.design.weighted)
    for attribute, levels in coded.groups.items():
        here = [s.codes[s.levels[attribute] == place] for place in range(len(levels))]
        yield digest(attribute, levels, [(len(codes), (codes >= 0).any(axis=0).tolist()) for codes in here])


def split_halves(coded: Coded, seed: int, panel_id: str) -> pl.DataFrame:
    """Return the rows of table ``estimates`` that compare a human panel with itself, half against half.

    ``coded`` holds the panel on both sides. Estimates are means over the halves; intervals hold 95 % of them.
    """
    return _rows(coded, digest(seed, panel_id, coded.h.ids, "halves"), HALVES, Group.halves, _halved)


def _rows(
    coded: Coded,
    identity: str,
    replicates: int,
    drawn: Callable[[Group, Draws], Iterator[tuple[str, Tables]]],
    rows: Callable[[dict[Key, Figure]], dict[str, list[object]]],
) -> pl.DataFrame:
    parts = []
    figures: dict[Key, Figure] = {}
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        for attribute, levels in coded.groups.items():
            kept: dict[Key, Figure] = {}
            for place, level in enumerate(levels):
                draws = Draws.of(identity, attribute, level, replicates=replicates)
                own = _figures(coded, Group.of(coded, attribute, level, place), draws, drawn)
                own |= _means(own, coded)
                figures |= {key: figure for key, figure in own.items() if key.metric not in MOMENTS}
                kept |= {key: figure for key, figure in own.items() if key.metric in (*MOMENTS, "js_distance")}
                if len(figures) > MOST_TOLD:
                    parts.append(rows(figures))
                    figures = {}
            if attribute != ALL:
                figures |= _extremes(kept, levels) | _contrasts(kept, coded)
        parts.append(rows(figures))
    schema = pl.DataFrame(EVALUATION["estimates"].empty_table()).schema
    nothing: dict[str, None] = dict.fromkeys(schema)
    told = pl.concat(pl.DataFrame(nothing | part, schema=schema) for part in parts)
    return told.filter(~pl.col("metric").is_in(HIDDEN))


def _keyed(figures: dict[Key, Figure]) -> dict[str, list[object]]:
    names = Key.__dataclass_fields__
    columns: dict[str, list[object]] = {name: [getattr(key, name) for key in figures] for name in names}
    columns |= {name: [figure.n[side] for figure in figures.values()] for side, name in enumerate(("n_h", "n_s"))}
    return columns


def _judged(figures: dict[Key, Figure]) -> dict[str, list[object]]:
    """Return rows with interval, floor and p-value."""
    columns = _keyed(figures)
    observed = np.array([figure.observed for figure in figures.values()])
    metrics = [key.metric for key in figures]
    drawn = {kind: _stacked(figures, kind) for kind in KINDS}
    floor = scaled(metrics, drawn["floor"], drawn["people_halves"], drawn["half_samples"])
    worth = tuple(np.array([figure.worth[side] for figure in figures.values()]) for side in (0, 1))
    null = drawn["null"] if drawn["null"].size or not drawn["bootstrap"].size else floor
    found = judge(metrics, observed, Drawn(drawn["bootstrap"], floor, null), (worth[0], worth[1]))
    _join_shares(list(figures), found)
    columns |= {name: _nullable(values) for name, values in found.items()}
    bounded = np.isfinite(found["ci_low"])
    columns["reason"] = [_reason(figure, bounded=bool(b)) for figure, b in zip(figures.values(), bounded, strict=True)]
    return columns


def _stacked(figures: dict[Key, Figure], kind: str) -> Floats:
    """Return the draws of one kind, a row a figure; NaN for figures that have none."""
    length = max((len(figure.draws[kind]) for figure in figures.values() if kind in figure.draws), default=0)
    nothing = np.full(length, np.nan)
    rows = [figure.draws.get(kind, nothing) for figure in figures.values()]
    return np.stack(rows) if rows else np.empty((0, 0))


def _join_shares(keys: list[Key], found: dict[str, Floats]) -> None:
    """Give differences of shares the interval that joins those of their sides."""
    place = {key: k for k, key in enumerate(keys)}
    for key, k in place.items():
        if key.metric in SIDES:
            h, s = (
                tuple(found[name][place[replace(key, metric=side)]] for name in ("estimate", "ci_low", "ci_high"))
                for side in SIDES[key.metric]
            )
            found["ci_low"][k], found["ci_high"][k] = difference(h, s)


def _halved(figures: dict[Key, Figure]) -> dict[str, list[object]]:
    """Return rows with the mean over split halves, and where 95 % of them lie."""
    columns = _keyed(figures)
    found = spread(_stacked(figures, "halves"))
    columns |= {name: _nullable(values) for name, values in found.items()}
    columns |= {name: [figure.n[0] // 2 for figure in figures.values()] for name in ("n_h", "n_s")}
    reasons = [figure.reason or "undefined on halves of these answers" for figure in figures.values()]
    known = columns["estimate"]
    columns["reason"] = [None if x is not None else why for x, why in zip(known, reasons, strict=True)]
    return columns


def _nullable(values: Floats) -> list[object]:
    return [float(x) if np.isfinite(x) else None for x in values]


def _reason(figure: Figure, *, bounded: bool) -> str | None:
    if figure.reason or bounded:
        return figure.reason
    if np.isinf(figure.observed):
        return "infinite: the panel never gives an answer that people give"
    if np.isnan(figure.observed):
        return "undefined on these answers"
    infinite = any(np.isinf(drawn).any() for drawn in figure.draws.values())
    return "no interval: some draws are infinite" if infinite else None


def _figures(
    coded: Coded, group: Group, draws: Draws, drawn: Callable[[Group, Draws], Iterator[tuple[str, Tables]]]
) -> dict[Key, Figure]:
    """Return the figures of one group."""
    tables, heads = group.observed()
    place = (group.attribute, group.level)
    sizes = sizes_of(coded, heads)
    observed = {key: float(value[0]) for key, value in figures_of(coded, place, tables, heads)}
    n = {key: sizes(key) for key in observed}
    of_h, of_s = group.worth
    if group.few:
        return {key: Figure(value, reason=group.few, n=n[key]) for key, value in observed.items()}
    found: dict[Key, dict[str, list[Floats]]] = {key: {} for key in observed}
    for part in draws.part(coded.columns * len(KINDS)):
        every = list(drawn(group, part))
        for distances in (False, True):
            # Draws of several kinds side by side: one call instead of many.
            kinds = [(kind, counts) for kind, counts in every if (kind in SCALING) is distances]
            if not kinds:
                continue
            ends = list(accumulate((counts.h.n.shape[1] for _, counts in kinds), initial=0))
            own = [(kind, slice(*between)) for (kind, _), between in zip(kinds, pairwise(ends), strict=True)]
            joined = Tables.joined([counts for _, counts in kinds])
            for key, values in figures_of(coded, place, joined, heads, distances=distances):
                for kind, between in own:
                    found[key].setdefault(kind, []).append(values[between])
    return {
        key: Figure(
            observed[key],
            {kind: parts[0] if len(parts) == 1 else np.concatenate(parts) for kind, parts in kinds.items()},
            n=n[key],
            worth=(n[key][0] * of_h, n[key][1] * of_s),
        )
        for key, kinds in found.items()
    }


def _combine(figures: list[Figure], how: Callable[[Floats], Floats]) -> Figure:
    """Combine figures over the first axis, replicate by replicate; drawn from only where all of them were."""
    reason = next((figure.reason for figure in figures if figure.reason), None)
    observed = float(how(np.array([[figure.observed] for figure in figures]))[0])
    defined = [figure for figure in figures if np.isfinite(figure.observed)]
    n, worth = (_fewest([getattr(figure, name) for figure in defined]) for name in ("n", "worth"))
    whole = (int(n[0]), int(n[1]))
    if reason:
        return Figure(observed, reason=reason, n=whole)
    draws = {kind: how(np.stack([figure.draws[kind] for figure in figures])) for kind in figures[0].draws}
    return Figure(observed, draws, n=whole, worth=worth)


def _fewest(sizes: list[tuple[float, float]]) -> tuple[float, float]:
    return min((h for h, _ in sizes), default=0), min((s for _, s in sizes), default=0)


def _means(figures: dict[Key, Figure], coded: Coded) -> dict[Key, Figure]:
    """Average over the asked items, in every replicate over those that are defined."""
    asked = {question.item.id for question in coded.questions if question.item.answerable}
    chosen: dict[Key, list[Figure]] = {}
    for key, figure in figures.items():
        if key.item_id in asked and key.metric in AVERAGED.get(key.family, ()):
            chosen.setdefault(replace(key, item_id=None), []).append(figure)
    return {key: _combine(parts, lambda x: np.nanmean(x, axis=0)) for key, parts in chosen.items()}


def _extremes(figures: dict[Key, Figure], levels: list[str]) -> dict[Key, Figure]:
    """Find the worst level of an attribute, and the spread over its levels, by item and for the mean."""
    chosen: dict[Key, list[tuple[str, Figure]]] = {}
    for key in sorted((k for k in figures if k.family == "subgroups"), key=lambda k: levels.index(k.level)):
        if key.metric == "js_distance" and np.isfinite(figures[key].observed):
            chosen.setdefault(replace(key, level=ALL), []).append((key.level, figures[key]))
    found = {}
    for key, named in chosen.items():
        parts = [figure for _, figure in named]
        # The first of equals, as in the catalog.
        worst, figure = max(named, key=lambda each: each[1].observed)
        combined = _combine(parts, lambda x: np.nanmax(x, axis=0))
        found[replace(key, metric="worst_group_js_distance", level=worst)] = replace(combined, n=figure.n)
        if len(parts) > 1:
            found[replace(key, metric="spread_js_distance")] = _combine(
                parts, lambda x: np.nanmax(x, axis=0) - np.nanmin(x, axis=0)
            )
    return found


def _contrasts(figures: dict[Key, Figure], coded: Coded) -> dict[Key, Figure]:
    """Compare the variance within and between the groups of one attribute that both sides hold, by item."""
    found: dict[Key, Figure] = {}
    for question in coded.questions:
        own = {key: figure for key, figure in figures.items() if key.item_id == question.item.id}
        parts: dict[str, list[Figure]] = {name: [] for name in MOMENTS}
        for key, figure in own.items():
            if key.metric in MOMENTS:
                parts[key.metric].append(figure)
        some = next((key for key in own if key.metric in MOMENTS), None)
        if some is None:
            continue
        weights = zip(parts["weight_h"], parts["weight_s"], strict=True)
        shared = [k for k, (h, s) in enumerate(weights) if h.observed > 0 and s.observed > 0]
        if not shared:
            continue
        parts = {name: [each[k] for k in shared] for name, each in parts.items()}
        first = parts[MOMENTS[0]]
        reason = next((figure.reason for figure in first if figure.reason), None)
        kinds = () if reason else tuple(first[0].draws)
        observed = contrasts([np.array([[f.observed] for f in parts[name]]) for name in MOMENTS], question)
        drawn = {
            kind: contrasts([np.stack([f.draws[kind] for f in parts[name]]) for name in MOMENTS], question)
            for kind in kinds
        }
        n = sum(f.n[0] for f in first), sum(f.n[1] for f in first)
        worth = sum(f.worth[0] for f in first), sum(f.worth[1] for f in first)
        for metric, values in observed.items():
            key = Key("heterogeneity", metric, question.item.id, attribute=some.attribute)
            draws = {kind: drawn[kind][metric] for kind in kinds}
            found[key] = Figure(float(values[0]), draws, reason, n, worth)
    return found
