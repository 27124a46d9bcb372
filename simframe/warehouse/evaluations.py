"""How an evaluation enters the warehouse: like a panel, whole and once."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa

from simframe import __version__
from simframe.warehouse.layout import Layout, file_record, staged, write_table
from simframe.warehouse.tables import EVALUATION


def evaluation_id(panel: dict[str, Any], settings: dict[str, Any]) -> str:
    """Return the id of evaluating ``panel`` (a row of ``panels``) under ``settings``: same inputs, same id."""
    content = [panel["panel_id"], panel["reference_id"], panel["reference_split"], settings, __version__]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
    return f"{panel['panel_id']}-{digest}"


def publish_evaluation(
    layout: Layout,
    panel: dict[str, Any],
    settings: dict[str, Any],
    frames: dict[str, pl.DataFrame],
    *,
    seconds: float,
) -> str:
    """Publish the intervals, floors, p-values and regressions of one panel; return the evaluation's id.

    Args:
        layout: the warehouse.
        panel: its row of ``panels``.
        settings: what shaped the numbers: replicates, seed, methods.
        frames: ``estimates``, ``fits``, ``coefficients``, as ``tables.EVALUATION`` lists their columns.
        seconds: what it took.

    Raises:
        WarehouseError: where it is published already, or the disk refuses.
    """
    name = evaluation_id(panel, settings)
    with staged(layout, layout.evaluation(name)) as work:
        for table, frame in frames.items():
            write_table(work / f"{table}.parquet", frame, EVALUATION[table])
        row = {key: panel[key] for key in ("panel_id", "reference_id", "reference_split", "study_id", "study_hash")}
        row |= {
            "evaluation_id": name,
            "replicates": settings.get("replicates"),
            "seed": settings.get("seed"),
            "seconds": seconds,
            "created_at": datetime.now(UTC),
            "simframe_version": __version__,
            "settings": json.dumps(settings, sort_keys=True),
            "files": json.dumps(file_record(work)),
        }
        schema = EVALUATION["evaluation"]
        write_table(work / "evaluation.parquet", pa.Table.from_pylist([row], schema=schema), schema)
    return name
