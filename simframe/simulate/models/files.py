"""A model's directory: what must be in it, what may not, and what identifies it. Nothing here imports torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError, PlanError
from simframe.simulate.chunks import replace_file
from simframe.warehouse.layout import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simframe.simulate.prompts import Template

TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "tokenizer_config.json"),
    *("chat_template.jinja", "chat_template.json"),
)
PROVENANCE = "provenance.json"
ADAPTER_KEYS = {
    *("alpha_pattern", "base_model_name_or_path", "bias", "exclude_modules", "fan_in_fan_out", "inference_mode"),
    *("init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_bias", "lora_dropout"),
    *("peft_type", "peft_version", "r", "rank_pattern", "revision", "target_modules", "task_type", "use_dora"),
    "use_rslora",
}
"""What an adapter's configuration may set. Other keys must stand at their defaults: some name modules to import."""


def fingerprint(directory: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 over a model's configuration, weights and tokenizer.

    Raises:
        ModelError: where one of the files cannot be read.
    """
    names = ("config.json", "adapter_config.json", *TOKENIZER_FILES)
    files = [path for path in sorted(directory.iterdir()) if path.name in names or path.suffix == ".safetensors"]
    listed = "".join(f"{path.name} {_hashed(path)}\n" for path in files)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def _hashed(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as err:
        why, mend = f"cannot be read: {err.strerror}", "copy the model's directory anew"
        if path.is_symlink() and not path.exists():
            why = f"is a link to {path.readlink()}, which is not there"
            mend = "download the model again, with the files themselves: a cache it pointed into was cleared"
        elif isinstance(err, PermissionError):
            mend = "let yourself read it: chmod u+r FILE"
        raise ModelError(why, where=str(path), mend=mend) from err


def _content(directory: Path) -> str:
    names = sorted(path.name for path in directory.iterdir())
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "nothing"


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a model's directory.

    Raises:
        ModelError: where the file is missing or holds no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ModelError(f"cannot be read: {err}", where=str(path), mend="copy the model's directory anew") from err
    if not isinstance(content, dict):
        raise ModelError("holds no JSON object", where=str(path), mend="copy the model's directory anew")
    return content


def write_provenance(directory: Path, content: Mapping[str, Any]) -> None:
    """Write what a model came from beside it."""
    replace_file(directory / PROVENANCE, lambda path: path.write_text(json.dumps(content, indent=2, sort_keys=True)))


def provenance(directory: Path) -> dict[str, Any]:
    """Return what is noted of where a model came from; empty for a model from elsewhere."""
    return read_json(directory / PROVENANCE) if (directory / PROVENANCE).exists() else {}


def noted_template(directory: Path) -> Template | None:
    """Return the template that a model's provenance names; None where it names none.

    Raises:
        ModelError: where what it names is no template.
    """
    from simframe.simulate.prompts import Template

    noted = provenance(directory).get("template")
    if noted is None or noted == {}:
        return None
    try:
        return Template.from_dict(noted)
    except PlanError as err:
        mend = "copy the model's directory anew, or remove the key: the model is then shown the first-person text"
        message = f"template: {err.message}"
        raise ModelError(message, where=str(directory / PROVENANCE), mend=mend) from err


def check_base(directory: Path) -> None:
    """Refuse a directory that is no complete model in safetensors, or that brings code.

    Raises:
        ModelError: names what is missing or unsafe, what is there, and the mend.
    """
    where = str(directory)
    if not directory.is_dir():
        mend = "give the path of a model saved by save_pretrained; nothing is downloaded"
        raise ModelError("is no directory", where=where, mend=mend)
    if not (directory / "config.json").exists():
        held = _content(directory)
        mend = "give the directory that save_pretrained wrote"
        raise ModelError(f"has no config.json; it holds {held}", where=where, mend=mend)
    if not any(directory.glob("*.safetensors")):
        mend = "convert the weights: load them where you trust them and save_pretrained(..., safe_serialization=True)"
        raise ModelError(f"has no *.safetensors; it holds {_content(directory)}", where=where, mend=mend)
    if not any((directory / name).exists() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        mend = "save the model's tokenizer beside it: tokenizer.save_pretrained(directory)"
        raise ModelError(f"has no tokenizer; it holds {_content(directory)}", where=where, mend=mend)
    for name in ("config.json", "tokenizer_config.json"):
        if (directory / name).exists() and read_json(directory / name).get("auto_map"):
            mend = "use an architecture that transformers has itself; a model's own code is never run"
            raise ModelError("names code of its own (auto_map)", where=str(directory / name), mend=mend)


def check_adapter(directory: Path, base_fingerprint: str) -> dict[str, Any]:
    """Refuse an adapter that is pickled, that may import modules, or that belongs to another base.

    Returns:
        Its provenance.

    Raises:
        ModelError: names the file, the key and the mend.
    """
    where = str(directory)
    if not directory.is_dir() or not (directory / "adapter_config.json").exists():
        raise ModelError("is no adapter: it has no adapter_config.json", where=where, mend="give what tuning wrote")
    if not (directory / "adapter_model.safetensors").exists():
        mend = "save the adapter with safe_serialization=True; pickled weights are never loaded"
        raise ModelError(f"has no adapter_model.safetensors; it holds {_content(directory)}", where=where, mend=mend)
    config = read_json(directory / "adapter_config.json")
    _check_adapter_config(config, where=str(directory / "adapter_config.json"))
    noted = provenance(directory)
    if noted.get("base_fingerprint") != base_fingerprint:
        mend = "use the base it was tuned on, or tune this base on the pilot"
        was = noted.get("base_fingerprint", "unknown: no provenance.json")
        raise ModelError(f"was tuned on another base ({was}, not {base_fingerprint})", where=where, mend=mend)
    if noted.get("adapter_fingerprint") != fingerprint(directory):
        mend = "tune again, or restore the directory from where it was copied"
        raise ModelError("is not what was tuned: its files do not match its provenance", where=where, mend=mend)
    return noted


def _check_adapter_config(config: dict[str, Any], where: str) -> None:
    from peft import LoraConfig

    if config.get("peft_type") != "LORA":
        raise ModelError(f"is of type {config.get('peft_type')!r}", where=where, mend="use a LoRA adapter")
    defaults = {field.name: getattr(LoraConfig(), field.name) for field in fields(LoraConfig)}
    for key, value in config.items():
        if key not in ADAPTER_KEYS and value not in (None, False, [], {}) and value != defaults.get(key):
            mend = "remove the key where it does not matter, or tune again"
            raise ModelError(f"sets {key} = {value!r}, which is not allowed", where=where, mend=mend)


def versions() -> dict[str, str]:
    """Return the versions that shape a number: Python's, torch's, transformers', peft's, simframe's."""
    from importlib.metadata import PackageNotFoundError, version
    from platform import python_version

    found = {"python": python_version()}
    for name in ("simframe", "torch", "transformers", "peft", "tokenizers", "numpy", "polars"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
