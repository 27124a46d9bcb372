"""Where things stand on disk, and the one way anything is published: a whole directory, by one rename."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from simframe.errors import SimframeError, WarehouseError

CATALOG = "simframe.duckdb"
PANEL_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,120}")
ANCHOR = "_anchor"


class Layout:
    """Paths of one warehouse."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().resolve()

    @property
    def catalog(self) -> Path:  # noqa: D102
        return self.root / CATALOG

    @property
    def data(self) -> Path:  # noqa: D102
        return self.root / "data"

    @property
    def studies(self) -> Path:  # noqa: D102
        return self.root / "studies"

    @property
    def models(self) -> Path:  # noqa: D102
        return self.root / "models"

    @property
    def staging(self) -> Path:  # noqa: D102
        return self.root / "_staging"

    def chunks(self, panel_id: str) -> Path:
        """Return where the finished chunks of a panel in the making wait."""
        return self.staging / "chunks" / panel_id

    def panel(self, panel_id: str) -> Path:
        """Return the directory of one panel."""
        return self.data / f"panel={panel_id}"

    def evaluation(self, evaluation_id: str) -> Path:
        """Return the directory of one evaluation."""
        return self.data / f"evaluation={evaluation_id}"

    def drift(self, audit_id: str) -> Path:
        """Return the directory of one audit of an adapter."""
        return self.data / f"drift={audit_id}"

    def declaration(self, declaration_id: str) -> Path:
        """Return the directory of one declaration of thresholds."""
        return self.data / f"thresholds={declaration_id}"

    def study(self, study_id: str, study_hash: str) -> Path:
        """Return the directory of one study version."""
        return self.studies / study_id / study_hash


FULL = "free some space, then run the same command again: nothing was half-published"


def is_full(err: BaseException) -> bool:
    """Whether an error of the operating system, Arrow or DuckDB says that the disk has no room."""
    known = getattr(err, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return known or any(text in str(err) for text in ("No space left", "too large", "quota exceeded"))


@contextmanager
def disk_errors(where: Path | str, doing: str) -> Iterator[None]:
    """Turn the operating system's refusals into :class:`WarehouseError` with a mend."""
    try:
        yield
    except SimframeError:
        raise
    except (OSError, pa.ArrowException) as err:
        mend = FULL if is_full(err) else "check that the folder exists, is yours to write, and is on a writable disk"
        reason = getattr(err, "strerror", None) or str(err)
        raise WarehouseError(f"cannot {doing}: {reason}", where=str(where), mend=mend) from err


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C during a query be a KeyboardInterrupt: DuckDB makes a RuntimeError of it."""
    try:
        yield
    except RuntimeError as err:
        if "Query interrupted" in str(err):
            raise KeyboardInterrupt from err
        raise


@contextmanager
def staged(layout: Layout, target: Path) -> Iterator[Path]:
    """Give an empty staging directory that becomes ``target`` when the block ends well.

    The directory is there whole or not at all; on any failure, Ctrl-C included, staging is cleared and the warehouse
    stands as before.

    Raises:
        WarehouseError: where the disk refuses, or ``target`` is already published.
    """
    with disk_errors(layout.root, "write"):
        layout.staging.mkdir(parents=True, exist_ok=True)
        work = layout.staging / f"{target.name}.{uuid.uuid4().hex[:12]}"
        work.mkdir()
    try:
        with disk_errors(target, "publish"):
            yield work
            for file in work.rglob("*"):
                if file.is_file():
                    sync(file)
            sync(work)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                work.rename(target)
            except OSError as err:
                if err.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    mend = "panels are immutable: change its plan, study or data to get another id"
                    raise WarehouseError("is already published", where=target.name, mend=mend) from err
                raise
            sync(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def locked(layout: Layout, name: str) -> Iterator[None]:
    """Hold one of the warehouse's locks; other processes wait."""
    with disk_errors(layout.root, "lock"):
        layout.staging.mkdir(parents=True, exist_ok=True)
        file = (layout.staging / f"{name}.lock").open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sync(path: Path) -> None:
    """Flush a file or directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_table(path: Path, frame: pl.DataFrame | pa.Table, schema: pa.Schema) -> None:
    """Write one table with exactly ``schema``: columns in its order, absent ones null.

    Raises:
        WarehouseError: where a column does not fit its type, or is unknown.
    """
    table = frame.to_arrow() if isinstance(frame, pl.DataFrame) else frame
    unknown = set(table.column_names) - set(schema.names)
    if unknown:
        raise WarehouseError(f"unknown columns {sorted(unknown)}", where=path.name, mend="write those of tables.py")
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            columns.append(table[field.name].cast(field.type))
        except pa.ArrowException as err:
            message = f"column {field.name!r} does not fit {field.type}: {err}"
            raise WarehouseError(message, where=path.name, mend=f"give {field.type}") from err
    with disk_errors(path, "write"):
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), path, compression="zstd")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_record(folder: Path) -> dict[str, dict[str, str | int]]:
    """Return {file: {sha256, rows}} of the Parquet files in ``folder``."""
    return {
        path.name: {"sha256": sha256(path), "rows": pq.read_metadata(path).num_rows}
        for path in sorted(folder.glob("*.parquet"))
    }
