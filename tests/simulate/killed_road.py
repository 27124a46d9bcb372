"""Runs ``simframe simulate`` whole, twice at once, then killed at random moments again and again; prints what it saw.

Children are forked from a process that has imported all that the road takes, so that a kill falls on work and not on
imports. Learning is short and chunks are small: there are as many seams to be killed at as in a long run.

A moment is a number of touches of the warehouse's files, and up to a few hundredths of a second more: by the clock
alone, a machine that slows down would be killed at the same place for ever, before it came any further.

Usage: killed_road.py WAREHOUSE PLAN FOLDER KILLS SEED
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import peft  # noqa: F401
import safetensors.torch  # noqa: F401
import transformers.models.llama.modeling_llama  # noqa: F401

from simframe import cli
from simframe.cli import _plans, simulate  # noqa: F401
from simframe.inference import evaluate  # noqa: F401
from simframe.simulate import baselines, embedded, models, runner, tuning  # noqa: F401
from simframe.simulate.engines import local
from simframe.simulate.models import loading  # noqa: F401

TOUCHES = {"open", "os.rename", "os.mkdir", "os.remove", "os.listdir", "os.scandir"}
WORKS = ("responses", "respondents", "cells", "crosstabs", "structures")


def shorten() -> None:
    embedded.SYNTHETIC = embedded.SYNTHETIC | {"steps": 4}
    embedded.WAVE = embedded.WAVE | {"steps": 5}
    embedded.DRAWN = embedded.DRAWN | {"steps": 4}
    embedded.SYNTHETIC_PEOPLE = embedded.DRAWN_PEOPLE = 64
    local.LocalEngine.chunk = 4


def start(root: Path, plan: Path, touches: int = 0) -> tuple[int, int]:
    """Fork a run of the command; return its process and a pipe that tells of so many touches, and of all at the end."""
    told, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        return child, told
    os.close(told)
    counted = 0

    def count(event: str, about: tuple[object, ...]) -> None:
        nonlocal counted
        if event in TOUCHES and str(about[0]).startswith(str(root)):
            counted += 1
            if counted == touches:
                os.write(tell, b".")

    sys.addaudithook(count)
    log = os.open(root / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        cli.main(["simulate", str(plan), "-w", str(root), "--no-evaluate"], standalone_mode=False)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os.write(tell, f" {counted}".encode())
        os._exit(code)


def finish(run: tuple[int, int], root: Path) -> int:
    """Wait for the end of a run; return how often it touched the warehouse."""
    child, told = run
    with os.fdopen(told) as pipe:
        counted = pipe.read()
    status = os.waitpid(child, 0)[1]
    if status:
        raise SystemExit(f"a run that nobody killed ended with {status}:\n{(root / 'log').read_text()[-3000:]}")
    return int(counted.strip(". "))


def kill(run: tuple[int, int], later: float) -> bool:
    """Kill a run so many seconds after its touches, return whether it was still at work."""
    child, told = run
    with os.fdopen(told, "rb", buffering=0) as pipe:
        pipe.read(1)
        time.sleep(later)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] != 0


def works(root: Path) -> dict[str, str]:
    """Every byte of what was made that tells no time: panels less their provenance, weights of base and adapters."""
    files = [
        root / "data" / panel.name / f"{name}.parquet"
        for panel in (root / "data").glob("panel=[!_]*")
        for name in WORKS
    ]
    files += (root / "models").rglob("*.safetensors")
    return {str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def stage(root: Path) -> str:
    """Where a kill fell, by what there is."""
    if not list((root / "models").glob("embedded*")):
        return "base"
    if not list((root / "models").rglob("adapter_model.safetensors")):
        return "tuning, or the first panel"
    return "chunks" if list((root / "_staging" / "chunks").glob("*/*.parquet")) else "publishing, or between panels"


def main(prepared: Path, plan: Path, folder: Path, kills: int, seed: int) -> None:
    shorten()
    whole = folder / "whole"
    shutil.copytree(prepared, whole)
    touches = finish(start(whole, plan), whole)
    truth = works(whole)
    both = folder / "both"
    shutil.copytree(prepared, both)
    for child in [start(both, plan), start(both, plan)]:
        finish(child, both)
    if works(both) != truth:
        raise SystemExit("two runs at once made something else than one")
    clock, killed, rounds, stages = random.Random(seed), 0, 0, {}
    while killed < kills:
        root = folder / f"round-{rounds}"
        shutil.copytree(prepared, root)
        while True:
            if not kill(start(root, plan, clock.randint(1, touches // 2)), clock.uniform(0, 0.05)):
                break
            killed += 1
            stages[stage(root)] = stages.get(stage(root), 0) + 1
            if killed == kills:
                finish(start(root, plan), root)
                break
        found = works(root)
        wrong = sorted(name for name in truth.keys() | found.keys() if truth.get(name) != found.get(name))
        if wrong:
            raise SystemExit(f"round {rounds} differs in {wrong}")
        left = [str(path) for path in (root / "_staging" / "chunks").glob("*/*")]
        if left:
            raise SystemExit(f"round {rounds} left {left[:5]}")
        rounds += 1
        shutil.rmtree(root)
    print(json.dumps({"killed": killed, "rounds": rounds, "touches": touches, "works": len(truth), "stages": stages}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int(sys.argv[4]), int(sys.argv[5]))
