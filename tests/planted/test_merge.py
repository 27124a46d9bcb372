"""Rows of a later run take the place of earlier ones, and of no others."""

import pytest
from merge import merge

PAGE = """# Coverage

100 pairs of panels.

## Which method covers where

Old words.

## p-values

| metric | n = 30 | all |
| --- | --- | --- |
| `a` | 5.0 | 5.0 |
| `b` | 12.0 | 9.0 |

Words between.

| metric | n = 30 |
| --- | --- |
| `a` | 1.0 |

## Every miss

| metric | figures | why |
| --- | --- | --- |
| `a` | 1 under |  |
| `b` | 2 under |  |
"""
LATER = """# Coverage

7 pairs of panels.

## Which method covers where

New words.

## p-values

| metric | n = 30 | all |
| --- | --- | --- |
| `b` | 4.0 | 5.0 |
| `c` | 3.0 | 3.0 |

Words between.

| metric | n = 30 |
| --- | --- |

## Every miss

| metric | figures | why |
| --- | --- | --- |
"""


def test_later_rows_take_the_place_of_earlier_ones():
    page = merge(PAGE, LATER, "7 in all")
    rows = "| `a` | 5.0 | 5.0 |\n| `b` | 4.0 | 5.0 |\n| `c` | 3.0 | 3.0 |"
    for kept in ("100 pairs", "New words.", rows, "| `a` | 1.0 |", "| `a` | 1 under |", "- `b`, `c`: 7 in all"):
        assert kept in page
    for gone in ("7 pairs", "Old words", "12.0", "| `b` | 2 under"):
        assert gone not in page


def test_a_page_takes_several_later_runs():
    page = merge(merge(PAGE, LATER, "7 in all"), LATER, "9 in all")
    assert "9 in all" in page
    assert "7 in all" not in page
    other = merge(page, LATER.replace("`b`", "`d`").replace("`c`", "`d2`"), "3 in all")
    assert "- `b`, `c`: 9 in all\n- `d`, `d2`: 3 in all" in other
    assert other.count("## Later runs") == 1


def test_rows_of_other_columns_have_no_place():
    with pytest.raises(ValueError, match="other columns"):
        merge(PAGE, LATER.replace("n = 30", "n = 40"), "7 in all")
