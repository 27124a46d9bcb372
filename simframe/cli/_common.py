"""What several commands share: the warehouse option, tables, progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import polars as pl

warehouse_option = click.option(
    "-w",
    "--warehouse",
    "root",
    type=click.Path(path_type=Path),
    default=Path("warehouse"),
    show_default=True,
    envvar="SIMFRAME_WAREHOUSE",
    help="Folder of the warehouse.",
)

jobs_option = click.option(
    "--jobs", type=click.IntRange(1), help="Panels to evaluate side by side.  [default: one a core]"
)


def print_table(frame: pl.DataFrame, title: str | None = None) -> None:
    """Print a frame as a table; every cell is plain text, whatever brackets it has."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(Text(name), justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*(Text(cell(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=1000)
    console.print(table)


def cell(value: Any) -> str:
    """Return one value as text: blanks for null, four significant digits for floats."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


@contextmanager
def progress_bars() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Give a function that starts a bar by its title and returns ``advance(done, total)``.

    Bars go to standard error, so that output can be piped; without a terminal each step is one line at its end.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )

    def start(title: str) -> Callable[[int, int], None]:
        task: TaskID | None = None  # a step that finds its work done shows no bar
        finished = False

        def advance(done: int, total: int) -> None:
            nonlocal finished, task
            if task is None:
                task = bars.add_task(title, total=total)
            bars.update(task, completed=done, total=total)
            if done >= total and not finished and not console.is_terminal:
                finished = True
                click.echo(f"{title}: {done} of {total}", err=True)

        return advance

    with bars:
        yield start
