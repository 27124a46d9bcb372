"""One compiled library under many versions of Polars, and under the sanitizers.

    python tests/metrics/abi.py                       # `make abi`: throw-away environments, one a Polars version
    python tests/metrics/abi.py --sanitize LIBRARY    # `make sanitize`: the room's tests on an instrumented library

The environments hold polars and numpy alone. Each gets the package's Python files and the very same library, built
once, and runs `smoke()`. The expected figures come from the environment that runs this script.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("polars==1.32.3", "polars>=1.32.3,<2", "polars==2.0.0", "polars")


def smoke() -> dict[str, object]:
    """Call kernels of every kind in every context; return figures that no version of Polars may change."""
    import numpy as np
    import polars as pl

    import simframe.metrics as m

    rng = np.random.default_rng(4)
    rows = 600
    frame = pl.DataFrame(
        {
            "g": rng.integers(0, 12, rows),
            "k": rng.integers(0, 5, rows),
            "h": rng.integers(0, 40, rows),
            "s": rng.integers(0, 40, rows),
            "x": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows).round(3)),
        }
    ).with_columns(
        pl.col("x").fill_nan(None),
        label=pl.format("a level with a long name {}", "g"),
        text=pl.format("option {}", "k"),
        category=pl.format("option {}", pl.col("h") % 5).cast(pl.Categorical),
        choice=pl.format("option {}", pl.col("s") % 5).cast(pl.Enum([f"option {k}" for k in range(5)])),
    )
    frame = pl.concat([frame[300:], frame[:300]], rechunk=False)
    human = pl.col("k") < 2
    drawn = {"key": "label", "replicates": 50}
    aggregated = [
        m.js_distance("h", "s"),
        m.wasserstein("h", "s", "k"),
        m.chi2("h", "s"),
        m.polychoric("h", "k", pl.col("s") % 4),
        m.sample_ks(pl.col("x").filter(human), pl.col("x").filter(~human)),
        m.sample_wasserstein(pl.col("x").filter(human), pl.col("x").filter(~human)),
        m.rarefied_structures("h", 20),
        m.exact_match_rate("text", "category").alias("same text"),
        m.exact_match_rate("choice", "text").alias("same choice"),
        m.exact_match_rate("choice", "choice").alias("same type"),
        m.belief_action_gap("h", "category", "text"),
        m.count_bootstrap("h", "s", "k", **drawn),
        m.count_permutation("h", "s", "k", **drawn),
    ]
    eager = frame.group_by("g").agg(aggregated).sort("g")
    lists = frame.lazy().group_by("g").agg("h", "s", "k", pl.col("label").first())
    in_lists = lists.select(
        "g",
        m.list_count_bootstrap("h", "s", "k", **drawn).alias("count_bootstrap"),
        m.list_count_permutation("h", "s", "k", **drawn).alias("count_permutation"),
    )
    contexts = [
        frame.lazy().group_by("g").agg(aggregated).collect(),
        frame.lazy().group_by("g").agg(aggregated).collect(engine="streaming"),
        frame.select("g", *(each.over("g") for each in aggregated)).unique("g"),
        pl.concat([part.select(pl.col("g").first(), *aggregated) for part in frame.partition_by("g")]),
        in_lists.collect(),
        in_lists.collect(engine="streaming"),
    ]
    for context in contexts:
        found = context.sort("g")
        assert found.to_dicts() == eager.select(found.columns).to_dicts(), "a context differs"
    assert frame.clear().group_by("g").agg(aggregated).schema == eager.schema
    failures = 0
    no_numbers = pl.col("h").cast(pl.Datetime)
    for wrong in (m.list_ks("h", "h"), m.count_bootstrap(pl.col("h") + 0.5, "s", key="label"), m.entropy(no_numbers)):
        try:
            frame.select(wrong)
        except pl.exceptions.ComputeError as error:
            failures += "column 'h'" in str(error)
    assert failures == 3, "a wrong argument must be a ComputeError that names the column"
    return {"polars": pl.__version__, "figures": eager.to_dicts()}


# An editable install finds the package before the path is searched, with the library it was installed with.
ALONE = """import sys
sys.meta_path[:] = [each for each in sys.meta_path if "simframe" not in getattr(each, "known_source_files", {})]
"""


def staged(library: Path, into: Path) -> Path:
    """Copy the package's Python files and one library into a folder of their own."""
    shutil.copytree(ROOT / "simframe", into / "simframe", ignore=shutil.ignore_patterns("__pycache__", "kernels"))
    shutil.copy(library, into / "simframe/metrics" / library.name)
    return into


