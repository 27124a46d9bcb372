"""What to bear in mind about answers that were taken all the same, of people and simulated alike."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import polars as pl

from simframe.study import Study

SHOWN = 10
"""Columns named at most."""


def unanswered(responses: pl.DataFrame) -> tuple[str, ...]:
    """Name the items that nobody answered."""
    silent = responses.group_by("item_id", maintain_order=True).agg(pl.col("missing").all()).filter("missing")
    names = ", ".join(silent["item_id"])
    return (f"nobody answered {names}: no figure can be had of that; check the column and its codes",) if names else ()


def between_steps(study: Study, responses: pl.DataFrame) -> tuple[str, ...]:
    """Name the numbers that people gave and nobody simulated can: those between the steps of an item's range."""
    notes = []
    for item in study.simulated:
        if item.answered_with != "number" or item.range is None:
            continue
        step = item.step or 1.0
        start = item.range[0] if item.step else 0.0
        given = responses.filter(pl.col("item_id") == item.id, ~pl.col("missing")).drop_nulls("value")["value"]
        places = (given - start) / step
        off = given.filter((places - places.round()).abs() > 1e-6 * places.abs().clip(1))
        if len(off):
            notes.append(
                f"{item.id}: {len(off):,} of {len(given):,} answers, such as {off[0]:g}, lie between the numbers that "
                f"a simulated respondent may give (steps of {step:g} from {start:g}); set step in the study file"
            )
    return tuple(notes)


def unread(study: Study, columns: list[str], optional: Iterable[str] = ()) -> tuple[str, ...]:
    """Name the columns of a file that nothing was read from.

    Args:
        study: its items and its respondents' own columns are read.
        columns: of the file.
        optional: what is read where the file has it; a column spelt nearly so may have been meant.
    """
    own = study.data
    read = {item.column or item.id for item in study.items if item.expression is None}
    read |= {name for name in (own.respondent_id, own.weight, own.stratum, own.cluster) if name} | set(optional)
    left = [name for name in columns if name not in read]
    absent = [name for name in optional if name not in columns]
    named = []
    for name in left[:SHOWN]:
        near = get_close_matches(name, absent, n=1, cutoff=0.8)
        named.append(f"{name} (did you mean {near[0]}?)" if near else name)
    more = f", and {len(left) - SHOWN:,} more" if len(left) > SHOWN else ""
    return (f"not read: {', '.join(named)}{more}",) if named else ()
