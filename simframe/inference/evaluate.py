"""The evaluation of one panel: what its metrics are worth, and what its regressions say.

Every family speaks of everybody and of every declared subgroup. What is counted answer by answer is drawn together
(:mod:`simframe.inference.counted.bootstrap`); all else takes a subgroup as a panel of its own, beside its people
(:mod:`simframe.inference.panels.roster`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from simframe.errors import InferenceError
from simframe.inference.counted.bootstrap import estimates, split_halves
from simframe.inference.families.fidelity import fidelity_rows
from simframe.inference.families.memorisation import memorisation_rows
from simframe.inference.families.partial import partial_halves, partial_rows
from simframe.inference.families.polychoric import polychoric_halves, polychoric_rows
from simframe.inference.families.prediction import prediction_halves, prediction_rows
from simframe.inference.families.recovery import beside, recovery_halves, recovery_pending
from simframe.inference.families.structures import structure_halves, structure_rows
from simframe.inference.judging.methods import LACKING, UNDRAWN
from simframe.inference.judging.pending import settle
from simframe.inference.panels.roster import Place
from simframe.inference.panels.sample import Panel, code
from simframe.inference.regressions.fits import fits_of, fits_of_people
from simframe.inference.regressions.regression import Fit
from simframe.study import Study
from simframe.warehouse.tables import ALL, EVALUATION

REPLICATES = 2000
HOLDOUT = "holdout"
Rows = list[dict[str, object]]
Whose = dict[str, str]
"""The columns of a fit that say whom it was fitted to."""


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
    with np.errstate(all="ignore"):  # what is undefined is NaN, and null in the end
        if reference is not None:
            return _compared(study, reference, panel, pilot, replicates=replicates, seed=seed)
        if panel.kind == "human":
            return _halved(study, panel, seed)
    fits = _fitted(study, panel)
    nothing = pl.DataFrame(EVALUATION["estimates"].empty_table())
    return _tables(nothing, [], fits, [each.rows(**whose) for whose, each in fits])


def _compared(
    study: Study, reference: Panel, panel: Panel, pilot: Panel | None, *, replicates: int, seed: int
) -> Evaluation:
    """Evaluate a panel against people."""
    rows = structure_rows(study, reference, panel, replicates, seed)
    rows += fidelity_rows(study, reference, panel, replicates, seed)
    rows += memorisation_rows(study, pilot, reference, panel)
    rows += prediction_rows(study, reference, panel, replicates, seed)
    rows += polychoric_rows(study, reference, panel, replicates, seed)
    rows += partial_rows(study, reference, panel, replicates, seed)
    people, fits = fits_of_people(study, reference), fits_of(study, panel)
    rows += settle(
        figure
        for place, own in fits.items()
        for figure in recovery_pending(people[place], own, replicates, seed, panel.panel_id, place=place)
    )
    coefficients = []
    for place, own in fits.items():
        whose = _whose(panel, ALL, place)
        coefficients += [beside(h, s, s.rows(**whose)) for h, s in zip(people[place], own, strict=True) if not s.reason]
    counted = estimates(code(study, reference, panel), replicates, seed, panel.panel_id)
    told = [(_whose(panel, ALL, place), each) for place, own in fits.items() for each in own]
    return _tables(counted, rows, told, coefficients)


def _halved(study: Study, panel: Panel, seed: int) -> Evaluation:
    """Evaluate a human panel: half against half, of what other panels are judged by."""
    split = HOLDOUT if HOLDOUT in panel.respondents["split"] else ALL
    judged = panel.part(split if split != ALL else None)
    rows = structure_halves(study, judged, seed)
    rows += prediction_halves(study, judged, seed)
    rows += polychoric_halves(study, judged, seed)
    rows += partial_halves(study, judged, seed)
    told = []
    for place, own in fits_of_people(study, judged).items():
        rows += recovery_halves(own, seed, panel.panel_id, place)
        told += [(_whose(panel, split, place), each) for each in own]
    if split != ALL:  # some panels may be judged by all of it
        told += _fitted(study, panel)
    counted = split_halves(code(study, judged, judged), seed, panel.panel_id)
    return _tables(counted, rows, told, [each.rows(**whose) for whose, each in told if not each.reason])


def _fitted(study: Study, panel: Panel) -> list[tuple[Whose, Fit]]:
    """Fit all of a panel, whatever part it is judged by."""
    return [(_whose(panel, ALL, place), each) for place, own in fits_of(study, panel).items() for each in own]


def _whose(panel: Panel, split: str, place: Place) -> Whose:
    return {"panel_id": panel.panel_id, "split": split, "attribute": place[0], "level": place[1]}


def _tables(
    counted: pl.DataFrame, rows: Rows, fits: list[tuple[Whose, Fit]], coefficients: list[pl.DataFrame]
) -> Evaluation:
    schema = {name: pl.DataFrame(EVALUATION[name].empty_table()).schema for name in EVALUATION}
    estimates = pl.concat([counted, pl.DataFrame(rows, schema=schema["estimates"])])
    # A row with a number and no interval says why, whichever family it is of.
    bare = pl.col("estimate").is_not_null() & (pl.col("ci_low").is_null() | pl.col("ci_high").is_null())
    why = pl.col("metric").replace_strict(LACKING, default=UNDRAWN)
    return Evaluation(
        estimates=estimates.with_columns(
            pl.when(bare & pl.col("reason").is_null()).then(why).otherwise("reason").alias("reason")
        ),
        fits=pl.DataFrame([whose | each.row() for whose, each in fits], schema=schema["fits"]),
        coefficients=pl.concat([pl.DataFrame(schema=schema["coefficients"]), *coefficients], how="diagonal"),
    )
