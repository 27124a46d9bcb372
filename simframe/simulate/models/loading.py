"""Loading a local model, with or without an adapter, and reading its logits."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from simframe.errors import ModelError
from simframe.simulate.models.files import check_adapter, check_base, fingerprint, noted_template, provenance
from simframe.simulate.prompts import Template
from simframe.simulate.scoring.cache import counts_padding
from simframe.simulate.scoring.network import Head, Model

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TINY", "Head", "Model", "choose_device", "context_of", "is_tiny", "load", "quiet", "threads"]

TINY = 3_000_000
"""Weights under which a network runs on one thread."""


def choose_device() -> tuple[torch.device, torch.dtype]:
    """Return where models run and in what precision: bfloat16 on a GPU that has it, else float32 on the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.device("cpu"), torch.float32


def load(
    base_dir: Path,
    adapter_dir: Path | None = None,
    *,
    template: Template | None = None,
    dtype: torch.dtype | None = None,
    four_bit: bool = False,
) -> Model:
    """Load a local model, with an adapter merged into it in float32 where one is given.

    The template is the one given, else the one that the base's provenance names, else the first-person text.
    With ``four_bit`` the base is held in 4 bits, to be tuned: QLoRA's NF4 with double quantisation.

    Raises:
        ModelError: where the directory is incomplete, unsafe, or holds no causal language model that can be scored.
    """
    check_base(base_dir)
    quantised = four_bit_settings() if four_bit else {}
    base_fingerprint = fingerprint(base_dir)
    if template is None:
        template = noted_template(base_dir) or Template()
    adapter = None
    if adapter_dir is not None:
        adapter = check_adapter(adapter_dir, base_fingerprint)
        if adapter.get("template_hash") != template.template_hash:
            mend = "simulate with the template that the adapter was tuned with, or tune again"
            tuned_with = adapter.get("template_hash", "unknown: its provenance names none")
            message = f"was tuned with template {tuned_with}, not {template.template_hash}"
            raise ModelError(message, where=str(adapter_dir), mend=mend)
    device, native = choose_device()
    network, tokenizer = _load(base_dir, torch.float32 if adapter else dtype or native, **quantised)
    with threads(network):
        if adapter_dir is not None:
            network = _merged(network, adapter_dir)
        if not four_bit:  # 4-bit weights are where they belong, and of no dtype to convert
            network = network.to(device=device, dtype=dtype or native)
        network = network.eval().requires_grad_(False)
        tuned_as = adapter["adapter_fingerprint"] if adapter else None
        context = context_of(base_dir, network.config)
        model = Model(network, tokenizer, template, base_fingerprint, tuned_as, context, name=str(base_dir))
        return replace(model, alone=_check_scoring(model, base_dir))


def context_of(directory: Path, config: Any = None) -> int | None:
    """Return how many tokens a model can read, as its configuration says; None where it sets no limit.

    Windows of attention are no limit: what lies before them is forgotten as it was in training. Scaled rotary positions
    reach as far as their factor says; those scaled a kind of layer apart are counted in already. The embedded model
    learned questionnaires of the length that it is asked.

    Raises:
        ModelError: where the configuration cannot be read; ``config`` is the one read already.
    """
    if provenance(directory).get("kind") == "embedded":
        return None
    if config is None:
        from transformers import AutoConfig

        with _refused(directory), quiet():
            config = AutoConfig.from_pretrained(str(directory), local_files_only=True, trust_remote_code=False)
    text = config.get_text_config()
    if getattr(text, "alibi", False):
        return None
    found = [getattr(text, name, None) for name in ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx")]
    told = [size for size in found if isinstance(size, int) and size > 0]
    if not told:
        return None
    rope = getattr(text, "rope_parameters", None) or {}
    kind, factor = rope.get("rope_type"), rope.get("factor")
    if kind not in ("linear", "dynamic", "yarn") or not isinstance(factor, int | float):
        return told[0]
    return max(told[0], int(factor * (rope.get("original_max_position_embeddings") or told[0])))


def four_bit_settings() -> dict[str, Any]:
    """Return what loads a base in 4 bits.

    Raises:
        ModelError: where there is no CUDA device, or no bitsandbytes.
    """
    from importlib.util import find_spec

    mend = "leave four_bit out, or tune where there is CUDA and bitsandbytes: pip install bitsandbytes"
    if not torch.cuda.is_available():
        raise ModelError("four_bit needs a CUDA device, and there is none", where="tune settings", mend=mend)
    if find_spec("bitsandbytes") is None:
        raise ModelError("four_bit needs bitsandbytes, which is not installed", where="tune settings", mend=mend)
    from transformers import BitsAndBytesConfig

    how = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=choose_device()[1],
    )
    return {"quantization_config": how, "device_map": {"": 0}}


