"""Sufficient statistics of a panel: additive counts, so that no metric ever rescans the answers."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from simframe.study import Item, Study
from simframe.warehouse.tables import ALL, CROSS

_COUNTS = (
    pl.len().cast(pl.Int64).alias("n"),
    pl.col("weight").sum().alias("w"),
    (pl.col("weight") ** 2).sum().alias("w2"),
)


def statistics(study: Study, responses: pl.DataFrame, respondents: pl.DataFrame) -> dict[str, pl.DataFrame | None]:
    """Return every table that is counted from the answers, by its name in a panel; None where nothing is declared."""
    groups = levels(study, responses)
    return {
        "cells": cells(responses, respondents, groups),
        "memberships": memberships(groups),
        "crosstabs": crosstabs(study, responses, respondents, groups),
        "structures": structures(study, responses, respondents, groups),
    }


def levels(study: Study, responses: pl.DataFrame) -> pl.DataFrame:
    """Return respondent_id, attribute, level: where each respondent stands in every grouping of the study.

    Everybody is in (all, all); a respondent whose answer is missing or outside the bins is in no level.
    """
    ids = responses.select("respondent_id").unique(maintain_order=True)
    everybody = ids.with_columns(attribute=pl.lit(ALL), level=pl.lit(ALL))
    return pl.concat([everybody, *(crossed(study, responses, attributes) for attributes in study.attributes)])


def crossed(study: Study, responses: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return respondent_id, attribute, level of those who stand in a level of every one of the items."""
    frame = _alone(responses, study.item(names[0]))
    for other in names[1:]:
        both = frame.join(_alone(responses, study.item(other)), on="respondent_id", suffix="_2")
        frame = both.select("respondent_id", level=pl.concat_str("level", "level_2", separator=CROSS))
    return frame.select("respondent_id", pl.lit(CROSS.join(names)).alias("attribute"), "level")


def _alone(responses: pl.DataFrame, item: Item) -> pl.DataFrame:
    own = responses.filter((pl.col("item_id") == item.id) & ~pl.col("missing") & pl.col("code").is_not_null())
    return own.select("respondent_id", level=_level(item)).drop_nulls("level")


def _level(item: Item) -> pl.Expr:
    if item.valid_options and item.bins:
        return pl.col("code").replace_strict(
            {code: bin_.code for bin_ in item.bins for code in bin_.codes}, default=None, return_dtype=pl.String
        )
    return pl.col("code")


def memberships(groups: pl.DataFrame) -> pl.DataFrame:
    """Return who stands in which level of every subgroup; that everybody is in (all, all) goes without saying."""
    return groups.filter(pl.col("attribute") != ALL).sort("attribute", "level", "respondent_id")


def _count(frame: pl.DataFrame, groups: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Count ``frame`` by ``keys`` within every attribute and level, one attribute at a time to bound memory."""
    parts = []
    for (attribute,), members in groups.partition_by("attribute", as_dict=True).items():
        joined = frame.join(members.select("respondent_id", "level"), on="respondent_id", maintain_order="left")
        counted = joined.group_by([*keys, "level"], maintain_order=True).agg(*_COUNTS)
        parts.append(counted.with_columns(attribute=pl.lit(attribute)))
    return pl.concat(parts)


def cells(responses: pl.DataFrame, respondents: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Count answers by item, split, attribute, level and answer."""
    frame = _weighted(responses.select("respondent_id", "item_id", "code", "value", "missing"), respondents)
    return _count(frame, groups, ["item_id", "split", "code", "value", "missing"]).sort(
        "item_id", "split", "attribute", "level", "code", "value", nulls_last=True
    )


def crosstabs(
    study: Study, responses: pl.DataFrame, respondents: pl.DataFrame, groups: pl.DataFrame
) -> pl.DataFrame | None:
    """Count belief and action together for every declared pair; None where the study declares none.

    A pair with controls is counted once more within each of their levels, or of all of them crossed: the strata.
    """
    parts = []
    for pair in study.pairs:
        both = [
            responses.filter((pl.col("item_id") == item_id) & ~pl.col("missing") & pl.col("code").is_not_null()).select(
                "respondent_id", pl.col("code").alias(name)
            )
            for item_id, name in ((pair.belief, "belief_code"), (pair.action, "action_code"))
        ]
        frame = _weighted(both[0].join(both[1], on="respondent_id", maintain_order="left"), respondents)
        keys = ["split", "stratum", "belief_code", "action_code"]
        together = _count(frame.with_columns(stratum=pl.lit(None, pl.String)), groups, keys)
        parts.append(together.with_columns(pair_id=pl.lit(pair.id)))
        if pair.controls:
            strata = crossed(study, responses, pair.controls).select("respondent_id", stratum="level")
            within = frame.join(strata, on="respondent_id", maintain_order="left")
            parts.append(_count(within, groups, keys).with_columns(pair_id=pl.lit(pair.id)))
    if not parts:
        return None
    return pl.concat(parts, how="diagonal").sort(
        "pair_id", "split", "attribute", "level", "stratum", "belief_code", "action_code"
    )


def structures(
    study: Study, responses: pl.DataFrame, respondents: pl.DataFrame, groups: pl.DataFrame
) -> pl.DataFrame | None:
    """Count distinct answer tuples of every declared block, among those who answered all of it."""
    parts = []
    for block in study.structures:
        answered = responses.filter(
            pl.col("item_id").is_in(block.items) & ~pl.col("missing") & pl.col("code").is_not_null()
        )
        tuples = answered.pivot("item_id", index="respondent_id", values="code")
        if set(block.items) - set(tuples.columns):
            continue
        text = pl.format("[{}]", pl.concat_str([_quote(name) for name in block.items], separator=","))
        whole = tuples.drop_nulls(list(block.items)).select("respondent_id", structure=text)
        counted = _count(_weighted(whole, respondents), groups, ["split", "structure"]).drop("w2")
        parts.append(counted.with_columns(structure_id=pl.lit(block.id)))
    if not parts:
        return None
    return pl.concat(parts).sort("structure_id", "split", "attribute", "level", "structure")


def _quote(name: str) -> pl.Expr:
    """Return a column of codes as JSON strings."""
    escaped = pl.col(name).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return pl.format('"{}"', escaped)


def _weighted(frame: pl.DataFrame, respondents: pl.DataFrame) -> pl.DataFrame:
    people = respondents.select("respondent_id", "split", "weight")
    return frame.join(people, on="respondent_id", maintain_order="left")
