from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from engine_worlds import coherent_people, coherent_study, twins

pytest.importorskip("torch")

import torch

from simframe.errors import ModelError, PlanError
from simframe.simulate.engine import RESPONSES, SimulateSettings, simulate

STUDY = coherent_study()
PEOPLE = coherent_people(60, seed=8)
SMALL = SimulateSettings(seed=4, batch=8, chunk=20)


@pytest.fixture(scope="module")
def unbroken(built: Path, tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("unbroken")
    return simulate(built, tuned, STUDY, PEOPLE, twins(PEOPLE), settings=SMALL, chunk_dir=folder).responses


def test_a_panel_has_the_warehouses_columns(unbroken: pl.DataFrame):
    assert unbroken.schema == RESPONSES
    assert unbroken.height == 60 * 3
    assert unbroken["item_id"][:3].to_list() == ["trust", "days", "sign"]
    assert unbroken["position"][:3].to_list() == [0, 1, 2]
    assert not unbroken["missing"].any()
    assert set(unbroken.filter(item_id="trust")["code"]) <= {"1", "2", "3"}, "don't know is never simulated"
    assert unbroken.filter(item_id="sign")["value"].is_null().all()
    trust = unbroken.filter(item_id="trust")
    assert (trust["value"].cast(pl.Int64).cast(pl.String) == trust["code"]).all()
    assert unbroken["option_mass"].is_between(0, 1).all()


def test_answers_belong_to_respondents_not_to_rows_or_batches(built: Path, tuned: Path, tmp_path: Path, unbroken):
    shuffled = twins(PEOPLE).sample(fraction=1, shuffle=True, seed=1)
    other = SimulateSettings(seed=4, batch=64, chunk=33)
    again = simulate(built, tuned, STUDY, PEOPLE, shuffled, settings=other, chunk_dir=tmp_path).responses
    key = ["respondent_id", "position"]
    assert again.sort(key)["code"].to_list() == unbroken.sort(key)["code"].to_list()
    assert again["respondent_id"][::3].to_list() == shuffled["respondent_id"].to_list(), "in the order asked for"


def test_seed_and_replicate_draw_anew_from_the_same_distributions(built: Path, tuned: Path, tmp_path: Path, unbroken):
    for name, settings in (("a", SimulateSettings(seed=5)), ("b", SimulateSettings(seed=4, replicate=1))):
        again = simulate(
            built, tuned, STUDY, PEOPLE, twins(PEOPLE), settings=settings, chunk_dir=tmp_path / name
        ).responses
        assert again["code"].to_list() != unbroken["code"].to_list()
        first, before = (
            frame.filter(item_id="trust").sort("respondent_id")["probabilities"].explode(empty_as_null=True)
            for frame in (again, unbroken)
        )
        assert (first - before).abs().max() < 1e-5


def test_an_interrupt_keeps_finished_chunks(built: Path, tuned: Path, tmp_path: Path, unbroken):
    def interrupt(done: int, total: int) -> None:
        assert total == 60
        if done > 44:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(built, tuned, STUDY, PEOPLE, twins(PEOPLE), settings=SMALL, chunk_dir=tmp_path, progress=interrupt)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    assert len(kept) == 2
    again = simulate(built, tuned, STUDY, PEOPLE, twins(PEOPLE), settings=SMALL, chunk_dir=tmp_path)
    assert again.responses.equals(unbroken)
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())


def test_where_memory_runs_out_the_batch_is_halved(built: Path, tuned: Path, tmp_path: Path, unbroken):
    from torch.nn.modules.module import register_module_forward_pre_hook

    seen: list[int] = []

    def fail(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        if isinstance(module, torch.nn.Embedding) and len(args[0]) > 1:
            seen.append(len(args[0]))
            if len(args[0]) > 6:
                raise torch.OutOfMemoryError("injected")

    hook = register_module_forward_pre_hook(fail)
    try:
        settings = SimulateSettings(seed=4, batch=20, chunk=30)
        panel = simulate(built, tuned, STUDY, PEOPLE, twins(PEOPLE), settings=settings, chunk_dir=tmp_path)
    finally:
        hook.remove()
    assert panel.batch == 5
    # Equal personas are read once, so that fewer than 20, and 10, may stand in a forward.
    refused = [size for size in seen if size > 6]
    assert len(refused) == 2, "once at 20, once at 10; the third try, and all later chunks, fit"
    assert panel.responses["code"].to_list() == unbroken["code"].to_list()


def test_logits_that_are_no_numbers_name_item_and_respondent(built: Path, tmp_path: Path):
    import shutil

    from safetensors.torch import load_file, save_file

    from simframe.simulate import models
    from simframe.simulate.prompts import compile_script

    broken = Path(shutil.copytree(built, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    loaded = models.load(built)
    script = compile_script(STUDY, loaded.template, loaded.tokenizer)
    # Only those who say "fully" read this word, so only they meet it.
    weights["model.embed_tokens.weight"][script.questions[0].answers[2][0]] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"item days, respondent s-p0.*not finite"):
        simulate(broken, None, STUDY, PEOPLE, twins(PEOPLE), chunk_dir=tmp_path / "chunks")


def test_twins_share_a_persona_and_differ_in_draws(built: Path, tmp_path: Path):
    many = pl.DataFrame({"respondent_id": [f"t{i}" for i in range(50)], "twin_of": ["p00003"] * 50})
    panel = simulate(built, None, STUDY, PEOPLE, many, chunk_dir=tmp_path)
    first = panel.responses.filter(item_id="trust")
    assert first["probabilities"].n_unique() == 1
    assert first["code"].n_unique() > 1
    alone = simulate(built, None, STUDY, PEOPLE, many[:1], chunk_dir=tmp_path / "alone")
    assert panel.tokens < 50 * alone.tokens, "the shared persona is read once"


def test_bad_requests(built: Path, tmp_path: Path):
    nobody = twins(PEOPLE).clear()
    with pytest.raises(PlanError, match="no respondents"):
        simulate(built, None, STUDY, PEOPLE, nobody, chunk_dir=tmp_path)
    with pytest.raises(PlanError, match="'s-p00000' is listed twice"):
        simulate(built, None, STUDY, PEOPLE, pl.concat([twins(PEOPLE)] * 2), chunk_dir=tmp_path)
    with pytest.raises(PlanError, match="temperature is 0"):
        SimulateSettings(temperature=0.0)
    with pytest.raises(PlanError, match="batch is 0"):
        SimulateSettings(batch=0)
