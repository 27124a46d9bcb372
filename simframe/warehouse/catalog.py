"""The catalog file: every view of ``sql/``, made anew beside the live one and swapped in by one rename."""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from simframe import __version__
from simframe.errors import WarehouseError
from simframe.metrics.registry import METRICS, listed
from simframe.study import Thresholds
from simframe.warehouse.layout import (
    ANCHOR,
    FULL,
    Layout,
    disk_errors,
    interruptible,
    is_full,
    locked,
    staged,
    write_table,
)
from simframe.warehouse.tables import ADAPTER, DECLARATION, DRIFT, EVALUATION, PANEL, STUDY, TEXT
from simframe.warehouse.wide_views import quote_name, quote_text, wide_views

CONFIG = {"storage_compatibility_version": "v1.5.0"}
"""Clients of DuckDB 1.5 open the catalog too."""
_VIEW = re.compile(r"(\s*--.*\n)*\s*CREATE OR REPLACE (VIEW|MACRO)\b")
Snapshot = dict[str, list[tuple[str, ...]]]
"""The ids of what is published, kind by kind."""


def connect(path: Path, **options: Any) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file that keeps standard output clean: its progress bar would stand amid a piped CSV."""
    con = duckdb.connect(str(path), **options)
    con.execute("SET enable_progress_bar_print = false")
    return con


def sql_files() -> list[Path]:
    """Return the view files in dependency order: from the checkout, else from the installed package."""
    package = Path(__file__).parents[1]
    for folder in (package / "sql", package.parent / "sql"):
        found = sorted(folder.glob("[0-9][0-9]_*.sql"))
        if found:
            return found
    raise WarehouseError("the SQL files are not installed", where=str(package), mend="install simframe again")


def write_anchors(layout: Layout) -> None:
    """Write the zero-row tables that let views exist before any panel does."""
    places = (
        (layout.panel(ANCHOR), PANEL),
        (layout.evaluation(ANCHOR), EVALUATION),
        (layout.declaration(ANCHOR), DECLARATION),
        (layout.drift(ANCHOR), DRIFT),
        (layout.study(ANCHOR, "_"), STUDY),
        (layout.models / f"adapter-{ANCHOR}", ADAPTER),
    )
    for folder, schemas in places:
        if folder.exists() and not all(_has_columns(folder / f"{name}.parquet", schemas[name]) for name in schemas):
            # Written before a column was added, which the views now ask for.
            shutil.rmtree(folder)
        if not folder.exists():
            with staged(layout, folder) as work:
                for name, schema in schemas.items():
                    write_table(work / f"{name}.parquet", schema.empty_table(), schema)


def _has_columns(path: Path, schema: pa.Schema) -> bool:
    return path.is_file() and set(schema.names) <= set(pq.read_schema(path).names)


def published(layout: Layout) -> Snapshot:
    """Return the ids of what is published now: panels, evaluations, declared thresholds, study versions."""

    def ids(kind: str) -> list[tuple[str, ...]]:
        found = (entry.name.removeprefix(f"{kind}=") for entry in layout.data.glob(f"{kind}=*") if entry.is_dir())
        return [(name,) for name in sorted(found) if name != ANCHOR]

    versions = [
        (folder.parent.name, folder.name)
        for folder in layout.studies.glob("*/*")
        if folder.is_dir() and folder.parent.name != ANCHOR
    ]
    return {kind: ids(kind) for kind in ("panel", "evaluation", "thresholds")} | {"study": sorted(versions)}


def rebuild(root: str | Path, *, anew: bool = False) -> None:
    """Make the catalog of the warehouse at ``root`` again, for where it stands and what is published now.

    Readers that hold the old catalog keep reading it; the next to open gets the new one.

    Args:
        root: the warehouse.
        anew: whether to make every view again. Else those of the old catalog stay where they are what would be made,
            and its tables alone are filled again: most of the work is to bind the views.

    Raises:
        WarehouseError: where there is no warehouse, its path cannot be one, or the disk refuses.
    """
    layout = Layout(root)
    check_root(layout.root)
    if not layout.data.is_dir():
        raise WarehouseError("no warehouse here", where=str(layout.root), mend="make one with: simframe init")
    with locked(layout, "catalog"), disk_errors(layout.catalog, "write the catalog"):
        write_anchors(layout)
        work = layout.staging / f"catalog.{uuid.uuid4().hex[:12]}"
        work.mkdir()
        try:
            fresh, snapshot = work / layout.catalog.name, published(layout)
            keep = not anew and _keeps_views(layout, snapshot)
            if keep:
                shutil.copyfile(layout.catalog, fresh)
            _build(layout, fresh, snapshot, keep=keep)
            fresh.replace(layout.catalog)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _keeps_views(layout: Layout, snapshot: Snapshot) -> bool:
    """Whether the views of the old catalog are of this simframe and place, and none is of a study that is gone."""
    try:
        with connect(layout.catalog, read_only=True) as con:
            made, studies = made_of(con), con.execute("FROM published_studies").fetchall()
    except duckdb.Error:
        return False
    here = {"root": str(layout.root), "simframe_version": __version__, "views": views_digest()}
    return made == here and set(studies) <= set(snapshot["study"])


def _build(layout: Layout, path: Path, snapshot: Snapshot, *, keep: bool) -> None:
    """Write a catalog; one that is there already is to ``keep`` its views."""
    try:
        with interruptible(), connect(path, config=CONFIG) as con:
            if keep:
                _empty(con)
            con.execute("BEGIN")  # one transaction: one flush instead of one a statement
            con.execute("CREATE TABLE warehouse (root VARCHAR, simframe_version VARCHAR, views VARCHAR)")
            con.execute("INSERT INTO warehouse VALUES (?, ?, ?)", [str(layout.root), __version__, views_digest()])
            tables = {
                "published": pa.table({"panel_id": pa.array([p for (p,) in snapshot["panel"]], TEXT)}),
                "published_evaluations": pa.table(
                    {"evaluation_id": pa.array([e for (e,) in snapshot["evaluation"]], TEXT)}
                ),
                "published_thresholds": pa.table(
                    {"declaration_id": pa.array([d for (d,) in snapshot["thresholds"]], TEXT)}
                ),
                "published_studies": pa.table(
                    {
                        "study_id": pa.array([study_id for study_id, _ in snapshot["study"]], TEXT),
                        "study_hash": pa.array([study_hash for _, study_hash in snapshot["study"]], TEXT),
                    }
                ),
                "metrics": pa.Table.from_pylist([asdict(metric) for metric in METRICS.values()]),
                "threshold_defaults": pa.Table.from_pylist(_defaults()),
            }
            for name, rows in tables.items():
                con.register("incoming", rows)
                con.execute(f"CREATE TABLE {name} AS FROM incoming")
                con.unregister("incoming")
            text = "One row a metric: what it means, its range, unit, ideal and source, as in docs/metrics.md."
            con.execute(f"COMMENT ON TABLE metrics IS {quote_text(text)}")
            root = _glob_literal(layout.root).replace("'", "''")
            for file in sql_files():
                for statement in con.extract_statements(_filled(file.read_text("utf-8"), root)):
                    if not (keep and _VIEW.match(statement.query)):
                        con.execute(statement)
            for statement in wide_views(layout, [(a, b) for a, b in snapshot["study"]]):
                con.execute(statement)
            con.execute("COMMIT")
            con.execute("CHECKPOINT")  # closing would do it too, and keep silent where the disk is full
    except duckdb.Error as err:
        mend = FULL if is_full(err) else "run `simframe doctor` to find the broken table"
        raise WarehouseError(f"the catalog cannot be built: {err}", where=str(layout.root), mend=mend) from err


def _empty(con: duckdb.DuckDBPyConnection) -> None:
    """Drop every table, and give their space back before others take it."""
    con.execute("BEGIN")
    for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        con.execute(f"DROP TABLE {quote_name(name)}")
    con.execute("COMMIT")
    con.execute("CHECKPOINT")


def _defaults() -> list[dict[str, Any]]:
    return [
        {"position": place, "name": name, "default_value": default, "meaning": field.description}
        for place, ((name, _, default, _), field) in enumerate(
            zip(Thresholds().rows(), Thresholds.model_fields.values(), strict=True)
        )
    ]


def _filled(sql: str, root: str) -> str:
    """Put the root where the file names it, and for ``${METRICS:family}`` the family's metrics, from the registry."""
    named = re.sub(r"\$\{METRICS:(\w+)\}", lambda match: quote_text(listed(match[1]))[1:-1], sql)
    return named.replace("${ROOT}", root)


