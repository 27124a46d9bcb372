"""Macros are formulas that other people have computed too."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pytest
from scipy import special, stats

from simframe.warehouse.catalog import sql_files

from .conftest import count

VIEW = "cell_statistics"


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as con:
        con.execute(sql_files()[0].read_text("utf-8"))
        yield con


POINTS = np.array(
    [1e-12, 1e-6, 0.01, 0.5, 1, 2, 3.84, 5, 7.9, 8, 8.1, 10, 15, 25, 50, 100, 300, 700, 1400, 3000, 12000]
)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 7, 10, 11, 50, 101, 1000, 9999])
def test_the_upper_tail_of_chi_squared_is_scipys(con, df):
    rows = con.execute("SELECT chi2_sf(x, ?::DOUBLE) FROM unnest(?::DOUBLE[]) AS t (x)", [df, POINTS.tolist()])
    found = [p for (p,) in rows.fetchall()]
    np.testing.assert_allclose(found, stats.chi2.sf(POINTS, df), rtol=1e-10, atol=1e-300)


def test_the_complementary_error_function_is_scipys(con):
    y = np.concatenate([[0.0], np.geomspace(1e-10, 600, 200), [3.999999, 4.0, 4.000001]])
    rows = con.execute("SELECT erfc_root(y) FROM unnest(?::DOUBLE[]) AS t (y)", [y.tolist()]).fetchall()
    np.testing.assert_allclose([p for (p,) in rows], special.erfc(np.sqrt(y)), rtol=1e-10)


@pytest.mark.parametrize(
    ("x", "df", "p"),
    [
        (0.0, 0, 1.0),
        (0.0, 3, 1.0),
        (1.0, 0, 0.0),
        (math.inf, 3, 0.0),
        (None, 3, None),
        (1.0, None, None),
        (-1.0, 3, None),
    ],
)
def test_the_edges_of_chi_squared(con, x, df, p):
    assert con.execute("SELECT chi2_sf(?::DOUBLE, ?::DOUBLE)", [x, df]).fetchone() == (p,)


def test_a_chi_squared_test_needs_no_evaluation(warehouse):
    h, s = {"x": 30, "y": 20, "z": 7}, {"x": 11, "y": 25}
    with warehouse().compare(count("party", h), count("party", s)) as con:
        query = "SELECT chi2, chi2_df, p_chi2 FROM cell_statistics WHERE item_id = ? AND attribute = 'all'"
        found = con.execute(query, ["party"]).fetchone()
        assert con.execute(query, ["mood"]).fetchone() == (None, None, None)
    expected = stats.chi2_contingency([[30, 20, 7], [11, 25, 0]], correction=False)
    assert found == pytest.approx((expected.statistic, expected.dof, expected.pvalue), rel=1e-10)
