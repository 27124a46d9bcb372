"""What every engine's run owns: chunks, order, resuming; with disks that fill, chunks harmed, and two runs at once."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats
from engine_worlds import coherent_people, coherent_study, twins

pytest.importorskip("torch")

from simframe.errors import ModelError, PlanError
from simframe.simulate.engines import Answers, RunSettings, run
from simframe.simulate.engines.base import ask, together
from simframe.simulate.engines.local import LocalEngine

STUDY = coherent_study()
PEOPLE = coherent_people(60, seed=8)
HOW = RunSettings(seed=4, chunk=10)


@pytest.fixture(scope="module")
def engine(built: Path) -> LocalEngine:
    return LocalEngine.load(built, None, STUDY)


def go(engine: LocalEngine, folder: Path, how: RunSettings = HOW, **more: object) -> Answers:
    return run(engine, PEOPLE, twins(PEOPLE), settings=how, chunk_dir=folder, **more)


@pytest.fixture(scope="module")
def unbroken(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    go(engine, folder)
    return folder


def same_bytes(folder: Path, truth: Path) -> bool:
    mine, theirs = ({one.name: one.read_bytes() for one in where.glob("*.parquet")} for where in (folder, truth))
    return mine == theirs


def times(folder: Path) -> dict[str, int]:
    return {one.name: one.stat().st_mtime_ns for one in folder.glob("*.parquet")}


@pytest.mark.parametrize("harm", ["torn", "altered", "emptied", "receipt torn", "receipt lost", "data lost", "swapped"])
def test_a_harmed_chunk_alone_is_made_again(engine: LocalEngine, unbroken: Path, tmp_path: Path, harm: str):
    go(engine, tmp_path)
    before = times(tmp_path)
    data, receipt = tmp_path / "chunk-000002.parquet", tmp_path / "chunk-000002.json"
    if harm == "torn":
        data.write_bytes(data.read_bytes()[:-200])
    elif harm == "altered":
        pl.read_parquet(data).with_columns(code=pl.lit("1")).write_parquet(data)
    elif harm == "emptied":
        data.write_bytes(b"")
    elif harm == "receipt torn":
        receipt.write_bytes(receipt.read_bytes()[:40])
    elif harm == "receipt lost":
        receipt.unlink()
    elif harm == "data lost":
        data.unlink()
    else:  # the chunk of other respondents, with its own true receipt
        for one in (data, receipt):
            one.write_bytes(one.with_name(one.name.replace("2", "3")).read_bytes())
    seen: list[int] = []
    go(engine, tmp_path, progress=lambda done, total: seen.append(done))
    assert same_bytes(tmp_path, unbroken)
    remade = {name for name, at in times(tmp_path).items() if before.get(name) != at}
    assert remade == {"chunk-000002.parquet"}
    assert seen[0] == 50, "all but the one were there"


@pytest.mark.parametrize(
    "how",
    [RunSettings(seed=5, chunk=10), RunSettings(seed=4, replicate=1, chunk=10), RunSettings(seed=4, chunk=12)],
    ids=["another seed", "another replicate", "another size"],
)
def test_foreign_chunks_are_replaced(engine: LocalEngine, unbroken: Path, tmp_path: Path, how: RunSettings):
    go(engine, tmp_path, how)
    found = go(engine, tmp_path)
    assert found.responses.equals(pl.concat([pl.read_parquet(one) for one in sorted(unbroken.glob("*.parquet"))]))


def test_other_people_or_personas_are_foreign_too(engine: LocalEngine, tmp_path: Path):
    run(engine, coherent_people(60, seed=9), twins(PEOPLE), settings=HOW, chunk_dir=tmp_path)
    before = times(tmp_path)
    go(engine, tmp_path)
    assert not before.items() & times(tmp_path).items()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_fills_between_chunks(engine: LocalEngine, unbroken: Path, small_disk: Path):
    ballast = small_disk / "ballast"

    def fill(done: int, total: int) -> None:
        if done > 30 and not ballast.exists():
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(1024))
                except OSError:
                    pass

    folder = small_disk / "chunks"
    with pytest.raises(ModelError, match="No space left on device") as caught:
        go(engine, folder, progress=fill)
    assert "finished chunks are kept" in str(caught.value)
    assert str(folder) in str(caught.value)
    kept = times(folder)
    assert {f"chunk-{k:06d}.parquet" for k in range(3)} <= kept.keys()
    assert not [one for one in folder.iterdir() if one.name.startswith(".")], "no torn file is left"
    ballast.unlink()
    go(engine, folder)
    assert same_bytes(folder, unbroken)
    assert all(times(folder)[f"chunk-{k:06d}.parquet"] == kept[f"chunk-{k:06d}.parquet"] for k in range(3))


@pytest.mark.parametrize("kind", ["safetensors", "file"])
def test_a_model_that_finds_no_room(small_disk: Path, kind: str):
    import torch
    from safetensors.torch import save_file

    from simframe.simulate.embedded import fresh_directory

    def save(folder: Path) -> None:
        if kind == "safetensors":
            save_file({"a": torch.zeros(1_000_000)}, folder / "model.safetensors")
        else:
            (folder / "config.json").write_bytes(bytes(4_000_000))

    def build() -> None:
        with fresh_directory(small_disk / "models" / "base") as staging:
            save(staging)

    with pytest.raises(ModelError, match=r"(?s)models/base: cannot be written: .*No space left.*free space"):
        build()
    assert list((small_disk / "models").iterdir()) == []


def test_what_a_killed_build_left_is_removed_and_what_is_being_built_stays(tmp_path: Path):
    from simframe.simulate.embedded import fresh_directory

    killed = "import os, sys; from pathlib import Path; from simframe.simulate.embedded import fresh_directory\n"
    killed += "with fresh_directory(Path(sys.argv[1])) as s: (s / 'half').touch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", killed, tmp_path / "base"], check=False)
    (left,) = tmp_path.iterdir()
    with fresh_directory(tmp_path / "base") as first:
        assert not left.exists()
        with contextlib.suppress(LookupError), fresh_directory(tmp_path / "base"):
            raise LookupError("given up")
        assert first.exists()
        (first / "whole").touch()
    assert [one.name for one in tmp_path.iterdir()] == ["base"]


LIMITED = """
import json, resource, signal, sys
from pathlib import Path
from engine_worlds import coherent_people, coherent_study, twins
from simframe.errors import ModelError
from simframe.simulate.engines import RunSettings, run
from simframe.simulate.engines.local import LocalEngine
base, folder, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
people = coherent_people(60, seed=8)
engine = LocalEngine.load(base, None, coherent_study())
def limited(done, total):
    if done > 20:  # from here on no file may grow so large: the write breaks off in its middle
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    run(engine, people, twins(people), settings=RunSettings(seed=4, chunk=10), chunk_dir=folder, progress=limited)
except ModelError as err:
    print(json.dumps([err.message, err.where, err.mend]))
