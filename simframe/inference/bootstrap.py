"""Respondent-level uncertainty of every metric of one panel: bootstrap intervals, human floors, permutation tests.

Respondents are drawn with all their answers, so figures of several items keep their dependence. Every draw is made
within the levels of one attribute at a time: subgroup sizes are those observed, and a floor is that of the subgroup's
own size. Between attributes draws are independent, as no figure combines two attributes.

- intervals: both panels drawn anew from themselves, within strata, whole clusters at a time; H and S independently.
  A twin shares its human's persona, which correlates the two sides: their intervals err on the wide side.
- floors: H drawn anew as above, against as many people as S has, drawn from H by its weights.
- p-values: labels handed out anew over the pooled respondents, each keeping weight and cluster. With weights the test
  is approximate.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from scipy.sparse import csr_array, hstack

from simframe.inference import arrays
from simframe.inference.arrays import Floats
from simframe.inference.interval import floor, interval, p_value
from simframe.inference.resample import Design, afresh, bootstrap, chunks, digest, shuffled, stream
from simframe.inference.sample import Coded, Crosstab, Question
from simframe.warehouse.tables import ALL, EVALUATION

KINDS = ("bootstrap", "floor", "permuted")
FEW = "fewer than two respondents on one side"
SUBGROUP = ("js_distance", "total_variation", "wasserstein_norm")
"""Metrics of a question that are taken in every subgroup."""
MEANS = {
    "divergence": ("total_variation", "js_distance", "wasserstein_norm"),
    "heterogeneity": ("variance_ratio", "entropy_ratio"),
    "subgroups": SUBGROUP,
}
"""Metrics of which the mean over the asked items is taken, by family."""
HETEROGENEITY = ("variance_ratio", "entropy_ratio", "modal_share_gap")


Counts = tuple[Floats, Floats]


@dataclass(frozen=True)
class Key:
    """What a figure is of; the fields are the columns of ``estimates``."""

    family: str
    metric: str
    item_id: str | None = None
    item_id_2: str | None = None
    attribute: str = ALL
    level: str = ALL
    term: str | None = None


@dataclass(frozen=True)
class Figure:
    """One metric on the observed panels and under every kind of draw; nothing is drawn where there is a reason."""

    observed: float
    draws: dict[str, Floats] = field(default_factory=dict)
    reason: str | None = None
    n: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Group:
    """One level of one attribute: who is in it on both sides, and a row an answer that can be counted."""

    attribute: str
    level: str
    h: Design
    s: Design
    answers_h: csr_array
    answers_s: csr_array

    @classmethod
    def of(cls, coded: Coded, attribute: str, level: str, place: int) -> Group:
        """Return the group at ``place`` among the levels of ``attribute``."""
        h, s = (np.flatnonzero(side.levels[attribute] == place) for side in (coded.h, coded.s))
        designs = coded.h.design.part(h), coded.s.design.part(s)
        return cls(attribute, level, *designs, coded.h.answers[:, h], coded.s.answers[:, s])

    @property
    def few(self) -> bool:
        """Whether one side is too small to be drawn from."""
        return min(len(self.h.weight), len(self.s.weight)) < 2

    def observed(self) -> Counts:
        """Return the counts of both sides, one column."""
        return self.answers_h @ self.h.weight[:, None], self.answers_s @ self.s.weight[:, None]

    def draws(self, rng: np.random.Generator, replicates: int) -> Iterator[tuple[str, Counts]]:
        """Yield the counts of both sides under every kind of draw, one column a replicate."""
        h, s, n_s = self.h, self.s, len(self.s.weight)
        pooled = hstack([self.answers_h, self.answers_s], format="csr")
        for size in chunks(replicates, len(h.weight) + n_s):
            people = self.answers_h @ bootstrap(rng, h, size)
            yield "bootstrap", (people, self.answers_s @ bootstrap(rng, s, size))
            yield "floor", (people, self.answers_h @ afresh(rng, h, n_s, size, weighted=s.weighted))
            now_h, now_s = shuffled(rng, h, s, size)
            yield "permuted", (pooled @ now_h, pooled @ now_s)


def estimates(coded: Coded, replicates: int, seed: int, panel_id: str) -> pl.DataFrame:
    """Return the rows of table ``estimates``: every figure with interval, floor and p-value.

    The draws depend on ``seed``, ``panel_id``, the respondents' ids and the group drawn from, and on nothing else.
    """
    identity = digest(seed, panel_id, coded.h.ids, coded.s.ids)
    rows: list[dict[str, object]] = []
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        for attribute, levels in coded.groups.items():
            figures: dict[Key, Figure] = {}
            for place, level in enumerate(levels):
                group = Group.of(coded, attribute, level, place)
                own = _figures(coded, group, stream(identity, attribute, level), replicates)
                figures |= own | _means(own, coded)
            figures |= _extremes(figures, levels) if attribute != ALL else {}
            rows += [_row(key, figure) for key, figure in figures.items()]
    schema = pl.DataFrame(EVALUATION["estimates"].empty_table()).schema
    return pl.DataFrame(rows, schema=schema)


def _row(key: Key, figure: Figure) -> dict[str, object]:
    known = bool(np.isfinite(figure.observed))
    bootstrapped, between_people, permuted = (figure.draws.get(kind, np.empty(0)) for kind in KINDS)
    low, high = interval(key.metric, figure.observed, bootstrapped)
    middle, q95 = floor(key.metric, between_people)
    return {
        **{name: getattr(key, name) for name in Key.__dataclass_fields__},
        "estimate": figure.observed if known else None,
        "ci_low": low,
        "ci_high": high,
        "floor": middle if known else None,
        "floor_q95": q95 if known else None,
        "p_value": p_value(key.metric, figure.observed, permuted),
        "reason": figure.reason if known else figure.reason or "undefined on these answers",
        "n_h": figure.n[0],
        "n_s": figure.n[1],
    }


def _figures(coded: Coded, group: Group, rng: np.random.Generator, replicates: int) -> dict[Key, Figure]:
    """Return the figures of one group."""
    observed = {key: float(value[0]) for key, value in _measure(coded, group, group.observed())}
    sizes = _sizes(coded, group)
    if group.few:
        return {key: Figure(value, reason=FEW, n=sizes(key)) for key, value in observed.items()}
    drawn: dict[Key, dict[str, list[Floats]]] = {
        key: {"bootstrap": [], "floor": [], "permuted": []} for key in observed
    }
    for kind, counts in group.draws(rng, replicates):
        for key, values in _measure(coded, group, counts):
            drawn[key][kind].append(values)
    return {
        key: Figure(observed[key], {kind: np.concatenate(parts) for kind, parts in kinds.items()}, n=sizes(key))
        for key, kinds in drawn.items()
    }


def _sizes(coded: Coded, group: Group) -> Callable[[Key], tuple[int, int]]:
    """Return how many answers stand behind a figure on each side: of an item; of both items of a pair, if judged."""
    counts = [np.asarray(answers.sum(axis=1)).ravel() for answers in (group.answers_h, group.answers_s)]
    answered = {question.item.id: question.answered for question in coded.questions}
    crosstabs = {crosstab.pair.id: crosstab for crosstab in coded.crosstabs}

    def sizes(key: Key) -> tuple[int, int]:
        if key.term is None:
            h, s = (int(side[answered[str(key.item_id)]].sum()) for side in counts)
            return h, s
        crosstab = crosstabs[key.term]
        judged = crosstab.judged.ravel() if key.metric.startswith("belief_action_gap") else 1.0
        h, s = (int((side[crosstab.columns] * judged).sum()) for side in counts)
        return h, s

    return sizes


def _measure(coded: Coded, group: Group, counts: Counts) -> Iterator[tuple[Key, Floats]]:
    attribute, level = group.attribute, group.level
    for question in coded.questions:
        for metric, values in _question(question, counts, SUBGROUP if attribute != ALL else None):
            family = "heterogeneity" if metric in HETEROGENEITY else "divergence"
            if attribute != ALL:
                family = "subgroups"
            yield Key(family, metric, question.item.id, attribute=attribute, level=level), values
    for crosstab in coded.crosstabs:
        for metric, values in _crosstab(crosstab, counts, everybody=attribute == ALL):
            pair = crosstab.pair
            yield Key("coherence", metric, pair.belief, pair.action, attribute, level, pair.id), values


def _question(question: Question, counts: Counts, wanted: tuple[str, ...] | None) -> Iterator[tuple[str, Floats]]:
    """Yield the metrics of one item: on its options, and on its values where it is ordered."""
    h, s = counts[0][question.options], counts[1][question.options]
    for metric, function in arrays.NOMINAL.items():
        if wanted is None or metric in wanted:
            yield metric, function(h, s)
    if question.points is None:
        return
    h, s = counts[0][question.points], counts[1][question.points]
    if question.width and (wanted is None or "wasserstein_norm" in wanted):
        yield "wasserstein_norm", arrays.wasserstein(h, s, question.values) / question.width
    for metric, ordered in arrays.ORDERED.items():
        if wanted is None or metric in wanted:
            yield metric, ordered(h, s, question.values)


def _crosstab(crosstab: Crosstab, counts: Counts, *, everybody: bool) -> Iterator[tuple[str, Floats]]:
    """Yield the metrics of one belief-action pair."""
    h, s = (side[crosstab.columns].reshape(*crosstab.shape, -1) for side in counts)
    gap_h, gap_s = (arrays.belief_action_gap(table, crosstab.against, crosstab.judged) for table in (h, s))
    yield from (("belief_action_gap_h", gap_h), ("belief_action_gap_s", gap_s), ("belief_action_gap", gap_s - gap_h))
    if everybody:
        v_h, v_s = arrays.cramers_v(h), arrays.cramers_v(s)
        yield from (("cramers_v_h", v_h), ("cramers_v_s", v_s), ("cramers_v_inflation", v_s - v_h))
        yield "conditional_js", arrays.conditional_js(h, s)


def _combine(figures: list[Figure], how: Callable[[Floats], Floats]) -> Figure:
    """Combine figures over the first axis, replicate by replicate; drawn from only where all of them were."""
    reason = next((figure.reason for figure in figures if figure.reason), None)
    observed = float(how(np.array([[figure.observed] for figure in figures]))[0])
    defined = [figure.n for figure in figures if np.isfinite(figure.observed)]
    n = min((h for h, _ in defined), default=0), min((s for _, s in defined), default=0)
    if reason:
        return Figure(observed, reason=reason, n=n)
    return Figure(observed, {kind: how(np.stack([figure.draws[kind] for figure in figures])) for kind in KINDS}, n=n)


def _means(figures: dict[Key, Figure], coded: Coded) -> dict[Key, Figure]:
    """Average over the asked items, in every replicate over those that are defined."""
    asked = {question.item.id for question in coded.questions if question.item.answerable}
    chosen: dict[Key, list[Figure]] = {}
    for key, figure in figures.items():
        if key.item_id in asked and key.metric in MEANS.get(key.family, ()):
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
