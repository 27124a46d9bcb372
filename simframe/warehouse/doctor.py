"""Is the warehouse what it says it is? Hashes, row counts, leftovers, and counts against answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.testing import assert_frame_equal

from simframe.errors import SimframeError
from simframe.warehouse import aggregate, catalog, declarations
from simframe.warehouse.layout import sha256
from simframe.warehouse.store import Finding, Warehouse
from simframe.warehouse.studies import stored_study, study_tables
from simframe.warehouse.tables import ALL, DRIFT, EVALUATION, PANEL

ORPHAN_AGE = 3600.0
"""Seconds after which a directory in staging belongs to nobody still at work."""
_EVERYBODY = {"attribute": ALL, "level": ALL}


def examine(warehouse: Warehouse, *, orphan_age: float = ORPHAN_AGE) -> list[Finding]:
    """Return everything that is wrong with a warehouse; an empty list where nothing is."""
    findings = list(_orphans(warehouse, orphan_age))
    for (panel_id,) in catalog.published(warehouse.layout)["panel"]:
        findings += _panel(warehouse, panel_id)
    for (evaluation_id,) in catalog.published(warehouse.layout)["evaluation"]:
        folder = warehouse.layout.evaluation(evaluation_id)
        findings += _files(folder, f"evaluation {evaluation_id}", EVALUATION, "evaluation")
    for study_id, study_hash in catalog.published(warehouse.layout)["study"]:
        findings += _study(warehouse, study_id, study_hash)
    for (declaration_id,) in catalog.published(warehouse.layout)["thresholds"]:
        findings += _declaration(warehouse, declaration_id)
    for folder in sorted(warehouse.layout.data.glob("drift=*")):
        findings += _audit(folder)
    findings += _catalog(warehouse)
    return findings


def _orphans(warehouse: Warehouse, age: float) -> Iterator[Finding]:
    now = time.time()
    for entry in sorted(warehouse.layout.staging.glob("*")):
        if entry.is_dir() and entry.name != "chunks" and now - entry.stat().st_mtime > age:
            yield Finding(f"_staging/{entry.name}", "left behind by an interrupted run", f"delete {entry}")


def _files(folder: Path, where: str, schemas: dict[str, pa.Schema], head: str) -> Iterator[Finding]:
    again = f"delete {folder} and make it again"
    try:
        recorded = json.loads(pl.read_parquet(folder / f"{head}.parquet", hive_partitioning=False)["files"][0])
    except (OSError, pl.exceptions.PolarsError, ValueError, TypeError, IndexError) as err:
        yield Finding(where, f"{head}.parquet cannot be read ({type(err).__name__})", again)
        return
    for name, schema in schemas.items():
        path = folder / f"{name}.parquet"
        if not path.is_file():
            if path.name in recorded or name == head:
                yield Finding(where, f"{path.name} is missing", again)
        elif name != head:
            record = recorded.get(path.name, {})
            if record.get("sha256") != sha256(path):
                yield Finding(where, f"{path.name} is not the file that was published (SHA-256 differs)", again)
            elif not _fits(pq.read_schema(path), schema) or record["rows"] != pq.read_metadata(path).num_rows:
                yield Finding(where, f"{path.name} has other columns or rows than recorded", again)


def _audit(folder: Path) -> Iterator[Finding]:
    path = folder / "drift.parquet"
    try:
        sound = _fits(pq.read_schema(path), DRIFT["drift"])
    except (OSError, pa.ArrowException):
        sound = False
    if not sound:
        yield Finding(folder.name, f"{path.name} is missing or unreadable", f"delete {folder} and audit again")


def _fits(stored: pa.Schema, schema: pa.Schema) -> bool:
    """Whether a file has the columns of today, or of before some were added: views read those as null."""
    return stored.names == [name for name in schema.names if name in stored.names] and all(
        field.type == schema.field(field.name).type for field in stored
    )


def _panel(warehouse: Warehouse, panel_id: str) -> list[Finding]:
    where = f"panel {panel_id}"
    folder = warehouse.layout.panel(panel_id)
    found = list(_files(folder, where, PANEL, "panel"))
    if found:
        return found
    again = f"delete {folder} and make it again"
    head = pl.read_parquet(folder / "panel.parquet", hive_partitioning=False).row(0, named=True)
    try:
        study = stored_study(warehouse.layout, head["study_id"], head["study_hash"])
    except SimframeError as err:
        return [Finding(where, f"its study {head['study_id']}/{head['study_hash']} cannot be read", err.mend or again)]
    reference = head["reference_id"]
    if reference is not None and not warehouse.has_panel(reference):
        found.append(Finding(where, f"the people it is compared with, {reference}, are gone", "import them again"))
    respondents, responses = warehouse.table(panel_id, "respondents"), warehouse.table(panel_id, "responses")
    fresh = aggregate.statistics(study, responses, respondents)
    if head["n_respondents"] != respondents.height or head["n_responses"] != responses.height:
        found.append(Finding(where, "counts other respondents or answers than it recorded", again))
    for name, counted in fresh.items():
        if not (folder / f"{name}.parquet").is_file():
            continue  # published before this was kept
        stored, expected = _of_one_time(warehouse.table(panel_id, name), counted)
        try:
            assert_frame_equal(
                stored,
                stored.clear() if expected is None else expected,
                check_row_order=False,
                check_column_order=False,
                check_dtypes=False,
            )
        except AssertionError:
            found.append(Finding(where, f"{name} are not the counts of its responses", again))
    return found


def _of_one_time(stored: pl.DataFrame, fresh: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return both counts as far as the panel has them: before some columns were added, it counted everybody alone."""
    if fresh is None:
        return stored, None
    if "stratum" in fresh.columns and "stratum" not in stored.columns:
        # Strata stood among the subgroups.
        stored = stored.filter(pl.col("attribute").is_in(fresh["attribute"].unique().implode()))
    for name in set(fresh.columns) - set(stored.columns):
        fresh = fresh.filter(pl.col(name).eq_missing(pl.lit(_EVERYBODY.get(name)))).drop(name)
    return stored, fresh


def _study(warehouse: Warehouse, study_id: str, study_hash: str) -> list[Finding]:
    where = f"study {study_id}/{study_hash}"
    folder = warehouse.layout.study(study_id, study_hash)
    again = f"delete {folder} and import the study again"
    try:
        study = stored_study(warehouse.layout, study_id, study_hash)
    except SimframeError as err:
        return [Finding(where, err.message, err.mend or again)]
    found = []
    for name, table in study_tables(study).items():
        try:
            same = pq.read_table(folder / f"{name}.parquet").equals(table)
        except (OSError, pa.ArrowException):
            same = False
        if not same:
            found.append(Finding(where, f"{name}.parquet does not say what study.toml says", again))
    return found


def _declaration(warehouse: Warehouse, declaration_id: str) -> list[Finding]:
    where = f"thresholds {declaration_id}"
    try:
        head = declarations.read(warehouse.layout, declaration_id)[0]
    except SimframeError as err:
        return [Finding(where, err.message, err.mend or "")]
    if not warehouse.layout.study(head["study_id"], head["study_hash"]).is_dir():
        return [Finding(where, "the study version that they are of is gone", "import the study again")]
    return []


def _catalog(warehouse: Warehouse) -> list[Finding]:
    mend = f"simframe rebuild -w {warehouse.layout.root}"
    try:
        Warehouse.at_home(warehouse.layout.root)
    except SimframeError as err:
        return [Finding("catalog", err.message, err.mend or mend)]
    if not catalog.is_current(warehouse.layout.root):
        return [Finding("catalog", "does not list what is published", mend)]
    return []
