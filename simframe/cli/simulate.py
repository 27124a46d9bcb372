"""``simframe simulate``."""

from __future__ import annotations

import time
from pathlib import Path

import click
import polars as pl

from simframe.cli._common import print_table, progress_bars, warehouse_option
from simframe.cli._plans import plan_options, read
from simframe.wording import counted


@click.command("simulate")
@plan_options
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes that answer beside each other, one a GPU: the same panels, sooner. Needs the extra ray.",
)
@click.option("--evaluate/--no-evaluate", default=True, show_default=True, help="Judge the new panels at once.")
@warehouse_option
def command(
    plan: Path | None,
    study_id: str | None,
    panel_id: str | None,
    model: Path | None,
    workers: int | None,
    evaluate: bool,
    root: Path,
) -> None:
    """Carry out a plan: tune on pilots, simulate panels, judge them.

    Without PLAN, the default plan: the model untuned, tuned on pilots of 30, 100 and 300 people, and two baselines on
    the same pilots. Without --study or --panel, on the one study of the warehouse, or on the built-in anes96.
    Panels that are published already stay as they are; an interrupted run resumes where it stopped.
    """
    from simframe.simulate.runner import Run
    from simframe.warehouse import Warehouse

    started = time.monotonic()
    warehouse = Warehouse.create(root)
    loaded, humans, _ = read(warehouse, plan, study_id, panel_id, model)
    with progress_bars() as bars:
        made = Run(warehouse, loaded, humans, bars, workers).carry_out()
        fresh = [panel for panel in made if panel.fresh]
        if evaluate:
            from simframe.inference import evaluate_panels
            from simframe.inference.side_by_side import cores

            ids = [humans.panel_id, *(m.panel_id for m in made)]
            evaluate_panels(warehouse, ids, bars("Evaluating"), jobs=cores())
    print_table(
        pl.DataFrame(
            [
                {"panel": m.panel_id, "what": m.label, "status": "made" if m.fresh else "already there", "s": m.seconds}
                for m in made
            ]
        )
    )
    for panel in fresh:
        if panel.note:
            click.echo(f"note: {panel.note}", err=True)
    seconds = time.monotonic() - started
    if fresh:
        click.echo(
            f"{len(fresh)} of {counted(len(made), 'panel')} made in {seconds:.0f} s. Next: simframe report -w {root}"
        )
    else:
        click.echo(f"{counted(len(made), 'panel')} already there: nothing to do. Next: simframe report -w {root}")
