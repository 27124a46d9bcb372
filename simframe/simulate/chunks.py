"""Finished work, kept: fixed ranges of respondents, each written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from simframe.errors import ModelError
from simframe.warehouse.layout import sha256, sync

if TYPE_CHECKING:
    from collections.abc import Callable


def ranges(total: int, size: int) -> list[range]:
    """Return the fixed ranges that part ``total`` respondents: they depend on nothing but their number."""
    return [range(start, min(start + size, total)) for start in range(0, total, size)]


def digest(content: Any) -> str:
    """Return the SHA-256 of any JSON content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Chunks:
    """The chunks of one run in one directory.

    A chunk is a Parquet file and a receipt beside it that holds its number, its rows, its SHA-256 and the run's
    ``key``. It is done when all four match; a torn, foreign, altered or misplaced chunk counts as not done.
    """

    def __init__(self, directory: Path, key: str) -> None:
        self.directory = directory
        self.key = key
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise _unwritable(directory, err) from err

    def _paths(self, index: int) -> tuple[Path, Path]:
        stem = f"chunk-{index:06d}"
        return self.directory / f"{stem}.parquet", self.directory / f"{stem}.json"

    def read(self, index: int) -> tuple[pl.DataFrame, dict[str, Any]] | None:
        """Return a finished chunk and what was noted of it; None where it must be made."""
        data, receipt = self._paths(index)
        try:
            noted = json.loads(receipt.read_text())
            if (noted["key"], noted["chunk"]) != (self.key, index) or noted["sha256"] != sha256(data):
                return None
            frame = pl.read_parquet(data)
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return None
        return (frame, noted["notes"]) if frame.height == noted["rows"] else None

    def write(self, index: int, frame: pl.DataFrame, notes: dict[str, Any]) -> None:
        """Keep a chunk: data first, receipt last, each by one rename."""
        data, receipt = self._paths(index)
        content = io.BytesIO()  # Polars' own errors on a full disk are not the operating system's
        frame.write_parquet(content)
        replace_file(data, lambda path: Path(path).write_bytes(content.getbuffer()))
        noted = {"key": self.key, "chunk": index, "rows": frame.height, "sha256": sha256(data), "notes": notes}
        replace_file(receipt, lambda path: Path(path).write_text(json.dumps(noted)))


def replace_file(target: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside its target, force it to disk, and rename it into place.

    Raises:
        ModelError: where the disk is full or the directory cannot be written.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
        sync(target.parent)
    except OSError as err:
        raise _unwritable(target, err) from err
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _unwritable(path: Path, err: OSError) -> ModelError:
    mend = "free space or choose a directory that can be written; finished chunks are kept"
    return ModelError(f"cannot be written: {err.strerror or err}", where=str(path), mend=mend)
