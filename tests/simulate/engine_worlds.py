"""Planted worlds for the engine's tests: studies, people whose rule of answering is known, small models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from simframe.study import Study, parse_study

LONG = {
    "respondent_id": pl.String,
    "item_id": pl.String,
    "code": pl.String,
    "value": pl.Float64,
    "missing": pl.Boolean,
}

LONG_OPENING = "The town drinks from a river that runs past a tannery. " * 3

COHERENT = """
[study]
id = "coherent"
title = "A belief that determines an action"
introduction = "%s"
[[item]]
id = "age"
label = "Age"
wording = "How old are you?"
scale = "interval"
role = "persona"
range = [18, 99]
unit = "years"
[[item]]
id = "side"
label = "Side of the river"
wording = "On which side of the river do you live?"
scale = "nominal"
role = "persona"
options = [{ code = "n", label = "the north side" }, { code = "s", label = "south" },
  { code = "x", label = "refused", missing = true }]
[[item]]
id = "trust"
label = "Trust"
wording = "How far do you trust the water works?"
scale = "ordinal"
role = "belief"
options = [{ code = 1, label = "not at all" }, { code = 2, label = "somewhat" }, { code = 3, label = "fully" },
  { code = 9, label = "don't know", missing = true }]
[[item]]
id = "days"
label = "Days"
wording = "On how many of the past ten days did you drink tap water?"
scale = "ordinal"
role = "outcome"
options = [%s]
[[item]]
id = "sign"
label = "Petition"
wording = "Will you sign the petition for a filter?"
scale = "nominal"
role = "action"
options = [{ code = "yes", label = "I will sign" }, { code = "no", label = "I will not" }]
"""


def coherent_study(introduction: str = "", days: int = 3) -> Study:
    options = ", ".join(f'{{ code = {k}, label = "{k} days" }}' for k in range(days))
    return parse_study(COHERENT % (introduction, options), "coherent.toml")


def long_frame(rows: list[tuple[str, str, str | None, float | None, bool]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LONG, orient="row")


def coherent_people(n: int, seed: int, name: str = "p", days: int = 3) -> pl.DataFrame:
    """People of whom those with trust 1 sign and all others do not; trust is the same for all sides and ages."""
    random = np.random.default_rng(seed)
    rows: list[tuple[str, str, str | None, float | None, bool]] = []
    for index in range(n):
        who = f"{name}{index:05d}"
        trust = int(random.choice([1, 2, 3], p=[0.5, 0.25, 0.25]))
        side = str(random.choice(["n", "s", "x"], p=[0.5, 0.4, 0.1]))
        tap = int(random.integers(days))
        rows += [
            (who, "age", None, float(random.integers(18, 100)), False),
            (who, "side", side, None, side == "x"),
            (who, "trust", str(trust), float(trust), False),
            (who, "days", str(tap), float(tap), False),
            (who, "sign", "yes" if trust == 1 else "no", None, False),
        ]
    return long_frame(rows)


def twins(people: pl.DataFrame) -> pl.DataFrame:
    ids = people["respondent_id"].unique(maintain_order=True)
    return pl.DataFrame({"respondent_id": "s-" + ids, "twin_of": ids})


def answers_of(people: pl.DataFrame, ids: list[str]) -> pl.DataFrame:
    return people.filter(pl.col("respondent_id").is_in(ids))


def make_qwen(directory: Path, study: Study, *, seed: int = 0, sliding: int | None = None, hidden: int = 32) -> Path:
    """A Qwen3 (or, with a sliding window, a Mistral) of two layers with a byte-level BPE trained on a study."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from tokenizers.decoders import ByteLevel
    from transformers import (
        MistralConfig,
        MistralForCausalLM,
        PreTrainedTokenizerFast,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    from simframe.simulate.models import quiet

    core = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    core.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    core.decoder = ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    texts = [study.introduction, *(i.wording for i in study.items), *(o.label for i in study.items for o in i.options)]
    texts += ['Asked "", I say:', "Question:", "Answer:", "A person describes themselves, then answers a survey."]
    core.train_from_iterator(texts * 20, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token=special[0], pad_token=special[0])
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "initializer_range": 0.2,
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if sliding:
            network = MistralForCausalLM(MistralConfig(**shape, head_dim=hidden // 4, sliding_window=sliding))
        else:
            network = Qwen3ForCausalLM(Qwen3Config(**shape, head_dim=hidden // 4))
    with quiet():
        network.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory
