"""``simframe doctor``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import warehouse_option


@click.command("doctor")
@warehouse_option
@click.pass_context
def command(ctx: click.Context, root: Path) -> None:
    """Check a warehouse: hashes, row counts, leftovers, counts against answers. Exits with 1 on any finding."""
    from simframe.warehouse import Warehouse, examine

    warehouse = Warehouse(root)
    findings = examine(warehouse)
    for finding in findings:
        click.echo(f"{finding.where}: {finding.problem}\n  mend: {finding.mend}")
    if findings:
        ctx.exit(1)
    click.echo(f"{warehouse.layout.root}: all is well")
