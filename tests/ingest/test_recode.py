"""Answers come out as the study's codes and values, or the data are refused with column, row, value and mend."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from simframe.errors import DataError
from simframe.ingest import recode
from simframe.study import Study, parse_study

ROWS: dict[str, list[Any]] = {
    "person": ["a", "b", "c", "d"],
    "wt": [1, 2, 0, 1.5],
    "region": ["n", "s", "", None],
    "age": [30, 40.0, 65, 18],
    "home": ["flat", "house", "flat", "house"],
    "q1": [1, 2, 3, 9],
    "visits": [0, 1, 0, 1],
}


def frame(**changed: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(ROWS | changed, strict=False)


def answers(study: Study, item: str, **changed: list[Any]) -> list[tuple[Any, ...]]:
    responses = recode(study, frame(**changed))[1].filter(pl.col("item_id") == item)
    assert responses["respondent_id"].to_list() == changed.get("person", ROWS["person"])
    return responses.select("code", "value", "missing").rows()


ORDINAL = [("1", 1.0, False), ("2", 2.0, False), ("3", 3.0, False), ("9", None, True)]


@pytest.mark.parametrize(
    "cells",
    [
        [1, 2, 3, 9],
        [1.0, 2.0, 3.0, 9.0],
        ["1", "2", "3", "9"],
        ["1.0", "2.00", " 3 ", "9."],
        ["1", "2", "YES!", "09"],
        pl.Series([1, 2, 3, 9], dtype=pl.Int8),
        pl.Series([1, 2, 3, 9], dtype=pl.Decimal(6, 2)),
        pl.Series(["1", "2", "YES!", "9"], dtype=pl.Categorical),
        pl.Series(["1", "2", "3", "9"], dtype=pl.Enum(["1", "2", "3", "9"])),
    ],
)
def test_one_code_in_all_its_spellings(park: Study, cells: Any) -> None:
    assert answers(park, "green", q1=cells) == ORDINAL


def test_labels_of_the_file_become_codes_through_aliases(park: Study) -> None:
    found = answers(park, "home", home=["apartment", "flat", " house ", "apartment"])
    assert [code for code, _, _ in found] == ["flat", "flat", "house", "flat"]


@pytest.mark.parametrize("blank", [None, "", "  ", "\t"])
def test_blank_cells_are_missing_without_a_code(park: Study, blank: str | None) -> None:
    assert answers(park, "green", q1=["1", blank, "3", "9"])[1] == (None, None, True)
    assert answers(park, "age", age=["30", blank, "65", "18"])[1] == (None, None, True)


def test_not_a_number_is_missing(park: Study) -> None:
    assert answers(park, "green", q1=[1.0, math.nan, 3.0, None])[1::2] == [(None, None, True)] * 2


def test_a_missing_option_keeps_its_code(park: Study) -> None:
    assert answers(park, "age", age=["30", "NA", "65", "18"])[1] == ("NA", None, True)


def test_numbers_carry_the_code_of_their_bin(park: Study) -> None:
    found = answers(park, "age", age=["18", "39", "40.0", "9.9e1"])
    assert found == [
        ("young", 18.0, False),
        ("young", 39.0, False),
        ("old", 40.0, False),
        ("old", 99.0, False),
    ]
    between = answers(park, "age", age=[39.5, 30, 40, 18])[0]
    assert between == (None, 39.5, False)


def test_respondents_keep_their_own_fields(park: Study) -> None:
    respondents, _ = recode(park, frame())
    assert respondents.to_dict(as_series=False) == {
        "respondent_id": ["a", "b", "c", "d"],
        "weight": [1.0, 2.0, 0.0, 1.5],
        "stratum": ["n", "s", None, None],
        "cluster": [None] * 4,
    }


def test_rows_are_numbered_where_the_study_names_no_ids(park_text: str) -> None:
    text = park_text.replace('respondent_id = "person"\n', "").replace('weight = "wt"\n', "")
    respondents, _ = recode(parse_study(text, "x"), pl.concat([frame()] * 3))
    assert respondents["respondent_id"].to_list() == [f"r{row:02d}" for row in range(1, 13)]
    assert respondents["weight"].to_list() == [1.0] * 12


@pytest.mark.parametrize("cells", [[7, 8, 9, 10], [7.0, 8.0, 9.0, 10.0], ["Zoë", "O'Brien", '"x",\n', "日本\\"]])
def test_ids_of_any_kind(park: Study, cells: list[Any]) -> None:
    wanted = [str(int(c)) if isinstance(c, float) else str(c).strip() for c in cells]
    respondents, responses = recode(park, frame(person=cells))
    assert respondents["respondent_id"].to_list() == wanted
    assert set(responses["respondent_id"]) == set(wanted)


REFUSALS: list[tuple[str, dict[str, list[Any]], list[str]]] = [
    ("above the range", {"age": [30, 40, 100, 18]}, ["age: row 3: 100", "no number from 18 to 99 of item 'age'", "widen"]),
    ("below the range", {"age": [30, 17.5, 65, 18]}, ["age: row 2: 17.5", "no number from 18 to 99"]),
    ("no number", {"age": ["30", "old", "65", "18"]}, ["age: row 2: 'old'", "no number from 18 to 99"]),
    ("infinite", {"age": [30.0, math.inf, 65.0, 18.0]}, ["age: row 2: inf", "no number"]),
    ("the word nan", {"age": ["30", "nan", "65", "18"]}, ["age: row 2: 'nan'"]),
    ("a number with underscore", {"age": ["30", "4_0", "65", "18"]}, ["age: row 2: '4_0'"]),
    ("unknown option", {"home": ["flat", "tent", "flat", "house"]}, ["home: row 2: 'tent' is no option of item 'home'", "known: apartment, flat, house"]),
    ("misspelt option", {"home": ["flat", "hous", "flat", "house"]}, ["did you mean 'house'?"]),
    ("other case", {"home": ["Flat", "house", "flat", "house"]}, ["home: row 1: 'Flat'", "did you mean 'flat'?"]),
    ("unknown code", {"q1": [1, 2, 3, 8]}, ["q1: row 4: 8 is no option of item 'green'", "missing code"]),
    ("code between codes", {"q1": [1, 1.5, 3, 9]}, ["q1: row 2: 1.5 is no option"]),
    ("list of answers", {"q1": [[1], [2], [3], [9]]}, ["column 'q1' holds List", "not one answer a cell"]),
    ("bytes", {"q1": [b"1", b"2", b"3", b"9"]}, ["column 'q1' holds Binary"]),
    ("id twice", {"person": ["a", "b", "a", "c"]}, ["person: id 'a' stands in rows 1, 3", "one row a respondent"]),
    ("id twice after trimming", {"person": ["a", "b", " a", "c"]}, ["person: id 'a' stands in rows 1, 3"]),
    ("no id", {"person": ["a", None, "c", "d"]}, ["person: row 2 has no id"]),
    ("blank id", {"person": ["a", "b", " ", "d"]}, ["person: row 3 has no id"]),
    ("negative weight", {"wt": [1, 2, -0.5, 1]}, ["wt: row 3: -0.5 is negative", "zero or more"]),
    ("missing weight", {"wt": [1, None, 1, 1]}, ["wt: row 2: no weight"]),
    ("weight not a number", {"wt": [1.0, math.nan, 1.0, 1.0]}, ["wt: row 2: nan is no weight"]),
    ("infinite weight", {"wt": [1.0, 1.0, 1.0, math.inf]}, ["wt: row 4: inf is no weight"]),
    ("weight in words", {"wt": ["1", "heavy", "1", "1"]}, ["wt: row 2: 'heavy' is no weight"]),
    ("weight is a list", {"wt": [[1], [1], [1], [1]]}, ["column 'wt' holds List"]),
    ("weights too large to be ranked", {"wt": [1e120, 1, 1, 1]}, ["up to 1e+120, are too large to add up", "scale"]),
    ("weights next to nothing", {"wt": [1, 1e-300, 0, 1]}, ["down to 1e-300, are too small to be multiplied", "scale"]),
    ("weights without end", {"wt": [1e200, 1, 1, 1]}, ["wt: the weights, up to 1e+200, are too large to add up", "scale"]),
    ("no weight at all", {"wt": [0, 0, 0, 0]}, ["wt: every weight is zero"]),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "parts"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS])
def test_bad_data_name_file_column_row_value_and_mend(
    park: Study, changed: dict[str, list[Any]], parts: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        recode(park, frame(**changed), "people.csv")
    for part in ("people.csv: ", "mend: ", *parts):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("person", "data.respondent_id"),
        ("wt", "data.weight"),
        ("region", "data.stratum"),
        ("q1", "item 'green'"),
        ("age", "item 'age'"),
    ],
)
def test_a_column_that_is_not_there(park: Study, name: str, role: str) -> None:
    with pytest.raises(DataError) as caught:
        recode(park, frame().rename({name: f"{name}_"}), "people.csv")
    for part in ("people.csv: ", f"no column {name!r} for {role}", "mend: ", "known: "):
        assert part in str(caught.value)
    if len(name) > 2:
        assert f"did you mean '{name}_'?" in str(caught.value)


def test_data_without_respondents(park: Study) -> None:
    with pytest.raises(DataError, match="holds no respondent"):
        recode(park, frame().clear(), "people.csv")


def test_columns_that_the_study_does_not_use_are_left_alone(park: Study) -> None:
    extra = frame().with_columns(other=pl.lit([1, 2]))
    assert recode(park, extra)[1].equals(recode(park, frame())[1])
