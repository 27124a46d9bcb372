"""Every declared regression, fitted on everybody and within every declared subgroup of one panel."""

from __future__ import annotations

from simframe.inference.panels.memory import remembered
from simframe.inference.panels.roster import EVERYBODY, Place, roster
from simframe.inference.panels.sample import Panel
from simframe.inference.regressions.regression import Fit, fit_parts
from simframe.study import Study
from simframe.warehouse.wide import wide


def fits_of(study: Study, panel: Panel, *, subgroups: bool = True) -> dict[Place, list[Fit]]:
    """Return the fits of a panel, in the order of ``study.regressions``, of everybody and of every subgroup."""
    people = panel.respondents.sort("respondent_id")
    frame = people.join(wide(study, panel.responses), on="respondent_id", how="left", maintain_order="left")
    clusters = people["cluster"] if people["cluster"].null_count() < people.height else None
    places = roster(study, panel).places
    if not subgroups:
        places = {EVERYBODY: places[EVERYBODY]}
    fitted = [
        fit_parts(
            regression,
            frame,
            study,
            list(places.values()),
            weights=people["weight"] if regression.weighted else None,
            clusters=clusters,
        )
        for regression in study.regressions
    ]
    return {place: [each[k] for each in fitted] for k, place in enumerate(places)}


fits_of_people = remembered(fits_of)