def _merged(network: Any, adapter_dir: Path) -> Any:
    """Return a network with an adapter merged into it, tensor by tensor the ones that the adapter's file holds.

    Raises:
        ModelError: where the file lacks a tensor, holds one that belongs nowhere, or holds what is no number.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors.torch import load_file

    with _refused(adapter_dir), quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of tensors that are missing: an error below
        held = load_file(adapter_dir / "adapter_model.safetensors")
        peft = PeftModel.from_pretrained(network, str(adapter_dir), local_files_only=True, torch_device="cpu")
        wanted = get_peft_model_state_dict(peft, save_embedding_layers=False)
    where, mend = str(adapter_dir / "adapter_model.safetensors"), "use the base it was tuned on, or tune again"
    for name in sorted(wanted.keys() ^ held.keys()):
        # peft would leave out what it does not know, and fill in what it lacks.
        what = "lacks tensor" if name in wanted else "holds a tensor that belongs nowhere,"
        raise ModelError(f"{what} {name}", where=where, mend=mend)
    for name, tensor in held.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"tensor {name} holds what is no number", where=where, mend="tune again")
    return peft.merge_and_unload()


def _load(directory: Path, dtype: torch.dtype, **quantised: Any) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    safe = {"local_files_only": True, "trust_remote_code": False}
    with _refused(directory), quiet():
        tokenizer = AutoTokenizer.from_pretrained(str(directory), **safe)
        how = safe | {"use_safetensors": True, "dtype": dtype, "output_loading_info": True} | quantised
        try:
            network, loaded = AutoModelForCausalLM.from_pretrained(str(directory), **how, attn_implementation="sdpa")
        except ValueError:  # soft caps, sinks and older architectures have no fused attention; other errors come again
            network, loaded = AutoModelForCausalLM.from_pretrained(str(directory), **how, attn_implementation="eager")
    lost = sorted(str(key) for key in [*loaded["missing_keys"], *loaded.get("mismatched_keys", ())])
    if lost:
        # transformers would fill these with random numbers and say so in a log line.
        message, mend = f"{len(lost)} weights are missing or misshapen, first {lost[0]}", "save the whole model again"
        saved, kind = network.config.architectures or [], type(network).__name__
        if saved and kind not in saved:
            message += f"; it was saved as {saved[0]}, and as {kind} it has no whole set"
            mend = "use a causal language model, saved as one"
        raise ModelError(message, where=str(directory), mend=f"{mend}; a shard may be missing")
    foreign = sorted(str(key) for key in loaded.get("unexpected_keys", ()) if _within_a_layer(str(key), network))
    if foreign:
        # transformers would leave these out and run another network than the one that was trained.
        kind = type(network).__name__
        message = f"holds {len(foreign)} weights that {kind} has no place for, first {foreign[0]}"
        raise ModelError(message, where=str(directory), mend="use the config.json that the weights were saved with")
    return network, tokenizer


def _within_a_layer(key: str, network: Any) -> bool:
    """Return whether a weight belongs to a layer that the network has: whole towers for pictures may be left out."""
    steps = key.split(".")
    layers = [".".join(steps[: at + 1]) for at, step in enumerate(steps) if step.isdecimal()]
    names = {name for name, _ in network.named_modules()}
    return steps[-1] != "inv_freq" and any(layer in names for layer in layers)


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
def _check_scoring(model: Model, directory: Path) -> bool:
    """Score eight tokens with a cache and by the head's rows, and hold both against the model's own logits.

    An encoder, a recurrent state or a logit transform that is unknown here would otherwise give wrong answers silently.

    Returns:
        Whether respondents must be read one at a time.
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
        alone: bool = counts_padding(model)
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as err:
        raise ModelError(f"cannot be scored with a key-value cache: {err}", where=where, mend=mend) from err
    # bfloat16 keeps 8 bits: its rounding, through all layers, stays well under a tenth of the largest logit.
    tolerance = 1e-4 if hidden.dtype == torch.float32 else 0.1
    if not bool(torch.isfinite(expected).all()):
        raise ModelError("gives logits that are no numbers", where=where, mend="copy the model's weights anew")
    if (found - expected).abs().max() > tolerance * expected.abs().max().clamp(min=1.0):
        raise ModelError("gives other logits with a key-value cache or by its output rows", where=where, mend=mend)
    return alone
