"""One list of metrics: the registry's, the catalog's and the evaluation's are the same, under the same names."""

from __future__ import annotations

import polars as pl
import pytest

from simframe.inference.judging.methods import METHODS
from simframe.metrics import METRICS

ELSEWHERE = {
    "excess": "estimate - floor, two columns of every row of a subgroup",
    "z_difference": "a figure of one term: column of coefficient_pairs",
    "standardised_bias": "a figure of one term: column of coefficient_pairs",
}
"""Metrics that are no row of ``alignment``, and where they are."""

# A divergence in a subgroup is the divergence, under the family of the question that it answers there.
IN_GROUPS = {("subgroups", row) for metric in METRICS.values() if metric.family == "divergence" for row in metric.rows}
REGISTERED = {(metric.family, row) for metric in METRICS.values() for row in metric.rows}


def test_every_metric_is_in_alignment(alignment):
    assert {name for name, metric in METRICS.items() if not metric.rows} == ELSEWHERE.keys()
    assert REGISTERED - _named(alignment) == set()


def test_everything_in_alignment_is_a_metric(alignment):
    assert _named(alignment) == REGISTERED | IN_GROUPS


def test_an_evaluation_names_what_alignment_names(alignment, warehouse):
    estimates = warehouse.sql("FROM estimates SEMI JOIN comparisons USING (panel_id)")
    assert _named(estimates) <= _named(alignment)
    assert set(estimates["metric"].unique()) == METHODS.keys()


def test_methods_of_inference_keep_to_the_range_and_ideal_of_the_registry():
    by_row = {row: metric for metric in METRICS.values() for row in metric.rows}
    for row, method in METHODS.items():
        metric = by_row[row]
        if "_inflation" not in row:  # a difference or quotient of figures has a range of its own
            assert method.low >= metric.low
            assert method.high <= metric.high
        if row == metric.name and metric.ideal is not None:
            assert method.ideal == metric.ideal


@pytest.mark.parametrize("metric", [metric for metric in METRICS.values() if metric.rows], ids=lambda m: m.name)
def test_every_estimate_has_interval_floor_and_p_value_or_the_registry_says_none(alignment, metric):
    """Of figures with people enough on both sides, that nothing is to be said of."""
    said_nothing = pl.col("reason").is_null() | pl.col("reason").str.starts_with("no interval")
    enough = pl.all_horizontal(pl.col("n_h", "n_s") >= 30, pl.col("estimate").is_finite(), said_nothing)
    for row in metric.rows:
        rows = alignment.filter(enough, metric=row)
        assert rows.height > 0, row
        for column, said in (("ci_low", metric.interval), ("floor", metric.floor), ("p_value", metric.p_value)):
            assert said, f"{row}: the registry does not say how its {column} is obtained"
            # Two replicates leave a few rates undefined in both draws.
            if rows[column].count() < 0.5 * rows.height:
                assert "none" in said, f"{row} has no {column}, and the registry says: {said}"
            if said.startswith("none"):
                assert rows[column].count() == 0, f"{row} has a {column}, and the registry says: {said}"


def test_what_has_no_interval_says_why(alignment, warehouse):
    """Of people split in half too, and whatever the size of the group."""
    for frame in (alignment, warehouse.sql("FROM estimates"), warehouse.sql("FROM alignment")):
        bare = pl.col("estimate").is_not_null() & (pl.col("ci_low").is_null() | pl.col("ci_high").is_null())
        assert frame.filter(bare).height > 100
        assert frame.filter(bare, pl.col("reason").is_null()).is_empty()


def test_every_row_is_within_the_range_of_its_metric(alignment):
    for metric in METRICS.values():
        for row in metric.rows:
            # Differences and quotients of a figure have a range of their own.
            if row.removeprefix(metric.name) not in ("_inflation", "_inflation_ratio", "_df"):
                rows = alignment.filter(pl.col("estimate").is_not_null(), metric=row)
                assert rows["estimate"].is_between(metric.low, metric.high).all(), row


def test_every_metric_is_tried_on_numbers_and_gaps_alike(alignment):
    """The worlds are worth their name: each metric is defined somewhere, and most are undefined somewhere."""
    defined = alignment.group_by("metric").agg(some=pl.col("estimate").count() > 0, gap=pl.col("estimate").has_nulls())
    assert defined.filter(~pl.col("some"))["metric"].to_list() == []
    assert defined["gap"].mean() > 0.9


def _named(frame: pl.DataFrame) -> set[tuple[str, str]]:
    return set(frame.select("family", "metric").unique().rows())
