"""The compiled library holds every kernel the package names, and says so plainly when it does not."""

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

import simframe.metrics as m
from simframe.errors import MetricError
from simframe.metrics import _plugin

SOURCES = Path(m.__file__).parent
NAMED = sorted(
    {
        name
        for file in SOURCES.glob("*.py")
        for name in re.findall(r'(?:of_rows|kernel|_gathered|_listed)\(\s*"(\w+)"', file.read_text(encoding="utf-8"))
    }
    | {"chi2_statistic", "chi2_df"}
)


def test_the_package_names_kernels():
    assert len(NAMED) > 25


@pytest.mark.parametrize("name", NAMED)
def test_every_kernel_and_its_type_are_in_the_library(name):
    library = ctypes.CDLL(str(_plugin.library()))
    assert hasattr(library, f"_polars_plugin_{name}")
    assert hasattr(library, f"_polars_plugin_field_{name}")


def test_the_library_speaks_the_interface_polars_knows():
    assert ctypes.CDLL(str(_plugin.library()))._polars_plugin_get_version() == 1


def test_a_kernel_the_library_lacks_is_an_error_and_not_a_panic():
    with pytest.raises(MetricError, match="no kernel 'polychoric_of_tomorrow'"):
        _plugin.kernel("polychoric_of_tomorrow", pl.col("x"))


def test_a_missing_library_names_the_folder_and_the_mend(monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules["simframe.metrics"], "__path__", [str(tmp_path)])
    with pytest.raises(MetricError, match="compiled kernels are missing") as error:
        _plugin.library.__wrapped__()
    assert str(tmp_path) in str(error.value)
    assert "pip install" in str(error.value)


def test_importing_the_metrics_loads_neither_numpy_nor_scipy_nor_torch():
    heavy = "{'numpy', 'scipy', 'torch', 'pandas', 'duckdb'}"
    code = f"import sys, simframe.metrics; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_chi2_tail_equals_scipy_from_the_middle_to_the_far_tail():
    df = np.repeat([1, 2, 3, 4, 7, 10, 39, 40, 41, 200, 1000, 9999], 60)
    rank = np.tile(np.concatenate([np.linspace(0.001, 3, 40), np.linspace(3.2, 15, 20)]), 12)
    x = df * rank
    result = pl.DataFrame({"x": x, "df": df}).select(m.chi2_sf("x", "df")).to_series().to_numpy()
    expected = stats.chi2.sf(x, df)
    normal = expected > 1e-300
    # Against 60-digit arithmetic the kernel is within 2e-13 throughout; scipy drifts to 1e-11 at df = 9999.
    drifted = df[normal] > 1000
    np.testing.assert_allclose(result[normal][~drifted], expected[normal][~drifted], rtol=1e-12)
    np.testing.assert_allclose(result[normal][drifted], expected[normal][drifted], rtol=2e-11)
    assert (result[~normal] < 1e-299).all()


def test_chi2_tail_at_its_ends():
    frame = pl.DataFrame({"x": [0.0, np.inf, -1.0, np.nan, None, 1.0, 0.0], "df": [3, 3, 3, 3, 3, 0, 0]})
    result = frame.select(m.chi2_sf("x", "df")).to_series().to_list()
    assert result == [1.0, 0.0, None, None, None, 0.0, 1.0]
