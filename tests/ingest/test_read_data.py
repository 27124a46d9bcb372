"""Data files are read by their suffix, and refused where they are not what it says."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from simframe.errors import DataError
from simframe.ingest import builtin_data, read_data, recode
from simframe.study import Study, load_study

HAS_READSTAT = importlib.util.find_spec("polars_readstat") is not None
HAS_WRITER = importlib.util.find_spec("pyreadstat") is not None


def refused(path: Path, *parts: str) -> None:
    with pytest.raises(DataError) as caught:
        read_data(path)
    for part in (str(path), "mend: ", *parts):
        assert part in str(caught.value)


def test_text_and_parquet_hold_the_same_answers(
    park: Study, park_people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    frame = park_people()
    numbers = frame.with_columns(pl.col("wt").cast(pl.Float64), pl.col("visits").cast(pl.Int64))
    frame.write_csv(tmp_path / "a.csv")
    frame.write_csv(tmp_path / "upper.CSV")
    frame.write_csv(tmp_path / "a.tsv", separator="\t")
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.csv").read_bytes())
    (tmp_path / "crlf.csv").write_bytes((tmp_path / "a.csv").read_bytes().replace(b"\n", b"\r\n"))
    (tmp_path / "blank lines.csv").write_bytes((tmp_path / "a.csv").read_bytes() + b"\n\n")
    frame.write_parquet(tmp_path / "text.parquet")
    numbers.write_parquet(tmp_path / "numbers.parquet")
    wanted = recode(park, frame)
    for file in sorted(tmp_path.glob("*.*")):
        found = recode(park, read_data(file))
        for one, other in zip(wanted, found, strict=True):
            assert one.equals(other), file.name


def test_commas_quotes_and_line_ends_inside_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('name,note\n"Zoë, ""Z""","two\nlines"\n\'O\'\'Brien\',日本\n', "utf-8")
    assert read_data(path).to_dict(as_series=False) == {
        "name": ['Zoë, "Z"', "'O''Brien'"],
        "note": ["two\nlines", "日本"],
    }


TEXT = b"person,age\np1,30\n"


def test_a_file_that_is_not_what_its_suffix_says(park_people: Callable[..., pl.DataFrame], tmp_path: Path) -> None:
    parquet = tmp_path / "a.parquet"
    park_people().write_parquet(parquet)
    for name, content, says in (
        ("parquet.csv", parquet.read_bytes(), "is a Parquet file, whatever its suffix says"),
        ("parquet.tsv", parquet.read_bytes(), "is a Parquet file"),
        ("excel.csv", b"PK\x03\x04\x14\x00\x06\x00", "is a ZIP or Excel file"),
        ("spss.csv", b"$FL2@(#) SPSS DATA FILE", "is an SPSS file"),
        ("utf16.csv", TEXT.decode().encode("utf-16-le"), "is no CSV file"),
        ("text.parquet", TEXT, "is no PARQUET file"),
        ("spss.parquet", b"$FL2@(#) SPSS DATA FILE", "is an SPSS file"),
        ("empty.parquet", b"", "is no PARQUET file"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        refused(path, says, "rename it to its real suffix")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.csv", None, "no such data file"),
        ("a.xlsx", b"PK", "suffix '.xlsx' is not read"),
        ("a.parqet", b"PAR1", "did you mean '.parquet'?"),
        ("nosuffix", TEXT, "suffix '' is not read"),
        ("empty.csv", b"", "is empty"),
        ("head.csv", b"person,age\n", "holds no respondent"),
        ("long row.csv", TEXT + b"p2,31,x\n", "line 3 (row 2 of the data) has 3 fields, the header 2"),
        ("short row.csv", TEXT + b"p2\n", "line 3 (row 2 of the data) has 1 field, the header 2"),
        ("open quote.csv", TEXT + b'"p2,31\n', "cannot be read"),
        ("latin.csv", TEXT + b"p\xe9,31\n", "cannot be read"),
        ("latin head.csv", b"person,\xe2ge\np1,30\n", "cannot be read"),
        ("semicolons.csv", b"person;age\np1;30\n", "stand between ';', not between ','"),
        ("commas.tsv", TEXT, "stand between ',', not between '\\t'"),
        ("column twice.csv", b"age,age\n1,2\n", "column 'age' stands twice"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, says)


def test_a_truncated_parquet_file(park_people: Callable[..., pl.DataFrame], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    park_people().write_parquet(path)
    whole = path.read_bytes()
    for kept in (8, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        refused(path, "cannot be read", "export it again")


def test_a_name_too_long_for_the_disk(tmp_path: Path) -> None:
    refused(tmp_path / ("a" * 300 + ".csv"), "no such data file")


def test_builtin_data_come_with_anes96_only(park: Study) -> None:
    assert builtin_data(load_study("anes96")).shape == (944, 11)
    with pytest.raises(DataError, match="study 'park' has no built-in data") as caught:
        builtin_data(park)
    assert "name a data file" in str(caught.value)


@pytest.mark.skipif(HAS_READSTAT, reason="polars-readstat is installed")
@pytest.mark.parametrize("suffix", [".sav", ".zsav", ".dta", ".sas7bdat"])
def test_survey_files_without_the_extra_say_what_to_install(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"$FL2")
    refused(path, "need polars-readstat", "pip install '.[files]'")


@pytest.mark.skipif(not (HAS_READSTAT and HAS_WRITER), reason="the extra files is not installed")
@pytest.mark.parametrize("suffix", ["sav", "dta"])
def test_survey_files_hold_the_same_answers(
    park: Study, park_people: Callable[..., pl.DataFrame], tmp_path: Path, suffix: str
) -> None:
    import pyreadstat

    frame, path = park_people(), tmp_path / f"a.{suffix}"
    numbers = frame.with_columns(pl.col("wt", "visits").cast(pl.Float64)).to_pandas()
    getattr(pyreadstat, f"write_{suffix}")(numbers, str(path))
    for one, other in zip(recode(park, frame), recode(park, read_data(path)), strict=True):
        assert one.equals(other)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    refused(path, "cannot be read", "export it again")


@pytest.mark.skipif(not HAS_READSTAT, reason="the extra files is not installed")
@pytest.mark.parametrize("suffix", [".sav", ".dta", ".sas7bdat"])
def test_survey_files_that_are_none(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(TEXT)
    refused(path, "cannot be read")
