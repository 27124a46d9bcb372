"""All point divergences of 50,000 cells from 10 M responses in Parquet: simframe beside pandas + scipy and DuckDB.

    python benchmarks/divergences.py [--responses 10000000] [--cells 50000] [--hundred-million]

A cell is an item in a subgroup; half of its responses are people's. simframe counts the responses with Polars' own
engine and gives the counts to its kernels; DuckDB only counts, the least that anybody must do; the loop is pandas'
`value_counts` and scipy's divergences, on a sample of the cells and scaled up. The SQL views answer from a published
warehouse with as many cells, where counting was done once, at publishing: their time has no responses in it. Every
method runs in a process of its own, so that peak memory is its own too, and figures are compared before they are
timed. `--hundred-million` repeats simframe and DuckDB on ten times the responses and prints how time grows.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

OPTIONS, LEVELS, CHUNK = 5, 63, 2_500_000
SAMPLE_CELLS = 300
METRICS = {
    "total_variation": False,
    "kl_divergence": False,
    "kl_smoothed": False,
    "js_divergence": False,
    "js_distance": False,
    "hellinger": False,
    "chi2": False,
    "wasserstein": True,
    "wasserstein_norm": True,
    "ks": True,
    "energy": True,
    "mean_shift": True,
}


def write_responses(folder: Path, responses: int, cells: int) -> None:
    """Write Parquet files of at most 2.5 M rows: item and level as text, the answer, and whose it is."""
    rng, items = np.random.default_rng(1), cells // LEVELS
    tilt = rng.dirichlet(np.full(OPTIONS, 5.0), items).cumsum(axis=1)
    names = [pl.Series([f"{kind}{i:04}" for i in range(n)]) for kind, n in (("item", items), ("level", LEVELS))]
    for part, start in enumerate(range(0, responses, CHUNK)):
        rows = min(CHUNK, responses - start)
        item = rng.integers(0, items, rows, dtype=np.uint32)
        simulated = rng.random(rows) < 0.5
        answer = (rng.random(rows)[:, None] ** np.where(simulated, 1.2, 1.0)[:, None] > tilt[item]).sum(axis=1)
        frame = pl.DataFrame(
            {
                "item": names[0].gather(item),
                "level": names[1].gather(rng.integers(0, LEVELS, rows, dtype=np.uint32)),
                "answer": np.minimum(answer, OPTIONS - 1).astype(np.int8),
                "simulated": simulated,
            }
        )
        frame.write_parquet(folder / f"{part:03}.parquet")


def with_simframe(folder: Path) -> pl.DataFrame:
    import simframe.metrics as m

    # One count an option and side, so that an option nobody chose stays.
    simulated, options = pl.col("simulated"), range(OPTIONS)
    of = {
        (side, k): (whose & (pl.col("answer") == k)).sum().alias(f"{side}{k}")
        for side, whose in (("h", ~simulated), ("s", simulated))
        for k in options
    }
    table = (
        pl.scan_parquet(folder / "*.parquet")
        .group_by("item", "level")
        .agg(of.values())
        .select(
            "item", "level",
            *(pl.concat_list(f"{side}{k}" for k in options).alias(side) for side in ("h", "s")),
            answer=pl.lit(list(options)),
        )
        .explode("h", "s", "answer")
    )  # fmt: skip
    expressions = [
        getattr(m, name)("h", "s", "answer") if by_value else getattr(m, name)("h", "s")
        for name, by_value in METRICS.items()
    ]
    return table.group_by("item", "level").agg(expressions).collect(engine="streaming")


def with_duckdb(folder: Path) -> int:
    import duckdb

    return len(
        duckdb.execute(
            "SELECT item, level, answer, count(*) FILTER (NOT simulated), count(*) FILTER (simulated) "
            "FROM read_parquet($1) GROUP BY ALL",
            [str(folder / "*.parquet")],
        ).fetchnumpy()["item"]
    )


def with_scipy(folder: Path) -> dict[tuple[str, str], dict[str, float]]:
    """Figures of some cells, and under ("", "") the time a cell takes, reading left out."""
    from scipy import stats
    from scipy.spatial import distance

    some = [f"item{i:04}" for i in range(-(-SAMPLE_CELLS // LEVELS))]
    frame = pl.scan_parquet(folder / "*.parquet").filter(pl.col("item").is_in(some)).collect().to_pandas()
    values, found = np.arange(OPTIONS), {}
    start = time.perf_counter(), time.process_time()
    for cell, rows in frame.groupby(["item", "level"]):
        h, s = (
            rows.loc[rows.simulated == side, "answer"].value_counts().reindex(values, fill_value=0).to_numpy()
            for side in (False, True)
        )
        p, q = h / h.sum(), s / s.sum()
        js = distance.jensenshannon(p, q, base=2)
        either = h + s > 0
        found[cell] = {
            "total_variation": distance.cityblock(p, q) / 2,
            "kl_divergence": stats.entropy(p, q, base=2),
            "kl_smoothed": stats.entropy(h + 0.5, s + 0.5, base=2),
            "js_divergence": js**2,
            "js_distance": js,
            "hellinger": distance.euclidean(np.sqrt(p), np.sqrt(q)) / np.sqrt(2),
            "chi2": stats.chi2_contingency(np.stack([h, s])[:, either], correction=False).statistic,
            "wasserstein": (w := stats.wasserstein_distance(values, values, h, s)),
            "wasserstein_norm": w / (OPTIONS - 1),
            "ks": np.abs((p - q).cumsum()).max(),
            "energy": stats.energy_distance(values, values, h, s),
            "mean_shift": np.average(values, weights=s) - np.average(values, weights=h),
        }
    once = {
        "seconds": (time.perf_counter() - start[0]) / len(found),
        "processors": (time.process_time() - start[1]) / len(found),
    }
    return found | {("", ""): once}


def publish(folder: Path, cells: int) -> None:
    """Publish people and one simulated panel, few respondents and as many cells as asked for."""
    from simframe.study import parse_study
    from simframe.warehouse import Provenance, Warehouse

    rng, items, respondents = np.random.default_rng(2), cells // LEVELS, 600
    options = ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(OPTIONS))
    groups = ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(LEVELS - 1))
    text = '[study]\nid = "bench"\ntitle = "bench"\n'
    text += f'\n[[item]]\nid = "group"\nlabel = "g"\nscale = "nominal"\nrole = "persona"\noptions = [{groups}]\n'
    text += "subgroup = true\n"
    for i in range(items):
        text += f'\n[[item]]\nid = "q{i}"\nlabel = "q"\nscale = "ordinal"\nrole = "belief"\noptions = [{options}]\n'
    study = parse_study(text, "benchmark")
    warehouse = Warehouse.create(folder)
    for name, kind in (("people", "human"), ("twins", "simulated")):
        ids = pl.DataFrame({"respondent_id": [f"{name}{i}" for i in range(respondents)]})
        responses = pl.concat(
            ids.with_columns(
                item_id=pl.lit(item), code=pl.Series(rng.integers(0, n, respondents)).cast(pl.String), missing=False
            )
            for item, n in [("group", LEVELS - 1)] + [(f"q{i}", OPTIONS) for i in range(items)]
        ).with_columns(value=pl.col("code").cast(pl.Float64))
        provenance = Provenance(
            panel_id=f"bench-{name}", kind=kind, label=name, source="benchmark", strategy="imported",
            reference_id="bench-people" if kind == "simulated" else None,
        )  # fmt: skip
        people = ids.with_columns(weight=1.0, split=pl.lit(None, dtype=pl.String))
        warehouse.publish(study, text, provenance, people, responses, rebuild=kind == "simulated")


def with_sql(folder: Path) -> int:
    """Every figure of every cell, from the counts of a published warehouse."""
    from simframe.warehouse import Warehouse

    return Warehouse.open(folder).sql("SELECT * FROM cell_statistics").height


METHODS: dict[str, Callable[[Path], object]] = {"simframe": with_simframe, "duckdb": with_duckdb, "sql": with_sql}


def measured(method: str, folder: Path, times: int = 5) -> tuple[float, float, float]:
    """Best seconds, best seconds of processors and peak megabytes of a method, in a process of its own."""
    command = [sys.executable, __file__, "--method", method, "--folder", str(folder), "--times", str(times)]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return said["seconds"], said["processors"], said["megabytes"]


def peak_megabytes() -> float:
    """Peak memory of this process. Linux' getrusage would count the parent's, from before this program was loaded."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measure(method: str, folder: Path, times: int) -> None:
    taken, processors = [], []
    for _ in range(times):
        start = time.perf_counter(), time.process_time()
        METHODS[method](folder)
        taken.append(time.perf_counter() - start[0])
        processors.append(time.process_time() - start[1])
    print(json.dumps({"seconds": min(taken), "processors": min(processors), "megabytes": peak_megabytes()}))


