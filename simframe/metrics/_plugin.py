"""The one door to the C++ kernels: a shared library on Polars' raw plugin interface, built with the package."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import polars as pl
from polars.plugins import register_plugin_function

from simframe.errors import MetricError

_FILE = "_kernels" + {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


@cache
def library() -> Path:
    """Return the exact library file. In an editable install it lies in a second directory of this package's path."""
    searched = [Path(entry) / _FILE for entry in sys.modules[__package__].__path__]
    for file in searched:
        if file.is_file():
            return file
    raise MetricError(
        f"the compiled kernels are missing: no {_FILE} in {', '.join(str(file.parent) for file in searched)}",
        mend="install the package with pip (`pip install -e .` from a source tree), which compiles them",
    )


def kernel(name: str, *inputs: pl.Expr) -> pl.Expr:
    """Call a kernel row by row. Inputs of one row are repeated; lists carry a whole sample in a row.

    Samples are gathered into lists (`implode`) and not passed as columns: a row-wise kernel runs in one call over all
    groups, in the streaming engine too, where an aggregating one is called group by group on a single thread.
    """
    return register_plugin_function(
        plugin_path=library(), function_name=name, args=list(inputs), is_elementwise=True, use_abs_path=True
    )
