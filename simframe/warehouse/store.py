"""A warehouse, opened: read by SQL, written by publishing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from simframe.errors import WarehouseError, did_you_mean
from simframe.study import Study
from simframe.warehouse import catalog
from simframe.warehouse.declarations import Change, declare
from simframe.warehouse.layout import Layout, disk_errors, interruptible
from simframe.warehouse.publish import Provenance, publish_panel
from simframe.warehouse.studies import add_study, stored_study

READS = {duckdb.StatementType.SELECT, duckdb.StatementType.SET, duckdb.StatementType.PRAGMA, duckdb.StatementType.MULTI}
"""Statements that change nothing outside their connection; MULTI is a pivot."""
_EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+)?", re.IGNORECASE)


def _check_reads(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuse what writes, wherever to; an explained statement is judged as if it ran, for ANALYZE runs it."""
    (statement,) = con.extract_statements(query)
    if statement.type == duckdb.StatementType.EXPLAIN and _EXPLAIN.match(query):
        _check_reads(con, _EXPLAIN.sub("", query, count=1))
    elif statement.type not in READS:
        shown = query.strip() if len(query.strip()) <= 60 else query.strip()[:57] + "..."
        mend = "the warehouse is read-only: query it, and save answers with -o FILE"
        raise WarehouseError(f"{statement.type.name} is not for reading: {shown}", mend=mend)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the errors of a query into :class:`WarehouseError` with a mend."""
    try:
        yield
    except duckdb.Error as err:
        mend = '`simframe sql` lists the views, `simframe sql "DESCRIBE panels"` the columns of one'
        raise WarehouseError(f"the query fails: {err}", mend=mend) from err
    except pl.exceptions.PolarsError as err:
        mend = "cast columns of unusual types, such as intervals, to VARCHAR"
        raise WarehouseError(f"the answer cannot be taken over: {err}", mend=mend) from err


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, what, and the mend."""

    where: str
    problem: str
    mend: str


