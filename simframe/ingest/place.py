"""Where in a data file an answer stands, said so that nobody has to ask whether the header was counted."""

from __future__ import annotations

import csv
from pathlib import Path

SEPARATORS = {".csv": ",", ".tsv": "\t"}
"""Files of lines, by suffix."""


def place(where: str, *rows: int) -> str:
    """Return the place of ``rows``, counted from 0 without a header, in the file ``where``.

    ``line 7 (row 6 of the data)`` of a file of lines, whose answers may hold line breaks; else ``row 6``.
    """
    own = f"{_noun('row', rows)} {', '.join(str(row + 1) for row in rows)}"
    lines = _lines(where, rows)
    return f"{_noun('line', rows)} {', '.join(map(str, lines))} ({own} of the data)" if lines else own


def _noun(word: str, rows: tuple[int, ...]) -> str:
    return word if len(rows) == 1 else f"{word}s"


def _lines(where: str, rows: tuple[int, ...]) -> list[int]:
    """Return the line each row begins on; nothing where the file has no lines, or was read another way."""
    path = Path(where)
    separator = SEPARATORS.get(path.suffix.lower())
    if separator is None or not path.is_file():
        return []
    starts, row, begins = {}, -1, 1  # the header is row -1
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        for record in reader:
            if record:  # an empty line is no row
                starts[row] = begins
                row += 1
            begins = reader.line_num + 1
            if row > max(rows):
                break
    return [starts[each] for each in rows if each in starts]
