"""Tuning: an adapter fitted to a pilot (``lora``), by the loss of ``learning`` and the shape of ``settings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simframe.simulate.tuning.settings import TuneSettings

if TYPE_CHECKING:
    from simframe.simulate.tuning.lora import tune

__all__ = ["TuneSettings", "tune"]


def __getattr__(name: str) -> Any:
    """Import what needs torch on use."""
    if name == "tune":
        from simframe.simulate.tuning.lora import tune

        return tune
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
