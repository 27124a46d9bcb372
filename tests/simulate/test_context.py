"""A model reads no further than its context: what is longer is refused before anything is read."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from engine_worlds import COHERENT, LONG_OPENING, coherent_people, coherent_study, twins

pytest.importorskip("torch")

from simframe.cli import main
from simframe.errors import ModelError
from simframe.simulate import models
from simframe.simulate.drift import AuditSettings, drift
from simframe.simulate.engine import SimulateSettings, likelihood, simulate
from simframe.simulate.engines.base import RunSettings, run
from simframe.simulate.engines.local import LocalEngine
from simframe.simulate.tuning import TuneSettings, tune

STUDY = coherent_study(LONG_OPENING, days=11)
PEOPLE = coherent_people(6, seed=8, days=11)


def shortened(base: Path, folder: Path, context: int, **more: Any) -> Path:
    copied = Path(shutil.copytree(base, folder))
    config = json.loads((copied / "config.json").read_text()) | {"max_position_embeddings": context} | more
    (copied / "config.json").write_text(json.dumps(config))
    return copied


def gpt2(base: Path, folder: Path, positions: int) -> Path:
    """A GPT-2, whose positions are rows of a table, with the tokenizer of another model."""
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(base)
    shape = {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": positions, "bos_token_id": None}
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def longest(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, folder: Path, **how: Any) -> int:
    """The most places that a run really reads."""
    from simframe.simulate.scoring.cache import Batch

    seen = [0]
    monkeypatch.setattr(Batch, "_check", lambda _, __, positions: seen.append(int(positions.max()) + 1))
    run(engine, PEOPLE, twins(PEOPLE), settings=RunSettings(seed=4, **how), chunk_dir=folder)
    return max(seen)


@pytest.mark.parametrize("mode", ["chained", "independent"])
def test_a_prompt_that_just_fits_is_read_and_one_token_more_is_refused(
    qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
):
    engine = LocalEngine.load(qwen, None, STUDY, mode=mode)
    prefixes = engine.personas(PEOPLE, PEOPLE["respondent_id"].unique().to_list())
    most = engine.script.longest(max(map(len, prefixes)), chained=mode == "chained")
    with monkeypatch.context() as patched:
        reached = longest(engine, patched, tmp_path / "a", item_order="random", option_order="random")
    assert most - 3 <= reached <= most, "an upper bound, and a near one"
    fits, short = (gpt2(qwen, tmp_path / str(size), size) for size in (most, most - 1))
    settings = SimulateSettings(mode=mode, item_order="random")
    done = simulate(fits, None, STUDY, PEOPLE, twins(PEOPLE), settings=settings, chunk_dir=tmp_path / "b")
    assert done.responses.height == 18
    with pytest.raises(
        ModelError, match=f"context of {most - 1} tokens, and the longest prompt may have {most}"
    ) as err:
        simulate(short, None, STUDY, PEOPLE, twins(PEOPLE), settings=settings, chunk_dir=tmp_path / "c")
    assert err.value.where == str(short)
    assert "longer context" in str(err.value.mend)
    assert not (tmp_path / "c").exists(), "nothing was answered"


def test_rotary_positions_are_no_reason_to_read_on_in_silence(qwen: Path, tmp_path: Path):
    short = shortened(qwen, tmp_path / "short", 64)
    for name, work in {
        "simulating": lambda: simulate(short, None, STUDY, PEOPLE, twins(PEOPLE), chunk_dir=tmp_path / "c"),
        "likelihood": lambda: likelihood(short, None, STUDY, PEOPLE),
        "tuning": lambda: tune(short, STUDY, PEOPLE, None, tmp_path / "adapter"),
        "tuning on groups": lambda: tune(
            short, STUDY, PEOPLE, None, tmp_path / "adapter", settings=TuneSettings(objective="aggregate")
        ),
        "drift": lambda: drift(
            short, tmp_path / "none", STUDY, PEOPLE, settings=AuditSettings(people=4, replicates=100)
        ),
    }.items():
        with pytest.raises(ModelError, match="has a context of 64 tokens, and the longest prompt may have") as err:
            work()
        assert err.value.where == str(short), name
    assert not (tmp_path / "adapter").exists()


def test_a_prompt_that_is_longer_than_foreseen_is_refused_where_it_is_read(qwen: Path, tmp_path: Path):
    engine = LocalEngine.load(qwen, None, STUDY)
    engine.model = replace(engine.model, context=80)
    with pytest.raises(ModelError, match="context of 80 tokens, and a prompt has"):
        run(engine, PEOPLE, twins(PEOPLE), chunk_dir=tmp_path)


def test_open_answers_count_at_their_longest(qwen: Path):
    from simframe.study import parse_study

    text = (COHERENT % (LONG_OPENING, '{ code = 0, label = "0 days" }, { code = 1, label = "1 days" }')) + (
        '[[item]]\nid = "why"\nlabel = "Why"\nwording = "Why?"\nscale = "text"\nrole = "attitude"\n'
    )
    engine = LocalEngine.load(qwen, None, parse_study(text, "open.toml"))
    (why,) = (question for question in engine.script.questions if question.item.id == "why")
    assert why.most(64) == (len(why.cue) + 63, len(why.cue) + 64 + len(why.end))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"max_position_embeddings": 64}, 64),
        ({"n_positions": 64, "max_position_embeddings": None}, 64),
        ({"max_seq_len": 64}, 64),
        ({"n_ctx": 64}, 64),
        ({}, None),
        ({"max_position_embeddings": None}, None),
        ({"max_position_embeddings": 64, "alibi": True}, None),
        ({"max_position_embeddings": 64, "sliding_window": 8}, 64),
        ({"max_position_embeddings": 64, "rope_parameters": {"rope_type": "linear", "factor": 4.0}}, 256),
        (
            {
                "max_position_embeddings": 256,
                "rope_parameters": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
            },
            256,
        ),
        (
            {
                "max_position_embeddings": 64,
                "rope_parameters": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
            },
            256,
        ),
        ({"max_position_embeddings": 256, "rope_parameters": {"rope_type": "llama3", "factor": 8.0}}, 256),
        ({"max_position_embeddings": 64, "rope_parameters": {"full_attention": {"rope_type": "linear"}}}, 64),
    ],
)
def test_what_a_configuration_says_of_the_context(tmp_path: Path, config: dict[str, Any], expected: int | None):
    told = SimpleNamespace(**config)
    assert models.context_of(tmp_path, SimpleNamespace(get_text_config=lambda: told)) == expected


def test_the_embedded_model_reads_what_it_learned(built: Path):
    assert models.load(built).context is None
    assert models.context_of(built) is None


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse with people, in the folder worked in."""
    from simframe.ingest import import_panel
    from simframe.warehouse import Warehouse

    monkeypatch.chdir(tmp_path)
    options = ", ".join(f'{{ code = {k}, label = "{k} days" }}' for k in range(11))
    study = COHERENT % (LONG_OPENING, options) + "\n[study.split]\npilot = 10\n"
    (tmp_path / "study.toml").write_text(study, "utf-8")
    people = coherent_people(30, seed=1, days=11).with_columns(
        said=pl.coalesce("code", pl.col("value").cast(pl.Int64).cast(str))
    )
    people.pivot("item_id", index="respondent_id", values="said").write_csv(tmp_path / "people.csv")
    import_panel(Warehouse.create(tmp_path / "w"), tmp_path / "study.toml", tmp_path / "people.csv")
    return tmp_path


def test_a_plan_is_refused_before_any_of_its_panels_is_made(qwen: Path, world: Path):
    shortened(qwen, world / "short", 64)
    (world / "plan.toml").write_text(
        f'[plan]\nstudy = "coherent"\n[[panel]]\nstrategy = "base"\nmodel = ["{qwen}", "short"]\n', "utf-8"
    )
    for command in (["simulate"], ["plan", "show"]):
        done = CliRunner().invoke(main, [*command, "plan.toml", "-w", "w"])
        assert done.exit_code == 1, done.output
        assert "short: has a context of 64 tokens, and the longest prompt may have" in done.output
    assert not list((world / "w" / "data").glob("panel=*base*"))
    done = CliRunner().invoke(main, ["prompt", "show", "coherent", "--model", "short", "-w", "w"])
    assert done.exit_code == 0, "text may be looked at"
    assert "more than its context of 64" in done.output
