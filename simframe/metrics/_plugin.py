"""The one door to the C++ kernels: a shared library on Polars' raw plugin interface, built with the package."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

import polars as pl
from polars.plugins import register_plugin_function

from simframe.errors import MetricError

_FILE = "_kernels" + {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


_MEND = "install the package with pip (`pip install -e .` from a source tree), which compiles them"


@cache
def library() -> Path:
    """Return the exact library file. In an editable install it lies in a second directory of this package's path."""
    searched = [Path(entry) / _FILE for entry in sys.modules[__package__].__path__]
    for file in searched:
        if file.is_file():
            return file
    folders = ", ".join(str(file.parent) for file in searched)
    raise MetricError(f"the compiled kernels are missing: no {_FILE} in {folders}", mend=_MEND)


@cache
def _library_with(name: str) -> Path:
    """Return the library once it is known to hold a kernel: Polars panics on a missing symbol."""
    file = library()
    if not hasattr(ctypes.CDLL(str(file)), f"_polars_plugin_{name}"):
        raise MetricError(f"{file} has no kernel {name!r}: it is older than the package", mend=_MEND)
    return file


def kernel(name: str, *inputs: pl.Expr) -> pl.Expr:
    """Call a kernel row by row. Inputs of one row are repeated; a list carries a whole sample or column in a row."""
    return register_plugin_function(
        plugin_path=_library_with(name),
        function_name=name,
        args=list(inputs),
        is_elementwise=True,
        use_abs_path=True,
    )


def of_rows(name: str, *columns: pl.Expr, settings: tuple[pl.Expr, ...] = ()) -> pl.Expr:
    """Aggregate columns to one number by a kernel, and name it after the kernel.

    The columns are gathered into lists, so that one row-wise call serves all groups, in the streaming engine too.
    In native expressions every step costs per group, and a metric has dozens of steps; an aggregating plugin is
    called group by group, on one thread where it has several inputs. `benchmarks/kernels.py` prints the ratios.
    """
    return kernel(name, *(column.implode() for column in columns), *settings).alias(name)
