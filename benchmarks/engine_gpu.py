"""How much of a GPU a questionnaire uses: an 8B-shaped model with random weights, 20 questions of 60 tokens.

Run ``python benchmarks/engine_gpu.py`` where there is a GPU, ``--small`` for the same road on a CPU in a minute.
Needs torch, transformers and NumPy, nothing else: neither Polars nor DuckDB nor peft.

- chained: persona of 80 tokens after an opening of 400 that all share; each answer conditions the later ones;
- codebook first: the questions stand in the opening, and a cue is but a few tokens;
- fine-tuning: LoRA of rank 8 on all linear layers, whole questionnaires of 300 respondents.

TFLOP/s count two operations a weight of the layers and token, four a layer, width and pair of tokens in attention; for
tuning three times that: forward, forward again where checkpointing forgot, and the gradients of activations.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from simframe.simulate import scoring
from simframe.simulate.scoring.network import Model
from simframe.simulate.tuning.learning import learn
from simframe.simulate.tuning.loss import Prompt, Term
from simframe.simulate.tuning.schedule import Schedule

PEAK = 790.0
"""TFLOP/s of bf16 matrix products, measured on an H200."""
OPTIONS = 7


@dataclass(frozen=True)
class Size:
    """Shape of the model and of the run."""

    network: dict[str, int]
    respondents: int
    batches: tuple[int, int]
    """Respondents a forward: chained, codebook first."""
    tuned: int
    epochs: int
    micro: int


LARGE = Size(
    {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}
    | {"num_key_value_heads": 8, "vocab_size": 128256},
    respondents=512,
    batches=(128, 128),
    tuned=300,
    epochs=3,
    micro=8,
)
SMALL = Size(
    {"hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}
    | {"num_key_value_heads": 2, "vocab_size": 512},
    respondents=6,
    batches=(3, 3),
    tuned=4,
    epochs=2,
    micro=2,
)


@dataclass(frozen=True)
class Question:
    """A closed question of bare tokens, with the names that scoring reads."""

    item: Any
    cue: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]
    lead: int = 0
    paths: tuple[tuple[int, ...], ...] = ((),)
    walks: tuple[tuple[int, ...], ...] = ()
    numbers: None = None
    stop: None = None

    @property
    def allowed(self) -> tuple[tuple[int, ...], ...]:
        return (tuple(answer[0] for answer in self.answers),)

    @property
    def routes(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        return tuple(((0, answer[0]),) for answer in self.answers)


class Lora(torch.nn.Module):
    """A linear layer and two small matrices beside it (Hu et al. 2021)."""

    def __init__(self, layer: torch.nn.Linear, rank: int = 8) -> None:
        super().__init__()
        self.layer = layer
        # In float32, as peft holds them: half precision loses small steps.
        made = {"device": layer.weight.device, "dtype": torch.float32}
        self.down = torch.nn.Parameter(torch.randn(rank, layer.in_features, **made) / math.sqrt(layer.in_features))
        self.up = torch.nn.Parameter(torch.zeros(layer.out_features, rank, **made))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.layer(states) + (states @ self.down.to(states.dtype).T) @ self.up.to(states.dtype).T


def build(size: Size, device: torch.device) -> Model:
    config = LlamaConfig(**size.network, max_position_embeddings=4096, bos_token_id=None, eos_token_id=None)
    config._attn_implementation = "sdpa"
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    try:
        torch.set_default_dtype(torch.bfloat16 if device.type == "cuda" else torch.float32)
        with device:
            network = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    return Model(network.eval().requires_grad_(False), None, None, "", None)  # type: ignore[arg-type]


def questionnaire(random: np.random.Generator, vocabulary: int, cue: int) -> list[Question]:
    """20 questions of ``cue + 2`` tokens with their answers."""
    marks = range(10, 10 + OPTIONS)
    answers = tuple((mark, 9) for mark in marks)
    return [
        Question(SimpleNamespace(id=f"q{k}"), tuple(random.integers(20, vocabulary, size=cue).tolist()), answers)
        for k in range(20)
    ]


def work(size: Size, model: Model, tokens: float, seen: float) -> float:
    """Return TFLOP of a forward over ``tokens`` tokens that see ``seen`` others on average."""
    layers = model.network.get_decoder().layers
    weights = sum(weight.numel() for weight in layers.parameters())
    attention = 4 * size.network["num_hidden_layers"] * size.network["hidden_size"] * seen
    return tokens * (2 * weights + attention) / 1e12


def simulate(size: Size, model: Model, opening: int, cue: int, batch: int) -> tuple[float, float, int]:
    """Return respondents and TFLOP a second, and the batch."""
    random = np.random.default_rng(0)
    vocabulary = size.network["vocab_size"]
    asked = questionnaire(random, vocabulary, cue)
    shared = tuple(random.integers(20, vocabulary, size=opening).tolist())
    people = [tuple(random.integers(20, vocabulary, size=80).tolist()) for _ in range(size.respondents)]
    uniforms = random.random((len(people), len(asked)))

    def some(start: int) -> scoring.Answers:
        part = slice(start, start + batch)
        return scoring.answer(model, shared, people[part], [asked] * len(people[part]), uniforms[part])

    some(0)
    began = clock(model.device)
    tokens = sum(some(start).tokens for start in range(0, len(people), batch))
    took = clock(model.device) - began
    seen = opening + (80 + 20 * (cue + 2)) / 2
    return len(people) / took, work(size, model, tokens, seen) / took, batch


def tune(size: Size, model: Model) -> tuple[float, float]:
    """Return seconds and TFLOP a second of tuning on whole questionnaires."""
    random = np.random.default_rng(1)
    vocabulary = size.network["vocab_size"]
    asked = questionnaire(random, vocabulary, 58)
    shared = random.integers(20, vocabulary, size=400).tolist()
    prompts = []
    for _ in range(size.tuned):
        ids, terms = [*shared, *random.integers(20, vocabulary, size=80).tolist()], []
        for place, question in enumerate(asked):
            ids += question.cue
            choice = int(random.integers(OPTIONS))
            target = tuple(float(k == choice) for k in range(OPTIONS))
            terms.append(Term(len(ids) - 1, place, 0, question.allowed[0], target))
            ids += question.answers[choice]
        prompts.append(Prompt(ids, terms))
    for module in list(model.network.get_decoder().layers.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, torch.nn.Linear):
                setattr(module, name, Lora(layer))
    network = model.network  # the name changed between transformers 5.17 and 5.23
    getattr(network, "activation_checkpointing_enable", network.gradient_checkpointing_enable)()
    network.train()
    order = iter(np.concatenate([random.permutation(len(prompts)) for _ in range(size.epochs)]).tolist())
    each = max(1, size.tuned // 10)

    def step(_: np.random.Generator) -> SimpleNamespace:
        """A tenth of the people."""
        chosen = [prompts[next(order)] for _ in range(each)]
        return SimpleNamespace(prompts=chosen, weights=[1.0] * each, total=float(each * len(asked)))

    objective = SimpleNamespace(has_held=False, wants_losses=False, step=step)
    steps = size.tuned * size.epochs // each
    schedule = Schedule(steps=steps, rate=1e-4, batch=size.micro)
    began = clock(model.device)
    learn(model, objective, schedule, seed=0)  # type: ignore[arg-type]
    took = clock(model.device) - began
    tokens = sum(len(prompt.ids) for prompt in prompts) * size.epochs
    return took, 3 * work(size, model, tokens, len(prompts[0].ids) / 2) / took


def clock(device: torch.device) -> float:
    """Return the time once the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description="How much of a GPU a questionnaire uses.")
    parser.add_argument("--small", action="store_true", help="the same road with a tiny model")
    parser.add_argument("--batch", type=int, help="respondents a forward")
    given = parser.parse_args()
    size = SMALL if given.small else LARGE
    device = torch.device("cuda" if torch.cuda.is_available() and not given.small else "cpu")
    model = build(size, device)
    weights = sum(weight.numel() for weight in model.network.parameters())
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"{weights / 1e9:.2f} B weights in {model.network.dtype} on {name}, torch {torch.__version__}")
    runs = {"chained": (400, 58, size.batches[0]), "codebook first": (400 + 20 * 60, 6, size.batches[1])}
    for title, (opening, cue, batch) in runs.items():
        rate, flops, of = simulate(size, model, opening, cue, given.batch or batch)
        held = f", {torch.cuda.max_memory_allocated() / 2**30:.0f} GiB at most" if device.type == "cuda" else ""
        print(
            f"{title:15} {rate:8.1f} respondents/s   {flops:6.1f} TFLOP/s, {flops / PEAK:.0%} of {PEAK:.0f}"
            f"   batch {of}{held}"
        )
    took, flops = tune(size, model)
    print(
        f"{'fine-tuning':15} {took:8.1f} s for {size.epochs} epochs of {size.tuned}   {flops:6.1f} TFLOP/s, "
        f"{flops / PEAK:.0%} of {PEAK:.0f}"
    )


if __name__ == "__main__":
    main()
