"""Which numbers an item without options allows, and how they are written."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from simframe.errors import PlanError
from simframe.study import canonical_number

if TYPE_CHECKING:
    from simframe.study import Item

MOST = 100_001
"""Numbers that one item may allow."""
PARTS = 10
"""Parts of a range."""
DOUBLINGS = 30
"""How often the steps of an item without range double, on either side of nought."""


def allowed_numbers(item: Item) -> tuple[float, ...]:
    """Return the numbers that an item allows, rising: from its lowest by ``step``, or the whole numbers in its range.

    Raises:
        PlanError: where there are none, or more than can be compiled.
    """
    where = f"item {item.id}"
    if item.range is None:
        raise PlanError("has no range", where=where, mend="add range = [lowest, highest] to the study file")
    low, high = (Decimal(canonical_number(end)) for end in item.range)
    step = Decimal(1) if item.step is None else Decimal(canonical_number(item.step))
    start = Decimal(math.ceil(low)) if item.step is None else low
    count = int((high - start) / step) + 1 if high >= start else 0
    if count > MOST:
        mend = f"add a step to the study file, such as step = {canonical_number(_round_step(float(high - low)))}"
        raise PlanError(f"allows {count:,} numbers, more than {MOST:,}", where=where, mend=mend)
    if count < 2:
        raise PlanError(f"allows {count} numbers", where=where, mend="widen its range, or make its step smaller")
    return tuple(float(start + place * step) for place in range(count))


def decimals_of(item: Item) -> int:
    """Return how many decimals the numbers of an item have at most."""
    if item.step is None or item.range is None:
        return 0
    written = [Decimal(canonical_number(number)) for number in (item.step, item.range[0])]
    return max(max(0, -int(number.as_tuple().exponent)) for number in written)


def digits_of(value: float, decimals: int = 0) -> str:
    """Return a number as how many digits it has before its point, and each: ``43`` is ``2: 4 3``.

    So written, no number begins another. ``decimals`` are written whether nought or not.
    """
    number = canonical_number(value)
    whole, _, rest = number.partition(".")
    if decimals:
        number = f"{whole}.{rest:0<{decimals}}"
    return f"{len(whole.lstrip('-'))}: {' '.join(number)}"


def part_of(item: Item, value: float) -> int:
    """Return where a number lies, coarsely: which of ten equal parts of its item's range, from 1.

    Without a range: two steps each time that one more than its size doubles, negative below nought.
    """
    if item.range is None:
        steps = min(2 * DOUBLINGS, round(2 * math.log2(1 + abs(value))))
        return steps if value >= 0 else -steps
    low, high = item.range
    return 1 + max(0, min(PARTS - 1, math.floor((value - low) / (high - low) * PARTS)))


def parts_of(item: Item) -> range:
    """Return every part that a number of an item may lie in, rising."""
    return range(-2 * DOUBLINGS, 2 * DOUBLINGS + 1) if item.range is None else range(1, PARTS + 1)


def _round_step(width: float) -> float:
    return float(10 ** math.ceil(math.log10(width / (MOST - 1))))
