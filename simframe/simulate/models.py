"""Local models and adapters: what may be loaded, what identifies it, and how its logits are read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from simframe.errors import ModelError
from simframe.simulate.chunks import replace_file
from simframe.simulate.prompts import Template
from simframe.warehouse.layout import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "tokenizer_config.json")
PROVENANCE = "provenance.json"
TINY = 3_000_000
"""Weights under which a network runs on one thread."""
ADAPTER_KEYS = {
    *("alpha_pattern", "base_model_name_or_path", "bias", "exclude_modules", "fan_in_fan_out", "inference_mode"),
    *("init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_bias", "lora_dropout"),
    *("peft_type", "peft_version", "r", "rank_pattern", "revision", "target_modules", "task_type", "use_dora"),
    "use_rslora",
}
"""What an adapter's configuration may set. Other keys must stand at their defaults: some name modules to import."""


def choose_device() -> tuple[torch.device, torch.dtype]:
    """Return where models run and in what precision: bfloat16 on a GPU that has it, else float32 on the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.device("cpu"), torch.float32


def fingerprint(directory: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 over a model's configuration, weights and tokenizer."""
    names = ("config.json", "adapter_config.json", *TOKENIZER_FILES)
    files = [path for path in sorted(directory.iterdir()) if path.name in names or path.suffix == ".safetensors"]
    listed = "".join(f"{path.name} {sha256(path)}\n" for path in files)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


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


