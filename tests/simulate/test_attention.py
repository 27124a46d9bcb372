"""Architectures without fused attention take the ordinary road, from a saved folder, as exactly as the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from engine_worlds import LONG_OPENING, coherent_people, coherent_study, twins

pytest.importorskip("torch")

import torch
from scoring_worlds import SHAPE
from test_scoring_models import OPENING, assert_equals_reference, world

from simframe.errors import ModelError
from simframe.simulate import models, scoring
from simframe.simulate.engine import SimulateSettings, simulate

WINDOW = {"query_pre_attn_scalar": 8, "sliding_window": 12}
OLD = {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 512, "initializer_range": 0.3}
EAGER = {
    "gemma2": ("Gemma2", SHAPE | WINDOW),
    "gpt-oss": ("GptOss", SHAPE | {"num_local_experts": 2, "num_experts_per_tok": 1, "sliding_window": 12}),
    "gpt-j": ("GPTJ", OLD | {"rotary_dim": 8}),
    "bloom": ("Bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}),
    "mpt": ("Mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 512, "initializer_range": 0.3}),
    "gpt-neo": (
        "GPTNeo",
        {
            "hidden_size": 32,
            "num_layers": 2,
            "attention_types": [[["global", "local"], 1]],
            "num_heads": 4,
            "window_size": 12,
            "max_position_embeddings": 512,
            "initializer_range": 0.3,
        },
    ),
}
ALONE = {"mpt", "gpt-neo"}
"""Those that count how far tokens stand apart by their places, padding and all."""
NO_TREES = {*ALONE, "bloom"}


@pytest.fixture(scope="module", params=EAGER)
def saved(request: pytest.FixtureRequest, qwen: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    import transformers

    kind, shape = EAGER[request.param]
    tokenizer = transformers.AutoTokenizer.from_pretrained(qwen)
    ends = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    config = getattr(transformers, f"{kind}Config")(**(shape | ends | {"vocab_size": len(tokenizer)}))
    folder = tmp_path_factory.mktemp("eager") / request.param
    with torch.random.fork_rng(devices=[]), models.quiet():
        torch.manual_seed(1)
        getattr(transformers, f"{kind}ForCausalLM")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return request.param, folder


def test_a_saved_model_is_loaded_and_scores_as_plain_forwards_do(saved: tuple[str, Path]):
    name, folder = saved
    model = models.load(folder, dtype=torch.float32)
    assert model.network.config._attn_implementation == "eager"
    assert model.alone == (name in ALONE)
    leaves, _, prefixes, sheets, uniforms = world(3, 5, OPENING)
    rows = [slice(row, row + 1) for row in range(5)] if model.alone else [slice(0, 5)]
    for some in rows:
        told = prefixes[some], sheets[some], uniforms[some]
        answers = scoring.answer(model, OPENING, *told)
        assert_equals_reference(model, OPENING, leaves, *told, answers, chained=True)


def test_independent_questions_are_exact_or_refused(saved: tuple[str, Path]):
    name, folder = saved
    model = models.load(folder, dtype=torch.float32)
    if name in NO_TREES:
        with pytest.raises(ModelError, match="mode independent: ") as err:
            scoring.check_tree(model)
        assert "chained" in str(err.value.mend)
        return
    scoring.check_tree(model)
    leaves, _, prefixes, sheets, uniforms = world(4, 5, OPENING)
    answers = scoring.answer_independent(model, OPENING, prefixes, sheets, uniforms)
    assert_equals_reference(model, OPENING, leaves, prefixes, sheets, uniforms, answers, chained=False)


def test_a_panel_does_not_depend_on_who_is_read_beside_whom(saved: tuple[str, Path], tmp_path: Path):
    _, folder = saved
    study, people = coherent_study(LONG_OPENING, days=11), coherent_people(4, seed=8, days=11)
    found = []
    for batch in (1, 4):
        how = SimulateSettings(seed=4, batch=batch)
        done = simulate(folder, None, study, people, twins(people), settings=how, chunk_dir=tmp_path / str(batch))
        answers = done.responses.filter(pl.col("probabilities").is_not_null()).sort("respondent_id", "position")
        found.append(np.concatenate(answers["probabilities"].to_list()))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
