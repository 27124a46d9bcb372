"""``simframe ls``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import print_table, warehouse_option


@click.command("ls")
@warehouse_option
def command(root: Path) -> None:
    """List the panels of a warehouse."""
    from simframe.warehouse import Warehouse

    panels = Warehouse.open(root).sql(
        """
        SELECT panel_id, kind, label, study_hash AS version, pilot_n AS pilot, n_respondents AS respondents,
            reference_id AS "compared with",
            strftime(created_at, '%Y-%m-%d %H:%M') AS published
        FROM panels ORDER BY study_id, kind <> 'human', kind, strategy, pilot_n, panel_id
        """
    )
    if panels.is_empty():
        click.echo("no panel yet: simframe import STUDY DATA, or simframe simulate")
    else:
        print_table(panels)
