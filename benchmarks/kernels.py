"""What the compiled kernels buy: ratios against native Polars expressions and a scipy loop, in one run.

    python benchmarks/kernels.py [--groups 20000] [--rows 2000000]

Prints tables and asserts nothing. The scipy loop runs on a sample of the groups and is scaled up; every method's
results are compared first, so that no ratio is between different figures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from scipy import stats
from scipy.spatial import distance

import simframe.metrics as m

SCIPY_GROUPS = 500
TIMES = 3


def seconds(run: Callable[[], object]) -> float:
    """Return the best of a few runs, the first of which warms caches."""
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def native_gap(human: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Difference of two samples' distribution functions after each value, and the step to the next, natively."""
    weight = pl.when(human).then(1.0 / human.sum()).otherwise(-1.0 / (~human).sum())
    return weight.sort_by("x").cum_sum(), pl.col("x").sort().diff().shift(-1)


def native_js_distance() -> pl.Expr:
    p, q = pl.col("h") / pl.col("h").sum(), pl.col("s") / pl.col("s").sum()
    middle = (p + q) / 2

    def kl(share: pl.Expr) -> pl.Expr:
        return pl.when(share > 0).then(share * (share / middle).log(2)).otherwise(0.0).sum()

    return ((kl(p) + kl(q)) / 2).clip(0.0, 1.0).sqrt()


def compare(
    console: Console, title: str, frame: pl.DataFrame, methods: dict[str, pl.Expr], oracle: Callable, engine: str
) -> None:
    """Time each expression over all groups beside the scaled scipy loop, after checking that all agree."""
    groups = frame["g"].n_unique()
    some = frame.filter(pl.col("g") < SCIPY_GROUPS).sort("g").partition_by("g", maintain_order=True)
    start = time.perf_counter()
    expected = [oracle(part) for part in some]
    scipy = (time.perf_counter() - start) * groups / len(some)

    table = Table(title=f"{title}: {groups:,} groups, {len(frame):,} rows, {engine} engine")
    for heading in ("method", "seconds", "microseconds a group", "times as fast as scipy"):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    for name, expr in methods.items():
        query = frame.lazy().group_by("g").agg(expr.alias("d"))
        result = query.collect(engine=engine).sort("g").head(len(some))["d"]
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-7)
        taken = seconds(lambda query=query: query.collect(engine=engine))
        table.add_row(name, f"{taken:.3f}", f"{taken / groups * 1e6:.1f}", f"{scipy / taken:,.0f}")
    table.add_row("scipy loop (scaled)", f"{scipy:.1f}", f"{scipy / groups * 1e6:.1f}", "1")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--groups", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=2_000_000)
    arguments = parser.parse_args()
    console, rng = Console(), np.random.default_rng(1)

    samples = pl.DataFrame(
        {
            "g": rng.integers(0, arguments.groups, arguments.rows),
            "human": rng.random(arguments.rows) < 0.5,
            "x": rng.normal(size=arguments.rows),
        }
    )
    human = pl.col("human")
    x, y = pl.col("x").filter(human), pl.col("x").filter(~human)
    gap, step = native_gap(human)

    def of_samples(metric: Callable) -> Callable:
        return lambda part: metric(part.filter(human)["x"].to_numpy(), part.filter(~human)["x"].to_numpy())

    counts = pl.DataFrame(
        {
            "g": np.repeat(np.arange(arguments.groups), 5),
            "h": rng.poisson(20, arguments.groups * 5) + 1,
            "s": rng.poisson(20, arguments.groups * 5) + 1,
        }
    )
    for engine in ("in-memory", "streaming"):
        compare(
            console,
            "Wasserstein-1 between samples",
            samples,
            {"kernel": m.sample_wasserstein(x, y), "native": (gap.abs() * step).sum()},
            of_samples(stats.wasserstein_distance),
            engine,
        )
        compare(
            console,
            "Kolmogorov-Smirnov statistic between samples",
            samples,
            {"kernel": m.sample_ks(x, y), "native": gap.abs().max()},
            of_samples(lambda a, b: stats.ks_2samp(a, b, method="asymp").statistic),
            engine,
        )
        compare(
            console,
            "Energy distance between samples",
            samples,
            {"kernel": m.sample_energy_distance(x, y), "native": (2 * (gap**2 * step).sum()).sqrt()},
            of_samples(stats.energy_distance),
            engine,
        )
        compare(
            console,
            "Jensen-Shannon distance between counts",
            counts,
            {"kernel": m.js_distance("h", "s"), "native": native_js_distance()},
            lambda part: distance.jensenshannon(part["h"].to_numpy(), part["s"].to_numpy(), base=2),
            engine,
        )


if __name__ == "__main__":
    main()
