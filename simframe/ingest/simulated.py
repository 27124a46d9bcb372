"""From a study and a data file to a panel that was simulated elsewhere, compared with people of the warehouse."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from simframe.errors import DataError, did_you_mean
from simframe.ingest.notes import unanswered, unread
from simframe.ingest.panel import Imported, again, content_hash
from simframe.ingest.read import read_data
from simframe.ingest.recode import recode
from simframe.ingest.twins import TWIN, check_attributes, with_twins
from simframe.study import Study, load_study, study_text
from simframe.warehouse import Provenance, Warehouse, derive
from simframe.wording import counted

KINDS = ("simulated", "baseline")
STRATEGY = "imported"
_OWN = ("respondent_id", "weight", "stratum", "cluster")


def import_simulated(
    warehouse: Warehouse,
    study_source: str | Path,
    data: str | Path,
    *,
    reference: str,
    split: str | None = None,
    kind: str = "simulated",
    label: str | None = None,
    model: str | None = None,
    pilot: int | None = None,
) -> Imported:
    """Publish answers that were simulated elsewhere, to be compared with a human panel.

    Answers are recoded and checked as people's are. A column ``twin_of`` names the human each respondent stands for;
    blank for none. Of the respondents' own columns that the study names (id, weight, stratum, cluster), those that the
    file lacks are left out: rows are numbered, a twin has its human's weight and design, everybody else weighs 1.

    Args:
        warehouse: holds the reference, and takes the panel.
        study_source: the study file, or built-in study, that the reference answered.
        data: a data file, one row a simulated respondent.
        reference: id of the human panel to compare with.
        split: the part of it that judges, such as ``holdout``; all of it where left out. A panel that was tuned on
            pilot respondents is judged by others only.
        kind: ``simulated`` or ``baseline``.
        label: what people shall call the panel; the model or the file's name where left out.
        model: what answered.
        pilot: how many pilot respondents it was tuned or fitted on; baselines of the same pilot stand beside it.

    Raises:
        StudyError, DataError, WarehouseError: with file, field, value and mend; nothing is published then.
    """
    where = str(data)
    if kind not in KINDS:
        raise DataError(f"kind {kind!r} is none of a simulated panel", where=where, mend=f"use {' or '.join(KINDS)}")
    study = load_study(study_source)
    _check_reference(warehouse, study, reference, str(study_source))
    everybody = warehouse.table(reference, "respondents")
    people = _people(everybody, reference, split)
    if pilot is not None:
        _check_pilot(everybody, reference, pilot)
    frame = read_data(data)
    given = {name: getattr(study.data, name) for name in _OWN}
    kept = {name: column if column in frame.columns else None for name, column in given.items()}
    respondents, answers = recode(study.model_copy(update={"data": study.data.model_copy(update=kept)}), frame, where)
    inherited = [name for name in _OWN[1:] if kept[name] is None]
    respondents = with_twins(respondents, frame, people, inherited, where)
    check_attributes(study, respondents, answers, warehouse.table(reference, "responses"), where)
    responses = derive(study, answers)
    condition = [study.study_hash, kind, reference, split, model, pilot]
    panel_id = f"{study.id.replace('_', '-')}-{kind}-{content_hash(repr(condition), respondents, answers)}"
    notes = (
        *_notes(people, reference, split, pilot),
        *_few(respondents.height, study.thresholds.small_group),
        *unanswered(responses),
        *unread(study, frame.columns, [TWIN, *filter(None, given.values())]),
    )
    done = Imported(panel_id, not warehouse.has_panel(panel_id), {kind: respondents.height}, notes)
    if not done.fresh:
        again(warehouse, study)
        return done
    provenance = Provenance(
        panel_id=panel_id,
        kind=kind,
        label=label or model or Path(data).stem,
        source=Path(data).name,
        strategy=STRATEGY,
        reference_id=reference,
        reference_split=split,
        pilot_n=pilot,
        model=model,
        settings={"columns": kept, "twins": respondents.height - respondents[TWIN].null_count()},
    )
    warehouse.publish(study, study_text(study_source), provenance, respondents, responses, thresholds=True)
    return done


def _check_reference(warehouse: Warehouse, study: Study, reference: str, where: str) -> None:
    row = warehouse.panel(reference)
    if row["kind"] != "human":
        known = warehouse.sql("SELECT panel_id FROM panels WHERE kind = 'human'")["panel_id"]
        message = f"reference {reference!r} is a {row['kind']} panel"
        raise DataError(message, where=where, mend=f"compare with people; {did_you_mean(reference, known)}")
    if (row["study_id"], row["study_hash"]) != (study.id, study.study_hash):
        message = (
            f"study {study.id!r} version {study.study_hash}, and reference {reference!r} answered {row['study_id']!r} "
            f"version {row['study_hash']}"
        )
        raise DataError(message, where=where, mend="give the study file that the reference was imported with")


def _people(people: pl.DataFrame, reference: str, split: str | None) -> pl.DataFrame:
    """Return the respondents of the reference that judge."""
    if split is None:
        return people
    part = people.filter(pl.col("split") == split)
    if part.is_empty():
        message = f"reference {reference!r} has nobody in {split!r}"
        raise DataError(message, where=f"panel {reference}", mend=did_you_mean(split, people["split"].unique()))
    return part


def _check_pilot(people: pl.DataFrame, reference: str, pilot: int) -> None:
    """Refuse a pilot of more people than the reference has in its own."""
    there = people.filter(split="pilot").height
    if pilot > there:
        message = f"pilot {pilot}, and the pilot of {reference!r} has {counted(there, 'person', 'people')}"
        mend = "give how many of them the panel was tuned on, or leave the pilot out where it was tuned on others"
        raise DataError(message, where=f"panel {reference}", mend=mend)


def _few(respondents: int, small: int) -> tuple[str, ...]:
    """Say what so few respondents cannot do."""
    if respondents >= small:
        return ()
    return (f"{counted(respondents, 'respondent')}: no verdict with fewer than {small} (small_group)",)


def _notes(people: pl.DataFrame, reference: str, split: str | None, pilot: int | None) -> tuple[str, ...]:
    """Say where those who judge are those it was tuned on, or may be."""
    sizes = dict(people.group_by("split").len().iter_rows())
    tunable = sizes.get("pilot", 0)
    if not tunable:
        return ()
    who = f"all {people.height} of {reference}" if split is None else f"the {split} of {reference}"
    beside = "import it with --split holdout, as panels that simframe simulates are judged"
    if pilot is not None:
        return (f"judged by {who}, {pilot} of them the pilot that it was tuned on: its figures flatter it; {beside}",)
    if split == "pilot":
        return (f"judged by {who}: if it was tuned on any of those, its figures flatter it; {beside}",)
    if split is None and sizes.get("holdout"):
        return (f"judged by {who}, the pilot of {tunable} among them: if it was tuned on any of those, {beside}",)
    return ()
