"""The uncertainty of every divergence of a cell at once, drawn again from its counts by the C++ kernels.

A cell is one comparison: the reference's counts `h` and the compared panel's `s` over the declared options, with
their `value`. Two forms of each function. The plain one aggregates columns, one row an option, as the metrics do.
`list_*` takes one list a side and row, one row a cell, and works through the rows in parallel.

**Method**: the one of `simframe.inference.judging.interval`, which says why. Where that draws respondents with all
their answers, this draws the answers to one item: the same thing for one item, a panel of independent respondents and
no weights. Counts must be whole numbers. Weights, strata, clusters, and metrics that join several items, need the
respondent-level bootstrap of `simframe.inference`.

**Randomness**: Philox 4x64-10 under the seed and a stable hash of the cell's `key`. The order of rows and options,
chunks, engines, the number of threads and the choice of metrics leave every figure as it is. Cells of equal key see
the same random numbers: give each its own. `POLARS_MAX_THREADS` bounds the threads.

**Null**: all fields where a side has no answers or a count is missing, negative or not finite; the fields of a metric
that is undefined, or that needs a `value` which is missing or not finite. Weights in place of counts, sides of
different length, and more than 2,147,483,647 respondents are errors that name the column.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from simframe.errors import MetricError, did_you_mean
from simframe.metrics._expr import IntoExpr, as_expr, keyed, numbers, whole
from simframe.metrics._plugin import kernel

__all__ = [
    "count_bootstrap",
    "count_permutation",
    "list_count_bootstrap",
    "list_count_permutation",
]

_OF_COUNTS = (
    "total_variation",
    "kl_divergence",
    "kl_smoothed",
    "js_divergence",
    "js_distance",
    "hellinger",
    "entropy_ratio",
    "modal_share_gap",
)
_OF_VALUES = (
    "wasserstein",
    "wasserstein_norm",
    "ks",
    "energy",
    "mean_shift",
    "variance_ratio",
    "sd_ratio",
)
_LARGEST_SEED = 2**53 - 1
_MOST = 10_000_000
"""Replicates: all of a cell stand in memory at once."""


def count_bootstrap(
    h: IntoExpr,
    s: IntoExpr,
    value: IntoExpr = None,
    *,
    key: IntoExpr | Sequence[IntoExpr],
    replicates: int = 2000,
    seed: int = 0,
    metrics: Sequence[str] | None = None,
) -> pl.Expr:
    """Interval and floor of many metrics from one set of draws: a struct of structs, a field a metric.

    The fields of each are `estimate`, `se` (standard deviation of the replicates), `low` and `high` (the 95 %
    bootstrap interval on the metric's scale, drawn on both sides, each at its own size), `floor` and `floor_q95`
    (mean, of ratios the median, and 95 % quantile of the metric between two samples of the sides' sizes, both drawn
    from the reference).
    `.struct.unnest()` gives a column a metric.

    Args:
        h: counts of the reference, one row a declared option.
        s: counts of the compared panel.
        value: the declared option values; without them only metrics of nominal items are computed.
        key: what identifies the cell, such as the item and the level: one column or several, of integers or text.
        replicates: bootstrap replicates, and as many draws for the floor.
        seed: 0 to 2^53 - 1.
        metrics: names from `METRICS`; default all that `value` permits.

    Raises:
        MetricError: an unknown metric, one that needs a value where there is none, or a setting out of range.

    >>> import polars as pl
    >>> import simframe.metrics as m
    >>> cells = pl.DataFrame({"item": ["vote"] * 3, "value": [1, 2, 3], "human": [60, 30, 10], "tuned": [50, 30, 20]})
    >>> drawn = m.count_bootstrap("human", "tuned", "value", key="item", metrics=["js_distance", "wasserstein"])
    >>> cells.group_by("item").agg(drawn).unnest("count_bootstrap").select(
    ...     "item", pl.col("wasserstein").struct.field("estimate", "low", "high", "floor").round(2)
    ... ).rows()
    [('vote', 0.2, 0.0, 0.41, 0.09)]
    """
    cell = _gathered(h, s, value, key)
    return _resampled("count_bootstrap", cell, replicates=replicates, seed=seed, metrics=metrics)


def list_count_bootstrap(
    h: IntoExpr,
    s: IntoExpr,
    value: IntoExpr = None,
    *,
    key: IntoExpr | Sequence[IntoExpr],
    replicates: int = 2000,
    seed: int = 0,
    metrics: Sequence[str] | None = None,
) -> pl.Expr:
    """Interval and floor of the cell in each row's lists; see `count_bootstrap`."""
    cell = _listed(h, s, value, key)
    drawn = _resampled("count_bootstrap", cell, replicates=replicates, seed=seed, metrics=metrics)
    return drawn.alias("list_count_bootstrap")


def count_permutation(
    h: IntoExpr,
    s: IntoExpr,
    value: IntoExpr = None,
    *,
    key: IntoExpr | Sequence[IntoExpr],
    replicates: int = 2000,
    seed: int = 0,
    metrics: Sequence[str] | None = None,
) -> pl.Expr:
    """p-values of many metrics from one set of permutations of the panel labels: a struct, a field a metric.

    Each is (1 + permutations at least as far from the ideal) / (1 + permutations), Phipson and Smyth (2010): never 0,
    and never too small on average. Permuted tables are drawn from the multivariate hypergeometric distribution.
    Distance is absolute, on the logarithmic scale for ratios. Agrees within Monte-Carlo error with
    `scipy.stats.permutation_test` on the expanded respondents.

    Arguments and errors are those of `count_bootstrap`.
    """
    return _resampled(
        "count_permutation", _gathered(h, s, value, key), replicates=replicates, seed=seed, metrics=metrics
    )


def list_count_permutation(
    h: IntoExpr,
    s: IntoExpr,
    value: IntoExpr = None,
    *,
    key: IntoExpr | Sequence[IntoExpr],
    replicates: int = 2000,
    seed: int = 0,
    metrics: Sequence[str] | None = None,
) -> pl.Expr:
    """p-values of the cell in each row's lists; see `count_permutation`."""
    cell = _listed(h, s, value, key)
    drawn = _resampled("count_permutation", cell, replicates=replicates, seed=seed, metrics=metrics)
    return drawn.alias("list_count_permutation")


def _missing() -> pl.Expr:
    return pl.lit(None).alias("value")


def _gathered(h: IntoExpr, s: IntoExpr, value: IntoExpr, key: IntoExpr | Sequence[IntoExpr]) -> tuple[pl.Expr, ...]:
    values = _missing() if value is None else numbers(value).implode()
    return numbers(h).implode(), numbers(s).implode(), values, _key(key).first()


def _listed(h: IntoExpr, s: IntoExpr, value: IntoExpr, key: IntoExpr | Sequence[IntoExpr]) -> tuple[pl.Expr, ...]:
    return as_expr(h), as_expr(s), _missing() if value is None else as_expr(value), _key(key)


def _key(key: IntoExpr | Sequence[IntoExpr]) -> pl.Expr:
    """Read what identifies a cell as one text. Parts are set apart by characters that no text should hold."""
    if isinstance(key, (str, pl.Expr, pl.Series)) or not isinstance(key, Sequence):
        return keyed(key)
    if not key:
        raise MetricError("key=[] names no column", mend="give what identifies the cell, such as the item")
    parts = [keyed(part).fill_null("\x00") for part in key]
    return pl.concat_str(parts, separator="\x1f")


def _resampled(
    name: str, cell: tuple[pl.Expr, ...], *, replicates: int, seed: int, metrics: Sequence[str] | None
) -> pl.Expr:
    """Check the settings and call the kernel on a cell: reference, compared panel, values and key."""
    possible = _OF_COUNTS if cell[2].meta.eq(_missing()) else _OF_COUNTS + _OF_VALUES
    if isinstance(metrics, str) or not isinstance(metrics, (Sequence, type(None))):
        raise MetricError(f"metrics={metrics!r} is no list", mend="give a list of names, such as ['js_distance']")
    chosen = tuple(possible if metrics is None else metrics)
    for metric in chosen:
        if metric in _OF_VALUES and metric not in possible:
            raise MetricError(f"{metric} needs option values", mend="give `value`, or leave the metric out")
        if metric not in possible:
            raise MetricError(f"{name} knows no metric {metric!r}", mend=did_you_mean(metric, possible))
    if not chosen or len(set(chosen)) < len(chosen):
        raise MetricError(f"metrics={chosen!r} names none, or one twice", mend="name each metric once")
    settings = (
        pl.lit(whole(seed, "seed", 0, _LARGEST_SEED), dtype=pl.UInt64).alias("seed"),
        pl.lit(whole(replicates, "replicates", 2, _MOST), dtype=pl.UInt64).alias("replicates"),
        # The result's type must follow from the inputs' types: the metrics travel as the fields of an empty struct.
        pl.lit(None, dtype=pl.Struct(dict.fromkeys(chosen, pl.Null))).alias("metrics"),
    )
    return kernel(name, *cell, *settings).alias(name)
