"""What evaluations say changes together with the name of the method, so that nobody keeps old ones for new."""

import golden
import polars as pl
import pytest

from simframe.inference.judging.interval import METHOD
from simframe.inference.judging.methods import METHODS

MEND = "what an evaluation says has changed: bump METHOD in judging/interval.py, then run tests/inference/golden.py"


def test_the_same_method_says_the_same():
    method, known = golden.read()
    found = golden.figures()
    keys = ["evaluation", "metric", "rows", "reasons"]
    assert found.select(keys).equals(known.select(keys)), MEND
    # As many digits as every processor computes alike. An end of intervals is a sum that may come near nought, of terms
    # as large as the estimate and the other end: ordered logits end where an optimiser stops.
    largest = known.select(pl.max_horizontal(pl.col("estimate", "ci_low", "ci_high").abs())).to_series().fill_null(0)
    for column in golden.NUMBERS:
        assert found[column].is_null().equals(known[column].is_null()), (column, MEND)
        reach = 1e-8 + 1e-6 * pl.select(pl.max_horizontal(largest, known[column].abs())).to_series()
        assert ((found[column] - known[column]).abs() <= reach).all(), (column, MEND)
    assert method == METHOD, "the file bears another name of the method: run tests/inference/golden.py"


def test_every_method_has_a_figure():
    _, known = golden.read()
    defined = known.filter(pl.col("estimate") != 0)
    assert METHODS.keys() == {name for name in known["metric"] if not name.startswith("coefficients of")}
    assert METHODS.keys() - set(defined["metric"]) <= {"fp", "sign_reversals", "false_positive_rate"}


def test_nothing_is_written_under_the_same_name():
    with pytest.raises(SystemExit, match="give METHOD another name"):
        golden.main()