def compare(console: Console, folder: Path, responses: int, cells: int, *, loop: bool) -> dict[str, float]:
    """Write responses, time everything and print a table; return seconds by method."""
    data = folder / str(responses)
    data.mkdir()
    write_responses(data, responses, cells)
    size = sum(file.stat().st_size for file in data.iterdir()) / 1e6
    rows = {name: measured(name, data) for name in ("simframe", "duckdb")}
    if loop:
        expected = with_scipy(data)
        once = expected.pop(("", ""))
        rows["pandas + scipy loop (scaled)"] = (once["seconds"] * cells, once["processors"] * cells, float("nan"))
        mine = {(row["item"], row["level"]): row for row in with_simframe(data).iter_rows(named=True)}
        for cell, figures in expected.items():
            for name, figure in figures.items():
                own = mine[cell]["chi2"]["statistic"] if name == "chi2" else mine[cell][name]
                assert np.isclose(own, figure, rtol=1e-9, atol=1e-7), (cell, name, own, figure)
    table = Table(title=f"{responses:,} responses, {size:,.0f} MB of Parquet, {cells:,} cells, {len(METRICS)} metrics")
    for heading in ("method", "seconds", "over simframe", "processor seconds", "over simframe", "peak MB"):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    labels = {"simframe": "simframe: count, 12 metrics", "duckdb": "DuckDB: count alone"}
    for name, (taken, processors, peak) in rows.items():
        ratios = (f"{taken / rows['simframe'][0]:.2f}", f"{processors / rows['simframe'][1]:.2f}")
        memory = "" if peak != peak else f"{peak:,.0f}"
        table.add_row(labels.get(name, name), f"{taken:.2f}", ratios[0], f"{processors:.2f}", ratios[1], memory)
    console.print(table)
    return {name: taken for name, (taken, *_) in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--responses", type=int, default=10_000_000)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--hundred-million", action="store_true", help="ten times the responses as well")
    for hidden in ("--method", "--folder", "--times"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.method:
        return measure(arguments.method, Path(arguments.folder), int(arguments.times))
    console, cells = Console(), arguments.cells // LEVELS * LEVELS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        taken = compare(console, folder, arguments.responses, cells, loop=True)
        publish(folder / "warehouse", cells)
        seconds, _, peak = measured("sql", folder / "warehouse", 1)
        console.print(
            f"SQL views, cells counted when their panels were published: {seconds:.2f} s, {peak:,.0f} MB, "
            f"{seconds / taken['simframe']:.2f} of simframe's time"
        )
        if arguments.hundred_million:
            tenfold = compare(console, folder, 10 * arguments.responses, cells, loop=False)
            growth = {method: tenfold[method] / taken[method] for method in tenfold}
            console.print("Ten times the responses take", ", ".join(f"{m} {g:.1f} x" for m, g in growth.items()))
    return None


if __name__ == "__main__":
    main()
