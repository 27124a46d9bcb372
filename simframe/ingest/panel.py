"""From a study and a data file to a published human panel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simframe.ingest.notes import between_steps, unanswered, unread
from simframe.ingest.read import builtin_data, read_data
from simframe.ingest.recode import recode
from simframe.ingest.split import assign_split
from simframe.study import Study, load_study, study_text
from simframe.warehouse import Provenance, Warehouse, derive, wide

LEAST = 2
"""People that any tuning or baseline needs."""


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    panel_id: str
    fresh: bool
    """False where the same was imported before: nothing was written."""
    splits: dict[str, int]
    """How many respondents each part has: the splits of people, or all by the kind of a simulated panel."""
    notes: tuple[str, ...] = ()
    """What to bear in mind about a panel that was taken all the same."""


def import_panel(
    warehouse: Warehouse, study_source: str | Path, data: str | Path | None = None, *, label: str | None = None
) -> Imported:
    """Publish people's answers as a human panel.

    The id ends in a hash of the study and of the answers, so the same import is made once.

    Args:
        warehouse: where to.
        study_source: a built-in study's name, or a study file.
        data: a data file; the data of the built-in study where left out.
        label: what people shall call the panel; the study's title where left out.

    Raises:
        StudyError, DataError, WarehouseError: with file, field, value and mend; nothing is published then.
    """
    study = load_study(study_source)
    frame = builtin_data(study) if data is None else read_data(data)
    where = study.data.source or study.id if data is None else str(data)
    respondents, answers = recode(study, frame, where)
    responses = derive(study, answers)
    respondents = assign_split(study, respondents, wide(study, responses), where)
    splits = dict(respondents.group_by("split").len().sort("split").iter_rows())
    notes = (*_notes(splits, study.thresholds.small_group), *unanswered(responses), *between_steps(study, responses))
    if data is not None:
        notes += unread(study, frame.columns)
    panel_id = f"{study.id.replace('_', '-')}-human-{content_hash(study.study_hash, respondents, answers)}"
    if warehouse.has_panel(panel_id):
        again(warehouse, study)
        return Imported(panel_id, False, splits, notes)
    provenance = Provenance(
        panel_id=panel_id,
        kind="human",
        label=label or "people",
        source=Path(where).name,
        strategy="survey",
        seed=study.split.seed,
        settings={"split": study.split.model_dump(mode="json")},
    )
    warehouse.publish(study, study_text(study_source), provenance, respondents, responses, thresholds=True)
    return Imported(panel_id, True, splits, notes)


def _notes(splits: dict[str, int], small: int) -> tuple[str, ...]:
    """Say what so few people cannot do."""
    pilot, holdout = splits.get("pilot", 0), splits.get("holdout", 0)
    notes = []
    if pilot < LEAST:
        notes.append(
            f"{pilot or 'nobody'} in the pilot: nothing can be tuned on it; set split.pilot, or import more people"
        )
    if holdout < small:
        notes.append(
            f"{holdout or 'nobody'} in the holdout, which judges: no verdict with fewer than {small} (small_group)"
        )
    return tuple(notes)


def again(warehouse: Warehouse, study: Study) -> None:
    """Keep a warehouse current whose panel is there already: thresholds, which no id knows, may have changed."""
    warehouse.refresh()
    if study.thresholds.declared:
        warehouse.declare(study)


def content_hash(head: str, respondents: pl.DataFrame, answers: pl.DataFrame) -> str:
    """Return eight hex digits that stand for ``head`` and for the rows of both tables, whatever their order."""
    digest = hashlib.sha256(head.encode())
    for frame in (respondents.sort("respondent_id"), answers.sort("respondent_id", "item_id")):
        digest.update(frame.write_csv().encode())
    return digest.hexdigest()[:8]
