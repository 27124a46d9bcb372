"""``simframe evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import jobs_option, progress_bars, warehouse_option
from simframe.wording import counted

OTHERS = """
SELECT e.panel_id, o.replicates, o.seed
FROM evaluations AS e
JOIN evaluations AS o ON o.panel_id = e.panel_id AND o.speaks
WHERE list_contains(?, e.evaluation_id) AND NOT e.speaks
ORDER BY ALL
"""
"""Panels whose evaluation asked for is not the one that speaks, with the one that does."""


@click.command("evaluate")
@click.argument("panels", nargs=-1, metavar="[PANEL]...")
@click.option("--replicates", type=click.IntRange(100), default=2000, show_default=True, help="Bootstrap replicates.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Seed of every draw.")
@jobs_option
@warehouse_option
def command(panels: tuple[str, ...], replicates: int, seed: int, jobs: int | None, root: Path) -> None:
    """Compute intervals, floors, p-values and regressions of panels; of all panels where none is named.

    What was evaluated before under the same settings stays as it is. Of several evaluations of a panel the one with the
    most replicates speaks, in every view and in the report; of equals, the latest.
    """
    from simframe.inference import evaluate_panels
    from simframe.inference.side_by_side import cores
    from simframe.warehouse import Warehouse

    warehouse = Warehouse.open(root)
    with progress_bars() as bars:
        done = evaluate_panels(
            warehouse,
            list(panels) or None,
            bars("Evaluating"),
            replicates=replicates,
            seed=seed,
            jobs=jobs or cores(),
        )
    fresh = sum(each.fresh for each in done)
    click.echo(f"{fresh} of {counted(len(done), 'panel')} evaluated, {len(done) - fresh} were already")
    asked = [each.evaluation_id for each in done]
    for panel_id, speaking, other_seed in warehouse.sql(OTHERS, [asked]).iter_rows():
        click.echo(
            f"note: {panel_id} keeps speaking by its evaluation with {speaking} replicates and seed {other_seed}",
            err=True,
        )
