"""``simframe import``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import warehouse_option


@click.command("import")
@click.argument("study")
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option("--label", help="What to call the panel.")
@warehouse_option
def command(study: str, data: Path | None, label: str | None, root: Path) -> None:
    """Publish people's answers as a human panel.

    STUDY is a study file or a built-in study; DATA is a CSV, TSV, Parquet, SPSS, Stata or SAS file with one row a
    respondent. A built-in study brings its own data.
    """
    from simframe.ingest import import_panel
    from simframe.warehouse import Warehouse

    done = import_panel(Warehouse.create(root), study, data, label=label)
    parts = ", ".join(f"{n} {split}" for split, n in done.splits.items())
    click.echo(f"{done.panel_id}: {'published' if done.fresh else 'is already published, nothing to do'} ({parts})")
