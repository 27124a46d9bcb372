"""Killed at random moments of the whole road, base, tuning, chunks, publishing: the same bytes as an unbroken run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import simframe
from simframe.warehouse import Warehouse

pytest.importorskip("torch")

PLAN = """
[plan]
id = "killed"
temperature = 1.0
seed = 3
[plan.tune]
steps = 6
[[panel]]
strategy = "base"
[[panel]]
strategy = "tuned"
pilot = 10
[[panel]]
strategy = "pilot_marginals"
pilot = 10
"""


def killed_road(warehouse: Warehouse, folder: Path, kills: int, seed: int) -> dict[str, Any]:
    plan = folder / "plan.toml"
    plan.write_text(PLAN, "utf-8")
    script = Path(__file__).with_name("killed_road.py")
    done = subprocess.run(
        [sys.executable, script, warehouse.layout.root, plan, folder, str(kills), str(seed)],
        env=os.environ | {"PYTHONPATH": str(Path(simframe.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_road_killed_at_fifty_random_moments_ends_with_the_same_bytes(own_warehouse: Warehouse, tmp_path: Path):
    """And so do two runs at once."""
    found = killed_road(own_warehouse, tmp_path, kills=50, seed=1)
    assert found["killed"] == 50
    assert found["works"] == 4 * 5 + 2, "three panels and the people's, a base and an adapter"
    assert len(found["stages"]) >= 3, f"kills fell on few of base, tuning, chunks and publishing: {found['stages']}"
