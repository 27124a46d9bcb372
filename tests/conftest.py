"""What every room's tests share: a small study, its people, a warehouse that holds them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run in several processes: threads would fight for the cores

import numpy as np
import polars as pl
import pytest

import simframe
from simframe.ingest import import_panel
from simframe.study import Study, parse_study
from simframe.warehouse import Warehouse

ROOT = Path(simframe.__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

PARK = """
[study]
id = "park"
title = "A park"

[study.data]
respondent_id = "person"
weight = "wt"
stratum = "region"

[study.split]
seed = 7
wave = "age >= 60"
pilot = 12
rectify = 6

[[item]]
id = "age"
label = "Age"
scale = "interval"
role = "persona"
range = [18, 99]
subgroup = true
options = [{ code = "NA", label = "refused", missing = true }]
bins = [
  { code = "young", label = "Under 40", max = 39 },
  { code = "old", label = "40 and over", min = 40 },
]

[[item]]
id = "home"
label = "Home"
scale = "nominal"
role = "persona"
subgroup = true
options = [
  { code = "flat", label = "a flat", aliases = ["apartment"] },
  { code = "house", label = "a house" },
]

[[item]]
id = "green"
label = "Likes green"
column = "q1"
scale = "ordinal"
role = "belief"
options = [
  { code = 1, label = "no" },
  { code = 2, label = "somewhat" },
  { code = 3, label = "yes", aliases = ["YES!"] },
  { code = 9, label = "don't know", missing = true },
]

[[item]]
id = "visits"
label = "Visits the park"
scale = "nominal"
role = "action"
options = [{ code = 0, label = "never", value = 0 }, { code = 1, label = "often", value = 1 }]

[[item]]
id = "score"
label = "Score"
scale = "interval"
role = "outcome"
expression = "abs(green - 2) * (age - 18) / 10 + visits"
bins = [{ code = "low", label = "low", max = 1 }, { code = "high", label = "high", min = 1.0001 }]

[[structure]]
id = "both"
label = "Green and visits"
items = ["green", "visits"]

[[pair]]
id = "walk"
label = "Goes where it is green"
belief = "green"
action = "visits"
implies = { 1 = 0, 3 = 1 }

[[crossing]]
attributes = ["age", "home"]

[[regression]]
id = "visit"
label = "Visits"
formula = "visits ~ green + age + C(home)"
family = "logit"
"""


def people(n: int = 60, seed: int = 1) -> pl.DataFrame:
    """Return answers to the park study as a survey programme would export them: texts, with gaps."""
    rng = np.random.default_rng(seed)

    def some(values: Sequence[str], p: Sequence[float]) -> list[str]:
        return [str(v) for v in rng.choice(values, n, p=p)]

    return pl.DataFrame(
        {
            "person": [f"p{i:03d}" for i in range(n)],
            "wt": [f"{w:.3f}" for w in rng.uniform(0.2, 3, n)],
            "region": some(["north", "south"], [0.5, 0.5]),
            "age": [str(a) if rng.random() > 0.1 else "NA" for a in rng.integers(18, 80, n)],
            "home": some(["flat", "house", "apartment", ""], [0.3, 0.4, 0.2, 0.1]),
            "q1": some(["1", "2", "3", "YES!", "9", ""], [0.2, 0.3, 0.2, 0.1, 0.1, 0.1]),
            "visits": some(["0", "1", ""], [0.4, 0.5, 0.1]),
        }
    ).with_columns(pl.col(pl.String).replace({"": None}))


def run_python(code: str, *args: object, cwd: Path | None = None, simframe_on_path: bool = True) -> str:
    """Run ``code`` in a Python of its own and return what it prints; fail with its errors."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    if simframe_on_path:
        env["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=env,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def park_text() -> str:
    """The TOML of a small study that uses every kind of part."""
    return PARK


@pytest.fixture(scope="session")
def park(park_text: str) -> Study:
    return parse_study(park_text, "park.toml")


@pytest.fixture(scope="session")
def park_people() -> Callable[..., pl.DataFrame]:
    """Make people who answered the park study: ``park_people(n, seed)``."""
    return people


@pytest.fixture(scope="session")
def python() -> Callable[..., str]:
    """Run code in a Python of its own: ``python(code, *arguments, cwd=None, simframe_on_path=True)``."""
    return run_python


@pytest.fixture
def park_files(tmp_path: Path) -> tuple[Path, Path]:
    """A study file and a CSV of its people."""
    study, data = tmp_path / "park.toml", tmp_path / "people.csv"
    study.write_text(PARK, "utf-8")
    people().write_csv(data)
    return study, data


@pytest.fixture(scope="session")
def park_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse that holds the park people. Shared by tests: read it, never write to it."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "park.toml").write_text(PARK, "utf-8")
    people().write_csv(folder / "people.csv")
    warehouse = Warehouse.create(folder / "warehouse")
    import_panel(warehouse, folder / "park.toml", folder / "people.csv")
    return warehouse


@pytest.fixture
def own_warehouse(park_warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of the park warehouse that a test may do anything to."""
    root = tmp_path / "own"
    shutil.copytree(park_warehouse.layout.root, root)
    warehouse = Warehouse(root)
    warehouse.rebuild()
    return warehouse


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return the path of a file of ``../shared/data``, or skip where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"../shared/data/{name} is not here")
        return path

    return find
