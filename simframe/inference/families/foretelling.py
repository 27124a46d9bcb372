"""Models of one action on one side, fitted to its respondents by :mod:`simframe.metrics.crossfit`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from simframe.errors import MetricError
from simframe.inference.drawing.resample import Design
from simframe.inference.panels.memory import remembered
from simframe.inference.panels.roster import Place, roster
from simframe.inference.panels.sample import Panel, design_of
from simframe.metrics.arrays import Floats
from simframe.metrics.crossfit import Crossfit, columns, crossfit, folds
from simframe.study import Item, Study
from simframe.warehouse.wide import wide


@dataclass(frozen=True)
class Side:
    """Those with complete answers, fold by fold, how they were drawn, and their models, or why there are none."""

    ids: list[str]
    design: Design
    models: Crossfit | None = None
    reason: str | None = None

    @property
    def n(self) -> int:
        """Respondents with complete answers."""
        return len(self.ids)

    def observed(self) -> float:
        """Return the predictability of the answers as they are; NaN where there are no models."""
        return self.models.observed() if self.models else np.nan

    def predictability(self, times: Floats) -> Floats:
        """Return it with respondents counted ``times``, one column a draw."""
        return self.models.predictability(times) if self.models else np.full(times.shape[1], np.nan)


def beliefs(study: Study, action: str) -> list[Item]:
    """Return what an action is foretold from: items of role ``belief``, and the beliefs of its declared pairs."""
    declared = {pair.belief for pair in study.pairs if pair.action == action}
    return [item for item in study.items if (item.role == "belief" or item.id in declared) and item.id != action]


def foretelling(study: Study, panel: Panel, name: str) -> dict[Place, Side]:
    """Fit the models of action ``name`` on one side, in everybody and in every declared subgroup."""
    people = roster(study, panel)
    frame = panel.respondents.sort("respondent_id").join(
        wide(study, panel.responses), on="respondent_id", how="left", maintain_order="left"
    )
    needed = [name, *(item.id for item in beliefs(study, name))]
    complete = frame.select(pl.all_horizontal(pl.col(needed).is_not_null()) & (pl.col("weight") > 0)).to_series()
    whole = complete.fill_null(value=False).to_numpy()
    return {place: _side(study, frame[rows[whole[rows]].tolist()], name) for place, rows in people.places.items()}


foretelling_of_people = remembered(foretelling)


def _side(study: Study, frame: pl.DataFrame, name: str) -> Side:
    """Fit the models to complete answers, a row a respondent; a reason where there are none."""
    action, known = study.item(name), beliefs(study, name)
    order, edges = folds(frame["respondent_id"].to_list())
    frame, nominal = frame[order.tolist()], action.scale == "nominal"
    answer = frame[action.id].rank("dense") - 1 if nominal else frame[action.id]
    options = max(len(action.scored_options), answer.n_unique()) if nominal else 0
    x = columns([frame[item.id] for item in known], nominal=[item.scale == "nominal" for item in known])
    side = Side(frame["respondent_id"].to_list(), design_of(frame))
    try:
        models = crossfit(x, answer.cast(pl.Float64).to_numpy(), side.design.weight, edges, options)
    except MetricError as why:
        return Side(side.ids, side.design, reason=why.message)
    return Side(side.ids, side.design, models)
