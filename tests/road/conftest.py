"""The whole road as a user drives it: commands in processes of their own, a real model, a real warehouse."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simframe.warehouse import Warehouse

Command = Callable[..., subprocess.CompletedProcess[str]]


def call(*words: object, cwd: Path | None = None, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run one simframe command and return what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SIMFRAME")}
    return subprocess.run(
        [Path(sys.executable).with_name("simframe"), *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="session")
def simframe() -> Command:
    """Run a command: ``simframe("ls", "-w", folder)``."""
    return call


@pytest.fixture(scope="session")
def default_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """What ``make simulate`` makes: the default plan on the embedded model, evaluated. Shared: read it only.

    Made once a test run: of several test processes, the first to come makes it and the others wait. It counts as made
    once it is whole.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    root, whole = folder / "default-run", folder / "default-run.whole"
    with (folder / "default-run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            done = call("simulate", "-w", root)
            assert done.returncode == 0, done.stderr
            assert "10 of 10 panels made" in done.stdout
            whole.touch()
    return Warehouse.open(root)
