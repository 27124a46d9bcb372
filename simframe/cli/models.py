"""``simframe models``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import polars as pl

from simframe.cli._common import cell, print_table, warehouse_option

form_option = click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)


@click.group("models")
def command() -> None:
    """List and show the bases and adapters of a warehouse."""


@command.command("ls")
@form_option
@warehouse_option
def ls(form: str, root: Path) -> None:
    """List bases and adapters: where they come from, how good they were on people held out, which panels use them."""
    from simframe.simulate.models.inventory import COLUMNS, inventory

    folder, panels = _read(root)
    rows = [{name: row[name] for name in COLUMNS} for row in inventory(folder, panels)]
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        click.echo("no model yet: simframe tune STUDY --pilot N, or simframe simulate")
    else:
        shown = [row | {"bytes": f"{row['bytes']:,}", "panels": len(row["panels"])} for row in rows]
        frame = pl.DataFrame(shown, infer_schema_length=None)
        print_table(frame if frame["problem"].is_not_null().any() else frame.drop("problem"))


@command.command("show")
@click.argument("model_id")
@form_option
@warehouse_option
def show(model_id: str, form: str, root: Path) -> None:
    """Show one base or adapter: all that it was made of."""
    from simframe.simulate.models.inventory import described

    folder, panels = _read(root)
    row = described(folder, model_id, panels)
    if form == "json":
        click.echo(json.dumps(row, indent=2, ensure_ascii=False))
        return
    noted = row.pop("provenance")
    flat = [(name, _text(value)) for name, value in row.items() if value is not None]
    for name, value in noted.items():
        if isinstance(value, dict):
            flat += [(f"{name}.{key}", _text(part)) for key, part in value.items()]
        elif name not in row and value is not None:
            flat.append((name, _text(value)))
    print_table(pl.DataFrame(flat, schema=["field", "value"], orient="row"), model_id)


def _read(root: Path) -> tuple[Path, list[dict[str, Any]]]:
    from simframe.warehouse import Warehouse

    warehouse = Warehouse.open(root)
    panels = warehouse.sql("SELECT panel_id, base_fingerprint, adapter_fingerprint FROM panels")
    return warehouse.layout.models, panels.to_dicts()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else cell(value)
