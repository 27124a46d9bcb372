"""Two panels coded side by side: one row a respondent, one column an answer that can be counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simframe.inference.arrays import Floats
from simframe.inference.resample import Design, Whole
from simframe.study import Item, Pair, Study
from simframe.warehouse.aggregate import levels
from simframe.warehouse.tables import ALL, CROSS

MOST_VALUES = 200
"""An interval item with more distinct values than this has no columns of its own."""


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
    """Where the counts of one item stand among the columns: its options, and its values where it is ordered."""

    item: Item
    options: slice
    points: slice | None
    values: Floats
    reason_ordered: str | None
    answered: slice

    @property
    def width(self) -> float | None:
        """Width of the declared scale."""
        known = [o.value for o in self.item.valid_options if o.value is not None]
        low, high = self.item.range or ((min(known), max(known)) if known else (0.0, 0.0))
        return high - low or None


@dataclass(frozen=True)
class Crosstab:
    """Where the counts of one belief-action pair stand, and which of its cells act against the belief."""

    pair: Pair
    columns: slice
    shape: tuple[int, int]
    judged: Floats
    against: Floats


@dataclass(frozen=True)
class Side:
    """One panel, its respondents in the order of their ids: a 0/1 row an answer, and the group each one is in."""

    ids: tuple[str, ...]
    design: Design
    answers: csr_array
    levels: dict[str, Whole]


@dataclass
class Coded:
    """Both sides of a comparison over the same columns; ``groups`` are the levels of each attribute, in order."""

    h: Side
    s: Side
    questions: list[Question]
    crosstabs: list[Crosstab]
    groups: dict[str, list[str]] = field(default_factory=dict)


def code(study: Study, reference: Panel, panel: Panel) -> Coded:
    """Code the answered items (not persona or arm) of both panels, and the declared pairs."""
    frames = (_prepare(reference), _prepare(panel))
    items = [item for item in study.items if item.role not in ("persona", "arm") and item.grid]
    used = {item.id: item for item in items}
    used |= {name: study.item(name) for pair in study.pairs for name in (pair.belief, pair.action)}
    answers = [{name: _answers(frame, item) for name, item in used.items()} for frame in frames]

    parts: tuple[list[NDArray[np.bool_]], list[NDArray[np.bool_]]] = ([], [])
    start = 0

    def add(indices: list[Whole], kinds: int) -> slice:
        nonlocal start
        for side, index in zip(parts, indices, strict=True):
            side.append(index[:, None] == np.arange(kinds))
        start += kinds
        return slice(start - kinds, start)

    questions = []
    for item in items:
        options = add([side[item.id][0] for side in answers], len(item.grid))
        points, values, reason = _points(item, options, [side[item.id][1] for side in answers], add)
        answered = add([np.where(side[item.id][2], 0, -1) for side in answers], 1)
        questions.append(Question(item, options, points, values, reason, answered))
    crosstabs = [_crosstab(study, pair, answers, add) for pair in study.pairs]

    groups = _groups(study)
    sides = [
        Side(
            ids=tuple(frame.respondents["respondent_id"]),
            design=design_of(frame.respondents),
            answers=csr_array(np.hstack(part).T.astype(np.float64))
            if part
            else csr_array((0, frame.respondents.height)),
            levels=_levels(study, frame, groups),
        )
        for frame, part in zip(frames, parts, strict=True)
    ]
    return Coded(h=sides[0], s=sides[1], questions=questions, crosstabs=crosstabs, groups=groups)


def _prepare(panel: Panel) -> Panel:
    respondents = panel.respondents.sort("respondent_id")
    return Panel(panel.panel_id, panel.kind, respondents, panel.responses)


def _answers(panel: Panel, item: Item) -> tuple[Whole, Floats, NDArray[np.bool_]]:
    """Return each respondent's place in the grid (-1 for none), their value (NaN for none), whether they answered."""
    places = {code: place for place, (code, _, _) in enumerate(item.grid)}
    own = panel.responses.filter((pl.col("item_id") == item.id) & ~pl.col("missing"))
    own = own.select(
        "respondent_id",
        place=pl.col("code").replace_strict(places, default=None, return_dtype=pl.Int64),
        value=pl.col("value").cast(pl.Float64),
        answered=pl.lit(value=True),
    )
    aligned = panel.respondents.select("respondent_id").join(own, on="respondent_id", how="left", maintain_order="left")
    return (
        aligned["place"].fill_null(-1).to_numpy(),
        aligned["value"].fill_null(np.nan).to_numpy(),
        aligned["answered"].fill_null(value=False).to_numpy(),
    )


