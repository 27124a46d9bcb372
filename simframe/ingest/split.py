"""Who is tuned on, who corrects, who judges: decided once, at import, from the ids alone."""

from __future__ import annotations

import hashlib

import polars as pl

from simframe.errors import DataError
from simframe.study import Study, expression

LARGEST_DEFAULT_PILOT = 300


def assign_split(study: Study, respondents: pl.DataFrame, wide: pl.DataFrame, where: str = "data") -> pl.DataFrame:
    """Return ``respondents`` with ``split`` and ``draw``.

    The order is that of SHA-256(seed, id): it does not move when respondents are added or the file is sorted another
    way, and a pilot of 30 is the first 30 of the pilot of 300.

    Args:
        study: its ``split`` says how many.
        respondents: one row a respondent, with respondent_id.
        wide: respondent_id and one column an item, for the expression that marks an earlier wave.
        where: the file, for errors.

    Raises:
        DataError: where the pilot leaves nobody to judge by.
    """
    rules = study.split
    is_wave = pl.lit(False) if rules.wave is None else expression.to_polars(rules.wave)
    try:
        marked = wide.select("respondent_id", wave=is_wave.fill_null(False))
    except pl.exceptions.PolarsError as err:
        mend = "compare numbers with numbers and codes with texts"
        raise DataError(f"split.wave {rules.wave!r} cannot be computed: {err}", where=where, mend=mend) from err
    order = [hashlib.sha256(f"{rules.seed}:{name}".encode()).hexdigest() for name in respondents["respondent_id"]]
    ranked = (
        respondents.with_columns(pl.Series("order", order))
        .join(marked, on="respondent_id", how="left", maintain_order="left")
        .with_columns(rank=pl.col("order").rank("ordinal").over("wave") - 1)
    )
    outside = ranked.height - int(ranked["wave"].sum())
    pilot = rules.pilot if rules.pilot is not None else min(LARGEST_DEFAULT_PILOT, outside // 2)
    if pilot + rules.rectify >= outside:
        message = f"split takes {pilot} + {rules.rectify} of {outside} respondents and leaves no holdout"
        raise DataError(message, where=where, mend="lower split.pilot or split.rectify, or narrow split.wave")
    rank = pl.col("rank")
    split = (
        pl.when("wave")
        .then(pl.lit("wave"))
        .when(rank < pilot)
        .then(pl.lit("pilot"))
        .when(rank < pilot + rules.rectify)
        .then(pl.lit("rectify"))
        .otherwise(pl.lit("holdout"))
    )
    parts = (
        ranked.with_columns(split=split)
        .with_columns(draw=(rank.rank("ordinal").over("split") - 1).cast(pl.Int64))
        .drop("order", "wave", "rank")
    )
    weightless = parts.group_by("split").agg(pl.col("weight").sum()).filter(pl.col("weight") == 0)
    if not weightless.is_empty():
        message = f"every weight in the {weightless['split'].sort()[0]} part is zero"
        raise DataError(message, where=where, mend="leave out people of weight zero, or choose another split.seed")
    return parts
