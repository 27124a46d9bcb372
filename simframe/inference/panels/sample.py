"""Two panels coded side by side: a row a respondent, and for every question the column in which the answer counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from simframe.inference.drawing.resample import Design
from simframe.metrics.arrays import Codes, Floats, Whole
from simframe.study import Item, Pair, Study
from simframe.warehouse.aggregate import levels
from simframe.warehouse.tables import ALL, CROSS

MOST_VALUES = 10_000
"""Metrics on the values of an item with more distinct ones than this have no interval: the arrays would not fit."""


@dataclass(frozen=True)
class Panel:
    """The tables of one panel that an evaluation reads."""

    panel_id: str
    kind: str
    respondents: pl.DataFrame
    responses: pl.DataFrame

    def part(self, split: str | None) -> Panel:
        """Return one split of the panel; all of it where ``split`` is null."""
        if split is None:
            return self
        return self._of(self.respondents.filter(pl.col("split") == split))

    def pilot(self, n: int | None) -> Panel | None:
        """Return the first ``n`` of the pilot, whom a panel was made from; none where there is no pilot."""
        return self._of(self.respondents.filter(split="pilot").filter(pl.col("draw") < n)) if n else None

    def _of(self, kept: pl.DataFrame) -> Panel:
        answers = self.responses.join(kept.select("respondent_id"), on="respondent_id", how="semi")
        return Panel(self.panel_id, self.kind, kept, answers)


@dataclass(frozen=True)
class Question:
    """Where the counts of one item stand among the columns.

    ``options`` are the declared options or bins; ``answered`` holds them and the answers outside of them; ``missing``
    is one column. ``points`` are the values of an ordered item, ascending.
    """

    item: Item
    options: slice
    answered: slice
    missing: slice
    points: slice | None
    values: Floats

    @cached_property
    def width(self) -> float | None:
        """Width of the declared scale."""
        known = [value for _, _, value in self.item.grid if value is not None]
        low, high = self.item.range or ((min(known), max(known)) if known else (0.0, 0.0))
        return high - low or None

    @property
    def answers(self) -> bool:
        """Whether a respondent answers it: persona items and arms are given to them."""
        return self.item.role not in ("persona", "arm")


@dataclass(frozen=True)
class Crosstab:
    """Where the counts of one belief-action pair stand, belief by belief; which cells act against the belief.

    ``belief`` and ``action`` number the codes from 1, one a cell; ``ranks`` are their ranks, NaN for codes that stand
    on no scale.
    """

    pair: Pair
    columns: slice
    belief: Floats
    action: Floats
    ranks: tuple[Floats, Floats]
    judged: Floats
    against: Floats


@dataclass(frozen=True)
class Side:
    """One panel, its respondents in the order of their ids: their answers, and the group each one is in."""

    ids: tuple[str, ...]
    design: Design
    codes: Codes
    levels: dict[str, Whole]


@dataclass(frozen=True)
class Coded:
    """Both sides of a comparison over the same columns; ``groups`` are the levels of each attribute, in order."""

    h: Side
    s: Side
    columns: int
    questions: list[Question]
    crosstabs: list[Crosstab]
    groups: dict[str, list[str]]


@dataclass(frozen=True)
class _Answers:
    """One item on one side, an entry a respondent: place on the grid (-1), value (NaN), and what kind of answer."""

    place: Whole
    value: Floats
    answered: Whole
    missing: Whole


class _Columns:
    """Columns handed out one after the other, and every respondent's column in each question."""

    def __init__(self) -> None:
        self.count = 0
        self.codes: tuple[list[Whole], list[Whole]] = ([], [])

    def add(self, places: list[Whole], kinds: int) -> slice:
        for codes, place in zip(self.codes, places, strict=True):
            codes.append(np.where(place >= 0, place + self.count, -1))
        self.count += kinds
        return slice(self.count - kinds, self.count)


