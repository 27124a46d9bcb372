"""A place in a data file is a line as an editor counts them, and a row of the data."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from simframe.errors import DataError
from simframe.ingest import read_data, recode
from simframe.ingest.place import place
from simframe.study import parse_study

HEADER = ["person", "wt", "region", "age", "home", "q1", "visits"]


def write(path: Path, rows: list[list[str]], newline: str = "\n") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator=newline).writerows([HEADER, *rows])
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_are_those_of_an_editor(tmp_path: Path, newline: str) -> None:
    """Cells with line breaks and empty lines between rows shift lines and rows apart."""
    path = write(
        tmp_path / "a.csv", [[f"p{n}", "1", f"a{newline}b" if n == 1 else "x", *"abcd"] for n in range(4)], newline
    )
    text = path.read_bytes().decode().replace("p2,", f"{newline}p2,")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    frame = read_data(path)
    lines = text.split(newline)
    assert frame["person"].to_list() == ["p0", "p1", "p2", "p3"]
    for row, name in enumerate(frame["person"]):
        (line,) = (number for number, line in enumerate(lines, 1) if line.startswith(f"{name},"))
        assert place(str(path), row) == f"line {line} (row {row + 1} of the data)"
    assert place(str(path), 1, 3) == "lines 3, 7 (rows 2, 4 of the data)"


def test_files_without_lines_have_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": ["1", "2"]})
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "a.tsv", separator="\t")
    assert place(str(tmp_path / "a.parquet"), 1) == "row 2"
    assert place(str(tmp_path / "a.tsv"), 1) == "line 3 (row 2 of the data)"
    assert place("statsmodels.datasets.anes96", 0, 1) == "rows 1, 2"


def test_the_error_of_a_csv_file_names_the_line_and_that_of_a_parquet_file_the_row(
    tmp_path: Path, park_text: str
) -> None:
    study = parse_study(park_text, "park.toml")
    rows = [["p1", "1", "n", "30", "flat", "1", "0"], ["p2", "1", "n", "30", "tent", "1", "0"]]
    path = write(tmp_path / "people.csv", rows)
    with pytest.raises(DataError, match=r"people.csv: home: line 3 \(row 2 of the data\): 'tent' is no option"):
        recode(study, read_data(path), str(path))
    read_data(path).write_parquet(tmp_path / "people.parquet")
    where = str(tmp_path / "people.parquet")
    with pytest.raises(DataError, match=r"people.parquet: home: row 2: 'tent' is no option"):
        recode(study, read_data(where), where)


@pytest.mark.parametrize("word", ["NaN", "nan", "NA", "null", "None", "#N/A"])
def test_a_word_for_no_answer_is_to_be_left_blank(tmp_path: Path, park_text: str, word: str) -> None:
    study = parse_study(park_text, "park.toml")
    for column in ("home", "q1") + (("age",) if word != "NA" else ()):
        row = dict(zip(HEADER, ["p1", "1", "n", "30", "flat", "1", "0"], strict=True)) | {column: word}
        path = write(tmp_path / "people.csv", [list(row.values())])
        with pytest.raises(DataError, match=f"{column}: line 2 .*'{word}'") as caught:
            recode(study, read_data(path), str(path))
        assert "leave the cell blank" in str(caught.value.mend)
