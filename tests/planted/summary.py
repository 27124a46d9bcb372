"""From counts to rates with their Monte-Carlo error, and whether a rate lies in its band."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from scipy import stats

from simframe.metrics import METRICS

COVERAGE = (0.93, 0.97)
TYPE_I = (0.035, 0.065)
FLOOR_BIAS = 0.02
CHANCE = 0.001
"""A rate is called outside its band where chance alone would put it there less often than this."""


def edged() -> set[str]:
    """Return the metrics that S = H puts on the edge of their range: an interval cannot lie wholly below it."""
    return {row for each in METRICS.values() if each.ideal is not None and each.ideal == each.low for row in each.rows}


def chance(hits: float, trials: float, band: tuple[float, float]) -> float:
    """Return how often chance puts a rate that is in its band so far outside it: the exact binomial test."""
    low, high = stats.binom.cdf(hits, trials, band[0]), stats.binom.sf(hits - 1, trials, band[1])
    return float(min(1.0, 2 * min(low, high)))


def coverage(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return coverage by some columns, with how often the interval lay below and above the truth."""
    known = table.filter(pl.col("intervals") > 0)
    return _rates(known, by, "covered", "intervals", COVERAGE, below="below", above="above")


def type_i(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the share of p-values at or below 0.05 where S = H."""
    # A slope is tested against nought, whatever the people's is.
    tested = ~pl.col("metric").str.starts_with("coefficient of ") | (pl.col("truth") == 0)
    return _rates(table.filter(tested, pl.col("tests") > 0, scenario="null"), by, "rejected", "tests", TYPE_I)


def beyond(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the share of estimates above the edge of the floor where S = H, of distances: 5 % where it is right."""
    known = table.filter(pl.col("metric").is_in(edged()), pl.col("floors") > 0, scenario="null")
    # Counts and rates of coefficients take few values.
    return _rates(known.filter(pl.col("world") != "models", pl.col("metric") != "chi2"), by, "beyond", "floors", TYPE_I)


def _rates(
    table: pl.DataFrame, by: Sequence[str], hits: str, trials: str, band: tuple[float, float], **more: str
) -> pl.DataFrame:
    sums = table.group_by(*by, maintain_order=True).agg(pl.col(hits, trials, *more.values()).sum())
    rate = pl.col(hits) / pl.col(trials)
    return sums.with_columns(
        rate=rate,
        se=(rate * (1 - rate) / pl.col(trials)).sqrt(),
        chance=pl.struct(hits, trials).map_elements(
            lambda row: chance(row[hits], row[trials], band), return_dtype=pl.Float64
        ),
        **{name: pl.col(column) / pl.col(trials) for name, column in more.items()},
    ).with_columns(outside=pl.col("chance") < CHANCE)


def regular(table: pl.DataFrame) -> pl.DataFrame:
    """Return what lies inside the range: the edge, at S = H, is another matter."""
    return table.filter(~(pl.col("metric").is_in(edged()) & (pl.col("truth").abs() < 1e-12)))


def on_edge(table: pl.DataFrame) -> pl.DataFrame:
    """Return the figures whose true value is the edge of their range."""
    return table.filter(pl.col("metric").is_in(edged()) & (pl.col("truth").abs() < 1e-12))


def floors(table: pl.DataFrame, true: pl.DataFrame) -> pl.DataFrame:
    """Return floors beside the true ones: of items from many draws, of others from estimates where S = H."""
    null = table.filter(pl.col("floors") > 1, scenario="null")
    spread = (pl.col("floor2") / pl.col("floors") - (pl.col("floor") / pl.col("floors")) ** 2).clip(0)
    own = null.with_columns(mean=pl.col("floor") / pl.col("floors"), se=(spread / pl.col("floors")).sqrt())
    noise = (pl.col("estimate2") / pl.col("estimates") - (pl.col("estimate") / pl.col("estimates")) ** 2).clip(0)
    own = own.with_columns(
        seen=pl.col("estimate") / pl.col("estimates"), seen_se=(noise / pl.col("estimates")).sqrt()
    ).join(true, on=["item_id", "n", "design", "metric"], how="left")
    target, error = pl.coalesce("true_floor", "seen"), pl.coalesce("true_se", "seen_se")
    return own.with_columns(
        bias=pl.col("mean") / target - 1,
        bias_se=((pl.col("se") / target) ** 2 + (error * pl.col("mean") / target**2) ** 2).sqrt(),
        target=target,
        beyond_rate=pl.col("beyond") / pl.col("estimates"),
    )
