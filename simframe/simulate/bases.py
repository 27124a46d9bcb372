"""Which language model a plan runs on: the embedded one, built on the spot, or a local Hugging Face directory."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from simframe.errors import ModelError, PlanError, install_extra
from simframe.simulate import embedded, models
from simframe.simulate.chunks import digest
from simframe.simulate.models.tokenizer import has_chat_template, load_tokenizer
from simframe.simulate.plans import Condition
from simframe.simulate.prompts import COMPACT, Template, compile_script
from simframe.simulate.vocabulary import make_tokenizer
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
            message = f"language models need {name}, which cannot be imported ({err})"
            raise ModelError(message, mend=install_extra("llm")) from err


class Base(Protocol):
    """A base model, known by its key before anything is built or loaded."""

    @property
    def key(self) -> str:
        """What identifies the model's content: part of every panel id made with it."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def folder(self) -> Path | None:
        """Where it stands, or will stand once it is built; None where it is behind an endpoint."""

    @property
    def template(self) -> Template:
        """The template it was made for, else the first-person text."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer where it has a chat template, else None."""

    def check_reads(self, template: Template) -> None:
        """Refuse a template that it is known to lack the words for, before anything is built."""

    def prepare(self, progress: Callable[[int, int], None]) -> Path:
        """Return its directory, built first where needed."""


EMBEDDED = "embedded"
"""What a plan calls the model that needs no download."""


class EmbeddedBase:
    """The tiny model that needs no download: primed on synthetic people, then on an earlier wave."""

    name = EMBEDDED
    template = COMPACT
    tokenizer: Any = None

    def __init__(self, study: Study, wave: pl.DataFrame | None, models: Path, seed: int) -> None:
        self._study, self._wave, self._seed = study, wave, seed
        self.key = digest(embedded.recipe(study, wave, seed))
        self.folder = models / f"embedded-{study.id}-{self.key[:12]}"

    def check_reads(self, template: Template) -> None:
        """Refuse a template of other words than the study's own."""
        if template.name != COMPACT.name:
            need_libraries()
            compile_script(self._study, template, make_tokenizer(self._study))

    def prepare(self, progress: Callable[[int, int], None]) -> Path:
        """Build the model, or return the one that was built from the same ingredients."""
        return embedded.build_embedded(self._study, self._wave, self.folder, seed=self._seed, progress=progress)


class LocalBase:
    """A model directory as ``save_pretrained`` writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        models.check_base(folder)
        self.name = folder.resolve().name
        self.key = models.fingerprint(folder)
        self.template = models.noted_template(folder) or Template()

    @cached_property
    def tokenizer(self) -> Any:
        """Its tokenizer where that has a chat template, else None: a base model is shown plain text."""
        return load_tokenizer(self.folder) if has_chat_template(self.folder) else None

    def check_reads(self, template: Template) -> None:
        """Refuse nothing: what a tokenizer of its own reads is seen once it is loaded."""

    def prepare(self, progress: Callable[[int, int], None]) -> Path:
        """Return the directory, which was checked before."""
        progress(1, 1)
        return self.folder


class RemoteBase:
    """A model behind an endpoint, known by its name and address alone: what answers there may change unseen."""

    template = Template()
    tokenizer: Any = None
    folder = None

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.key = digest({"model": name, "url": url})

    def check_reads(self, template: Template) -> None:
        """Refuse nothing: it reads any text."""

    def prepare(self, progress: Callable[[int, int], None]) -> Path:
        """Refuse: there is no directory."""
        raise ModelError(f"{self.name} is behind an endpoint", mend="use engine = 'openai'")


class Bases:
    """The models that a plan names, each looked at once."""

    def __init__(self, study: Study, wave: pl.DataFrame | None, folder: Path) -> None:
        self._study, self._wave, self._folder = study, wave, folder
        self._known: dict[tuple[str, Any], Base] = {}

    def of(self, condition: Condition) -> Base:
        """Return the model of a condition; nothing is built or loaded yet.

        Raises:
            PlanError: where there is no such folder.
            ModelError: where it holds no model that may be loaded.
        """
        name, url = condition.model, condition.endpoint.url
        remote = condition.engine == "openai"
        key = (name, url if remote else condition.seed if name == EMBEDDED else None)
        if key not in self._known:
            self._known[key] = RemoteBase(name, url or "") if remote else self._local(name, condition.seed)
        return self._known[key]

    def _local(self, name: str, seed: int) -> Base:
        if name == EMBEDDED:
            return EmbeddedBase(self._study, self._wave, self._folder, seed)
        if not Path(name).expanduser().is_dir():
            mend = f"write {EMBEDDED!r}, or the path of a folder as save_pretrained writes it; nothing is downloaded"
            raise PlanError(f"{name!r} is no folder", where="model", mend=mend)
        return LocalBase(Path(name).expanduser())
