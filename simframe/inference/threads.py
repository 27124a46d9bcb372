"""How many threads linear algebra takes: an evaluation's matrices are small, and threads would only wait for others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def linear_algebra(threads: int) -> Iterator[None]:
    """Hold NumPy's and SciPy's linear algebra to so many threads."""
    # SciPy brings a library of its own. What is loaded later heeds no limit, so it is loaded here.
    import scipy.linalg  # noqa: F401

    with threadpool_limits(threads):
        yield