def check_root(root: Path) -> None:
    """Refuse a path that DuckDB misreads: = makes a column, a backslash is a slash, ? begins the file's options."""
    named = next((part for part in root.parts if set(part) & set("=\\?")), None)
    if named is not None:
        mend = "choose a path without =, ? and backslash"
        raise WarehouseError(f"a warehouse cannot stand in folder {named!r}", where=str(root), mend=mend)


def _glob_literal(root: Path) -> str:
    """Return a path for use in a glob: what DuckDB would take for a pattern stands for itself."""
    return re.sub(r"[*\[]", lambda match: f"[{match[0]}]", str(root))


@cache
def views_digest() -> str:
    """Return the SHA-256 of all that the views are made of: a catalog of another digest is of another simframe."""
    content = [file.read_text("utf-8") for file in sql_files()] + [repr(metric) for metric in METRICS.values()]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def made_of(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return what the catalog tells of itself: root, simframe_version, views; the last None where it tells none."""
    found = con.execute("FROM warehouse")
    names = [column[0] for column in found.description or []]
    return {"views": None} | dict(zip(names, found.fetchone() or (), strict=False))


def is_current(root: str | Path) -> bool:
    """Whether the catalog has this simframe's views and lists what is published.

    Not so after an update, or a crash between publishing and the rebuild.
    """
    layout = Layout(root)
    tables = {
        "panel": "published",
        "evaluation": "published_evaluations",
        "thresholds": "published_thresholds",
        "study": "published_studies",
    }
    try:
        with connect(layout.catalog, read_only=True) as con:
            if made_of(con)["views"] != views_digest():
                return False
            listed = {kind: set(con.execute(f"FROM {table}").fetchall()) for kind, table in tables.items()}
    except duckdb.Error:
        return False
    return all(listed[kind] == set(ids) for kind, ids in published(layout).items())
