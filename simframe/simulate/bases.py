"""Which language model a plan runs on: the embedded one, built on the spot, or a local Hugging Face directory."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol

import polars as pl

from simframe.errors import ModelError
from simframe.simulate import embedded
from simframe.simulate.chunks import digest
from simframe.study import Study


def need_libraries() -> None:
    """Import what language models need.

    Raises:
        ModelError: where simframe was installed without it: SQL, metrics, baselines and report do without.
    """
    for name in ("torch", "transformers", "peft", "tokenizers", "safetensors"):
        try:
            import_module(name)
        except ImportError as err:
            mend = "pip install 'simframe[llm]'"
            raise ModelError(f"language models need {name}, which cannot be imported ({err})", mend=mend) from err


class Base(Protocol):
    """A base model, known by its key before anything is built or loaded."""

    @property
    def key(self) -> str:
        """What identifies the model's content: part of every panel id made with it."""

    @property
    def name(self) -> str:
        """What people call it."""

    def prepare(self, progress: Callable[[int, int], None]) -> Path:
        """Return its directory, built first where needed."""


class EmbeddedBase:
    """The tiny model that needs no download: primed on synthetic people, then on an earlier wave."""

    name = "embedded"

    def __init__(self, study: Study, wave: pl.DataFrame | None, models: Path, seed: int) -> None:
        self._study, self._wave, self._seed = study, wave, seed
        self.key = digest(embedded.recipe(study, wave, seed))
        self._folder = models / f"embedded-{study.id}-{self.key[:12]}"

    def prepare(self, progress: Callable[[int, int], None]) -> Path:
        """Build the model, or return the one that was built from the same ingredients."""
        return embedded.build_embedded(self._study, self._wave, self._folder, seed=self._seed, progress=progress)


class LocalBase:
    """A model directory as ``save_pretrained`` writes it."""

    def __init__(self, folder: Path) -> None:
        need_libraries()
        from simframe.simulate import models

        self._folder = folder
        models.check_base(folder)
        self.name = folder.resolve().name
        self.key = models.fingerprint(folder)

    def prepare(self, progress: Callable[[int, int], None]) -> Path:
        """Return the directory, which was checked before."""
        progress(1, 1)
        return self._folder
