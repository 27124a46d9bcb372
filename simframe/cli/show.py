"""``simframe show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import polars as pl

from simframe.cli._common import cell, print_table, warehouse_option


@click.command("show")
@click.argument("panel")
@warehouse_option
def command(panel: str, root: Path) -> None:
    """Show one panel: where it comes from, and how it compares."""
    from simframe.warehouse import Warehouse

    warehouse = Warehouse.open(root)
    row = warehouse.panel(panel)
    flat = [(name, cell(value)) for name, value in row.items() if value is not None and name not in _JSON]
    for name in ("settings", "versions"):
        flat += [(f"{name}.{key}", _plain(value)) for key, value in json.loads(row[name] or "{}").items()]
    print_table(pl.DataFrame(flat, schema=["field", "value"], orient="row"), panel)
    scores = warehouse.sql(
        """
        SELECT axis, metric, estimate, ci_low, ci_high, floor, floor_q95, verdict, fit
        FROM scorecard WHERE panel_id = ? ORDER BY position
        """,
        [panel],
    )
    if not scores.is_empty():
        click.echo()
        against = "against itself, split in half" if row["kind"] == "human" else f"compared with {row['reference_id']}"
        print_table(scores, f"{against}, {row['reference_split']}" if row["reference_split"] else against)


def _plain(value: Any) -> str:
    """Return a setting as text: whole settings as the JSON that they are stored as."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else cell(value)


_JSON = ("settings", "versions", "files")
