"""``simframe rebuild``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import warehouse_option


@click.command("rebuild")
@warehouse_option
def command(root: Path) -> None:
    """Make the catalog again: after a move, a copy, or a change of simframe."""
    from simframe.warehouse import Warehouse

    warehouse = Warehouse(root)
    warehouse.rebuild(anew=True)
    click.echo(f"catalog {warehouse.layout.catalog}")
