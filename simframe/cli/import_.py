"""``simframe import``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import warehouse_option


@click.command("import")
@click.argument("study")
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option("--label", help="What to call the panel.")
@click.option(
    "--kind",
    type=click.Choice(["human", "simulated", "baseline"]),
    default="human",
    show_default=True,
    help="Who answered; simulated and baseline panels are compared with --reference.",
)
@click.option("--reference", metavar="PANEL", help="Human panel to compare a simulated one with.")
@click.option("--split", help="Part of the reference that judges, such as holdout; all of it where left out.")
@click.option("--model", help="What simulated the answers, for the record.")
@click.option("--pilot", type=click.IntRange(1), help="How many pilot respondents the model was tuned on.")
@warehouse_option
def command(
    study: str,
    data: Path | None,
    label: str | None,
    kind: str,
    reference: str | None,
    split: str | None,
    model: str | None,
    pilot: int | None,
    root: Path,
) -> None:
    """Publish people's answers as a human panel, or answers simulated elsewhere as a panel to compare with people.

    STUDY is a study file or a built-in study; DATA is a CSV, TSV, Parquet, SPSS, Stata or SAS file with one row a
    respondent. A built-in study brings its own people. Simulated respondents may name their human in a column twin_of.
    """
    from simframe.ingest import import_panel, import_simulated
    from simframe.warehouse import Warehouse

    if kind == "human":
        for name, value in (("reference", reference), ("split", split), ("model", model), ("pilot", pilot)):
            if value is not None:
                raise click.UsageError(f"--{name} is for simulated panels: add --kind simulated")
        done = import_panel(Warehouse.create(root), study, data, label=label)
    else:
        if data is None or reference is None:
            raise click.UsageError(f"--kind {kind} needs DATA, and --reference PANEL: the people to compare with")
        warehouse = Warehouse.open(root)
        done = import_simulated(
            warehouse,
            study,
            data,
            reference=reference,
            split=split,
            kind=kind,
            label=label,
            model=model,
            pilot=pilot,
        )
    parts = ", ".join(f"{n} {part}" for part, n in done.splits.items())
    click.echo(f"{done.panel_id}: {'published' if done.fresh else 'is already published, nothing to do'} ({parts})")
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
