"""What was made of a panel, kept for the next panel that is set beside the same people."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Generic, ParamSpec, TypeVar

from simframe.inference.drawing.resample import digest
from simframe.inference.panels.sample import Panel
from simframe.study import Study

P = ParamSpec("P")
T = TypeVar("T")
KEPT = 8
KEPT_OF_PEOPLE = 256
"""Results kept of people: one a subgroup, and an action."""


class Memory(Generic[T]):
    """The last few results, by a key."""

    def __init__(self, most: int = KEPT) -> None:
        self._kept: dict[str, T] = {}
        self._most = most

    def get(self, key: str, make: Callable[[], T]) -> T:
        """Return what is kept under ``key``; make it where nothing is."""
        # What was asked for last goes to the end, and the beginning goes first.
        self._kept[key] = self._kept.pop(key) if key in self._kept else make()
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return self._kept[key]


def remembered(
    make: Callable[Concatenate[Study, Panel, P], T],
) -> Callable[Concatenate[Study, Panel, P], T]:
    """Keep the last results of ``make``, by what study and panel hold; further arguments are texts."""
    memory: Memory[T] = Memory(KEPT_OF_PEOPLE)

    @wraps(make)
    def found(study: Study, panel: Panel, /, *more: P.args, **named: P.kwargs) -> T:
        content = [digest(table.hash_rows().to_list()) for table in (panel.respondents, panel.responses)]
        key = digest(study.study_hash, *content, *more, named)
        return memory.get(key, lambda: make(study, panel, *more, **named))

    return found
