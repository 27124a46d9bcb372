"""The kernels on NumPy arrays: draws of whole respondents, and the metrics of thousands of count tables at once.

Polars' door (:mod:`simframe.metrics._plugin`) takes a table a row. An evaluation asks for tens of millions of tables,
one an item, group and replicate, that exist nowhere else: here they go from draw to figure as arrays, through the very
formulas that serve the expressions. Calls release the interpreter's lock and share their work out over threads;
`POLARS_MAX_THREADS` bounds them, and their number never shows in a result.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simframe.errors import MetricError
from simframe.metrics._plugin import library

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Codes = NDArray[np.int32]

_POINTER, _LONG, _UNSIGNED = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64


class _Draw(ctypes.Structure):
    """``SimframeDraw`` of arrays.hpp."""

    _fields_ = (
        *((name, _LONG) for name in ("people", "slots", "columns")),
        *((name, _POINTER) for name in ("codes", "weight", "unit")),
        *((name, _LONG) for name in ("units", "strata")),
        *((name, _POINTER) for name in ("sizes", "take", "scale", "chance")),
        ("replace", _LONG),
        *((name, _UNSIGNED) for name in ("seed", "key", "stream")),
        *((name, _LONG) for name in ("first_replicate", "replicates")),
        *((name, _POINTER) for name in ("counts", "squares", "rest", "rest_squares")),
    )


class _Replicates(ctypes.Structure):
    """``SimframeReplicates`` of arrays.hpp."""

    _fields_ = (
        *((name, _LONG) for name in ("metrics", "columns", "rows", "numbers", "replicates")),
        *((name, _POINTER) for name in ("names", "column", "varies", "number", "out")),
    )


@dataclass(frozen=True)
class Counts:
    """Sums of weights, one row a column of answers and one column a replicate, and of squared weights where asked."""

    n: Floats
    squares: Floats | None = None

    @classmethod
    def joined(cls, parts: Sequence[Counts]) -> Counts:
        """Set the replicates of several counts of the same answers side by side."""
        squares = [each.squares for each in parts if each.squares is not None]
        return cls(np.hstack([each.n for each in parts]), np.hstack(squares) if len(squares) == len(parts) else None)

    def part(self, replicates: int) -> Counts:
        """Return the first replicates."""
        return Counts(self.n[:, :replicates], None if self.squares is None else self.squares[:, :replicates])


@dataclass(frozen=True)
class People:
    """Respondents, their answers, and the units that they are drawn in.

    ``codes`` has a row a respondent and a column a question: the place in 0..columns-1 where the answer counts, or -1.
    ``unit`` is each respondent's cluster, numbered from 0 stratum by stratum; ``sizes`` are the clusters of a stratum.
    """

    codes: Codes
    columns: int
    weight: Floats
    unit: Codes
    sizes: Whole


@dataclass(frozen=True)
class Stream:
    """Random numbers by name: two numbers of 64 bits, and the use they are put to, 0 to 15."""

    seed: int
    key: int
    use: int = 0


def count_draws(
    people: People,
    take: Whole,
    stream: Stream,
    first: int,
    replicates: int,
    *,
    replace: bool = True,
    scale: Floats | None = None,
    chance: Floats | None = None,
    squares: bool = False,
    rest: bool = False,
) -> tuple[Counts, Counts | None]:
    """Draw ``take`` units of every stratum, again and again, and count the answers of the people in them.

    Args:
        people: whom to draw from.
        take: units to draw, one number a stratum.
        stream: whose random numbers; replicate k of a stream is the same whatever else is drawn.
        first: number of the first replicate.
        replicates: how many.
        replace: whether a unit may be drawn twice.
        scale: what a drawn unit counts, one number a stratum; 1 where left out.
        chance: draw units in proportion to it; of a single stratum only.
        squares: whether to sum squared weights too.
        rest: whether to count those who were not drawn too.

    Returns:
        The counts of the drawn and, if asked, of the rest.

    Raises:
        MetricError: arrays that do not fit together.
    """
    codes, unit = (np.ascontiguousarray(x, dtype=np.int32) for x in (people.codes, people.unit))
    weight = np.ascontiguousarray(people.weight, dtype=np.float64)
    sizes, take = (np.ascontiguousarray(x, dtype=np.int64) for x in (people.sizes, take))
    scale = np.ones(len(sizes)) if scale is None else np.ascontiguousarray(scale, dtype=np.float64)
    chance = None if chance is None else np.ascontiguousarray(chance, dtype=np.float64)
    n, units = len(weight), int(sizes.sum())
    fits = (
        codes.ndim == 2
        and len(codes) == len(unit) == n
        and len(take) == len(scale) == len(sizes)
        and (chance is None or len(chance) == units)
    )
    if not fits:
        raise MetricError("people, units and strata do not fit together", mend="give every array its length")
    wanted = (True, squares, rest, rest and squares)
    out = [np.empty((people.columns, replicates)) if each else None for each in wanted]
    request = _Draw(
        n,
        codes.shape[1],
        people.columns,
        *(_address(x) for x in (codes, weight, unit)),
        units,
        len(sizes),
        *(_address(x) for x in (sizes, take, scale, chance)),
        int(replace),
        stream.seed,
        stream.key,
        stream.use,
        first,
        replicates,
        *(_address(x) for x in out),
    )
    _call("simframe_count_draws", request)
    drawn, of_squares, others, other_squares = out
    assert drawn is not None
    return Counts(drawn, of_squares), None if others is None else Counts(others, other_squares)


def replicated(names: Sequence[str], columns: Sequence[Floats], numbers: Sequence[float] = ()) -> Floats:
    """Compute metrics of one table under many replicates.

    Metrics of two distributions take columns h, s and, where ordered, value, which rises; numbers are n_h and n_s of
    kl_smoothed. The other metrics take the columns of the Polars expression of their name, codes as ranks from 1;
    within_variance_ratio, eta2_ratio and group_slope take the groups' moments (table.hpp).

    Args:
        names: metrics.
        columns: each rows x replicates, or rows where it is the same in every replicate.
        numbers: what the metrics take beside columns.

    Returns:
        A row a metric, a column a replicate; NaN where undefined.

    Raises:
        MetricError: an unknown metric, or columns of different length.
    """
    arrays = [np.ascontiguousarray(column, dtype=np.float64) for column in columns]
    replicates = {column.shape[1] for column in arrays if column.ndim == 2} or {1}
    if len({len(column) for column in arrays}) != 1 or len(replicates) != 1:
        raise MetricError(f"columns of {', '.join(names)} differ in length", mend="give each column every row")
    out = np.full((len(names), *replicates), np.nan)
    beside = np.array(numbers, dtype=np.float64)
    texts = (ctypes.c_char_p * len(names))(*(name.encode() for name in names))
    places = (_POINTER * len(arrays))(*(_address(column) for column in arrays))
    varies = np.array([column.ndim == 2 for column in arrays], dtype=np.uint8)
    request = _Replicates(
        len(names),
        len(arrays),
        len(arrays[0]),
        len(beside),
        out.shape[1],
        ctypes.cast(texts, _POINTER),
        ctypes.cast(places, _POINTER),
        *(_address(x) for x in (varies, beside, out)),
    )
    _call("simframe_replicates", request)
    return out


def _address(array: NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


@cache
def _function(name: str) -> Any:
    found = getattr(ctypes.CDLL(str(library())), name, None)
    if found is None:
        raise MetricError(
            f"{library()} has no function {name!r}: it is older than the package", mend="install it again"
        )
    found.restype, found.argtypes = ctypes.c_int32, (_POINTER,)
    return found


def _call(name: str, request: ctypes.Structure) -> None:
    status = _function(name)(ctypes.byref(request))
    if status == 1:
        raise MemoryError(name)
    if status:
        raise MetricError(f"{name} refused its arguments", mend="name known metrics, and codes within the columns")