@dataclass(frozen=True)
class Head:
    """How a model's last hidden state becomes logits: rows of one matrix, scaled or capped where it does so."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    scale: float
    cap: float | None

    def logits(self, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return float32 logits of a few tokens: hidden (n, d), tokens (k,) -> (n, k)."""
        bias = None if self.bias is None else self.bias[tokens].float()
        return self._shape(torch.nn.functional.linear(hidden.float(), self.weight[tokens].float(), bias))

    def partition(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the float32 log-sum-exp over the full vocabulary: hidden (n, d) -> (n,)."""
        full = torch.nn.functional.linear(hidden.to(self.weight.dtype), self.weight, self.bias)
        return self._shape(full.float()).logsumexp(-1)

    def _shape(self, logits: torch.Tensor) -> torch.Tensor:
        logits = logits * self.scale
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


@dataclass(frozen=True)
class Model:
    """A causal language model, ready to score options."""

    network: Any
    tokenizer: Any
    template: Template
    base_fingerprint: str
    adapter_fingerprint: str | None

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        device: torch.device = next(self.network.parameters()).device
        return device

    @property
    def head(self) -> Head:
        """Its output matrix, read anew each time because tuning moves it."""
        output, config = self.network.get_output_embeddings(), self.network.config
        scale = getattr(config, "logit_scale", None) or 1.0 / (getattr(config, "logits_scaling", None) or 1.0)
        cap = getattr(config, "final_logit_softcapping", None)
        return Head(output.weight, getattr(output, "bias", None), scale, cap)

    def hidden(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any = None) -> torch.Tensor:
        """Return the last hidden state: ids and positions (n, t), mask (n, past + t) -> (n, t, d).

        Positions are always explicit: the default ones are wrong where padding follows a cached prefix.
        """
        backbone = self.network.get_decoder()
        state: torch.Tensor = backbone(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        return state


def load(
    base_dir: Path,
    adapter_dir: Path | None = None,
    *,
    template: Template | None = None,
    dtype: torch.dtype | None = None,
) -> Model:
    """Load a local model, with an adapter merged into it in float32 where one is given.

    The template is the one given, else the one that the base's provenance names, else the first-person text.

    Raises:
        ModelError: where the directory is incomplete, unsafe, or holds no causal language model that can be scored.
    """
    check_base(base_dir)
    base_fingerprint = fingerprint(base_dir)
    if template is None:
        noted = provenance(base_dir).get("template")
        template = Template.from_dict(noted) if noted else Template()
    adapter = None
    if adapter_dir is not None:
        adapter = check_adapter(adapter_dir, base_fingerprint)
        if adapter["template_hash"] != template.template_hash:
            mend = "simulate with the template that the adapter was tuned with, or tune again"
            message = f"was tuned with template {adapter['template_hash']}, not {template.template_hash}"
            raise ModelError(message, where=str(adapter_dir), mend=mend)
    device, native = choose_device()
    network, tokenizer = _load(base_dir, torch.float32 if adapter else dtype or native)
    if adapter_dir is not None:
        with _refused(adapter_dir), quiet():
            from peft import PeftModel

            peft = PeftModel.from_pretrained(network, str(adapter_dir), local_files_only=True, torch_device="cpu")
            network = peft.merge_and_unload()
    network = network.to(device=device, dtype=dtype or native).eval().requires_grad_(False)
    model = Model(network, tokenizer, template, base_fingerprint, adapter["adapter_fingerprint"] if adapter else None)
    _check_scoring(model, base_dir)
    return model


def _load(directory: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    safe = {"local_files_only": True, "trust_remote_code": False}
    with _refused(directory), quiet():
        tokenizer = AutoTokenizer.from_pretrained(str(directory), **safe)
        network, loaded = AutoModelForCausalLM.from_pretrained(
            str(directory),
            **safe,
            use_safetensors=True,
            dtype=dtype,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    lost = sorted(str(key) for key in [*loaded["missing_keys"], *loaded.get("mismatched_keys", ())])
    if lost:
        # transformers would fill these with random numbers and say so in a log line.
        mend = "save the whole model again; a shard may be missing"
        raise ModelError(
            f"{len(lost)} weights are missing or misshapen, first {lost[0]}", where=str(directory), mend=mend
        )
    return network, tokenizer


@contextlib.contextmanager
def _refused(directory: Path) -> Iterator[None]:
    """Turn what transformers, safetensors and peft raise on broken files into one error that names the directory."""
    try:
        yield
    except ModelError:
        raise
    except Exception as err:
        mend = "give a causal language model saved by save_pretrained that this transformers version knows"
        message = f"cannot be loaded: {type(err).__name__}: {str(err).strip().splitlines()[0] if str(err) else ''}"
        raise ModelError(message, where=str(directory), mend=mend) from err


def is_tiny(network: Any) -> bool:
    """Return whether a network has fewer than ``TINY`` weights."""
    return bool(sum(weight.numel() for weight in network.parameters()) < TINY)


@contextlib.contextmanager
def threads(network: Any) -> Iterator[None]:
    """Run a tiny network on one thread.

    Its matrices are too small to share: threads wait for each other longer than they work, twentyfold where other
    processes use the cores. One thread also gives the same sums, so the same bytes, on any number of cores.
    """
    before = torch.get_num_threads()
    try:
        if is_tiny(network):
            torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' progress bars and advice, and peft's use of what transformers deprecates, off the terminal."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@torch.inference_mode()  # type: ignore[untyped-decorator]
def _check_scoring(model: Model, directory: Path) -> None:
    """Score eight tokens with a cache and by the head's rows, and hold both against the model's own logits.

    An encoder, a recurrent state or a logit transform that is unknown here would otherwise give wrong answers silently.
    """
    from transformers import DynamicCache

    where = str(directory)
    rows = model.head.weight.shape[0]
    ids = torch.arange(8, device=model.device)[None] * 7 % rows
    mask, positions = torch.ones_like(ids), torch.arange(8, device=model.device)[None]
    mend = "use a decoder-only model with full attention (Llama, Qwen, Mistral, Gemma, GPT-2, ...)"
    try:
        expected = model.network(input_ids=ids, attention_mask=mask, position_ids=positions).logits[:, -1].float()
        cache = DynamicCache()
        model.hidden(ids[:, :5], mask[:, :5], positions[:, :5], cache)
        hidden = model.hidden(ids[:, 5:], mask, positions[:, 5:], cache)[:, -1]
        found = model.head.logits(hidden, torch.arange(rows, device=model.device))
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as err:
        raise ModelError(f"cannot be scored with a key-value cache: {err}", where=where, mend=mend) from err
    # bfloat16 keeps 8 bits: its rounding, through all layers, stays well under a tenth of the largest logit.
    tolerance = 1e-4 if hidden.dtype == torch.float32 else 0.1
    if (found - expected).abs().max() > tolerance * expected.abs().max().clamp(min=1.0):
        raise ModelError("gives other logits with a key-value cache or by its output rows", where=where, mend=mend)


def versions() -> dict[str, str]:
    """Return the versions that shape a number: Python's, torch's, transformers', peft's, simframe's."""
    from importlib.metadata import PackageNotFoundError, version
    from platform import python_version

    found = {"python": python_version()}
    for name in ("simframe", "torch", "transformers", "peft", "tokenizers", "numpy", "polars"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
