"""Which language model a plan runs on: the embedded one, built on the spot, or a local Hugging Face directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import polars as pl

from simframe.simulate import embedded
from simframe.simulate.chunks import digest
from simframe.study import Study


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
        from simframe.simulate import models

        self._folder = folder
        models.check_base(folder)
        self.name = folder.resolve().name
        self.key = models.fingerprint(folder)

    def prepare(self, progress: Callable[[int, int], None]) -> Path:
        """Return the directory, which was checked before."""
        progress(1, 1)
        return self._folder
