"""``simframe plan``."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import polars as pl

from simframe.cli._common import print_table, warehouse_option
from simframe.cli._plans import plan_options, read
from simframe.wording import counted

if TYPE_CHECKING:
    from simframe.simulate.plans.cost import Cost
    from simframe.warehouse import Warehouse


@click.group("plan")
def command() -> None:
    """Look at a plan before it is carried out."""


@command.command("show")
@plan_options
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--calibrate/--no-calibrate",
    default=True,
    show_default=True,
    help="Time a few people where no panel that is there tells how long one takes.",
)
@warehouse_option
def show(
    plan: Path | None,
    study_id: str | None,
    panel_id: str | None,
    model: Path | None,
    form: str,
    calibrate: bool,
    root: Path,
) -> None:
    """List a plan's panels with the tokens, time and memory they take, before anything runs.

    What is there already costs nothing. Times are those of panels like it that are there, or of a short calibration;
    the column "from" says which. Tuning ends early once it no longer gains; a calibration counts all of its steps. An
    endpoint is not asked: its tokens, and what they cost, are told from the text.
    Nothing is written to the warehouse.
    """
    from simframe.errors import PlanError
    from simframe.simulate.forecast import forecast
    from simframe.simulate.plans.cost import totals
    from simframe.simulate.runner import Run
    from simframe.warehouse import Warehouse
    from simframe.warehouse.layout import CATALOG

    with ExitStack() as stack:
        elsewhere = partial(_passing, stack)
        there = Warehouse.open(root) if (root / CATALOG).is_file() else elsewhere()
        try:
            loaded, humans, warehouse = read(there, plan, study_id, panel_id, model, elsewhere=elsewhere)
        except PlanError as err:
            if err.where != str(there.layout.root):
                raise
            raise PlanError(err.message, where=str(root), mend=err.mend) from err  # it may stand in for none
        run = Run(warehouse, loaded, humans, lambda _: lambda done, total: None)
        costs = forecast(run, calibrate=calibrate)
    total = totals(costs)
    if form == "json":
        conditions = {spec.panel_id: {"strategy": spec.strategy, **spec.condition.given()} for spec in run.specs}
        panels = [asdict(cost) | {"condition": conditions[cost.panel_id]} for cost in costs]
        click.echo(json.dumps({"plan": loaded.id, "reference": humans.panel_id, "panels": panels, "total": total}))
        return
    table = pl.DataFrame([_row(cost) for cost in costs], infer_schema_length=None)
    print_table(table.select(column.name for column in table if column.null_count() < table.height))
    parts = [f"{counted(total['panels'], 'panel')}, {total['to_make']} to make"]
    parts += [f"{total['tokens']:,} tokens"] if total["tokens"] else []
    parts += [f"about {duration(total['seconds'])}"] if total["seconds"] else []
    parts += [f"{size(total['memory'])} of memory"] if total["memory"] else []
    parts += [f"{total['spend']:,.2f} to spend"] if total["spend"] else []
    ceilings = [most for spec in run.specs if (most := spec.condition.endpoint.max_spend) is not None]
    if total["spend"] and ceilings and total["spend"] > min(ceilings):
        parts[-1] += f", more than max_spend = {min(ceilings):g}: it would stop there"
    click.echo(f"{', '.join(parts)}. Next: simframe simulate{f' {plan}' if plan else ''} -w {root}")


def _passing(stack: ExitStack) -> Warehouse:
    """Return an empty warehouse that vanishes: looking at a plan makes none, and puts nobody into one."""
    from simframe.warehouse import Warehouse

    return Warehouse.create(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simframe-plan-"))))


def _row(cost: Cost) -> dict[str, str | int | None]:
    return {
        "panel": cost.panel_id,
        "what": cost.label,
        "status": cost.status,
        "respondents": cost.respondents,
        "tokens": cost.tokens,
        "time": None if cost.seconds is None else duration(cost.seconds),
        "memory": None if cost.memory is None else size(cost.memory),
        "spend": None if cost.spend is None else f"{cost.spend:,.2f}",
        "from": cost.origin or None,
    }


def duration(seconds: float) -> str:
    """Return seconds as people say them: 8 s, 3 min, 2.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 1 else "under 1 s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Return bytes as people say them: 310 MB, 17 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
