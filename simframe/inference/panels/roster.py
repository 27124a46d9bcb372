"""Who is in a panel, and who of them in which subgroup: what every family of metrics takes its respondents from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simframe.inference.drawing.resample import Design, Whole
from simframe.inference.panels.memory import remembered
from simframe.inference.panels.sample import Panel, design_of, groups_of, levels_of
from simframe.study import Study
from simframe.warehouse.tables import ALL

Place = tuple[str, str]
"""An attribute and one of its levels."""
EVERYBODY: Place = (ALL, ALL)


@dataclass(frozen=True)
class Roster:
    """Respondents in the order of their ids, how they were drawn, and the rows of those in each declared subgroup.

    ``places`` holds every declared level, those nobody stands in too; everybody comes first.
    """

    ids: list[str]
    design: Design
    places: dict[Place, Whole]


@remembered
def roster(study: Study, panel: Panel) -> Roster:
    """Return the respondents of a panel."""
    people = panel.respondents.sort("respondent_id")
    groups = groups_of(study)
    held = levels_of(study, panel, groups)
    places = {
        (attribute, level): np.flatnonzero(held[attribute] == place)
        for attribute, names in groups.items()
        for place, level in enumerate(names)
    }
    return Roster(people["respondent_id"].to_list(), design_of(people), places)


def columns(place: Place) -> dict[str, object]:
    """Return the columns of a row of ``estimates`` that say who it is about."""
    return {"attribute": place[0], "level": place[1]}


def named(panel_id: str, place: Place) -> tuple[str, ...]:
    """Return what the random numbers of a subgroup are told apart by; everybody's bear the panel's name alone."""
    return (panel_id,) if place == EVERYBODY else (panel_id, *place)
