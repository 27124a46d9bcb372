"""From the long table of answers to one row a respondent, and the items derived from it."""

from __future__ import annotations

import polars as pl

from simframe.errors import DataError
from simframe.study import Study, expression


def wide(study: Study, responses: pl.DataFrame) -> pl.DataFrame:
    """Return respondent_id and one column an item: its value where the item is numeric, else its code.

    Missing answers are null, options declared missing too where they count as a category: regressions and arithmetic
    set them aside. An item nobody was asked is a column of nulls.
    """
    ids = responses.select("respondent_id").unique(maintain_order=True)
    answered = responses.filter(~pl.col("missing"))
    by_item = answered.partition_by("item_id", as_dict=True)
    columns = [ids]
    for item in study.items:
        content = "value" if item.numeric else "code"
        empty = pl.DataFrame(schema={"respondent_id": pl.String, "code": pl.String, "value": pl.Float64})
        aside = [option.code for option in item.options if option.missing]
        answer = pl.when(~pl.col("code").is_in(aside).fill_null(value=False)).then(pl.col(content))
        part = by_item.get((item.id,), empty).select("respondent_id", answer.alias(item.id))
        columns.append(ids.join(part, on="respondent_id", how="left", maintain_order="left").select(item.id))
    return pl.concat(columns, how="horizontal")


def derive(study: Study, responses: pl.DataFrame) -> pl.DataFrame:
    """Return ``responses`` with the study's derived items computed for every respondent.

    Raises:
        DataError: where an expression gives no finite number for answers that are all there.
    """
    present = set(responses["item_id"].unique())
    todo = [item for item in study.derived if item.id not in present]
    if not todo:
        return responses
    frame = wide(study, responses)
    parts = [responses]
    for item in todo:
        frame = frame.with_columns(expression.to_polars(item.expression or "").cast(pl.Float64).alias(item.id))
        value = frame[item.id]
        if (~value.drop_nulls().is_finite()).any():
            row = (~value.is_finite()).fill_null(False).arg_max() or 0
            message = (
                f"expression {item.expression!r} gives {value[row]} for respondent {frame['respondent_id'][row]!r}"
            )
            raise DataError(message, where=f"item {item.id!r}", mend="guard it, for instance log(x + 0.1)")
        distinct = value.drop_nulls().unique()
        codes = pl.DataFrame(
            {item.id: distinct, "code": [item.bin_of(v) for v in distinct]}, schema_overrides={"code": pl.String}
        )
        part = frame.select("respondent_id", item.id).join(codes, on=item.id, how="left", maintain_order="left")
        parts.append(
            part.select(
                "respondent_id",
                pl.lit(item.id).alias("item_id"),
                "code",
                pl.col(item.id).alias("value"),
                pl.col(item.id).is_null().alias("missing"),
            )
        )
    return pl.concat(parts, how="diagonal")
