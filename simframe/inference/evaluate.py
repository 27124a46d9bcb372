"""The evaluation of one panel: what its metrics are worth, and what its regressions say."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from simframe.errors import InferenceError
from simframe.inference.bootstrap import estimates, split_halves
from simframe.inference.fidelity import fidelity_rows
from simframe.inference.memorisation import memorisation_rows
from simframe.inference.memory import remembered
from simframe.inference.partial import partial_rows
from simframe.inference.polychoric import polychoric_rows
from simframe.inference.prediction import prediction_rows
from simframe.inference.recovery import beside, recovery_rows
from simframe.inference.regression import Fit, fit
from simframe.inference.sample import Panel, code
from simframe.inference.structures import structure_halves, structure_rows
from simframe.study import Study
from simframe.warehouse.tables import ALL, EVALUATION
from simframe.warehouse.wide import wide

REPLICATES = 2000
HOLDOUT = "holdout"


@dataclass(frozen=True)
class Evaluation:
    """The tables of one evaluation, with the columns of :data:`simframe.warehouse.tables.EVALUATION`."""

    estimates: pl.DataFrame
    fits: pl.DataFrame
    coefficients: pl.DataFrame


def evaluate(
    study: Study,
    reference: Panel | None,
    panel: Panel,
    *,
    pilot: Panel | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Evaluation:
    """Evaluate ``panel`` against ``reference``: the part of the human panel it is judged by, or None.

    ``pilot`` are the people that the panel was made from. A human panel is compared with itself, half against half, on
    what other panels are judged by: its holdout, or all of it. It is fitted as a whole and on its holdout, any other as
    a whole. Nothing depends on the order of rows.

    Raises:
        InferenceError: where there is no replicate to draw.
    """
    if replicates < 1:
        raise InferenceError(f"replicates = {replicates}", mend="draw at least one; 2000 give stable intervals")
    schema = {name: pl.DataFrame(EVALUATION[name].empty_table()).schema for name in EVALUATION}
    found = pl.DataFrame(schema=schema["estimates"])
    if reference is not None:
        rows = structure_rows(study, reference, panel, replicates, seed)
        coded = code(study, reference, panel)
        extra = pl.DataFrame(rows, schema=schema["estimates"])
        found = pl.concat([estimates(coded, replicates, seed, panel.panel_id), extra])
    elif panel.kind == "human":
        judged = panel.part(HOLDOUT if HOLDOUT in panel.respondents["split"] else None)
        extra = pl.DataFrame(structure_halves(study, judged, seed), schema=schema["estimates"])
        found = pl.concat([split_halves(code(study, judged, judged), seed, panel.panel_id), extra])
    fits = {ALL: fit_all(study, panel)}
    coefficients = [each.rows(panel.panel_id, ALL) for each in fits[ALL]]
    if reference is not None:
        people = fit_all(study, reference)
        rows = recovery_rows(people, fits[ALL], replicates, seed, panel.panel_id)
        rows += fidelity_rows(study, reference, panel, replicates, seed)
        rows += memorisation_rows(study, pilot, reference, panel)
        rows += prediction_rows(study, reference, panel, replicates, seed)
        rows += polychoric_rows(study, reference, panel, replicates, seed)
        rows += partial_rows(study, reference, panel, replicates, seed)
        found = pl.concat([found, pl.DataFrame(rows, schema=schema["estimates"])])
        coefficients = [beside(h, s, table) for h, s, table in zip(people, fits[ALL], coefficients, strict=True)]
    if panel.kind == "human" and HOLDOUT in panel.respondents["split"]:
        fits[HOLDOUT] = fit_all(study, panel.part(HOLDOUT))
        coefficients += [each.rows(panel.panel_id, HOLDOUT) for each in fits[HOLDOUT]]
    fitted = [each.row(panel.panel_id, split) for split, part in fits.items() for each in part]
    return Evaluation(
        estimates=found,
        fits=pl.DataFrame(fitted, schema=schema["fits"]),
        coefficients=pl.concat([pl.DataFrame(schema=schema["coefficients"]), *coefficients], how="diagonal"),
    )


@remembered
def fit_all(study: Study, panel: Panel) -> list[Fit]:
    """Fit every declared regression to one panel."""
    people = panel.respondents.sort("respondent_id")
    frame = people.join(wide(study, panel.responses), on="respondent_id", how="left", maintain_order="left")
    clusters = people["cluster"] if people["cluster"].null_count() < people.height else None
    return [
        fit(regression, frame, study, people["weight"] if regression.weighted else None, clusters)
        for regression in study.regressions
    ]
