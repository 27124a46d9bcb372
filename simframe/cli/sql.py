"""``simframe sql``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import polars as pl

from simframe.cli._common import print_table, warehouse_option
from simframe.errors import SimframeError


@click.command("sql")
@click.argument("query", required=False)
@click.option("-f", "--file", "file", type=click.Path(path_type=Path), help="Read the query from a file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    help="Format; that of the suffix of --output, else a table.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file instead of the screen.")
@warehouse_option
def command(query: str | None, file: Path | None, form: str | None, output: Path | None, root: Path) -> None:
    """Ask the warehouse in SQL, read-only; without a query, list its views.

    Several queries, set apart by semicolons, are answered one after the other; SET VARIABLE holds for those after it.
    The same views answer in any DuckDB client that opens simframe.duckdb.
    """
    from simframe.errors import WarehouseError
    from simframe.warehouse import Warehouse

    warehouse = Warehouse.open(root)
    if file is not None:
        if query is not None:
            raise click.UsageError("give a query or a file, not both")
        try:
            query = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as err:
            raise WarehouseError("cannot read the query file", where=str(file), mend="give a UTF-8 text file") from err
    if query is None:
        query = """
            SELECT view_name AS "view", comment AS "what it says" FROM duckdb_views() WHERE NOT internal
            UNION ALL
            SELECT table_name, comment FROM duckdb_tables() WHERE comment IS NOT NULL
            ORDER BY 1
        """
    form = form or (output.suffix.removeprefix(".") if output and output.suffix else "table")
    frames = warehouse.script(query)
    if len(frames) != 1 and (form != "table" or output is not None):
        mend = "keep one query, or leave out --format and --output: the screen shows every answer"
        raise WarehouseError(f"{len(frames)} answers do not go into one {form} file", mend=mend)
    try:
        for place, frame in enumerate(frames):
            if place:
                click.echo()
            write(frame, form, output)
    except OSError as err:
        raise WarehouseError(f"cannot write: {err.strerror}", where=str(output), mend="choose another file") from err
    except pl.exceptions.PolarsError as err:
        mend = "flatten nested columns, or write parquet"
        raise SimframeError(f"cannot be written as {form}: {err}", mend=mend) from err


def write(frame: pl.DataFrame, form: str, output: Path | None) -> None:
    """Write a result to the screen or a file."""
    if form == "table" and output is None:
        print_table(frame)
        return
    if form == "parquet" and output is None:
        raise click.UsageError("parquet needs a file: -o result.parquet")
    if form not in ("csv", "json", "parquet"):
        raise click.UsageError(f"cannot write {form!r} to a file: use --format csv, json or parquet")
    if form == "parquet":
        frame.write_parquet(output or sys.stdout.buffer)
        return
    if pl.Binary in frame.dtypes:
        name = next(name for name, dtype in frame.schema.items() if dtype == pl.Binary)
        raise SimframeError(f"column {name!r} holds bytes", mend=f"write hex({name}), or choose parquet")
    text = _flat(frame).write_csv() if form == "csv" else frame.write_json() + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with its nested cells as JSON text: CSV has no lists."""
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    rows = json.loads(frame.select(nested).write_json())
    return frame.with_columns(
        pl.Series(name, [None if row[name] is None else json.dumps(row[name], ensure_ascii=False) for row in rows])
        for name in nested
    )
