"""Floors: what samples of people differ by. They are people's alone, so panels of one size share one, drawn once.

Of the panel a floor takes how many stand in every group, and which items nobody there answered; never what they
answered. People stand in its place: the values that the panel alone gave have no column here, and as many answer as
among people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from simframe.inference.counted.figures import Key, Tables
from simframe.inference.counted.group import Group
from simframe.inference.counted.rows import judged, rows_of
from simframe.inference.drawing.resample import digest
from simframe.inference.panels.memory import Memory
from simframe.inference.panels.sample import Coded, Question
from simframe.metrics.arrays import Counts
from simframe.warehouse.tables import ALL

FLOOR = ("floor", "floor_q95")
_KEPT: Memory[pl.DataFrame] = Memory()


def with_floors(found: pl.DataFrame, coded: Coded, replicates: int, seed: int) -> pl.DataFrame:
    """Return rows of ``estimates`` with their floors; the draws depend on ``seed``, the people and the group alone."""
    people = of_people(coded)
    floors = _KEPT.get(
        digest(seed, replicates, *_depends_on(people)),
        lambda: rows_of(
            people,
            digest(seed, people.h.ids),
            replicates,
            drawn=Group.people,
            rows=judged,
            observed=lambda group: _people_on_both_sides(group, people.questions),
        ),
    )
    # Which group is the worst one is the panel's affair.
    level = pl.when(pl.col("metric") == "worst_group_js_distance").then(pl.lit(ALL)).otherwise("level").alias(".level")
    keys = [".level" if name == "level" else name for name in Key._fields]
    edges = floors.with_columns(level).select(*keys, *FLOOR)
    joined = (
        found.drop(FLOOR).with_columns(level).join(edges, on=keys, how="left", nulls_equal=True, maintain_order="left")
    )
    known = pl.col("estimate").is_not_null()
    return joined.with_columns(pl.when(known).then(name).alias(name) for name in FLOOR).select(found.columns)


def of_people(coded: Coded) -> Coded:
    """Return both sides without the columns of values that nobody among people gave.

    Whoever in the panel gave one stands in another column of the same item: that there is an answer still shows.
    """
    kept = np.ones(coded.columns, dtype=np.bool_)
    place = np.arange(coded.columns)
    for question in coded.questions:
        if question.points is not None and question.points != question.options:
            own = place[question.points]
            given = np.isin(own, coded.h.codes)
            kept[own] = given
            place[own[~given]] = own[given][0] if given.any() else -1
    before = np.concatenate([[0], np.cumsum(kept)])

    def moved(columns: slice) -> slice:
        return slice(int(before[columns.start]), int(before[columns.stop]))

    def narrowed(question: Question) -> Question:
        options, answered, missing = (moved(x) for x in (question.options, question.answered, question.missing))
        if question.points is None or question.points == question.options:
            points, values = question.points and options, question.values
        else:
            points, values = moved(question.points), question.values[kept[question.points]]
        return replace(question, options=options, answered=answered, missing=missing, points=points, values=values)

    codes = np.append(np.where(place >= 0, before[place], -1), -1).astype(np.int32)
    return replace(
        coded,
        h=replace(coded.h, codes=codes[coded.h.codes]),
        s=replace(coded.s, codes=codes[coded.s.codes]),
        columns=int(kept.sum()),
        questions=[narrowed(question) for question in coded.questions],
        crosstabs=[replace(crosstab, columns=moved(crosstab.columns)) for crosstab in coded.crosstabs],
    )


def _people_on_both_sides(group: Group, questions: list[Question]) -> tuple[Tables, Tables]:
    """Return people's counts on both sides, but for what nobody in the panel's group answered; and the heads."""
    counts, heads = group.observed()
    silent = np.zeros((len(heads.s.n), 1), dtype=np.bool_)
    for question in questions:
        for columns in (question.options, question.points or question.options):
            silent[columns] |= not heads.s.n[columns].any()
    as_many = len(group.s.weight) / max(len(group.h.weight), 1)

    def stand_in(people: Counts, times: float) -> Counts:
        squares = None if people.squares is None else np.where(silent, 0.0, people.squares)
        return Counts(np.where(silent, 0.0, people.n) * times, squares)

    return (
        Tables(counts.h, stand_in(counts.h, 1.0), counts.weighted),
        Tables(heads.h, stand_in(heads.h, as_many), weighted=False),
    )


def _depends_on(coded: Coded) -> Iterator[str]:
    """Yield what floors depend on: what was asked, the people, how many of S are in every group, what they answered."""
    yield digest(
        *((question.item.model_dump_json(), question.values.tolist()) for question in coded.questions),
        *(crosstab.pair.model_dump_json() for crosstab in coded.crosstabs),
    )
    h, s = coded.h, coded.s
    design = (h.design.weight.tolist(), h.design.unit.tolist(), h.design.stratum.tolist())
    places = {attribute: levels.tolist() for attribute, levels in h.levels.items()}
    yield digest(h.ids, design, places, h.codes.tolist(), coded.columns)
    for attribute, levels in coded.groups.items():
        members = [np.flatnonzero(s.levels[attribute] == place) for place in range(len(levels))]
        yield digest(attribute, levels, [_presence(coded, rows) for rows in members])


def _presence(coded: Coded, rows: np.ndarray) -> tuple[int, bool, list[bool]]:
    """Return how many of S these are, whether weights tell them apart, and which items anybody of them answered."""
    given = np.zeros(coded.columns + 1, dtype=np.bool_)
    given[coded.s.codes[rows].ravel()] = True
    answered = [
        bool(given[columns].any())
        for question in coded.questions
        for columns in (question.options, question.points or question.options)
    ]
    return len(rows), coded.s.design.part(rows).weighted, answered
