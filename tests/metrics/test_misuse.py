"""Whatever is given in the place of a column: a figure, a null, or an error that names what is wrong. Nothing else."""

import inspect
import itertools
from math import inf, nan

import polars as pl
import pytest

import simframe.metrics as m
from simframe.errors import MetricError

ROWS = 24
TABLE = pl.DataFrame(
    {
        "g": [1, 2] * (ROWS // 2),
        "id": [f"r{k}" for k in range(ROWS)],
        "n": [(7 * k) % 5 + 1 for k in range(ROWS)],
        "other": [(3 * k) % 4 + 1 for k in range(ROWS)],
        "p": [0.01 * (k % 9) for k in range(ROWS)],
        "kind": ["x", "y", "z"] * (ROWS // 3),
        "act": ["p", "q", "q"] * (ROWS // 3),
        "nothing": [None] * ROWS,
        "unknown": pl.Series([None] * ROWS, dtype=pl.Float64),
        "text": ["a"] * ROWS,
        "day": pl.Series(range(ROWS)).cast(pl.Date),
        "pair": [{"a": 1, "b": 2}] * ROWS,
        "list": [[1, 2]] * ROWS,
    }
)
SETTINGS = {"low": 1, "high": 5, "replicates": 5, "level": 0.95, "pseudocount": 0.5, "seed": 0, "options": None}
LABELS = {"group", "belief", "action", "implied", "control", "key"}
"""Parameters that take text as well as numbers."""
COLUMNS = {"group": "kind", "belief": "kind", "action": "act", "implied": "act", "control": "kind", "key": "id"}
COLUMNS |= {"beliefs": ["n", "other"], "m": 3}
FUNCTIONS = {name: getattr(m, name) for name in m.__all__ if name not in ("METRICS", "Metric", "metric")}


def good(name: str) -> dict[str, object]:
    """Return sound arguments of a function, those that may be left out included where they are columns."""
    given: dict[str, object] = {}
    for parameter in inspect.signature(FUNCTIONS[name]).parameters.values():
        if parameter.name in SETTINGS:
            given[parameter.name] = SETTINGS[parameter.name]
        elif parameter.name not in ("metrics", "n_h", "n_s", "h_w2", "s_w2"):
            column = COLUMNS.get(parameter.name, "p" if "p_value" in parameter.name else "n")
            in_lists = name.startswith("list_") and parameter.name != "key"
            given[parameter.name] = pl.col(column).implode() if in_lists else column
    if name.startswith("list_"):
        given["key" if "key" in given else "x"] = pl.lit("cell") if "key" in given else pl.col("other").implode()
    return given


CONTEXTS = {
    "select": lambda frame, expr: frame.select(expr.alias("out")),
    "group_by": lambda frame, expr: frame.group_by("g").agg(expr.alias("out")),
    "streaming": lambda frame, expr: frame.lazy().group_by("g").agg(expr.alias("out")).collect(engine="streaming"),
}
MISUSE = {
    "a number": 3,
    "a literal": pl.lit(3),
    "no literal": pl.lit(None),
    "nothing": None,
    "text": "text",
    "a literal text": pl.lit("some"),
    "days": "day",
    "structs": "pair",
    "lists": "list",
    "all null": "nothing",
    "all unknown": "unknown",
    "not a number": nan,
    "infinite": inf,
    "half": 2.5,
    "a truth value": True,
    "one of the others": "other",
    "an aggregate": pl.col("n").sum(),
    "no value": object(),
}
PLACES = [(name, parameter) for name in FUNCTIONS for parameter in good(name)]


NAMED = [f"'{column}'" for column in (*TABLE.columns, "literal")]


def outcome(name: str, given: dict[str, object], context: str) -> pl.Series | str:
    """Return the figures, or the text of an error that simframe raises."""
    try:
        return CONTEXTS[context](TABLE, FUNCTIONS[name](**given))["out"]
    except (MetricError, pl.exceptions.ComputeError) as error:
        return str(error)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(("name", "parameter"), PLACES)
def test_nothing_but_figures_and_errors_with_names(name, parameter, context):
    if name.startswith("list_") and context != "select":
        pytest.skip("lists stand in rows: there is nothing to aggregate")
    # Some lists that Polars gathers group by group have no names.
    named = NAMED if context == "select" else [*NAMED, "''"]
    for kind, bad in MISUSE.items():
        found = outcome(name, good(name) | {parameter: bad}, context)
        if isinstance(found, str):
            assert "mend: " in found or any(column in found for column in named), kind
        else:
            assert not (found.dtype.is_float() and found.is_nan().any()), kind


OF_NUMBERS = [place for place in PLACES if place[1] not in (*SETTINGS, *LABELS, "beliefs")]


@pytest.mark.parametrize(("name", "parameter"), [place for place in OF_NUMBERS if place[0] != "exact_match_rate"])
@pytest.mark.parametrize("bad", ["text", "day", "pair"])
def test_what_holds_no_numbers_is_refused_everywhere(name, parameter, bad):
    with pytest.raises(pl.exceptions.ComputeError, match=f"column '{bad}' holds"):
        TABLE.select(FUNCTIONS[name](**good(name) | {parameter: pl.col(bad).implode() if name[:5] == "list_" else bad}))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_rows_are_no_error(name):
    found = TABLE.clear().select(FUNCTIONS[name](**good(name)).alias("out"))["out"]
    figures = [found] if found.dtype != pl.Struct else [found.struct.field(each) for each in found.struct.fields]
    for figure in figures:
        assert figure.null_count() == len(figure) or figure.dtype in (pl.Int64, pl.Struct), name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: m.accuracy("n", "other", "n", 5), "low='n' is no number"),
        (lambda: m.accuracy("n", "other", 1, nan), "high=nan is no number"),
        (lambda: m.pearson_r("n", "other", level=2), "level=2 is not between 0 and 1"),
        (lambda: m.kl_smoothed("n", "other", pseudocount=-1), "pseudocount=-1 is negative"),
        (lambda: m.chi2("n", "other", "n"), "squared weights of one side alone"),
        (lambda: m.count_bootstrap("n", "other", key="id", replicates=2.5), "replicates=2.5 is out of range"),
        (lambda: m.count_bootstrap("n", "other", key="id", replicates=1), "replicates=1 is out of range"),
        (lambda: m.count_permutation("n", "other", key="id", seed=0.5), "seed=0.5 is out of range"),
        (lambda: m.count_permutation("n", "other", key=[]), r"key=\[\] names no column"),
        (lambda: m.count_bootstrap("n", "other", key="id", metrics="ks"), "metrics='ks' is no list"),
    ],
)
def test_settings(given, message):
    with pytest.raises(MetricError, match=message):
        given()


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (m.exact_match_rate("n", "text"), "'n' holds .* where 'text' holds .* cast one"),
        (m.exact_match_rate("text", pl.col("n") > 2), "'text' holds .* where 'n' holds"),
        (m.belief_action_gap("n", "day", "act"), "'day' holds .* where 'act' holds"),
        (m.ks(None, "n"), "'n' has 24 rows where 'literal' has 1"),
        (m.kl_smoothed("n", "other", pl.col("n"), pl.col("n")), "'n' has 24 rows where one number is needed"),
        (m.rarefied_structures("n", pl.col("other")), "'other' has 24 rows where one number is needed"),
        (m.count_bootstrap("n", "other", key="list"), "'list' holds .* where a key"),
    ],
)
def test_columns_that_do_not_go_together(expr, message):
    with pytest.raises(pl.exceptions.ComputeError, match=message):
        TABLE.select(expr)


