"""How thresholds enter the warehouse: appended, never changed, so that late ones can be told from early ones.

A study version is immutable, and its thresholds are no part of it. Each declaration is a small directory of its own,
numbered within its version; the one with the highest number counts. Its id ends in a hash of what it says.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa

from simframe.errors import WarehouseError
from simframe.study import Study, Thresholds
from simframe.warehouse.layout import ANCHOR, Layout, locked, staged, write_table
from simframe.warehouse.tables import DECLARATION

TABLE = "thresholds"
_SCHEMA = DECLARATION[TABLE]


@dataclass(frozen=True)
class Change:
    """One threshold that a declaration changed: its value, and whether the study file sets it, before and after."""

    name: str
    before: float | None
    after: float | None
    declared_before: bool
    declared: bool


def declare(layout: Layout, study: Study, *, first: bool = False) -> list[Change]:
    """Make the thresholds of ``study`` count for its version; return what that changes.

    Nothing is written where nothing changes.

    Args:
        layout: the warehouse; its catalog knows the declaration from the next rebuild on.
        study: the study, with its thresholds.
        first: leave a version alone whose thresholds were declared before.

    Raises:
        WarehouseError: where an earlier declaration cannot be read, or the disk refuses.
    """
    with locked(layout, TABLE):
        earlier = declarations(layout, study.id, study.study_hash)
        if first and earlier:
            return []
        standing = _standing(read(layout, earlier[-1])) if earlier else _standing(_rows(Thresholds()))
        rows = _rows(study.thresholds)
        changes = [
            Change(name, standing[name][0], value, standing[name][1], declared)
            for name, (value, declared) in _standing(rows).items()
            if standing.get(name) != (value, declared)
        ]
        if changes:
            _write(layout, study, len(earlier) + 1, rows)
        return changes


def declarations(layout: Layout, study_id: str, study_hash: str) -> list[str]:
    """Return the ids of all declarations for a study version, the first first."""
    head = layout.declaration(f"{study_id}-{study_hash}-").name
    found = [folder.name for folder in layout.data.glob(f"{head}*") if folder.is_dir()]
    return sorted((name.partition("=")[2] for name in found if not name.endswith(ANCHOR)), key=place_of)


def place_of(declaration_id: str) -> int:
    """Return the number of a declaration within its study version."""
    return int(declaration_id.split("-")[2])


def read(layout: Layout, declaration_id: str) -> list[dict[str, Any]]:
    """Return the rows of one declaration.

    Raises:
        WarehouseError: where its file is gone, cannot be read, or does not say what its id says.
    """
    folder = layout.declaration(declaration_id)
    mend = f"restore the file, or delete {folder} and declare the thresholds again: simframe study thresholds FILE"
    try:
        rows = pl.read_parquet(folder / f"{TABLE}.parquet", hive_partitioning=False).to_dicts()
    except (OSError, pl.exceptions.PolarsError) as err:
        message = f"declared thresholds cannot be read ({type(err).__name__})"
        raise WarehouseError(message, where=declaration_id, mend=mend) from err
    if not rows or _id(rows) != declaration_id:
        raise WarehouseError("thresholds are not those that were declared", where=declaration_id, mend=mend)
    return rows


def _rows(thresholds: Thresholds) -> list[dict[str, Any]]:
    names = ("name", "value", "default_value", "declared")
    return [dict(zip(names, row, strict=True)) for row in thresholds.rows()]


def _standing(rows: list[dict[str, Any]]) -> dict[str, tuple[float | None, bool]]:
    return {row["name"]: (row["value"], row["declared"]) for row in rows}


def _write(layout: Layout, study: Study, place: int, rows: list[dict[str, Any]]) -> None:
    key = {"study_id": study.id, "study_hash": study.study_hash, "place": place, "declared_at": datetime.now(UTC)}
    whole = [key | row for row in rows]
    with staged(layout, layout.declaration(_id(whole))) as work:
        write_table(work / f"{TABLE}.parquet", pa.Table.from_pylist(whole, schema=_SCHEMA), _SCHEMA)


def _id(rows: list[dict[str, Any]]) -> str:
    """Return the id of a declaration: study, version, number, and eight digits that stand for what it says."""
    content = [[row[name] for name in _SCHEMA.names if name != "declared_at"] for row in rows]
    content.append([rows[0]["declared_at"].astimezone(UTC).isoformat()])
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]
    return f"{rows[0]['study_id']}-{rows[0]['study_hash']}-{rows[0]['place']}-{digest}"
