"""``simframe simulate``."""

from __future__ import annotations

import time
from pathlib import Path

import click
import polars as pl

from simframe.cli._common import print_table, progress_bars, warehouse_option


@click.command("simulate")
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option("--study", "study_id", help="Study to simulate; its people must have been imported.")
@click.option("--panel", "panel_id", help="Human panel to tune on and to be judged by; the study's newest.")
@click.option("--model", type=click.Path(path_type=Path), help="Folder of a local Hugging Face model, for the plan's.")
@click.option("--evaluate/--no-evaluate", default=True, show_default=True, help="Judge the new panels at once.")
@warehouse_option
def command(
    plan: Path | None, study_id: str | None, panel_id: str | None, model: Path | None, evaluate: bool, root: Path
) -> None:
    """Carry out a plan: tune on pilots, simulate panels, judge them.

    Without PLAN, the default plan: the model untuned, tuned on pilots of 30, 100 and 300 people, and two baselines on
    the same pilots. Without --study or --panel, on the one study of the warehouse, or on the built-in anes96.
    Panels that are published already stay as they are; an interrupted run resumes where it stopped.
    """
    from simframe.ingest import import_panel
    from simframe.simulate.plans import fit_to, load_plan, with_model
    from simframe.simulate.runner import Run, find_humans
    from simframe.warehouse import Warehouse

    started = time.monotonic()
    loaded = with_model(load_plan(plan), model)
    warehouse = Warehouse.create(root)
    if panel_id is None and study_id is None:
        studies = warehouse.sql("SELECT DISTINCT study_id FROM panels WHERE kind = 'human'")["study_id"].to_list()
        study_id = studies[0] if plan is None and len(studies) == 1 else loaded.study
        if study_id is not None and study_id == loaded.study:
            import_panel(warehouse, study_id)
    humans = find_humans(warehouse, study_id, panel_id)
    with progress_bars() as bars:
        fitting = fit_to(loaded, humans.pilot_size) if plan is None else loaded
        made = Run(warehouse, fitting, humans, bars).carry_out()
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
    seconds = time.monotonic() - started
    if fresh:
        click.echo(f"{len(fresh)} of {len(made)} panels made in {seconds:.0f} s. Next: simframe report -w {root}")
    else:
        click.echo(f"all {len(made)} panels are already there: nothing to do. Next: simframe report -w {root}")
