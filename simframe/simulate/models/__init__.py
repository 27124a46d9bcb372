"""Local models and adapters: what may be loaded (``files``), and how it is loaded and scored (``loading``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simframe.simulate.models.files import (
    ADAPTER_KEYS,
    PROVENANCE,
    TOKENIZER_FILES,
    check_adapter,
    check_base,
    fingerprint,
    noted_template,
    provenance,
    read_json,
    versions,
    write_provenance,
)

if TYPE_CHECKING:
    from simframe.simulate.models.loading import (
        TINY,
        Head,
        Model,
        choose_device,
        context_of,
        is_tiny,
        load,
        quiet,
        threads,
    )

__all__ = [
    "ADAPTER_KEYS",
    "PROVENANCE",
    "TINY",
    "TOKENIZER_FILES",
    "Head",
    "Model",
    "check_adapter",
    "check_base",
    "choose_device",
    "context_of",
    "fingerprint",
    "is_tiny",
    "load",
    "noted_template",
    "provenance",
    "quiet",
    "read_json",
    "threads",
    "versions",
    "write_provenance",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch on use."""
    if name in __all__:
        from simframe.simulate.models import loading

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
