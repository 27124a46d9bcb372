"""Panels evaluated in processes side by side: the same numbers, and no process left or error lost."""

import multiprocessing
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from planted import STUDY, draw

from simframe.errors import InferenceError, WarehouseError
from simframe.inference.side_by_side import cores, side_by_side


def square(text):
    return int(text) ** 2


def refuse(text):
    if text == "3":
        raise WarehouseError("no panel is called '3'", where="here", mend="name another")
    return text


def fall(text):
    os.kill(os.getpid(), signal.SIGKILL)


def threads_of_linear_algebra(_):
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_everything_is_done_once():
    ids = [str(k) for k in range(7)]
    found = dict(side_by_side(square, ids, 3))
    assert found == {text: int(text) ** 2 for text in ids}
    assert cores() >= 1


def test_an_error_arrives_whole():
    with pytest.raises(WarehouseError) as raised:
        list(side_by_side(refuse, ["1", "2", "3", "4"], 2))
    assert (raised.value.where, raised.value.mend) == ("here", "name another")
    assert not multiprocessing.active_children()


def test_a_process_that_dies_is_an_error():
    with pytest.raises(InferenceError, match="was ended") as raised:
        list(side_by_side(fall, ["1", "2"], 2))
    assert "--jobs 1" in raised.value.mend


def test_processes_share_the_cores():
    many = max(2, cores())  # so that each is left with one
    ids = [str(k) for k in range(many)]
    for threads in dict(side_by_side(threads_of_linear_algebra, ids, many)).values():
        assert threads == [1] * len(threads)


def test_numbers_do_not_depend_on_jobs(tmp_path):
    from click.testing import CliRunner

    from simframe.cli import main
    from simframe.warehouse import Warehouse

    rng = np.random.default_rng(3)
    (tmp_path / "study.toml").write_text(STUDY)
    for name in ("people", *"abcd"):
        pl.DataFrame(draw(rng, 60)).write_csv(tmp_path / f"{name}.csv")
    found = []
    for jobs in ("1", "2"):
        root = str(tmp_path / f"w{jobs}")
        run = partial(CliRunner().invoke, main, catch_exceptions=False)
        assert run(["init", "-w", root]).exit_code == 0
        people = ["import", str(tmp_path / "study.toml"), str(tmp_path / "people.csv"), "-w", root]
        done = run(people)
        assert done.exit_code == 0, done.output
        reference = Warehouse.open(root).sql("SELECT panel_id FROM panels").item()
        for name in "abcd":
            panel = [*people[:2], str(tmp_path / f"{name}.csv"), "--kind", "simulated", "--reference", reference]
            done = run([*panel, "-w", root])
            assert done.exit_code == 0, done.output
        done = run(["evaluate", "--replicates", "100", "--jobs", jobs, "-w", root])
        assert done.exit_code == 0, done.output
        found.append(Warehouse.open(root).sql("SELECT * EXCLUDE (evaluation_id) FROM estimates ORDER BY ALL"))
    assert found[0].height > 100
    assert found[0].equals(found[1])


def test_two_commands_at_once_make_each_evaluation_once(tmp_path):
    rng = np.random.default_rng(4)
    (tmp_path / "study.toml").write_text(STUDY)
    pl.DataFrame(draw(rng, 200)).write_csv(tmp_path / "people.csv")
    command = [Path(sys.executable).with_name("simframe")]
    where = ["-w", tmp_path / "w"]
    subprocess.run([*command, "import", tmp_path / "study.toml", tmp_path / "people.csv", *where], check=True)
    words = [*command, "evaluate", "--replicates", "2000", *where]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=300) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    told = sorted(out.strip() for out, _ in said)
    assert told == ["0 of 1 panel evaluated, 1 were already", "1 of 1 panel evaluated, 0 were already"]
