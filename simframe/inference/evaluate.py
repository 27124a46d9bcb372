"""The evaluation of one panel: what its metrics are worth, and what its regressions say."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from simframe.errors import InferenceError
from simframe.inference.bootstrap import estimates
from simframe.inference.regression import Fit, fit
from simframe.inference.sample import Panel, code
from simframe.inference.structures import structure_rows
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
    study: Study, reference: Panel | None, panel: Panel, *, replicates: int = REPLICATES, seed: int = 0
) -> Evaluation:
    """Evaluate ``panel`` against ``reference``: the part of the human panel it is judged by, or None.

    A human panel is fitted as a whole and on its holdout, any other as a whole. Nothing depends on the order of rows.

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
    parts = [ALL]
    if panel.kind == "human" and HOLDOUT in panel.respondents["split"]:
        parts.append(HOLDOUT)
    fits, coefficients = [], []
    for split in parts:
        for each in fit_all(study, panel.part(None if split == ALL else split)):
            fits.append(each.row(panel.panel_id, split))
            coefficients.append(each.rows(panel.panel_id, split))
    return Evaluation(
        estimates=found,
        fits=pl.DataFrame(fits, schema=schema["fits"]),
        coefficients=pl.concat([pl.DataFrame(schema=schema["coefficients"]), *coefficients]),
    )


def fit_all(study: Study, panel: Panel) -> list[Fit]:
    """Fit every declared regression to one panel."""
    people = panel.respondents.sort("respondent_id")
    frame = people.join(wide(study, panel.responses), on="respondent_id", how="left", maintain_order="left")
    clusters = people["cluster"] if people["cluster"].null_count() < people.height else None
    return [
        fit(regression, frame, study, people["weight"] if regression.weighted else None, clusters)
        for regression in study.regressions
    ]
