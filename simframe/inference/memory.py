"""What was made of a panel, kept for the next panel that is set beside the same people."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from simframe.inference.resample import digest
from simframe.inference.sample import Panel
from simframe.study import Study

P = ParamSpec("P")
T = TypeVar("T")
KEPT = 8


def remembered(
    make: Callable[Concatenate[Study, Panel, P], T],
) -> Callable[Concatenate[Study, Panel, P], T]:
    """Keep the last few results of ``make``, by what study and panel hold; further arguments are texts."""
    kept: dict[str, T] = {}

    @wraps(make)
    def found(study: Study, panel: Panel, /, *more: P.args, **named: P.kwargs) -> T:
        content = [digest(table.hash_rows().to_list()) for table in (panel.respondents, panel.responses)]
        key = digest(study.study_hash, *content, *more, named)
        # What was asked for last goes to the end, and the beginning goes first.
        kept[key] = kept.pop(key) if key in kept else make(study, panel, *more, **named)
        while len(kept) > KEPT:
            del kept[next(iter(kept))]
        return kept[key]

    return found
