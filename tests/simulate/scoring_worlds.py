"""Random networks of several architectures, questions made of bare tokens, and a reference of plain forwards."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import torch

from simframe.simulate.prompts import Question
from simframe.simulate.scoring.network import Model

VOCABULARY = 97
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
ROTATED = {name: size for name, size in SHAPE.items() if name not in ("head_dim", "max_position_embeddings")}
MIXED = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 12}
ARCHITECTURES = {
    "llama": ("Llama", SHAPE),
    "qwen3": ("Qwen3", SHAPE),
    "qwen3 with a window in one layer": ("Qwen3", SHAPE | MIXED | {"use_sliding_window": True}),
    "gpt2, positions learned": ("GPT2", {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 512}),
    "gemma2, both soft caps, a window": ("Gemma2", SHAPE | MIXED | {"query_pre_attn_scalar": 8}),
    "gemma3, embeddings scaled, a window": ("Gemma3", SHAPE | MIXED | {"query_pre_attn_scalar": 8}),
    "mistral, a window in all layers": ("Mistral", SHAPE | {"sliding_window": 12}),
    "granite, logits scaled": (
        "Granite",
        {k: v for k, v in SHAPE.items() if k != "head_dim"} | {"logits_scaling": 3.0},
    ),
    "cohere, logits scaled": ("Cohere", ROTATED | {"logit_scale": 0.25}),
}


def network(name: str, seed: int = 0) -> Model:
    import transformers

    kind, shape = ARCHITECTURES[name]
    config_of = "Gemma3TextConfig" if kind == "Gemma3" else f"{kind}Config"
    model_of = {"GPT2": "GPT2LMHeadModel"}.get(kind, f"{kind}ForCausalLM")
    if kind == "GPT2":
        shape = shape | {"vocab_size": VOCABULARY, "initializer_range": 0.3, "bos_token_id": None, "eos_token_id": None}
    config = getattr(transformers, config_of)(**shape)
    # transformers' fast attention knows no soft caps.
    config._attn_implementation = "eager" if getattr(config, "attn_logit_softcapping", None) else "sdpa"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = getattr(transformers, model_of)(config).eval().requires_grad_(False)
    return Model(made, None, None, "", None)


def question(name: str, random: np.random.Generator, leaves: Sequence[tuple[int, ...]], **more: object) -> Question:
    """A question whose cue is random and whose labels begin with one common token; ends stay apart from labels."""
    cue = tuple(random.integers(40, VOCABULARY, size=random.integers(4, 9)).tolist())
    paths = sorted({leaf[:depth] for leaf in leaves for depth in range(len(leaf))}, key=lambda p: (len(p), p))
    node = {path: place for place, path in enumerate(paths)}
    routes = tuple(tuple((node[leaf[:depth]], token) for depth, token in enumerate(leaf)) for leaf in leaves)
    answers = tuple((*leaf, 39) for leaf in leaves)
    return Question(SimpleNamespace(id=name), cue, 1, answers, tuple(paths), routes, **more)


@torch.no_grad()
def step_logp(model: Model, ids: Sequence[int]) -> np.ndarray:
    """Log probabilities of whatever follows each token: one forward, no cache, no padding, no mask."""
    logits = model.network(torch.tensor([list(ids)]), use_cache=False).logits[0]
    return logits.double().log_softmax(-1).numpy()


def option_logp(model: Model, context: Sequence[int], asked: Question, leaves: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Log P(lead, label | context and cue up to the lead) of every option, one forward an option."""
    found = []
    for leaf in leaves:
        ids = [*context, *asked.cue, *leaf]
        steps = step_logp(model, ids)
        first = len(context) + len(asked.cue) - asked.lead
        found.append(sum(steps[place - 1, ids[place]] for place in range(first, len(ids))))
    return np.array(found)
