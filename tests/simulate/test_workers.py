"""The same chunks over Ray's workers. Ray is 250 MB and no part of the development set: skipped where it is absent."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from engine_worlds import coherent_people, coherent_study, twins

pytest.importorskip("torch")

from simframe.cli import main
from simframe.errors import ModelError, PlanError
from simframe.simulate.engines import RunSettings, run
from simframe.simulate.engines.local import LocalEngine
from simframe.simulate.engines.workers import Workers
from simframe.warehouse import Warehouse

try:
    import ray
except ImportError:
    ray = None

needs_ray = pytest.mark.skipif(ray is None, reason="Ray is not installed: pip install '.[ray]'")
STUDY = coherent_study()
PEOPLE = coherent_people(60, seed=8)
HOW = RunSettings(seed=4, chunk=7)


PLAN = """
[[panel]]
strategy = "tuned"
pilot = 8
copies = COPIES
tune = { steps = 5 }
"""


def simulate(warehouse: Warehouse, folder: Path, *more: str) -> Result:
    """Carry out a plan of a panel of more than one chunk by the command."""
    own = warehouse.sql("SELECT count(*) AS n FROM respondents WHERE split = 'holdout'")["n"].item()
    (folder / "plan.toml").write_text(PLAN.replace("COPIES", str(1 + 2048 // own)), "utf-8")
    words = ["simulate", str(folder / "plan.toml"), "--study", "park", "-w", str(warehouse.layout.root)]
    return CliRunner().invoke(main, [*words, "--no-evaluate", *more])


@pytest.fixture(scope="module")
def alone(built: Path, tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    found = run(LocalEngine.load(built, tuned, STUDY), PEOPLE, twins(PEOPLE), settings=HOW, chunk_dir=folder)
    found.responses.write_parquet(folder / "panel")
    return folder


@pytest.fixture(scope="module")
def two(built: Path, tuned: Path) -> Iterator[Workers]:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    engine = Workers(partial(LocalEngine.load, built, tuned, STUDY), workers=2, cpus=1)
    yield engine
    engine.close()


def test_without_ray_the_error_says_what_to_install():
    if ray is not None:
        pytest.skip("Ray is here")
    with pytest.raises(ModelError, match=r"(?s)need Ray.*\.\[ray\]"):
        Workers(lambda: None)


def test_without_ray_the_command_says_what_to_install_before_it_tunes(own_warehouse: Warehouse, tmp_path: Path):
    if ray is not None:
        pytest.skip("Ray is here")
    found = simulate(own_warehouse, tmp_path, "--workers", "2")
    assert found.exit_code == 1
    assert "workers need Ray" in found.output
    assert "pip install '.[ray]'" in found.output
    # A table without rows that views need stands there always.
    assert [each.name for each in own_warehouse.layout.models.glob("*") if not each.name.endswith("-_anchor")] == []


def test_no_workers_at_all_are_refused(own_warehouse: Warehouse, tmp_path: Path):
    found = simulate(own_warehouse, tmp_path, "--workers", "0")
    assert found.exit_code == 2
    assert "--workers" in found.output


@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_the_command_makes_the_same_panel_with_any_number_of_workers(own_warehouse: Warehouse, tmp_path: Path):
    """By itself, by one worker, by two: one panel id, the same bytes."""
    made = []
    for more in ((), ("--workers", "1"), ("--workers", "2")):
        found = simulate(own_warehouse, tmp_path, *more)
        assert found.exit_code == 0, found.output
        (panel,) = own_warehouse.layout.root.glob("data/panel=park-tuned-*")
        made.append(
            (panel.name, (panel / "responses.parquet").read_bytes(), (panel / "respondents.parquet").read_bytes())
        )
        shutil.rmtree(panel)
        own_warehouse.rebuild()
    assert made[1] == made[0]
    assert made[2] == made[0]
    assert pl.read_parquet(made[0][1])["respondent_id"].n_unique() > 2048
    assert not ray.is_initialized()


@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_two_workers_give_the_bytes_of_one_process(alone: Path, two: Workers, tmp_path: Path):
    seen = []
    found = run(
        two, PEOPLE, twins(PEOPLE), settings=HOW, chunk_dir=tmp_path / "c", progress=lambda a, b: seen.append((a, b))
    )
    found.responses.write_parquet(tmp_path / "panel")
    assert (tmp_path / "panel").read_bytes() == (alone / "panel").read_bytes()
    chunks = sorted((tmp_path / "c").glob("*.parquet"))
    assert len(chunks) == 9
    assert [one.read_bytes() for one in chunks] == [(alone / one.name).read_bytes() for one in chunks]
    assert seen[0] == (0, 60)
    assert seen[-1] == (60, 60)


@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_chunks_of_one_process_are_resumed_by_workers(alone: Path, two: Workers, tmp_path: Path):
    shutil.copytree(alone, tmp_path / "c")
    for lost in (2, 5):
        (tmp_path / "c" / f"chunk-{lost:06d}.json").unlink()
    kept = (tmp_path / "c" / "chunk-000003.parquet").stat().st_mtime_ns
    found = run(two, PEOPLE, twins(PEOPLE), settings=HOW, chunk_dir=tmp_path / "c")
    assert found.responses.equals(pl.read_parquet(alone / "panel"))
    assert (tmp_path / "c" / "chunk-000003.parquet").stat().st_mtime_ns == kept


@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_killed_is_started_again(alone: Path, two: Workers, tmp_path: Path):
    victims = pids(two)
    seen = []

    def kill(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 4:
            os.kill(victims[0], signal.SIGKILL)

    found = run(two, PEOPLE, twins(PEOPLE), settings=HOW, chunk_dir=tmp_path, progress=kill)
    assert found.responses.equals(pl.read_parquet(alone / "panel"))
    assert pids(two) != victims


def pids(engine: Workers) -> list[int]:
    """The processes of an engine's workers."""
    return [ray.get(actor.__ray_call__.remote(lambda worker: os.getpid())) for actor in engine._actors]


@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_errors_of_the_engine_come_back_as_they_were(two: Workers, tmp_path: Path):
    people = pl.DataFrame({"respondent_id": ["nobody"], "twin_of": [None]}, schema_overrides={"twin_of": pl.String})
    with pytest.raises(ModelError, match=r"(?s)persona answers, first 'nobody'.*give every simulated respondent"):
        run(two, PEOPLE, people, chunk_dir=tmp_path)


@needs_ray
@pytest.mark.filterwarnings("ignore")
def test_more_workers_than_there_is_room_for(built: Path, two: Workers):
    with pytest.raises(ModelError, match=r"(?s)64 workers of 1000 CPU each; Ray has.*fewer workers"):
        Workers(partial(LocalEngine.load, built, None, STUDY), workers=64, cpus=1000)
    with pytest.raises(ModelError, match="GPU each"):
        Workers(partial(LocalEngine.load, built, None, STUDY), workers=1, gpus=1000)
    with pytest.raises(PlanError, match="workers is 0"):
        Workers(partial(LocalEngine.load, built, None, STUDY), workers=0)
