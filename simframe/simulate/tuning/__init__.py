"""Tuning: an adapter fitted to a pilot.

``settings`` says what can be set; ``examples`` are people, ``targets`` what the model should think at their answers,
``groups`` who counts how much; ``loss``, ``objectives`` and ``aggregate`` say what is lowered; ``learning`` lowers it;
``fitting`` makes one adapter, ``lora`` in a folder; ``adapters``, ``curves`` and ``checkpoints`` write it down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simframe.simulate.tuning.settings import TuneSettings

if TYPE_CHECKING:
    from simframe.simulate.tuning.lora import tune, tune_in

__all__ = ["TuneSettings", "tune", "tune_in"]


def __getattr__(name: str) -> Any:
    """Import what needs torch on use."""
    if name in __all__:
        from simframe.simulate.tuning import lora

        return getattr(lora, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
