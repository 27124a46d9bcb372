"""The third way to the same numbers: an evaluation computes every figure anew, on arrays of drawn respondents."""

from __future__ import annotations

import polars as pl
import pytest

from simframe.inference.judging.methods import METHODS

from .agree import RESULT_KEY, close


@pytest.fixture(scope="module")
def both(alignment, warehouse) -> pl.DataFrame:
    estimates = warehouse.sql("FROM estimates SEMI JOIN comparisons USING (panel_id)")
    key = ["family", "metric", *RESULT_KEY]
    joined = estimates.join(alignment, on=key, how="left", nulls_equal=True, suffix="_sql")
    assert joined.height == estimates.height
    return joined


@pytest.mark.parametrize("metric", METHODS)
def test_estimate_is_the_catalogs(both, metric):
    rows = both.filter(metric=metric)
    assert rows["study_id"].null_count() == 0, "a row that alignment has not"
    assert rows["estimate"].count() > 0
    # The table of estimates holds finite numbers alone: kl_divergence may be infinite.
    finite = pl.when(pl.col("estimate_sql").is_finite()).then("estimate_sql")
    wrong = [row for row in rows.select(*RESULT_KEY, "estimate", finite).iter_rows() if not close(row[-2], row[-1])]
    assert not wrong
