"""``simframe init``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import warehouse_option


@click.command("init")
@warehouse_option
def command(root: Path) -> None:
    """Make an empty warehouse; one that is there stays as it is."""
    from simframe.warehouse import Warehouse

    warehouse = Warehouse.create(root)
    click.echo(f"warehouse {warehouse.layout.root}")
