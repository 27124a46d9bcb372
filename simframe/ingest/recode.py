"""From a data file's columns and codes to the study's: one long table of checked answers."""

from __future__ import annotations

import math

import polars as pl

from simframe.errors import DataError, did_you_mean
from simframe.ingest.place import place
from simframe.study import Item, Study, canonical_number

ANSWER = {"item_id": pl.String, "code": pl.String, "value": pl.Float64, "missing": pl.Boolean}


def recode(study: Study, data: pl.DataFrame, where: str = "data") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (respondents, responses) of a data frame with one row a respondent.

    ``respondents`` has respondent_id, weight, stratum, cluster; ``responses`` has respondent_id, item_id, code,
    value, missing, for every item of the study that is not derived, and text where the study has open questions.

    Raises:
        DataError: naming file, column, first offending value and its place (:func:`simframe.ingest.place.place`).
    """
    if data.is_empty():
        raise DataError("holds no respondent", where=where, mend="give a file with one row a respondent")
    respondents = _respondents(study, data, where)
    items = [item for item in study.items if item.expression is None]
    parts = [
        _answers(item, _column(data, item.column or item.id, f"item {item.id!r}", where), where).with_columns(
            respondents["respondent_id"]
        )
        for item in items
    ]
    own = [*ANSWER, "text"] if any(item.scale == "text" for item in items) else list(ANSWER)
    return respondents, pl.concat(parts, how="diagonal").select("respondent_id", *own)


def _column(data: pl.DataFrame, name: str, role: str, where: str) -> pl.Series:
    if name not in data.columns:
        mend = f"name its column in the study file; {did_you_mean(name, data.columns)}"
        raise DataError(f"no column {name!r} for {role}", where=where, mend=mend)
    return data[name]


def as_text(column: pl.Series, where: str) -> pl.Series:
    """Return every cell as text, whole floats without their point, blank as null."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        message = f"column {column.name!r} holds {column.dtype}, not one answer a cell"
        raise DataError(message, where=where, mend="save it as text or numbers")
    if column.dtype.is_float():
        texts = [None if v is None or math.isnan(v) else canonical_number(v) for v in column.to_list()]
        return pl.Series(column.name, texts, dtype=pl.String)
    text = column.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def _respondents(study: Study, data: pl.DataFrame, where: str) -> pl.DataFrame:
    fields = study.data
    n = data.height
    if fields.respondent_id is None:
        ids = pl.Series([f"r{row:0{len(str(n))}d}" for row in range(1, n + 1)])
    else:
        ids = as_text(_column(data, fields.respondent_id, "data.respondent_id", where), where)
        if ids.null_count():
            row = ids.is_null().arg_max() or 0
            message = f"{fields.respondent_id}: {place(where, row)} has no id"
            raise DataError(message, where=where, mend="give every respondent an id")
        if ids.n_unique() < n:
            twice = ids.filter(ids.is_duplicated())[0]
            rows = (ids == twice).arg_true().to_list()
            message = f"{fields.respondent_id}: id {twice!r} stands in {place(where, *rows[:5])}"
            raise DataError(message, where=where, mend="keep one row a respondent")
    weight = (
        pl.repeat(1.0, n, dtype=pl.Float64, eager=True)
        if fields.weight is None
        else _weights(_column(data, fields.weight, "data.weight", where), where)
    )

    def own(name: str | None, key: str) -> pl.Series:
        return (
            pl.Series([None] * n, dtype=pl.String) if name is None else as_text(_column(data, name, key, where), where)
        )

    return pl.DataFrame(
        {
            "respondent_id": ids,
            "weight": weight,
            "stratum": own(fields.stratum, "data.stratum"),
            "cluster": own(fields.cluster, "data.cluster"),
        }
    )


_LEAST_WEIGHT = 1e-100
"""Rank correlations multiply three sums of weights: of smaller ones that is nought, and beyond reach of the inverse."""


