"""Writing the report: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from simframe.errors import ReportError, did_you_mean
from simframe.report.collect import collect
from simframe.report.findings import Findings


def _html(findings: Findings) -> str:
    from simframe.report.html import html

    return html(findings)


def _markdown(findings: Findings) -> str:
    from simframe.report.markdown import markdown

    return markdown(findings)


FORMATS: dict[str, Callable[[Findings], str]] = {"html": _html, "json": Findings.to_json, "md": _markdown}
SUFFIXES = {".html": "html", ".htm": "html", ".json": "json", ".md": "md", ".markdown": "md"}


def format_of(path: Path, asked: str | None = None) -> str:
    """Return the format asked for, or that of the suffix.

    Raises:
        ReportError: where neither names one.
    """
    name = asked or SUFFIXES.get(path.suffix.lower())
    if name is None:
        mend = f"use one of {', '.join(SUFFIXES)}, or name it: --format html"
        raise ReportError(f"suffix {path.suffix!r} tells no format", where=str(path), mend=mend)
    if name not in FORMATS:
        raise ReportError(f"unknown format {name!r}", where=str(path), mend=did_you_mean(name, FORMATS))
    return name


def write_report(
    root: str | Path,
    out: str | Path,
    *,
    format: str | None = None,
    study: str | None = None,
    reference: str | None = None,
    split: str | None = None,
) -> Path:
    """Write the report of a warehouse and return where it stands.

    Args:
        root: the warehouse.
        out: file to write; an old one is replaced whole, or kept where anything fails.
        format: html, json or md; that of the suffix where left out.
        study: study id, where the warehouse holds several.
        reference: human panel that judges; :func:`simframe.report.collect` says which where left out.
        split: part of it that judges, ``all`` for all of it.

    Raises:
        ReportError, WarehouseError: with a mend.
    """
    path = Path(out)
    if path.is_dir():
        raise ReportError("is a folder", where=str(path), mend=f"name a file in it: {path / 'report.html'}")
    name = format_of(path, format)
    if not path.parent.is_dir():
        raise ReportError("cannot be written: its folder does not exist", where=str(path), mend="make the folder")
    text = FORMATS[name](collect(root, study, reference, split))
    _replace(path, text)
    return path


def _replace(path: Path, text: str) -> None:
    """Write beside the target, then rename onto it."""
    work: str | None = None
    try:
        handle, work = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(work).chmod(0o666 & ~mask)
        Path(work).replace(path)
    except OSError as err:
        if work is not None:
            Path(work).unlink(missing_ok=True)
        mend = "name a file in a folder that is yours to write, on a disk with space: -o FILE"
        raise ReportError(f"cannot be written: {err.strerror or err}", where=str(path), mend=mend) from err
