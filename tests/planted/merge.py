"""Setting the rows of a later run, of some parts of an evaluation, into the page of an earlier one."""

from __future__ import annotations

from itertools import groupby

INTRODUCTION, METHODS, MISSES, LATER = (
    "# Coverage",
    "## Which method covers where",
    "## Every miss",
    "## Later runs",
)
TOLD = """\
Rows of these metrics come from a run after the others, on the methods as they are since:
"""


def merge(page: str, later: str, runs: str) -> str:
    """Return ``page`` with the rows of ``later``, a page of fewer metrics.

    What the page says of methods is the later one's; what it says of the number of pairs of panels stays, and ``runs``
    says how many are behind the later rows.
    """
    old, new = _blocks(page), _blocks(later)
    studied = {metric for head, lines in new.items() if head != MISSES for _, metric in _rows(lines)}
    for head, lines in new.items():
        if head == METHODS or head not in old:
            old[head] = lines
        elif head != INTRODUCTION:
            old[head] = _set(old[head], lines, studied if head == MISSES else set())
    told = [line for line in old.pop(LATER, []) if line.startswith("- ") and not _named(line) <= studied]
    named = ", ".join(f"`{metric}`" for metric in sorted(studied))
    old[LATER] = ["", TOLD, *told, f"- {named}: {runs}", ""]
    return "\n".join(line for head, lines in old.items() for line in (head, *lines))


def _blocks(page: str) -> dict[str, list[str]]:
    """Return the lines under every heading."""
    found: dict[str, list[str]] = {}
    for line in page.split("\n"):
        if line.startswith("#"):
            found[line] = lines = []
        else:
            lines.append(line)
    return found


def _tables(lines: list[str]) -> list[list[str]]:
    """Return runs of lines that are rows of one table, and of lines that are none."""
    return [list(run) for _, run in groupby(lines, key=lambda line: line.startswith("|"))]


def _rows(lines: list[str]) -> dict[tuple[int, str], str]:
    """Return the rows of the tables among ``lines``, by the place of the table and the metric."""
    tables = [run for run in _tables(lines) if run[0].startswith("|")]
    return {(k, _metric(row)): row for k, run in enumerate(tables) for row in run[2:]}


def _metric(row: str) -> str:
    return row.split("|")[1].strip().strip("`")


def _named(line: str) -> set[str]:
    return set(line.split("`")[1::2])


def _set(old: list[str], new: list[str], gone: set[str]) -> list[str]:
    """Return ``old`` with the rows of ``new`` in the place of its own; rows of ``gone`` are left out unless new.

    Raises:
        ValueError: their tables have other columns.
    """
    heads = [[run[0] for run in _tables(lines) if run[0].startswith("|")] for lines in (old, new)]
    if heads[0] != heads[1]:
        raise ValueError(f"tables of other columns: {heads}")
    later, found, place = _rows(new), [], -1
    for run in _tables(old):
        if not run[0].startswith("|"):
            found += run
            continue
        place += 1
        rows = [row for row in run[2:] if (place, _metric(row)) in later or _metric(row) not in gone]
        own = {_metric(row): row for row in rows} | {metric: row for (k, metric), row in later.items() if k == place}
        found += [*run[:2], *own.values()]
    return found