def _weights(column: pl.Series, where: str) -> pl.Series:
    weight = as_text(column, where).cast(pl.Float64, strict=False)
    for bad, what, mend in (
        (weight.is_null() | ~weight.is_finite().fill_null(False), "is no weight", "give every respondent a number"),
        (weight < 0, "is negative", "weights are zero or more"),
    ):
        if bad.any():
            row = bad.arg_max() or 0
            said = "no weight" if column[row] in (None, "") else f"{column[row]!r} {what}"
            raise DataError(f"{column.name}: {place(where, row)}: {said}", where=where, mend=mend)
    total = float(weight.sum())
    if total == 0:
        raise DataError(f"{column.name}: every weight is zero", where=where, mend="give some respondent a weight")
    if not total < 1 / _LEAST_WEIGHT:
        message = f"{column.name}: the weights, up to {max(weight.to_list()):g}, are too large to add up"
        raise DataError(message, where=where, mend="scale them to a mean of 1")
    least = float(weight.filter(weight > 0).min())  # type: ignore[arg-type]
    if least < _LEAST_WEIGHT:
        message = f"{column.name}: the weights, down to {least:g}, are too small to be multiplied"
        raise DataError(
            message, where=where, mend="scale them to a mean of 1, and let those count 0 who count for nothing"
        )
    return weight


def _answers(item: Item, column: pl.Series, where: str) -> pl.DataFrame:
    text = as_text(column, where)
    if item.scale == "text":
        rows = [(item.id, None, None, answer is None, answer) for answer in text.to_list()]
        return pl.DataFrame(rows, schema=ANSWER | {"text": pl.String}, orient="row")
    known: dict[str, tuple[str | None, float | None, bool]] = {}
    for option in item.options:
        for code in (option.code, *option.aliases):
            known[code] = (option.code, None if option.missing else option.value, not item.counts(option))
    answers: dict[str | None, tuple[str | None, float | None, bool]] = {None: (None, None, True)}
    for raw in text.unique().drop_nulls().sort():
        found = known.get(raw) or known.get(_canonical(raw))
        if found is None and item.range is not None:
            found = _number(item, raw)
        if found is None:
            row = (text == raw).arg_max() or 0
            raise DataError(
                f"{column.name}: {place(where, row)}: {column[row]!r} is no {_expected(item)} of item {item.id!r}",
                where=where,
                mend=_mend(item, raw),
            )
        answers[raw] = found
    coded = [answers[raw] for raw in text.to_list()]
    return pl.DataFrame(
        [(item.id, *answer) for answer in coded],
        schema=ANSWER,
        orient="row",
    )


def _float(raw: str) -> float | None:
    """Return a text as a finite number. Python's own reading would take "1_0" for ten."""
    try:
        number = math.nan if "_" in raw else float(raw)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _canonical(raw: str) -> str:
    number = _float(raw)
    return raw if number is None else canonical_number(number)


def _number(item: Item, raw: str) -> tuple[str | None, float, bool] | None:
    """Return an interval answer, with the code of its bin, or None where it is no number within the range."""
    value = _float(raw)
    if value is None:
        return None
    low, high = item.range or (-math.inf, math.inf)
    return (item.bin_of(value), value, False) if low <= value <= high else None


def _expected(item: Item) -> str:
    return "option" if item.range is None else f"number from {item.range[0]:g} to {item.range[1]:g}"


_BLANKS = frozenset({"nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nil", "nat", "."})
"""What programs write where there is no answer; a study may mean something by each, so none is taken for a blank."""


def _mend(item: Item, raw: str) -> str:
    if raw.lower() in _BLANKS:
        return "leave the cell blank where there is no answer, or declare the text as a missing option"
    if item.range is not None:
        return "correct the value, widen the range, or declare the code as a missing option"
    codes = [code for option in item.options for code in (option.code, *option.aliases)]
    return f"correct the value, or add it as an option, alias or missing code; {did_you_mean(raw, codes)}"