"""


def test_a_write_that_breaks_off_in_the_middle_of_a_chunk(
    engine: LocalEngine, built: Path, unbroken: Path, tmp_path: Path
):
    limit = (unbroken / "chunk-000003.parquet").stat().st_size // 2
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, built, tmp_path, str(limit)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    message, where, mend = json.loads(done.stdout)
    assert "File too large" in message
    assert where.startswith(str(tmp_path))
    assert "finished chunks are kept" in mend
    assert sorted(times(tmp_path)) == ["chunk-000000.parquet", "chunk-000001.parquet"]
    go(engine, tmp_path)
    assert same_bytes(tmp_path, unbroken)


def test_two_runs_at_once_in_one_folder(engine: LocalEngine, built: Path, unbroken: Path, tmp_path: Path):
    other = LIMITED.replace("done > 20", "False").replace("try:", "print('ready', flush=True)\ntry:")
    with subprocess.Popen(
        [sys.executable, "-c", other, built, tmp_path, "0"], cwd=Path(__file__).parent, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        go(engine, tmp_path)
        assert process.communicate(timeout=120)[0] == b""
        assert process.returncode == 0
    assert same_bytes(tmp_path, unbroken)
    before = times(tmp_path)
    go(engine, tmp_path)
    assert times(tmp_path) == before, "every chunk is whole"


def test_a_folder_that_takes_no_writes(engine: LocalEngine, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        go(engine, tmp_path / "file" / "chunks")
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(ModelError, match="Permission denied"):
            go(engine, tmp_path / "closed")


def test_orders_belong_to_respondents_and_items_and_are_uniform():
    how = RunSettings(seed=2, item_order="random", option_order="random")
    ids = [f"r{k}" for k in range(1200)]
    people = ask(STUDY.questions, ids, [""] * len(ids), how)
    again = ask(STUDY.questions, ids[700:710], [""] * 10, how)
    assert [(one.items, one.orders) for one in again] == [(one.items, one.orders) for one in people[700:710]]
    assert all((one.uniforms == two.uniforms).all() for one, two in zip(again, people[700:710], strict=True))
    for orders in ([one.items for one in people], [one.orders[0] for one in people]):
        kinds, counts = np.unique(np.array(orders), axis=0, return_counts=True)
        assert len(kinds) == 6
        assert scipy.stats.chisquare(counts).pvalue > 1e-3
    table = scipy.stats.contingency.crosstab([one.items[0] for one in people], [one.orders[0][0] for one in people])
    assert scipy.stats.chi2_contingency(table.count).pvalue > 1e-3, "one order tells nothing of the other"
    declared = ask(STUDY.questions, ids[:3], [""] * 3, RunSettings(seed=2, option_order="reversed"))
    assert declared[0].items == (0, 1, 2)
    assert declared[0].orders == ((2, 1, 0), (2, 1, 0), (1, 0))


def test_notes_of_chunks_come_together():
    notes = [
        {"tokens": 3.0, "batch": 8.0, "peak_memory": 5.0},
        {"tokens": 4.0, "batch": 4.0, "peak_memory": 9.0, "x": 1.0},
    ]
    assert together(notes) == {"tokens": 7, "batch": 4, "peak_memory": 9, "x": 1}


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"chunk": 0}, "chunk is 0"), ({"item_order": "reversed"}, "item_order"), ({"option_order": "odd"}, "'odd'")],
)
def test_settings_that_make_no_run(settings: dict[str, object], said: str):
    with pytest.raises(PlanError, match=said):
        RunSettings(**settings)
