"""Interval and floor of js_distance and wasserstein in every cell: the kernel beside numpy and scipy.stats.bootstrap.

    python benchmarks/count_bootstrap.py [--cells 5000] [--replicates 2000]

Cells have 5 options and 50 to 400 respondents a side. The numpy version is vectorised over replicates: multinomial
draws of both sides, both distances, quantiles. `scipy.stats.bootstrap` is given respondents, as it asks for, and the
same vectorised distances. Both run on a sample of the cells and are scaled up; results are compared first, so that no
ratio is between different figures. Prints tables and asserts nothing about time.
On a machine that does other things too, the ratio of processor seconds, times the number of cores, is the steadier.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from scipy import stats

import simframe.metrics as m
from simframe.inference.judging.interval import Drawn, judge, scaled

OPTIONS = 5
VALUES = np.arange(OPTIONS, dtype=float)
METRICS = ("js_distance", "wasserstein")
NUMPY_CELLS, SCIPY_CELLS = 200, 20


def js_distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = [np.where(share > 0, share * np.log2(share / middle), 0.0).sum(axis=-1) for share in (p, q)]
    return np.sqrt(np.maximum(bits[0] + bits[1], 0.0) / 2)


def wasserstein(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.abs((p - q).cumsum(axis=-1)[..., :-1]).sum(axis=-1)


MEASURES: dict[str, Callable] = {"js_distance": js_distance, "wasserstein": wasserstein}


def with_numpy(h: np.ndarray, s: np.ndarray, replicates: int, rng: np.random.Generator) -> list[float]:
    n_h, n_s, few = h.sum(), s.sum(), replicates // 4

    def sample(counts: np.ndarray, n: int, times: int = replicates) -> np.ndarray:
        return rng.multinomial(n, counts / counts.sum(), times) / n

    def split(counts: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        first = rng.multivariate_hypergeometric(counts, n, few, method="marginals")
        return first / n, (counts - first) / (counts.sum() - n)

    people = sample(h, n_h - 1)
    draws = {
        "bootstrap": (people, sample(s, n_s - 1)),
        "floor": (people, sample(h, n_s)),
        "null": split(h + s, n_h),
        "halves": split(h, n_h // 2),
        "half_samples": (sample(h, n_h // 2, few), sample(h, n_h - n_h // 2, few)),
    }
    names = list(MEASURES)
    drawn = {kind: np.stack([measure(*both) for measure in MEASURES.values()]) for kind, both in draws.items()}
    estimates = np.array([measure(h / n_h, s / n_s) for measure in MEASURES.values()])
    between = scaled(names, drawn["floor"], drawn["halves"], drawn["half_samples"])
    worth = np.full(len(names), float(n_h)), np.full(len(names), float(n_s))
    found = judge(names, estimates, Drawn(drawn["bootstrap"], between, drawn["null"]), worth)
    fields = ("estimate", "ci_low", "ci_high", "floor", "floor_q95")
    return [float(found[field][k]) for k in range(len(names)) for field in fields]


def shares(answers: np.ndarray, axis: int) -> np.ndarray:
    return np.stack([(answers == option).mean(axis=axis) for option in range(OPTIONS)], axis=-1)


def with_scipy(h: np.ndarray, s: np.ndarray, replicates: int, rng: np.random.Generator) -> list[float]:
    people, simulated = (np.repeat(np.arange(OPTIONS), counts) for counts in (h, s))
    figures = []
    for measure in MEASURES.values():

        def statistic(x: np.ndarray, y: np.ndarray, axis: int = -1, measure: Callable = measure) -> np.ndarray:
            return measure(shares(x, axis), shares(y, axis))

        draw = {"n_resamples": replicates, "vectorized": True, "rng": rng}
        drawn = stats.bootstrap((people, simulated), statistic, method="basic", **draw)
        # The floor: both samples from people, the second as large as the compared panel.
        second = rng.choice(people, len(simulated))
        between = stats.bootstrap((people, second), statistic, method="percentile", **draw).bootstrap_distribution
        figures += [*drawn.confidence_interval, between.mean(), np.quantile(between, 0.95)]
    return figures


def seconds(run: Callable[[], object], times: int = 1) -> np.ndarray:
    """Best seconds by the clock and of processors."""
    taken = []
    for _ in range(times):
        start = time.perf_counter(), time.process_time()
        run()
        taken.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return np.min(taken, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cells", type=int, default=5_000)
    parser.add_argument("--replicates", type=int, default=2_000)
    arguments = parser.parse_args()
    cells, replicates, rng = arguments.cells, arguments.replicates, np.random.default_rng(1)

    h = rng.multinomial(rng.integers(50, 401, cells), rng.dirichlet(np.full(OPTIONS, 2.0), cells))
    s = rng.multinomial(rng.integers(50, 401, cells), rng.dirichlet(np.full(OPTIONS, 2.0), cells))
    frame = pl.DataFrame({"cell": np.arange(cells), "h": h.tolist(), "s": s.tolist(), "v": [VALUES.tolist()] * cells})
    drawn = m.list_count_bootstrap("h", "s", "v", key="cell", replicates=replicates, metrics=METRICS)

    ours = seconds(lambda: frame.select(drawn), 3)
    some = min(NUMPY_CELLS, cells)
    numpy = seconds(lambda: [with_numpy(h[i], s[i], replicates, rng) for i in range(some)]) * cells / some
    few = min(SCIPY_CELLS, cells)
    scipy = seconds(lambda: [with_scipy(h[i], s[i], replicates, rng) for i in range(few)]) * cells / few

    fields = ("estimate", "low", "high", "floor", "floor_q95")
    mine = np.array(
        [
            [row[metric][field] for metric in METRICS for field in fields]
            for row in frame.head(some).select(drawn).to_series().to_list()
        ]
    )
    theirs = np.array([with_numpy(h[i], s[i], replicates, rng) for i in range(some)])

    table = Table(title=f"{cells:,} cells x {replicates:,} replicates, {os.cpu_count()} cores")
    for heading in ("method", "seconds", "times as slow", "processor seconds", "times as slow"):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    for name, taken in (
        ("simframe list_count_bootstrap", ours),
        ("numpy, vectorised (scaled)", numpy),
        ("scipy.stats.bootstrap (scaled)", scipy),
    ):
        figures = zip(taken, taken / ours, strict=True)
        table.add_row(name, *(text for figure, ratio in figures for text in (f"{figure:.2f}", f"{ratio:.1f}")))
    console = Console()
    console.print(table)
    console.print(f"Mean difference from numpy over {some} cells, in the unit of each figure:")
    for i, metric in enumerate(METRICS):
        part = (mine - theirs).mean(axis=0)[i * len(fields) : (i + 1) * len(fields)]
        console.print(f"  {metric:12}", "  ".join(f"{f} {d:+.5f}" for f, d in zip(fields, part, strict=True)))


if __name__ == "__main__":
    main()
