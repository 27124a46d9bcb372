"""From a data file to a frame. Nothing is interpreted here: CSV stays text, codes are the study's business."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from simframe.errors import DataError, did_you_mean, install_extra
from simframe.ingest.place import SEPARATORS, place
from simframe.study import Study
from simframe.wording import counted


def _csv(path: Path, separator: str) -> pl.DataFrame:
    """Read text with Arrow, which refuses rows with too few fields; Polars would fill them up as unanswered."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file, delimiter=separator), [])
    if not header:
        raise DataError("is empty", where=str(path), mend="give a file with a header and one row a respondent")
    other = next((mark for mark in _OTHERS if len(header) == 1 and mark in header[0] and mark != separator), None)
    if other is not None:
        message = f"its columns stand between {other!r}, not between {separator!r}"
        raise DataError(message, where=str(path), mend="save it with commas as .csv, or with tabs as .tsv")
    for name in header:
        if header.count(name) > 1:
            raise DataError(f"column {name!r} stands twice", where=str(path), mend="give each column its own name")
    try:
        table = arrow_csv.read_csv(
            path,
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        with suppress(csv.Error, UnicodeError):  # then Arrow's own words say more
            _check_fields(path, separator, len(header))
        raise
    return pl.DataFrame(table)


def _check_fields(path: Path, separator: str, columns: int) -> None:
    """Refuse the first row with another number of fields than the header: a comma was not quoted, or a row is cut."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = (record for record in csv.reader(file, delimiter=separator, strict=True) if record)
        for row, record in enumerate(rows, -1):
            if len(record) != columns:
                message = f"{place(str(path), row)} has {counted(len(record), 'field')}, the header {columns}"
                mend = f"put cells that hold {separator!r} in quotes, and complete rows that were cut"
                raise DataError(message, where=str(path), mend=mend)


def _readstat(path: Path) -> pl.DataFrame:
    try:
        from polars_readstat import scan_readstat  # type: ignore[import-not-found,unused-ignore]
    except ImportError as err:
        mend = f"{install_extra('files')}; or save the data as CSV or Parquet"
        raise DataError("SPSS, Stata and SAS files need polars-readstat", where=str(path), mend=mend) from err
    frame: pl.DataFrame = scan_readstat(str(path)).collect()
    return frame


READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    **{suffix: partial(_csv, separator=separator) for suffix, separator in SEPARATORS.items()},
    ".parquet": pl.read_parquet,
    ".sav": _readstat,
    ".zsav": _readstat,
    ".dta": _readstat,
    ".sas7bdat": _readstat,
}
_OTHERS = (";", "\t", ",", "|")
"""What programs put between columns."""
_MAGIC = {
    b"PAR1": "a Parquet file",
    b"$FL2": "an SPSS file",
    b"$FL3": "an SPSS file",
    b"PK\x03\x04": "a ZIP or Excel file",
}


def read_data(path: str | Path) -> pl.DataFrame:
    """Read a data file by its suffix, one row a respondent.

    Raises:
        DataError: where the file is absent, empty, of an unknown suffix, or not what its suffix says.
    """
    path = Path(path)
    where = str(path)
    try:
        there = path.is_file()
    except OSError:  # a name too long for the disk, a folder that may not be searched
        there = False
    if not there:
        raise DataError("no such data file", where=where, mend="check the path")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"suffix {path.suffix!r} is not read", where=where, mend=did_you_mean(path.suffix, READERS))
    with path.open("rb") as file:
        head = file.read(8)
    found = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
    is_text = path.suffix.lower() in SEPARATORS
    if (is_text and (found or b"\x00" in head)) or (path.suffix.lower() == ".parquet" and head[:4] != b"PAR1"):
        message = f"is {found or 'no ' + path.suffix[1:].upper() + ' file'}, whatever its suffix says"
        raise DataError(message, where=where, mend="rename it to its real suffix, or export it again")
    try:
        frame = reader(path)
    except DataError:
        raise
    except (pl.exceptions.PolarsError, pa.ArrowException, csv.Error, OSError, ValueError, RuntimeError) as err:
        first = (str(err).splitlines() or [type(err).__name__])[0]
        raise DataError(f"cannot be read: {first}", where=where, mend="export it again, as UTF-8") from err
    if frame.is_empty():
        raise DataError("holds no respondent", where=where, mend="give a file with one row a respondent")
    return frame


def builtin_data(study: Study) -> pl.DataFrame:
    """Return the data that ship with a built-in study's source library.

    Raises:
        DataError: where the study has no data of its own.
    """
    if study.data.source != "statsmodels.datasets.anes96":
        mend = "name a data file: simframe import STUDY DATA"
        raise DataError(f"study {study.id!r} has no built-in data", mend=mend)
    from statsmodels.datasets import anes96

    frame = anes96.load_pandas().data
    return pl.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
