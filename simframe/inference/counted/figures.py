"""Which figures one group has, and how each comes out of the counts: the formulas themselves are the kernels'.

A figure is of every replicate at once: one entry a replicate, NaN where the metric is undefined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from simframe.inference.counted.independence import inflation_ratio
from simframe.inference.panels.sample import Coded, Crosstab, Question
from simframe.metrics.arrays import Counts, Floats, replicated
from simframe.warehouse.tables import ALL

DIVERGENCES = (
    "total_variation",
    "kl_divergence",
    "kl_smoothed",
    "js_divergence",
    "hellinger",
)
SHAPES = ("modal_share_gap",)
ENTROPIES = ("entropy_h", "entropy_s")
DISTANCES = ("wasserstein", "ks", "mean_shift")
SPREADS = ("variance_ratio",)
HETEROGENEITY = (*ENTROPIES, "entropy_ratio", *SHAPES, *SPREADS, "sd_ratio")
ROOTS = {"js_divergence": "js_distance", "variance_ratio": "sd_ratio"}
ASSOCIATIONS = ("cramers_v", "mutual_information", "goodman_kruskal_tau", "spearman")
MOMENTS = ("weight_h", "weight_s", "mean_h", "mean_s", "variance_h", "variance_s")
"""Of one item in one group: what contrasts between the groups of an attribute are made of, and no figures."""
HIDDEN = ("nonresponse_h", "nonresponse_s")
SIDES = {"nonresponse_gap": HIDDEN, "belief_action_gap": ("belief_action_gap_h", "belief_action_gap_s")}
"""The two shares that a metric is the difference of."""
CONTRASTS = ("within_variance_ratio", "eta2_ratio", "group_slope")


class Key(NamedTuple):
    """What a figure is of; the fields are the columns of ``estimates``. A tuple: looked up far more often than read."""

    family: str
    metric: str
    item_id: str | None = None
    item_id_2: str | None = None
    attribute: str = ALL
    level: str = ALL
    term: str | None = None


@dataclass(frozen=True)
class Tables:
    """The counts of both sides; squares of weights count where anybody is ``weighted``."""

    h: Counts
    s: Counts
    weighted: bool

    @classmethod
    def joined(cls, parts: list[Tables]) -> Tables:
        """Set the replicates of several tables side by side."""
        if len(parts) == 1:
            return parts[0]
        h, s = (Counts.joined([getattr(each, side) for each in parts]) for side in ("h", "s"))
        return cls(h, s, parts[0].weighted)


Sizes = Callable[[Key], tuple[int, int]]


def on_grid(question: Question, heads: Tables) -> tuple[int, int]:
    """Return how many on each side gave a declared option, or an answer that falls in a bin."""
    h, s = (round(float(side.n[question.options].sum())) for side in (heads.h, heads.s))
    return h, s


def sizes_of(coded: Coded, heads: Tables) -> Sizes:
    """Return how many answers stand behind a figure on each side: of an item; of both items of a pair, if judged.

    Behind a share of those who did not answer stand all who were asked.
    """
    items = {question.item.id: question for question in coded.questions}
    crosstabs = {crosstab.pair.id: crosstab for crosstab in coded.crosstabs}

    # Many metrics are of one item or pair.
    @cache
    def of_item(item_id: str, *, of_asked: bool) -> tuple[int, int]:
        columns = (items[item_id].answered, *((items[item_id].missing,) if of_asked else ()))
        h, s = (round(sum(float(side.n[own].sum()) for own in columns)) for side in (heads.h, heads.s))
        return h, s

    @cache
    def of_pair(term: str, *, of_judged: bool) -> tuple[int, int]:
        crosstab = crosstabs[term]
        judged = crosstab.judged if of_judged else 1.0
        h, s = (round(float((side.n[crosstab.columns, 0] * judged).sum())) for side in (heads.h, heads.s))
        return h, s

    def sizes(key: Key) -> tuple[int, int]:
        if key.term is None:
            return of_item(str(key.item_id), of_asked=key.metric in HIDDEN)
        return of_pair(key.term, of_judged=key.metric.startswith("belief_action_gap"))

    return sizes


def figures_of(
    coded: Coded, place: tuple[str, str], tables: Tables, heads: Tables, *, distances: bool = False
) -> Iterator[tuple[Key, Floats]]:
    """Yield every figure of one group, and the moments that join it to the other groups of its attribute.

    ``place`` is its attribute and level; ``heads`` counts the people who were observed in it. Only ``distances``, where
    nothing else is asked for.
    """
    attribute, level = place
    of_groups = attribute != ALL
    divergence = "subgroups" if of_groups else "divergence"
    for question in coded.questions:
        if of_groups and not question.answers:
            continue
        name = question.item.id
        n = on_grid(question, heads)
        figures = (
            _distances(question, tables, n) if distances else _of_question(question, tables, n, of_groups=of_groups)
        )
        for metric, values in figures:
            family = "heterogeneity" if metric in HETEROGENEITY else divergence
            yield Key(family, metric, name, attribute=attribute, level=level), values
    for crosstab in coded.crosstabs:
        pair = crosstab.pair
        found = (_conditional if distances else _coherence)(crosstab, tables)
        for metric, values in found:
            yield Key("coherence", metric, pair.belief, pair.action, attribute, level, pair.id), values


def _distances(question: Question, tables: Tables, n: tuple[int, int]) -> Iterator[tuple[str, Floats]]:
    """Yield the distances between the answers to one item, and nothing else."""
    h, s = (side.n[question.options] for side in (tables.h, tables.s))
    if len(h):
        yield from _named(DIVERGENCES, [h, s], n)
    if question.points is not None and len(question.values):
        energy = ("energy",) if question.item.scale == "interval" else ()
        h, s = tables.h.n[question.points], tables.s.n[question.points]
        for metric, values in _named(("wasserstein", "ks", *energy), [h, s, question.values]):
            yield metric, values
            if metric == "wasserstein" and question.width:
                yield "wasserstein_norm", values / question.width


def _of_question(
    question: Question, tables: Tables, n: tuple[int, int], *, of_groups: bool
) -> Iterator[tuple[str, Floats]]:
    """Yield the metrics of one item: on its options, on its values where it is ordered, of those who did not answer."""
    h, s = (side.n[question.options] for side in (tables.h, tables.s))
    if len(h):
        unweighted = () if tables.weighted else ("chi2",)
        found = dict(_named((*DIVERGENCES, *SHAPES, *ENTROPIES, *unweighted), [h, s], n))
        yield from found.items()
        if tables.weighted:
            squares = [side.squares[question.options] for side in (tables.h, tables.s) if side.squares is not None]
            yield from _named(("chi2",), [h, s, *squares])
        yield "entropy_ratio", _quotient(found["entropy_s"], found["entropy_h"])
    if question.points is not None and len(question.values):
        h, s = tables.h.n[question.points], tables.s.n[question.points]
        energy = ("energy",) if question.item.scale == "interval" else ()
        moments = MOMENTS[2:] if of_groups else ()
        for metric, values in _named((*DISTANCES, *energy, *SPREADS, *moments), [h, s, question.values]):
            yield metric, values
            if metric == "wasserstein" and question.width:
                yield "wasserstein_norm", values / question.width
        if of_groups:
            yield from zip(MOMENTS[:2], (h.sum(axis=0), s.sum(axis=0)), strict=True)
    sides = (tables.h, tables.s)
    answered, missing = ([side.n[own].sum(axis=0) for side in sides] for own in (question.answered, question.missing))
    of_h, of_s = (no / (no + yes) for no, yes in zip(missing, answered, strict=True))
    yield from zip((*HIDDEN, "nonresponse_gap"), (of_h, of_s, of_s - of_h), strict=True)


def contrasts(moments: list[Floats], question: Question) -> dict[str, Floats]:
    """Return variance within and between groups, panel beside people: moments are groups x replicates."""
    largest = float(np.abs(question.values).max())
    found = dict(zip(CONTRASTS, replicated(CONTRASTS, moments, (largest,)), strict=True))
    if len(moments[0]) == 1:
        found |= {metric: np.full_like(found[metric], np.nan) for metric in CONTRASTS[1:]}
    return found


def _coherence(crosstab: Crosstab, tables: Tables) -> Iterator[tuple[str, Floats]]:
    """Yield the metrics of one belief-action pair."""
    h, s = (side.n[crosstab.columns] for side in (tables.h, tables.s))
    gap_h, gap_s = (_quotient(crosstab.against @ side, crosstab.judged @ side) for side in (h, s))
    yield from (("belief_action_gap_h", gap_h), ("belief_action_gap_s", gap_s), ("belief_action_gap", gap_s - gap_h))
    sides = [_associations(crosstab, side) for side in (h, s)]
    for metric in ASSOCIATIONS:
        of_h, of_s = (side[metric] for side in sides)
        yield f"{metric}_h", of_h
        yield f"{metric}_s", of_s
        yield f"{metric}_inflation", of_s - of_h
        yield f"{metric}_inflation_ratio", inflation_ratio(metric, of_s, of_h)
    yield from _named(("conditional_js", "conditional_js_coverage"), [h, s, crosstab.belief])


def _conditional(crosstab: Crosstab, tables: Tables) -> Iterator[tuple[str, Floats]]:
    h, s = (side.n[crosstab.columns] for side in (tables.h, tables.s))
    return _named(("conditional_js",), [h, s, crosstab.belief])


def _associations(crosstab: Crosstab, counts: Floats) -> dict[str, Floats]:
    found = dict(_named(ASSOCIATIONS[:3], [counts, crosstab.belief, crosstab.action]))
    ranked = ~np.isnan(crosstab.ranks[0]) & ~np.isnan(crosstab.ranks[1])
    nothing = np.full(counts.shape[1], np.nan)
    found["spearman"] = (
        replicated(("spearman",), [counts[ranked], *(rank[ranked] for rank in crosstab.ranks)])[0]
        if ranked.any()
        else nothing
    )
    return found


def _named(
    metrics: tuple[str, ...], columns: list[Floats], numbers: tuple[float, ...] = ()
) -> Iterator[tuple[str, Floats]]:
    """Yield metrics by name, and those that are square roots of others: logarithms are dear."""
    for metric, values in zip(metrics, replicated(metrics, columns, numbers), strict=True):
        yield metric, values
        if metric in ROOTS:
            yield ROOTS[metric], np.sqrt(values)


def _quotient(above: Floats, below: Floats) -> Floats:
    return above / np.where(below != 0, below, np.nan)