def _points(
    item: Item, options: slice, values: list[Floats], add: Callable[[list[Whole], int], slice]
) -> tuple[slice | None, Floats, str | None]:
    """Find the columns of an ordered item's values: those of its options, or one a value that either side gave."""
    nothing = np.empty(0)
    if item.scale == "nominal":
        return None, nothing, "nominal item"
    if item.scored_options:
        # Options without a value, "don't know" as a category, stand on the grid and not on the scale.
        scored = [(place, o.value) for place, o in enumerate(item.valid_options) if o.value is not None]
        if len(scored) == len(item.valid_options):
            return options, np.array([value for _, value in scored], dtype=np.float64), None
        known = np.array([value for _, value in scored], dtype=np.float64)
        places = [np.where(np.isnan(v), -1, np.searchsorted(known, v)) for v in values]
        return add(places, len(known)), known, None
    both = np.concatenate(values)
    grid = np.unique(both[~np.isnan(both)])
    if len(grid) > MOST_VALUES:
        return None, nothing, f"more than {MOST_VALUES} distinct values"
    places = [np.where(np.isnan(v), -1, np.searchsorted(grid, v)) for v in values]
    return add(places, len(grid)), grid, None


def _crosstab(
    study: Study,
    pair: Pair,
    answers: list[dict[str, tuple[Whole, Floats, NDArray[np.bool_]]]],
    add: Callable[[list[Whole], int], slice],
) -> Crosstab:
    beliefs, actions = ([code for code, _, _ in study.item(name).grid] for name in (pair.belief, pair.action))
    places = []
    for side in answers:
        belief, action = side[pair.belief][0], side[pair.action][0]
        places.append(np.where((belief >= 0) & (action >= 0), belief * len(actions) + action, -1))
    implied = [pair.implies.get(belief) for belief in beliefs]
    judged = np.array([[wanted is not None for _ in actions] for wanted in implied], dtype=np.float64)
    against = np.array([[wanted not in (None, action) for action in actions] for wanted in implied], dtype=np.float64)
    columns = add(places, len(beliefs) * len(actions))
    return Crosstab(pair, columns, (len(beliefs), len(actions)), judged, against)


def design_of(respondents: pl.DataFrame) -> Design:
    """Return how respondents were drawn: their weights with mean 1, clusters and strata."""
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
    return Design(
        # Mean 1 puts both sides on one footing where their labels are shuffled.
        weight=weight / weight.mean() if weight.sum() > 0 else np.zeros(n),
        unit=np.arange(n) if unit is None else unit,
        stratum=np.zeros(n, dtype=np.int64) if stratum is None else stratum,
    )


def _groups(study: Study) -> dict[str, list[str]]:
    """Return the declared levels of every attribute, everybody first."""
    found = {ALL: [ALL]}
    for names in study.attributes:
        combined = [""]
        for place, name in enumerate(names):
            codes = [code for code, _ in study.item(name).levels]
            combined = [(head + CROSS if place else "") + code for head in combined for code in codes]
        found[CROSS.join(names)] = combined
    return found


def _levels(study: Study, panel: Panel, groups: dict[str, list[str]]) -> dict[str, Whole]:
    """Return each respondent's place among the levels of every attribute; -1 for none."""
    n = panel.respondents.height
    found = {attribute: np.full(n, -1, dtype=np.int64) for attribute in groups}
    found[ALL] = np.zeros(n, dtype=np.int64)
    if panel.responses.is_empty():
        return found
    order = panel.respondents.select("respondent_id").with_row_index("row")
    table = levels(study, panel.responses).join(order, on="respondent_id")
    for (attribute,), members in table.partition_by("attribute", as_dict=True).items():
        if attribute != ALL:
            places = {level: place for place, level in enumerate(groups[str(attribute)])}
            found[str(attribute)][members["row"].to_numpy()] = [places[level] for level in members["level"]]
    return found
