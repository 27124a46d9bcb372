"""Twins in a file of simulated answers: who stands for which human, with what of the human's."""

from __future__ import annotations

import polars as pl

from simframe.errors import DataError
from simframe.ingest.place import place
from simframe.ingest.recode import as_text
from simframe.study import Study, canonical_number

TWIN = "twin_of"
"""Column of the data file that names each respondent's human, where there is one."""


def with_twins(
    respondents: pl.DataFrame, frame: pl.DataFrame, people: pl.DataFrame, inherited: list[str], where: str
) -> pl.DataFrame:
    """Add ``twin_of``, and what a twin has of its human: split, draw, and the ``inherited`` columns.

    Raises:
        DataError: where ``twin_of`` names nobody of ``people``.
    """
    if TWIN in frame.columns:
        twins = as_text(frame[TWIN], where)
    else:
        twins = pl.repeat(None, respondents.height, dtype=pl.String, eager=True)
    strangers = ~twins.is_in(people["respondent_id"].implode()) & twins.is_not_null()
    if strangers.any():
        row = strangers.arg_max() or 0
        message = f"{TWIN}: {place(where, row)}: {twins[row]!r} is nobody of the people compared with"
        mend = f"name respondents of the reference and its split, or leave the cell blank; {_some(people)}"
        raise DataError(message, where=where, mend=mend)
    humans = people.select(
        pl.col("respondent_id").alias(TWIN), "split", "draw", *(pl.col(name).alias(f"{name}_h") for name in inherited)
    )
    joined = respondents.with_columns(twins.alias(TWIN)).join(humans, on=TWIN, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(f"{name}_h", name).alias(name) for name in inherited).drop(
        f"{name}_h" for name in inherited
    )


def check_attributes(
    study: Study, respondents: pl.DataFrame, answers: pl.DataFrame, of_people: pl.DataFrame, where: str
) -> None:
    """Refuse twins who are not like their human: subgroups take a twin for its human, regressions take it as it is.

    What either side leaves unanswered contradicts nothing.

    Args:
        study: its persona items and treatment arms are what a twin shares with its human.
        respondents: the panel's, in the order of the file, with ``twin_of``.
        answers: the panel's.
        of_people: the answers of the reference.
        where: the file.

    Raises:
        DataError: naming the first respondent and attribute, and both values.
    """
    order = {item.id: position for position, item in enumerate(study.persona)}
    own, theirs = (
        each.filter(pl.col("item_id").is_in(list(order)) & ~pl.col("missing")).select(
            "respondent_id", "item_id", "code", "value"
        )
        for each in (answers, of_people)
    )
    differ = pl.col("code").ne_missing(pl.col("code_h")) | pl.col("value").ne_missing(pl.col("value_h"))
    wrong = (
        respondents.select("respondent_id", TWIN)
        .with_row_index("row")
        .join(own, on="respondent_id")
        .join(theirs, left_on=[TWIN, "item_id"], right_on=["respondent_id", "item_id"], suffix="_h")
        .filter(differ)
        .sort("row", pl.col("item_id").replace_strict(order, return_dtype=pl.Int64))
    )
    if wrong.is_empty():
        return
    row = wrong.row(0, named=True)
    number = study.item(row["item_id"]).scale == "interval"  # whose code is no more than a bin
    mine, human = (canonical_number(row[f"value{of}"]) if number else row[f"code{of}"] for of in ("", "_h"))
    message = (
        f"{TWIN}: {place(where, row['row'])}: respondent {row['respondent_id']!r} has {row['item_id']} {mine!r}, and "
        f"its human {row[TWIN]!r} has {human!r}"
    )
    twins = respondents.height - respondents[TWIN].null_count()
    mend = (
        f"give twins the attributes of their human, or leave {TWIN} blank; {wrong['row'].n_unique()} of {twins} twins "
        "contradict theirs"
    )
    raise DataError(message, where=where, mend=mend)


def _some(people: pl.DataFrame) -> str:
    ids = people["respondent_id"].sort().head(3)
    return f"such as {', '.join(ids)}"