def differences(one: object, other: object, where: str = "") -> list[str]:
    """Compare figures, numbers to rounding: sums within Polars may be taken in another order."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [each for key in one for each in differences(one[key], other[key], f"{where}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [each for i, (a, b) in pairs for each in differences(a, b, f"{where}[{i}]")]
    if isinstance(one, float) and isinstance(other, float) and abs(one - other) <= 1e-12 * max(1.0, abs(one)):
        return []
    return [] if one == other else [f"{where}: {one} != {other}"]


def run(command: list[str], **settings: object) -> str:
    """Run a command; on failure show what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **settings)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[:6])} ... failed\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return str(done.stdout)


def under_versions(library: Path) -> None:
    """Run the smoke suite under each version of Polars, in environments that are thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        package = staged(library, Path(folder) / "package")
        expected = json.loads(json.dumps(smoke()))
        print(f"reference: polars {expected['polars']}, {library.stat().st_size / 1e3:.0f} kB", flush=True)
        for number, requirement in enumerate(VERSIONS):
            home = Path(folder) / str(number)
            venv.create(home, with_pip=True)
            python = str(home / ("Scripts" if os.name == "nt" else "bin") / "python")
            run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement, "numpy"])
            there = os.environ | {"PYTHONPATH": str(package)}
            said = run([python, str(Path(__file__).resolve()), "--smoke"], env=there, cwd=folder)
            found = json.loads(said.splitlines()[-1])
            if differ := differences(expected["figures"], found["figures"]):
                raise SystemExit(f"polars {found['polars']}: {len(differ)} other figures\n" + "\n".join(differ[:20]))
            print(f"{requirement:20} polars {found['polars']:10} passed", flush=True)
            shutil.rmtree(home)


def under_sanitizers(library: Path) -> None:
    """Run the room's tests on a library built with the address and undefined-behaviour sanitizers."""
    runtimes = [run(["g++", f"-print-file-name={name}"]).strip() for name in ("libasan.so", "libubsan.so")]
    with tempfile.TemporaryDirectory() as folder:
        package = staged(library, Path(folder))
        shutil.copytree(ROOT / "tests/metrics", package / "tests/metrics", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", package)
        (package / "sitecustomize.py").write_text(ALONE, encoding="utf-8")
        settings = {
            "PYTHONPATH": str(package),
            "LD_PRELOAD": " ".join(runtimes),
            "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1:abort_on_error=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        }
        settings = os.environ | settings
        path = "from simframe.metrics._plugin import library; print(library())"
        loaded = Path(run([sys.executable, "-c", path], env=settings, cwd=folder).strip())
        if loaded.parent != package / "simframe/metrics":
            raise SystemExit(f"the tests would load {loaded}, not the instrumented library")
        # Left out: tests of files beside the package, and those that start a Python of their own.
        chosen = ["-k", "not reference_page and not loads_neither and not published", "-n0", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", "tests/metrics", *chosen]
        raise SystemExit(subprocess.run(command, env=settings, cwd=package, check=False).returncode)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sanitize", type=Path, metavar="LIBRARY")
    parser.add_argument("--smoke", action="store_true", help="print this environment's figures")
    arguments = parser.parse_args()
    if arguments.smoke:
        print(json.dumps(smoke()))
    elif arguments.sanitize:
        under_sanitizers(arguments.sanitize.resolve())
    else:
        from simframe.metrics._plugin import library

        under_versions(library())


if __name__ == "__main__":
    main()
