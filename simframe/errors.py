"""One exception tree. Every error a user can cause names the thing, the value and the mend."""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class SimframeError(Exception):
    """Root of every error that simframe raises on purpose.

    Args:
        message: what is wrong, with the value that is wrong.
        where: the file, panel or table it stands in, and the key or field within.
        mend: what to do about it, as an instruction.
    """

    def __init__(self, message: str, *, where: str | None = None, mend: str | None = None) -> None:
        self.message = message
        self.where = where
        self.mend = mend
        super().__init__(message, where, mend)

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  mend: {self.mend}" if self.mend else head


class StudyError(SimframeError):
    """A study file that does not describe an instrument."""


class DataError(SimframeError):
    """Respondents' data that do not fit their study."""


class WarehouseError(SimframeError):
    """A warehouse that cannot be read, written or trusted."""


class MetricError(SimframeError):
    """A metric asked for on data it is not defined on."""


class InferenceError(SimframeError):
    """A regression or interval that cannot be computed."""


class PlanError(SimframeError):
    """A plan that cannot be carried out."""


class ModelError(SimframeError):
    """A language model that cannot be loaded, tuned or trusted."""


class ReportError(SimframeError):
    """A report that cannot be drawn."""


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Let errors say where they stand: ``where``, such as a file and a panel of it, goes before what they say."""
    try:
        yield
    except SimframeError as err:
        raise type(err)(err.message, where=": ".join(filter(None, (where, err.where))), mend=err.mend) from err


def install_extra(name: str) -> str:
    """Return the mend of a library that only the extra ``name`` brings; simframe is installed from its checkout."""
    return f"in the checkout of simframe: pip install '.[{name}]'"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a mend that lists what is known, nearest spelling first; empty where nothing is."""
    names = sorted({str(name) for name in known})
    if not names:
        return ""
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"did you mean {near[0]!r}? known: {listed}" if near else f"known: {listed}"