def code(study: Study, reference: Panel, panel: Panel) -> Coded:
    """Code the answers of both panels, and the declared pairs."""
    frames = (_prepare(reference), _prepare(panel))
    counted = [item for item in study.items if item.scale != "text"]
    answers = {item.id: [_answers(frame, item) for frame in frames] for item in counted}
    columns = _Columns()
    questions = [_question(item, answers[item.id], columns) for item in counted]
    crosstabs = [_crosstab(study, pair, answers, columns) for pair in study.pairs]
    groups = groups_of(study)
    h, s = (
        Side(
            ids=tuple(frame.respondents["respondent_id"]),
            design=design_of(frame.respondents),
            codes=np.stack(codes, axis=1).astype(np.int32),
            levels=levels_of(study, frame, groups),
        )
        for frame, codes in zip(frames, columns.codes, strict=True)
    )
    return Coded(h, s, columns.count, questions, crosstabs, groups)


def _prepare(panel: Panel) -> Panel:
    respondents = panel.respondents.sort("respondent_id")
    return Panel(panel.panel_id, panel.kind, respondents, panel.responses)


def _answers(panel: Panel, item: Item) -> _Answers:
    places = {code: place for place, (code, _, _) in enumerate(item.grid)}
    own = panel.responses.filter(pl.col("item_id") == item.id).select(
        "respondent_id",
        place=pl.when(~pl.col("missing")).then(
            pl.col("code").replace_strict(places, default=None, return_dtype=pl.Int64)
        ),
        value=pl.when(~pl.col("missing")).then(pl.col("value").cast(pl.Float64)),
        answered=~pl.col("missing"),
    )
    aligned = panel.respondents.select("respondent_id").join(own, on="respondent_id", how="left", maintain_order="left")
    answered = aligned["answered"].fill_null(value=False).to_numpy()
    return _Answers(
        aligned["place"].fill_null(-1).to_numpy(),
        aligned["value"].fill_null(np.nan).to_numpy(),
        answered.astype(np.int64),
        (aligned["answered"].is_not_null().to_numpy() & ~answered).astype(np.int64),
    )


def _question(item: Item, sides: list[_Answers], columns: _Columns) -> Question:
    kinds = len(item.grid)
    # On the grid, outside of it, missing, or not asked.
    places = [
        np.where(x.place >= 0, x.place, np.where(x.answered > 0, kinds, np.where(x.missing > 0, kinds + 1, -1)))
        for x in sides
    ]
    all_ = columns.add(places, kinds + 2)
    options, answered = slice(all_.start, all_.start + kinds), slice(all_.start, all_.stop - 1)
    missing = slice(all_.stop - 1, all_.stop)
    points, values = _points(item, options, sides, columns)
    return Question(item, options, answered, missing, points, values)


def _points(item: Item, options: slice, sides: list[_Answers], columns: _Columns) -> tuple[slice | None, Floats]:
    """Find the columns of an ordered item's values: those of its options, or one a value that either side gave."""
    if item.scale == "nominal":
        return None, np.empty(0)
    scored = np.array([value if value is not None else np.nan for _, _, value in item.grid], dtype=np.float64)
    if len(scored) and (np.diff(scored) > 0).all() and all(_is_place(x, scored) for x in sides):
        return options, scored
    both = np.concatenate([x.value for x in sides])
    grid = np.unique(both[~np.isnan(both)])
    if len(grid) > MOST_VALUES:
        return None, np.empty(0)
    places = [np.where(np.isnan(x.value), -1, np.searchsorted(grid, x.value)) for x in sides]
    return columns.add(places, len(grid)), grid


def _is_place(answers: _Answers, scored: Floats) -> bool:
    """Tell whether every answer's value is that of its option."""
    of_option = np.where(answers.place >= 0, scored[answers.place], np.nan)
    return bool(np.array_equal(of_option, answers.value, equal_nan=True))