class Warehouse:
    """One warehouse folder. Opening reads nothing; every read goes through the catalog, read-only."""

    def __init__(self, root: str | Path) -> None:
        self.layout = Layout(root)

    @classmethod
    def create(cls, root: str | Path) -> Warehouse:
        """Make an empty warehouse at ``root``, or return the one that is there, its catalog made current."""
        warehouse = cls(root)
        layout = warehouse.layout
        catalog.check_root(layout.root)
        with disk_errors(layout.root, "make a warehouse"):
            for folder in (layout.data, layout.studies, layout.models, layout.staging):
                folder.mkdir(parents=True, exist_ok=True)
        warehouse.refresh()
        return warehouse

    @classmethod
    def open(cls, root: str | Path) -> Warehouse:
        """Open the warehouse at ``root``.

        Raises:
            WarehouseError: where there is none, it was moved since its views were made, or a file that they read is
                gone: they would answer without it.
        """
        warehouse = cls.at_home(root)
        lost = next(warehouse.lost(), None)
        if lost is not None:
            raise WarehouseError(lost.problem, where=lost.where, mend=lost.mend)
        return warehouse

    @classmethod
    def at_home(cls, root: str | Path) -> Warehouse:
        """Open the warehouse at ``root``, whatever became of its files since its views were made."""
        warehouse = cls(root)
        layout = warehouse.layout
        if not layout.catalog.is_file():
            mend = f"make its views: simframe rebuild -w {layout.root}" if layout.data.is_dir() else "simframe init"
            raise WarehouseError("no warehouse catalog here", where=str(layout.root), mend=mend)
        with warehouse.connect() as con, _explained():
            made = catalog.made_of(con)
        made_at = made.get("root")
        if made_at != str(layout.root):
            mend = f"simframe rebuild -w {layout.root}"
            raise WarehouseError(f"was moved: its views still read {made_at}", where=str(layout.root), mend=mend)
        if made["views"] != catalog.views_digest():
            with suppress(WarehouseError):  # a folder that cannot be written keeps the views of its time
                warehouse.rebuild()
        return warehouse

    def lost(self) -> Iterator[Finding]:
        """Find folders and files of the catalog's snapshot that are no longer there."""
        again = f"simframe rebuild -w {self.layout.root}"
        kinds = (("panel", "published", "panels"), ("evaluation", "published_evaluations", "evaluations"))
        for kind, listed, table in kinds:
            folder_of = getattr(self.layout, kind)
            query = f"SELECT {kind}_id, files FROM {listed} LEFT JOIN {table} USING ({kind}_id) ORDER BY ALL"  # noqa: S608
            for name, files in self.sql(query).iter_rows():
                folder = folder_of(name)
                if not folder.is_dir():
                    yield Finding(
                        f"{kind} {name}", "is listed, and its folder is gone", f"make the list again: {again}"
                    )
                    continue
                for file in (f"{kind}.parquet", *json.loads(files or "{}")):
                    if not (folder / file).is_file():
                        mend = f"restore it; or delete {folder}, make the list again ({again}), then the {kind}"
                        yield Finding(f"{kind} {name}", f"{file} is missing", mend)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a read-only connection to the catalog.

        It keeps the catalog of when it was opened; so do further connections of this process while it stays open.

        Raises:
            WarehouseError: where the file is no catalog or another process holds it for writing.
        """
        try:
            return catalog.connect(self.layout.catalog, read_only=True)
        except duckdb.Error as err:
            mend = "close the program that holds it for writing, or make it again: simframe rebuild"
            raise WarehouseError(f"cannot be opened: {err}", where=str(self.layout.catalog), mend=mend) from err

    def sql(self, query: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Return the rows of one query.

        Raises:
            WarehouseError: with DuckDB's message, where the query fails.
        """
        with interruptible(), self.connect() as con, _explained():
            relation = con.sql(query, params=parameters) if parameters else con.sql(query)
            return relation.pl() if relation is not None else pl.DataFrame()

    def script(self, text: str) -> list[pl.DataFrame]:
        """Return the rows of each query in ``text``, in order, over one connection; settings give no rows.

        Raises:
            WarehouseError: where a statement is none that reads, or fails; or where there is none.
        """
        with interruptible(), self.connect() as con, _explained():
            statements = con.extract_statements(text)
            if not statements:
                raise WarehouseError("there is no query", mend='ask something: simframe sql "FROM panels"')
            for statement in statements:
                _check_reads(con, statement.query)
            found = []
            for statement in statements:
                relation = con.sql(statement.query)
                if relation is not None and statement.type != duckdb.StatementType.SET:
                    found.append(relation.pl())
            return found

    def rebuild(self, *, anew: bool = False) -> None:
        """Make the catalog again, for where the warehouse stands and what is published now; with ``anew``, every view.

        See :func:`simframe.warehouse.catalog.rebuild`.
        """
        catalog.rebuild(self.layout.root, anew=anew)

    def refresh(self) -> None:
        """Make the catalog again where it does not list what is published, as after a crash."""
        if not catalog.is_current(self.layout.root):
            self.rebuild()

    def publish(
        self,
        study: Study,
        text: str,
        provenance: Provenance,
        respondents: pl.DataFrame,
        responses: pl.DataFrame,
        *,
        rebuild: bool = True,
        thresholds: bool = False,
    ) -> str:
        """Store the study version, publish a panel under it, and return the panel's id.

        Thresholds that the study declares count where none were declared for its version; with ``thresholds``, in
        place of those that were.

        The catalog is made again unless ``rebuild`` is false: whoever publishes many panels does that once, at the end.
        """
        add_study(self.layout, study, text)
        if study.thresholds.declared:
            declare(self.layout, study, first=not thresholds)
        panel_id = publish_panel(self.layout, study, provenance, respondents, responses)
        if rebuild:
            self.rebuild()
        return panel_id

    def declare(self, study: Study) -> list[Change]:
        """Make a study's thresholds count for its version, and return what that changes.

        Earlier declarations stay visible in ``threshold_history``.

        Raises:
            WarehouseError: where the warehouse does not hold this version, or the disk refuses.
        """
        if not self.layout.study(study.id, study.study_hash).is_dir():
            mend = "give the file that its people were imported with; only [thresholds] may differ"
            raise WarehouseError("no such study version here", where=f"{study.id}/{study.study_hash}", mend=mend)
        changes = declare(self.layout, study)
        if changes:
            self.rebuild()
        return changes

    def has_panel(self, panel_id: str) -> bool:
        """Whether a panel is published."""
        return self.layout.panel(panel_id).is_dir()

    def panel(self, panel_id: str) -> dict[str, Any]:
        """Return the provenance of one panel.

        Raises:
            WarehouseError: where there is no such panel.
        """
        rows = self.sql("SELECT * FROM panels WHERE panel_id = ?", [panel_id]).to_dicts()
        if not rows:
            known = self.sql("SELECT panel_id FROM panels")["panel_id"]
            raise WarehouseError("no such panel", where=panel_id, mend=did_you_mean(panel_id, known))
        return rows[0]

    def table(self, panel_id: str, name: str) -> pl.DataFrame:
        """Return one table of a published panel (respondents, responses, cells, ...) straight from its file."""
        path = self.layout.panel(panel_id) / f"{name}.parquet"
        if not path.is_file():
            raise WarehouseError(f"panel has no {name}", where=panel_id, mend="simframe ls lists the panels")
        return pl.read_parquet(path, hive_partitioning=False)

    def study_of(self, panel_id: str) -> Study:
        """Return the study version that a panel was published under."""
        panel = self.panel(panel_id)
        return stored_study(self.layout, panel["study_id"], panel["study_hash"])
