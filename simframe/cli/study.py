"""``simframe study``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
import polars as pl

from simframe.cli._common import print_table, warehouse_option
from simframe.wording import counted

if TYPE_CHECKING:
    from simframe.study import Regression, Study


@click.group("study")
def command() -> None:
    """Check and show study files, and make their thresholds count."""


@command.command("check")
@click.argument("file")
def check(file: str) -> None:
    """Check a study file; every error names file, key, value and mend."""
    from simframe.study import load_study

    study = load_study(file)
    click.echo(
        f"{file}: well-formed. {study.id} (version {study.study_hash}): {counted(len(study.items), 'item')}, "
        f"{_asked(study)}, {counted(len(study.pairs), 'belief-action pair')}, "
        f"{counted(len(study.regressions), 'regression')}"
    )


def _asked(study: Study) -> str:
    """Count what is asked by how it is answered."""
    kinds = Counter(
        {"option": "closed"}.get(str(item.answered_with), str(item.answered_with)) for item in study.simulated
    )
    return f"{len(study.simulated)} asked ({', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))})"


@command.command("show")
@click.argument("study")
def show(study: str) -> None:
    """Show a built-in study or a study file."""
    from simframe.study import load_study

    loaded = load_study(study)
    click.echo(f"{loaded.title}\n{loaded.description}\nid {loaded.id}, version {loaded.study_hash}\n")
    rows = [
        {
            "item": item.id,
            "role": item.role,
            "scale": item.scale,
            "asks": item.wording or item.expression or item.label,
            "answers": _answers(item.grid, item.range),
            "subgroup": "yes" if item.subgroup else "",
        }
        for item in loaded.items
    ]
    print_table(pl.DataFrame(rows))
    for title, parts in (
        ("belief -> action", [(p.id, f"{p.belief} -> {p.action}: {p.label}") for p in loaded.pairs]),
        ("belief structures", [(s.id, ", ".join(s.items)) for s in loaded.structures]),
        ("regressions", [(r.id, f"{r.formula} ({_family(r, loaded)})") for r in loaded.regressions]),
    ):
        if parts:
            click.echo()
            print_table(pl.DataFrame(parts, schema=[title, "says"], orient="row"))


@command.command("thresholds")
@click.argument("study")
@warehouse_option
def thresholds(study: str, root: Path) -> None:
    """Make the thresholds of a study file count for the verdicts of a warehouse.

    Those that the file leaves out have their defaults. Earlier declarations stay in the SQL table threshold_history,
    and the report says which were declared after panels had been published.
    """
    from simframe.study import load_study
    from simframe.warehouse import Warehouse

    loaded = load_study(study)
    warehouse = Warehouse.open(root)
    changes = {change.name: change for change in warehouse.declare(loaded)}
    rows = [
        {
            "threshold": name,
            "value": threshold(value),
            "from": "the study" if declared else "default",
            "before": threshold(changes[name].before) if name in changes else "",
            "means": loaded.thresholds.meaning(name),
        }
        for name, value, _, declared in loaded.thresholds.rows()
    ]
    print_table(pl.DataFrame(rows))
    version = f"{loaded.id} (version {loaded.study_hash})"
    click.echo(f"\n{version}: {len(changes)} declared anew" if changes else f"\n{version}: nothing changed")


def threshold(value: float | None) -> str:
    """Return a threshold as text."""
    return "none" if value is None else f"{value:g}"


@command.command("ls")
def ls() -> None:
    """List the built-in studies."""
    from simframe.study import builtin_names, load_study

    print_table(pl.DataFrame([{"study": name, "title": load_study(name).title} for name in builtin_names()]))


def _family(regression: Regression, study: Study) -> str:
    """Name a regression's family, and of a logit the answer that it is about: of two, the one declared last."""
    from simframe.study import formula

    options = study.item(formula.parse(regression.formula).outcome).scored_options
    if regression.family == "logit" and options:
        return f"logit of {options[-1].label}"
    return regression.family


def _answers(grid: tuple[tuple[str, str, float | None], ...], span: tuple[float, float] | None) -> str:
    if span is not None:
        return f"{span[0]:g} to {span[1]:g}"
    if len(grid) > 4:
        return f"{grid[0][1]} ... {grid[-1][1]} ({len(grid)})"
    return ", ".join(label for _, label, _ in grid)
