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
    for column in golden.NUMBERS:
        # As many digits as every processor computes alike.
        assert found[column].to_list() == pytest.approx(known[column].to_list(), rel=1e-6, abs=1e-8), (column, MEND)
    assert method == METHOD, "the file bears another name of the method: run tests/inference/golden.py"


def test_every_method_has_a_figure():
    _, known = golden.read()
    defined = known.filter(pl.col("estimate") != 0)
    assert METHODS.keys() == {name for name in known["metric"] if not name.startswith("coefficients of")}
    assert METHODS.keys() - set(defined["metric"]) <= {"fp", "sign_reversals", "false_positive_rate"}


def test_nothing_is_written_under_the_same_name():
    with pytest.raises(SystemExit, match="give METHOD another name"):
        golden.main()
