"""Adapters: exact on the base as it was, resumed to the same bytes, and written down where SQL finds them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from engine_worlds import LONG_OPENING, coherent_people, coherent_study

pytest.importorskip("torch")

import torch

from simframe.errors import ModelError, PlanError
from simframe.simulate import models
from simframe.simulate.tuning import TuneSettings, tune, tune_in
from simframe.simulate.tuning.adapters import Adapter
from simframe.warehouse import Warehouse
from simframe.warehouse.doctor import examine

SHORT = TuneSettings(steps=10, cross_validate=0)


def logits(network: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return network(torch.arange(1, 30)[None]).logits


@pytest.mark.parametrize(
    "settings",
    [
        TuneSettings(),
        TuneSettings(dora=True),
        TuneSettings(rslora=True),
        TuneSettings(pissa=True, rank=4, alpha=7),
        TuneSettings(pissa=True, rslora=True, rank=4),
    ],
    ids=["lora", "dora", "rslora", "pissa", "pissa-rslora"],
)
def test_an_adapter_loads_on_its_base_as_it_was_tuned(qwen: Path, tmp_path: Path, settings: TuneSettings) -> None:
    """What is saved and merged into the base from disk gives the logits of the network that was tuned."""
    model = models.load(qwen)
    plain = logits(model.network)
    adapter = Adapter(model.network, settings, seed=0)
    start = logits(adapter.peft)
    torch.testing.assert_close(start, plain, rtol=1e-4, atol=1e-4)
    generator = torch.Generator().manual_seed(1)
    for weight in adapter.trained:
        weight.data += 0.05 * torch.randn(weight.shape, generator=generator)
    moved = logits(adapter.peft)
    assert (moved - plain).abs().max() > 0.1
    folder = tmp_path / "a"
    folder.mkdir()
    base = models.fingerprint(qwen)
    adapter.save(folder, base)
    noted = {"base_fingerprint": base, "adapter_fingerprint": models.fingerprint(folder)}
    models.write_provenance(folder, noted | {"template_hash": model.template.template_hash})
    found = logits(models.load(qwen, folder).network)
    torch.testing.assert_close(found, moved, rtol=1e-4, atol=2e-4)
    adapter.reset()
    torch.testing.assert_close(logits(adapter.peft), start)


@pytest.mark.parametrize("given", [{"dora": True}, {"pissa": True}, {"rslora": True, "rank": 4}])
def test_every_kind_of_adapter_is_tuned_to_the_same_bytes(built: Path, tmp_path: Path, given: dict[str, bool]) -> None:
    people, settings = coherent_people(30, seed=1), replace(SHORT, **given)
    found = {
        models.fingerprint(tune(built, coherent_study(), people, None, tmp_path / name, settings=settings))
        for name in ("a", "b")
    }
    plain = tune(built, coherent_study(), people, None, tmp_path / "plain", settings=SHORT)
    assert len(found) == 1
    assert models.fingerprint(plain) not in found


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_four_bits_without_cuda_are_refused_before_anything_is_tuned(built: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"(?s)four_bit needs a CUDA device.*mend: leave four_bit out"):
        tune(
            built,
            coherent_study(),
            coherent_people(9, seed=1),
            None,
            tmp_path / "a",
            settings=TuneSettings(four_bit=True),
        )
    assert list(tmp_path.iterdir()) == []


TUNE = """
import sys
from pathlib import Path
from engine_worlds import coherent_people, coherent_study
from simframe.simulate.tuning import TuneSettings, tune
given = eval(sys.argv[4])
settings = TuneSettings(steps=12, every=3, patience=99, **given)
step = lambda done, total: print(done, flush=True)
tune(Path(sys.argv[1]), coherent_study(), coherent_people(40, seed=6), None, Path(sys.argv[2]), settings=settings,
    checkpoint=Path(sys.argv[3]), checkpoint_every=0.0, progress=step)