OF_SLOPES = [place for place in OF_NUMBERS if FUNCTIONS[place[0]].__module__ == "simframe.metrics.recovery"]


@pytest.mark.parametrize("name", sorted({name for name, _ in OF_SLOPES}))
def test_columns_of_different_lengths_are_an_error_never_a_panic(name):
    parameters = [parameter for place, parameter in OF_SLOPES if place == name]
    for few, many in itertools.permutations(parameters, 2):
        lengths = dict.fromkeys(parameters, 1) | {few: 2, many: 4}
        given = {each: pl.Series(each, [0.01] * n) for each, n in lengths.items()}
        with pytest.raises(pl.exceptions.ShapeError):
            TABLE.select(FUNCTIONS[name](**given))


def test_answers_of_one_kind_are_compared_whatever_their_type():
    said = pl.Series("said", ["x", "y", "x"] * 8)
    for dtype in (pl.String, pl.Categorical, pl.Enum(["y", "x", "z"])):
        frame = TABLE.select("kind", "g", said.cast(dtype))
        assert frame.select(m.exact_match_rate("kind", "said")).item() == pytest.approx(2 / 3)
        assert frame.group_by("g").agg(m.exact_match_rate("said", "said"))["exact_match_rate"].to_list() == [1, 1]
    assert TABLE.select(m.exact_match_rate("n", pl.col("n").cast(pl.Decimal(10, 2)))).item() == 1
    assert TABLE.select(m.exact_match_rate(3, "n")).item() == TABLE.select((pl.col("n") == 3).mean()).item()
