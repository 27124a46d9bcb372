"""``simframe report``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import warehouse_option


@click.command("report")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True, help="File."
)
@click.option(
    "--format", "name", type=click.Choice(["html", "json", "md"]), help="Format; that of the suffix where left out."
)
@click.option("--study", help="Study id, where the warehouse holds several.")
@click.option("--reference", metavar="PANEL", help="Human panel that judges.  [default: of the newest judged panel]")
@click.option(
    "--split",
    help="Part of it that judges, such as holdout; all for all of it.  [default: the one judging most panels]",
)
@warehouse_option
def command(
    output: Path, name: str | None, study: str | None, reference: str | None, split: str | None, root: Path
) -> None:
    """Write what the panels are fit for: one HTML page that needs no network, or JSON, or Markdown.

    A report is about the panels that are judged by the same people, and says which others there are.
    """
    from simframe.report import write_report

    path = write_report(root, output, format=name, study=study, reference=reference, split=split)
    click.echo(f"{path} ({path.stat().st_size / 1000:,.0f} kB)")