"""


def test_a_killed_tuning_goes_on_to_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """Killed for good in the first fold, in the third, and in the refit; each time it goes on from where it was."""
    given = {"dro": {"by": "side"}, "item_order": "random"}
    whole = whole_tuning(built, tmp_path, given)
    refit = models.provenance(whole)["steps"]
    assert refit >= 2
    state, out = tmp_path / "state.safetensors", tmp_path / "out"
    command = [sys.executable, "-c", TUNE, str(built), str(out), str(state), repr(given)]
    begun = []
    for stop in (4, 28, 36 + refit // 2, None):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent) as process:
            done = _until(process, stop)
            if stop is not None:
                process.send_signal(signal.SIGKILL)
        begun.append(next(step for step in done if step % 12))  # a fit that is finished is told at once
        assert out.exists() == (stop is None)
    assert process.returncode == 0
    assert begun[0] == 1 < 4 <= begun[1] < 28 <= begun[2] < 36 + refit // 2 <= begun[3], begun
    assert_same(out, whole)
    assert not state.exists()


@pytest.mark.parametrize("given", [{}, {"objective": "aggregate", "by": "side"}, {"mixup": 0.3}], ids=str)
def test_an_interrupted_tuning_goes_on_to_the_same_bytes(built: Path, tmp_path: Path, given: dict[str, object]) -> None:
    whole = whole_tuning(built, tmp_path, given)
    settings = TuneSettings(steps=12, every=3, patience=99, **given)

    def stop_at(last: int) -> None:
        def progress(done: int, total: int) -> None:
            if done == last:
                raise KeyboardInterrupt

        tune(built, coherent_study(), coherent_people(40, seed=6), None, tmp_path / "out", settings=settings,
             checkpoint=tmp_path / "state", checkpoint_every=0.0, progress=progress)  # fmt: skip

    for last in (7, 12, 16, 34):
        with pytest.raises(KeyboardInterrupt):
            stop_at(last)
    stop_at(-1)
    assert_same(tmp_path / "out", whole)


def whole_tuning(built: Path, tmp_path: Path, given: dict[str, object]) -> Path:
    """Tune in one go."""
    settings = TuneSettings(steps=12, every=3, patience=99, **given)
    return tune(built, coherent_study(), coherent_people(40, seed=6), None, tmp_path / "whole", settings=settings)


def assert_same(one: Path, other: Path) -> None:
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    ours, theirs = (pl.read_parquet(p / "learning_curve.parquet").drop("adapter_id") for p in (one, other))
    assert ours.equals(theirs)


def _until(process: subprocess.Popen[str], stop: int | None) -> list[int]:
    seen = []
    assert process.stdout is not None
    for line in process.stdout:
        seen.append(int(line))
        if stop is not None and int(line) >= stop:
            break
    return seen


def test_a_state_that_is_torn_or_of_another_adapter_counts_as_none(built: Path, tmp_path: Path) -> None:
    people, study = coherent_people(30, seed=1), coherent_study()
    plain = tune(built, study, people, None, tmp_path / "plain", settings=SHORT)
    state = tmp_path / "state.safetensors"

    def interrupt(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(built, study, people, None, tmp_path / "x", settings=SHORT, seed=9, checkpoint=state,
             checkpoint_every=0.0, progress=interrupt)  # fmt: skip
    foreign = state.read_bytes()
    for place, content in enumerate((foreign, foreign[:-40], foreign[:100], b"", b"\xff" * 500)):
        state.write_bytes(content)
        again = tune(built, study, people, None, tmp_path / f"a{place}", settings=SHORT, checkpoint=state)
        assert models.fingerprint(again) == models.fingerprint(plain)


def test_learning_curves_stand_beside_the_adapter_and_in_sql(built: Path, tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path / "w")
    assert warehouse.sql("FROM learning_curves").is_empty()
    people, study = coherent_people(60, seed=1), coherent_study()
    weights = people.select("respondent_id").unique().with_columns(weight=pl.lit(2.0))
    first = tune_in(warehouse.layout, built, study, people, weights, settings=TuneSettings(steps=10))
    assert tune_in(warehouse.layout, built, study, people, weights, settings=TuneSettings(steps=10)) == first
    assert tune_in(warehouse.layout, built, study, people, weights, settings=replace(SHORT, steps=5)) != first
    assert first.name.startswith("adapter-coherent-n60-")
    warehouse.rebuild()
    found = warehouse.sql("FROM learning_curves WHERE adapter_id = ? ORDER BY fit, step", [first.name])
    noted = models.provenance(first)
    assert set(found["fit"]) == {"fold 1", "fold 2", "fold 3", "mean of folds"} | (
        {"refit"} if noted["steps"] else set()
    )
    assert found["adapter_fingerprint"].unique().to_list() == [noted["adapter_fingerprint"]]
    mean = found.filter(fit="mean of folds")
    assert mean.select("step", "held_loss").rows() == [tuple(point) for point in noted["learning_curve"]]
    assert mean.sort("held_loss")["step"][0] == noted["steps"] == found["steps"][0]
    folds = found.filter(pl.col("fit").str.starts_with("fold"))
    assert folds.filter(step=0)["train_loss"].is_null().all()
    assert folds.filter(pl.col("step") > 0)["train_loss"].is_not_null().all()
    assert folds["held_loss"].is_not_null().all()
    assert found.filter(fit="refit")["held_loss"].is_null().all()
    assert warehouse.sql("SELECT count(DISTINCT adapter_id) AS n FROM learning_curves")["n"].to_list() == [2]


def test_a_long_tuning_in_a_warehouse_keeps_its_state_in_staging_and_clears_it(built: Path, tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path / "w")
    made = tune_in(warehouse.layout, built, coherent_study(), coherent_people(20, seed=1), None, settings=SHORT)
    assert not warehouse.layout.chunks(made.name).exists()
    assert [finding for finding in examine(warehouse, orphan_age=-1) if "staging" in finding.where] == []


def test_the_loss_that_is_no_number_stops_the_tuning(built: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"(?s)the loss became (nan|inf).*mend: lower the rate"):
        tune(
            built,
            coherent_study(),
            coherent_people(20, seed=1),
            None,
            tmp_path / "a",
            settings=replace(SHORT, rate=1e30),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_group_that_the_study_lacks_is_named(built: Path, tmp_path: Path) -> None:
    for given in ({"subsample": "sid"}, {"dro": {"by": "sid"}}, {"weights": {"by": "sid"}}):
        with pytest.raises(PlanError, match=r"(?s)'sid' is no item of study 'coherent'.*side"):
            tune(
                built,
                coherent_study(),
                coherent_people(9, seed=1),
                None,
                tmp_path / "a",
                settings=replace(SHORT, **given),
            )


def test_another_prompt_is_another_adapter(qwen: Path, tmp_path: Path) -> None:
    from simframe.simulate.prompts import Template

    study, people = coherent_study(LONG_OPENING, days=11), coherent_people(9, seed=1, days=11)
    settings = replace(SHORT, steps=1)
    folder = tmp_path / "a"
    tune(qwen, study, people, None, folder, settings=settings)
    with pytest.raises(ModelError, match="another adapter"):
        tune(qwen, study, people, None, folder, settings=settings, template=Template(fields=("age",)))


def test_time_between_checkpoints_is_respected(tmp_path: Path) -> None:
    from simframe.simulate.tuning.checkpoints import Checkpoints

    checkpoints = Checkpoints(tmp_path / "s", "key", every=0.2)
    assert not checkpoints.due
    time.sleep(0.25)
    assert checkpoints.due
    checkpoints.write({"weight.0": torch.ones(1)}, {"step": 3})
    assert not checkpoints.due
    assert Checkpoints(tmp_path / "s", "key").take()[1]["step"] == 3
    assert Checkpoints(tmp_path / "s", "other").take() == ({}, {})
    assert not Checkpoints(None, "key", every=0.0).due