def _crosstab(study: Study, pair: Pair, answers: dict[str, list[_Answers]], columns: _Columns) -> Crosstab:
    items = [study.item(name) for name in (pair.belief, pair.action)]
    beliefs, actions = ([code for code, _, _ in item.grid] for item in items)
    both = zip(answers[pair.belief], answers[pair.action], strict=True)
    places = [np.where((b.place >= 0) & (a.place >= 0), b.place * len(actions) + a.place, -1) for b, a in both]
    implied = [pair.implies.get(belief) for belief in beliefs]
    return Crosstab(
        pair,
        columns.add(places, len(beliefs) * len(actions)),
        np.repeat(np.arange(1.0, len(beliefs) + 1), len(actions)),
        np.tile(np.arange(1.0, len(actions) + 1), len(beliefs)),
        (np.repeat(_ranks(items[0]), len(actions)), np.tile(_ranks(items[1]), len(beliefs))),
        np.array([wanted is not None for wanted in implied for _ in actions], dtype=np.float64),
        np.array([wanted not in (None, action) for wanted in implied for action in actions], dtype=np.float64),
    )


def _ranks(item: Item) -> Floats:
    """Return the ranks of an item's codes: by value where all have one, as declared on a scale, else none."""
    off_scale = {option.code for option in item.options if option.missing}
    values = [None if code in off_scale else value for code, _, value in item.grid]
    on_scale = np.array([code not in off_scale for code, _, _ in item.grid], dtype=np.bool_)
    ranks = np.full(len(values), np.nan)
    if all(value is not None for value, on in zip(values, on_scale, strict=True) if on):
        known = np.array([value for value in values if value is not None], dtype=np.float64)
        ranks[on_scale] = np.unique(known, return_inverse=True)[1] + 1.0
    elif item.scale != "nominal":
        ranks[on_scale] = np.arange(1.0, on_scale.sum() + 1)
    return ranks


def design_of(respondents: pl.DataFrame) -> Design:
    """Return how respondents were drawn: weights, clusters, strata."""
    n = respondents.height

    def numbered(*names: str) -> Whole | None:
        known = [name for name in names if name in respondents.columns and respondents[name].null_count() < n]
        if not known:
            return None
        return respondents.select(pl.struct(known).rank("dense")).to_series().to_numpy().astype(np.int64)

    stratum = numbered("stratum")
    # A cluster that reaches over strata is one cluster in each.
    unit = numbered("stratum", "cluster") if numbered("cluster") is not None else None
    weight = respondents["weight"].cast(pl.Float64).fill_null(0.0).to_numpy()
    if n and (weight == weight[0]).all() and weight[0] > 0:
        weight = np.ones(n)
    return Design(
        # Mean 1 keeps squares of weights within reach, whatever they were scaled to.
        weight=weight / weight.mean() if weight.sum() > 0 else np.zeros(n),
        unit=np.arange(n) if unit is None else unit,
        stratum=np.zeros(n, dtype=np.int64) if stratum is None else stratum,
    )


def groups_of(study: Study) -> dict[str, list[str]]:
    """Return the declared levels of every attribute, everybody first."""
    found = {ALL: [ALL]}
    for names in study.attributes:
        combined = [""]
        for place, name in enumerate(names):
            codes = [code for code, _ in study.item(name).levels]
            combined = [(head + CROSS if place else "") + code for head in combined for code in codes]
        found[CROSS.join(names)] = combined
    return found


def levels_of(study: Study, panel: Panel, groups: dict[str, list[str]]) -> dict[str, Whole]:
    """Return the place of each respondent, in the order of their ids, among the levels of every attribute; or -1."""
    n = panel.respondents.height
    found = {attribute: np.full(n, -1, dtype=np.int64) for attribute in groups}
    found[ALL] = np.zeros(n, dtype=np.int64)
    if panel.responses.is_empty():
        return found
    order = panel.respondents.select("respondent_id").sort("respondent_id").with_row_index("row")
    table = levels(study, panel.responses).join(order, on="respondent_id")
    for (attribute,), members in table.partition_by("attribute", as_dict=True).items():
        if attribute != ALL:
            places = {level: place for place, level in enumerate(groups[str(attribute)])}
            found[str(attribute)][members["row"].to_numpy()] = [places[level] for level in members["level"]]
    return found
