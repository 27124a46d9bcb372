"""A column that holds no numbers is an error with its name, whatever Polars would make of it."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest

import simframe.metrics as m

NO_NUMBERS = {
    "text": pl.Series("bad", ["3", "4", "5"]),
    "bytes": pl.Series("bad", [b"3", b"4", b"5"]),
    "lists": pl.Series("bad", [[3.0], [4.0], [5.0]]),
    "arrays": pl.Series("bad", [[3.0], [4.0], [5.0]], dtype=pl.Array(pl.Float64, 1)),
    "structs": pl.Series("bad", [{"n": 3}, {"n": 4}, {"n": 5}]),
    "categories": pl.Series("bad", ["3", "4", "5"], dtype=pl.Categorical),
    "an enumeration": pl.Series("bad", ["3", "4", "5"], dtype=pl.Enum(["3", "4", "5"])),
    "dates": pl.Series("bad", [date(2020, 1, day) for day in (1, 2, 3)]),
    "points in time": pl.Series("bad", [datetime(2020, 1, day) for day in (1, 2, 3)]),
    "points in time of a zone": pl.Series("bad", [datetime(2020, 1, 1)] * 3).dt.replace_time_zone("UTC"),
    "durations": pl.Series("bad", [timedelta(days=day) for day in (1, 2, 3)]),
    "times of day": pl.Series("bad", [time(hour) for hour in (1, 2, 3)]),
}
"""Of some Polars makes a Float64 without a word, such as the microseconds since 1970 of a point in time."""

FUNCTIONS = {
    "a kernel's counts": m.js_distance("bad", "s"),
    "a kernel's other side": m.kl_divergence("s", "bad"),
    "a kernel's values": m.wasserstein("h", "s", "bad"),
    "a struct of kernels": m.chi2("bad", "s"),
    "a native expression": m.belief_action_gap("bad", "k", "k"),
    "native, of coefficients": m.coefficient_distance("bad", "s"),
    "native, of pairs": m.accuracy("bad", "s", 1, 5),
    "row by row": m.chi2_sf("bad", "s").sum(),
    "raw values": m.sample_wasserstein("bad", "s"),
    "weights of raw values": m.sample_ks("h", "s", "bad", "s"),
    "a setting": m.kl_smoothed("h", "s", "bad", "s"),
    "a size": m.rarefied_structures("h", "bad"),
    "draws": m.count_bootstrap("bad", "s", key=pl.lit("cell"), replicates=2),
    "an expression": m.entropy(pl.col("bad").reverse()),
}

CONTEXTS = {
    "select": lambda frame, expr: frame.select(expr),
    "lazy": lambda frame, expr: frame.lazy().select(expr).collect(),
    "streaming": lambda frame, expr: frame.lazy().select(expr).collect(engine="streaming"),
    "group_by": lambda frame, expr: frame.group_by("g").agg(expr),
    "group_by, streaming": lambda frame, expr: frame.lazy().group_by("g").agg(expr).collect(engine="streaming"),
    "over": lambda frame, expr: frame.select(expr.over("g")),
    "schema": lambda frame, expr: frame.lazy().select(expr).collect_schema(),
}


def table(bad: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"g": [1, 1, 1], "k": ["x", "y", "x"], "h": [3, 4, 5], "s": [1, 0, 2]}).with_columns(bad)


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_no_number_is_an_error_with_the_columns_name(kind, function):
    with pytest.raises(pl.exceptions.ComputeError, match=r"column 'bad' holds .* where numbers are needed"):
        table(NO_NUMBERS[kind]).select(FUNCTIONS[function])


@pytest.mark.parametrize("kind", ["text", "categories", "points in time"])
@pytest.mark.parametrize("function", ["a kernel's counts", "a native expression", "a setting"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_in_every_context(kind, function, context):
    with pytest.raises(pl.exceptions.ComputeError, match="column 'bad' holds"):
        CONTEXTS[context](table(NO_NUMBERS[kind]), FUNCTIONS[function])


@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_lists_of_what_is_no_number(kind):
    frame = table(NO_NUMBERS[kind]).group_by("g").agg("h", "bad")
    with pytest.raises(pl.exceptions.ComputeError, match="column 'bad' holds lists of"):
        frame.select(m.list_wasserstein("h", "bad"))


@pytest.mark.parametrize(
    "dtype",
    [
        *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Int128),
        *(pl.Float32, pl.Float64, pl.Decimal(20, 3)),
    ],
    ids=str,
)
def test_every_type_of_number_counts(dtype):
    numbers = pl.Series("bad", [Decimal(3), Decimal(4), Decimal(5)]).cast(dtype)
    frame = pl.concat([table(numbers)] * 2, rechunk=False)
    floats = frame.with_columns(pl.col("bad").cast(pl.Float64))
    for expr in FUNCTIONS.values():
        assert frame.select(expr).equals(floats.select(expr))
        for context in CONTEXTS.values():
            context(frame, expr)


def test_truth_values_are_nought_and_one():
    frame = pl.DataFrame({"voted": [True, False, None, True], "said": [True, True, True, True], "w": [1, 1, 1, 1]})
    assert frame.select(m.accuracy("voted", "said", 0, 1)).item() == pytest.approx(2 / 3)
    lists = frame.drop_nulls().select(pl.col("voted", "said").implode())
    assert lists.select(m.list_wasserstein("voted", "said")).item() == pytest.approx(1 / 3)
    assert frame.select(m.sample_wasserstein("voted", "said")).item() == pytest.approx(1 / 3)
    sliced = pl.concat([frame, frame]).slice(3, 4).filter(pl.col("voted").is_not_null())
    assert sliced.select(m.accuracy("voted", "said", 0, 1)).item() == pytest.approx(2 / 3)
