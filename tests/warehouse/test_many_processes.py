"""Several processes at one warehouse: one of two equals wins, no panel is lost, a kill leaves nothing half-made."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import simframe
from simframe.ingest import import_panel
from simframe.warehouse import Warehouse, examine
from simframe.warehouse.tables import PANEL

WRITER = """if True:
    import itertools, sys
    from simframe.errors import WarehouseError
    from simframe.ingest import assign_split, read_data, recode
    from simframe.study import load_study, study_text
    from simframe.warehouse import Provenance, Warehouse, wide
    root, study_file, data, name = sys.argv[1:]
    study, text = load_study(study_file), study_text(study_file)
    respondents, responses = recode(study, read_data(data))
    respondents = assign_split(study, respondents, wide(study, responses))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in itertools.count() if name.startswith("endless") else [0]:
        panel_id = name if number == 0 else f"{name}-{number}"
        try:
            Warehouse(root).publish(
                study, text, Provenance(panel_id, "human", name, "x", "survey"), respondents, responses
            )
            print("published", flush=True)
        except WarehouseError as err:
            print(err.message, flush=True)
"""


@contextmanager
def writers(root: Path, files: tuple[Path, Path], names: list[str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that have read everything and all wait for the same word to publish."""
    environment = os.environ | {"PYTHONPATH": str(Path(simframe.__file__).parents[1]), "POLARS_MAX_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), *map(str, files), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for name in names
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_of_two_equals_one_wins_and_of_others_none_is_lost(park_files: tuple[Path, Path], tmp_path: Path) -> None:
    """Also the first time, when all of them store the study."""
    warehouse = Warehouse.create(tmp_path / "w")
    with writers(warehouse.layout.root, park_files, ["same", "same", "other"]) as processes:
        said = [process.communicate(timeout=60)[0].strip() for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(said[:2]) == ["is already published", "published"]
    assert said[2] == "published"
    assert warehouse.sql("SELECT panel_id FROM panels ORDER BY 1")["panel_id"].to_list() == ["other", "same"]
    assert examine(warehouse, orphan_age=-1) == []


def test_killed_at_any_moment_nothing_is_half_published(park_files: tuple[Path, Path], tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path / "w")
    clock = random.Random(2)
    kills = 0
    for turn in range(5):
        names = [f"endless-{turn}-{number}" for number in range(3)]
        with writers(warehouse.layout.root, park_files, names) as processes:
            if turn % 2:  # every other turn begins when a panel stands, however busy the machine is
                assert processes[0].stdout is not None
                assert processes[0].stdout.readline() == "published\n"
            for process in processes:
                time.sleep(clock.uniform(0, 0.8))
                process.send_signal(signal.SIGKILL)
            for process in processes:
                kills += process.wait() == -signal.SIGKILL
        for folder in warehouse.layout.data.glob("panel=endless*"):
            assert {path.name for path in folder.iterdir()} == {f"{name}.parquet" for name in PANEL}
        warehouse.sql("SELECT count(*) FROM responses")  # the catalog answers, whoever died making the next one
    assert kills == 15
    done = import_panel(Warehouse.create(warehouse.layout.root), *park_files)
    there = {folder.name.removeprefix("panel=") for folder in warehouse.layout.data.glob("panel=[!_]*")}
    assert len(there) >= 3, "two turns waited for a panel, and the import made one"
    assert set(warehouse.sql("SELECT panel_id FROM panels")["panel_id"]) == there
    assert done.panel_id in there
    assert examine(warehouse) == [], "every panel has the hashes, rows and counts it recorded"


def test_ctrl_c_in_the_middle_of_a_publication(park_files: tuple[Path, Path], tmp_path: Path) -> None:
    """Pressed until the process ends: the libraries below may lose one press in a callback of theirs."""
    warehouse = Warehouse.create(tmp_path / "w")
    with writers(warehouse.layout.root, park_files, ["endless-a", "endless-b", "endless-c"]) as processes:
        for process in processes:
            time.sleep(0.3)
            for _ in range(10):
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(timeout=3)
                    break
                except subprocess.TimeoutExpired:
                    continue
            assert process.returncode == -signal.SIGINT
    assert [path for path in warehouse.layout.staging.iterdir() if path.is_dir()] == []
    warehouse.refresh()
    assert examine(warehouse, orphan_age=-1) == []


@pytest.mark.parametrize("lock", ["catalog"])
def test_a_dead_process_leaves_no_lock(park_files: tuple[Path, Path], tmp_path: Path, lock: str) -> None:
    warehouse = Warehouse.create(tmp_path / "w")
    held = "import sys,fcntl,time; f=open(sys.argv[1],'w'); fcntl.flock(f,2); print('held',flush=True); time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(warehouse.layout.staging / f"{lock}.lock")], stdout=-1, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    warehouse.rebuild()
    assert Warehouse.open(warehouse.layout.root).sql("SELECT count(*) FROM panels").item() == 0
