"""What ``simulate`` and ``plan`` share: the plan, the people it is carried out on, and their options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from simframe.simulate.humans import Humans
    from simframe.simulate.plans import Plan
    from simframe.warehouse import Warehouse


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add PLAN, --study, --panel and --model to a command."""
    options = (
        click.argument("plan", required=False, type=click.Path(path_type=Path)),
        click.option("--study", "study_id", help="Study to simulate; its people must have been imported."),
        click.option(
            "--panel", "panel_id", help="Human panel to tune on and to be judged by.  [default: the study's newest]"
        ),
        click.option(
            "--model",
            type=click.Path(path_type=Path),
            help="Folder of a local Hugging Face model, in place of the plan's.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read(
    warehouse: Warehouse,
    plan: Path | None,
    study_id: str | None,
    panel_id: str | None,
    model: Path | None,
    *,
    elsewhere: Callable[[], Warehouse] | None = None,
) -> tuple[Plan, Humans, Warehouse]:
    """Return a plan, the people it is carried out on, and the warehouse that holds them.

    People of a built-in study are imported where they lack: into the warehouse, or into what ``elsewhere`` makes.

    Raises:
        PlanError: where the plan is wrong, or there is nobody.
    """
    from simframe.ingest import import_panel
    from simframe.simulate.humans import find_humans
    from simframe.simulate.plans import fit_to, load_plan, with_model
    from simframe.study.loader import builtin_names

    loaded = with_model(load_plan(plan), model)
    if panel_id is None and study_id is None:
        studies = warehouse.sql("SELECT DISTINCT study_id FROM panels WHERE kind = 'human'")["study_id"].to_list()
        study_id = studies[0] if plan is None and len(studies) == 1 else loaded.study
        if study_id is not None and study_id == loaded.study and study_id in builtin_names():
            if elsewhere is None:
                import_panel(warehouse, study_id)
            elif study_id not in studies:
                warehouse = elsewhere()
                import_panel(warehouse, study_id)
    elif study_id is None and plan is not None:
        study_id = loaded.study  # a panel of another study is not what the plan is about
    humans = find_humans(warehouse, study_id, panel_id)
    return (fit_to(loaded, humans.pilot_size) if plan is None else loaded), humans, warehouse
