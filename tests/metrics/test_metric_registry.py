"""The registry and the functions name the same metrics, and what it says of a metric is true of it."""

import math

import polars as pl
import pytest

import simframe.metrics as m
from simframe.errors import MetricError

RESAMPLING = {"count_bootstrap", "count_permutation", "list_count_bootstrap", "list_count_permutation"}
FUNCTIONS = set(m.__all__) - {"METRICS", "Metric", "metric"} - RESAMPLING
DIVERGENCES = [
    metric
    for metric in m.METRICS.values()
    if metric.family in {"divergence", "heterogeneity"} and metric.functions and metric.name != "nonresponse_gap"
]


def test_every_function_computes_a_metric_and_every_named_function_exists():
    named = {function for metric in m.METRICS.values() for function in metric.functions}
    assert named == FUNCTIONS
    assert all(callable(getattr(m, function)) for function in named)


def test_a_metric_is_its_own_function_where_it_has_any():
    others = {"entropy_h", "entropy_s"}  # one function, asked of either side
    for metric in m.METRICS.values():
        if metric.functions and metric.name not in others:
            assert metric.functions[0] == metric.name


@pytest.mark.parametrize("metric", m.METRICS.values(), ids=lambda metric: metric.name)
def test_an_entry_is_whole(metric):
    assert metric.low < metric.high
    assert metric.formula
    assert metric.source
    assert metric.ideal is None or metric.low <= metric.ideal <= metric.high
    if metric.ideal is not None and metric.goal != "match":
        assert metric.ideal == (metric.low if metric.goal == "minimise" else metric.high)
    assert set(metric.scales) <= {"nominal", "ordinal", "interval"}
    assert metric.range.count("to") == 1


def call(metric, h: str, s: str) -> pl.Expr:
    function = getattr(m, metric.functions[0])
    wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
    given = {"h": h, "s": s, "n": s, "value": "v", "group": "group", "m": 5, "pilot": h}
    expr = function(**{name: given[name] for name in wanted if name in given})
    return (expr.struct.field("statistic") if metric.name == "chi2" else expr).alias("x")


@pytest.mark.parametrize("metric", DIVERGENCES, ids=lambda metric: metric.name)
def test_range_ideal_and_symmetry_hold_on_many_tables(metric, tables):
    frame = tables.with_columns(group=pl.col("v") > 0)
    there = frame.group_by("g", maintain_order=True).agg(call(metric, "h", "s"))["x"]
    back = frame.group_by("g", maintain_order=True).agg(call(metric, "s", "h"))["x"]
    self = frame.group_by("g", maintain_order=True).agg(call(metric, "h", "h"))["x"].drop_nulls()
    assert len(there.drop_nulls()) > 40
    assert there.drop_nulls().is_between(metric.low, metric.high).all()
    if metric.ideal is not None:
        assert (self - metric.ideal).abs().max() < 1e-12
    both = pl.DataFrame({"there": there, "back": back}).drop_nulls().filter(pl.all_horizontal(pl.all().is_finite()))
    differ = ((both["there"] - both["back"]).abs() > 1e-9).any()
    if metric.symmetric:
        assert not differ
    elif metric.functions[0] not in {"entropy", "unique_structures", "rarefied_structures", "memorised_share"}:
        assert differ


def test_an_unknown_name_is_answered_with_the_nearest():
    assert m.metric("js_distance").unit == "1"
    with pytest.raises(MetricError, match="js_distance"):
        m.metric("js_distanse")


def test_ranges_read_as_text():
    assert m.metric("js_distance").range == "0 to 1"
    assert m.metric("mean_shift").range == "-inf to inf"
    assert math.isinf(m.metric("kl_divergence").high)
