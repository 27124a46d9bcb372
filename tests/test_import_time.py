"""Importing simframe costs nothing, and nobody who reads or imports data pays for torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

HEAVY = ("torch", "transformers", "peft")


@pytest.mark.parametrize(
    "statement",
    [
        "import simframe",
        "import simframe.study, simframe.ingest, simframe.warehouse",
        "import simframe.metrics",
        "from simframe.warehouse import Warehouse; from simframe.study import load_study; load_study('anes96')",
    ],
)
def test_no_language_model_is_loaded(python: Callable[..., str], statement: str) -> None:
    out = python(f"import sys\n{statement}\nprint([name for name in {HEAVY!r} if name in sys.modules])")
    assert out.strip() == "[]"


def test_import_takes_less_than_half_a_second(python: Callable[..., str]) -> None:
    """The import alone, the best of three: the machine may be busy."""
    code = "import time; start = time.perf_counter(); import simframe; print(time.perf_counter() - start)"
    assert min(float(python(code)) for _ in range(3)) < 0.5


def test_importtime_names_neither_torch_nor_polars(python: Callable[..., str]) -> None:
    code = "import subprocess, sys; print(subprocess.run([sys.executable, '-X', 'importtime', '-c', 'import simframe'], capture_output=True, text=True, check=True).stderr)"  # noqa: E501
    loaded = {line.rpartition("|")[2].strip() for line in python(code).splitlines()}
    assert "simframe" in loaded
    assert not loaded & {*HEAVY, "polars", "duckdb", "pandas", "statsmodels"}
