"""Interval, floor and p-value of js_distance: simframe's respondent-level draws beside a loop over scipy.stats.

Run it with ``python benchmarks/bootstrap.py``. Both draw 2,000 times from two panels of 290 respondents who answered
six items. The loop takes six js_distances, each with ``stats.bootstrap`` for the interval, ``stats.bootstrap`` between
two samples of people for the floor, and ``stats.permutation_test``; simframe takes every metric it evaluates.
"""

from __future__ import annotations

import time

import numpy as np
import polars as pl
from scipy import stats
from scipy.spatial.distance import jensenshannon

from simframe.inference import Panel
from simframe.inference.bootstrap import estimates
from simframe.inference.sample import code
from simframe.study import Study, parse_study

N, ITEMS, OPTIONS, REPLICATES = 290, 6, 7, 2000


def study() -> Study:
    options = ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(OPTIONS))
    items = "".join(
        f'\n[[item]]\nid = "q{i}"\nlabel = "q{i}"\nscale = "ordinal"\nrole = "belief"\noptions = [{options}]\n'
        for i in range(ITEMS)
    )
    return parse_study('[study]\nid = "bench"\ntitle = "bench"\n' + items, "benchmark")


def panel(panel_id: str, answers: np.ndarray) -> Panel:
    ids = [f"{panel_id}{k}" for k in range(N)]
    respondents = pl.DataFrame(
        {"respondent_id": ids, "weight": np.ones(N), "split": [None] * N, "stratum": [None] * N, "cluster": [None] * N}
    )
    responses = pl.concat(
        pl.DataFrame(
            {
                "respondent_id": ids,
                "item_id": [f"q{i}"] * N,
                "code": column.astype(str),
                "value": column.astype(float),
                "missing": [False] * N,
            }
        )
        for i, column in enumerate(answers)
    )
    return Panel(panel_id, "simulated", respondents, responses)


def distance(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    p, q = (np.stack([(x == k).mean(axis=axis) for k in range(OPTIONS)]) for x in (a, b))
    return jensenshannon(p, q, base=2, axis=0)


def timed(run: object, times: int = 3) -> float:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        run()  # type: ignore[operator]
        found.append(time.perf_counter() - started)
    return min(found)


def main() -> None:
    rng = np.random.default_rng(1)
    h, s = (rng.integers(0, OPTIONS, (ITEMS, N)) for _ in range(2))
    instrument, people, simulated = study(), panel("h", h), panel("s", s)

    def ours() -> None:
        estimates(code(instrument, people, simulated), REPLICATES, 0, "s")

    def theirs() -> None:
        for a, b in zip(h, s, strict=True):
            stats.bootstrap((a, b), distance, n_resamples=REPLICATES, method="basic", rng=rng)
            stats.bootstrap((a, a), distance, n_resamples=REPLICATES, method="percentile", rng=rng)
            stats.permutation_test((a, b), distance, n_resamples=REPLICATES, vectorized=True, rng=rng)

    fast, slow = timed(ours), timed(theirs)
    figures = len(estimates(code(instrument, people, simulated), 10, 0, "s"))
    print(f"simframe     {figures:3} figures with interval, floor and p-value {fast:6.2f} s")
    print(f"scipy.stats  {ITEMS:3} figures with interval, floor and p-value {slow:6.2f} s")
    print(f"ratio, a figure each: {slow / ITEMS / (fast / figures):.0f}")


if __name__ == "__main__":
    main()
