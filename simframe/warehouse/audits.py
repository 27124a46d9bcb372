"""How an audit of an adapter enters the warehouse: appended, whole and once."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import polars as pl

from simframe import __version__
from simframe.warehouse.layout import Layout, staged, write_table
from simframe.warehouse.tables import DRIFT

KEYS = (
    *("adapter_fingerprint", "base_fingerprint", "template_hash", "study_id", "study_hash"),
    *("probes_id", "probes_hash"),
)


def audit_id(made_of: dict[str, Any]) -> str:
    """Return the id of an audit by all that decides its numbers: same inputs, same id."""
    digest = hashlib.sha256(json.dumps([made_of, __version__], sort_keys=True).encode()).hexdigest()[:8]
    return f"{made_of['study_id']}-{str(made_of['adapter_fingerprint'])[:8]}-{digest}".replace("_", "-")


def publish_audit(layout: Layout, made_of: dict[str, Any], rows: pl.DataFrame, *, panel_id: str | None = None) -> str:
    """Publish the drift of one adapter; return the audit's id.

    Args:
        layout: the warehouse.
        made_of: what decides the numbers: fingerprints, study, probes, settings.
        rows: scope, measure, item_id, base, tuned, change, ci_low, ci_high, n_items, n_respondents, reason.
        panel_id: the tuned panel that was asked for.

    Raises:
        WarehouseError: where it is published already, or the disk refuses.
    """
    name = audit_id(made_of)
    known = {key: made_of[key] for key in KEYS} | {key: made_of["settings"][key] for key in ("replicates", "seed")}
    known |= {"audit_id": name, "panel_id": panel_id, "simframe_version": __version__}
    frame = rows.with_columns(*(pl.lit(value).alias(key) for key, value in known.items()))
    frame = frame.with_columns(created_at=pl.lit(datetime.now(UTC)))
    with staged(layout, layout.drift(name)) as work:
        write_table(work / "drift.parquet", frame, DRIFT["drift"])
    return name
