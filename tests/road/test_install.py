"""Installed in a throw-away environment, as a wheel and editable: commands run from any folder, and only simframe is
there to import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

import simframe

ROOT = Path(simframe.__file__).resolve().parents[1]
SIBLINGS = sorted({"sql", "tests", "docs", "benchmarks", "warehouse", "build", ROOT.name})
ASKED = """
import importlib.util, json, sys
from importlib import resources
from simframe.warehouse.catalog import sql_files
read = {
    "simframe.report": "templates/report.css",
    "simframe.study": "builtin/anes96.toml",
    "simframe.simulate.plans": "default.toml",
    "simframe.simulate.drift": "probes.toml",
}
print(json.dumps({
    "importable": [
        place for name in sys.argv[1:] if (spec := importlib.util.find_spec(name))
        for place in spec.submodule_search_locations or [spec.origin]
    ],
    "package": importlib.util.find_spec("simframe").origin,
    "sql": [str(file) for file in sql_files()],
    "data": [str(resources.files(package) / name) for package, name in read.items()],
}))
"""


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SIMFRAME"))}
    return subprocess.run(
        [*map(str, words)], capture_output=True, text=True, cwd=cwd, env=environment, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Install simframe into a new environment, by these words of pip, and return the environment's programs.

    Dependencies are those of the running environment: its folder of packages is listed, none of its hooks run.
    """
    folder = tmp_path_factory.mktemp("install")
    building = ("-C", f"build-dir={folder / 'build'}")  # compiled once, away from the build of the running environment

    def make(name: str, *words: object) -> Path:
        venv.create(folder / name, with_pip=False)
        programs = folder / name / "bin"
        pip = [sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check", "install"]
        done = run(*pip, "--no-deps", *building, *words, cwd=folder)
        if "No matching distribution found for scikit-build-core" in done.stderr:
            pytest.skip("what builds simframe cannot be had here")
        assert done.returncode == 0, done.stderr
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / name)}))
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
        return programs

    return make


@pytest.mark.parametrize("words", [(ROOT,), ("--editable", ROOT)], ids=["wheel", "editable"])
def test_any_folder_runs_commands_and_imports_simframe_alone(
    installed: Callable[..., Path], words: tuple[object, ...], tmp_path: Path
) -> None:
    editable = len(words) > 1
    programs = installed("editable" if editable else "wheel", *words)
    listed = run(programs / "simframe", "study", "ls", cwd=tmp_path)
    assert "anes96" in listed.stdout, listed.stderr
    assert run(programs / "simframe", "init", "-w", "w", cwd=tmp_path).returncode == 0
    asked = run(programs / "simframe", "sql", "SELECT count(*) AS n FROM alignment", "-w", "w", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    found = json.loads(run(programs / "python", "-c", ASKED, *SIBLINGS, cwd=tmp_path).stdout)
    folders = {str(ROOT), *(str(ROOT / name) for name in SIBLINGS)}
    assert not folders & set(found["importable"])  # packages of other projects may have such names
    assert [Path(file).name for file in found["sql"]] == sorted(file.name for file in (ROOT / "sql").glob("*.sql"))
    # Of an editable install everything is read where it is edited; a wheel brings its own.
    for file in (found["package"], *found["sql"], *found["data"]):
        assert Path(file).is_file()
        assert Path(file).is_relative_to(ROOT) == editable
