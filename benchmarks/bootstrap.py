"""Respondent-level uncertainty of a whole scorecard, and of the panels of a warehouse.

Run it with ``python benchmarks/bootstrap.py [--warehouse FOLDER]``. The scorecard: 6,000 people and as many simulated
respondents, weighted, 20 items of five options, 20 subgroups (five attributes of four levels), 2,000 replicates: every
metric that counts can give, with interval, floor and p-value. NumPy draws the same respondents and counts the same
answers, vectorised, but takes six metrics only; its time is scaled up from 20 replicates. The warehouse is copied, and
every panel in it is evaluated anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from simframe.inference import Panel, evaluate_panels
from simframe.inference.counted.bootstrap import estimates
from simframe.inference.panels.sample import Coded, code
from simframe.study import Study, parse_study
from simframe.warehouse import Warehouse
from simframe.warehouse.catalog import rebuild

N, ITEMS, OPTIONS, ATTRIBUTES, LEVELS, REPLICATES = 6_000, 20, 5, 5, 4, 2_000
SAMPLE = 20
"""Replicates that NumPy is timed on."""


def study() -> Study:
    def item(name: str, scale: str, role: str, kinds: int, more: str = "") -> str:
        options = ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(kinds))
        head = f'[[item]]\nid = "{name}"\nlabel = "{name}"\nscale = "{scale}"\nrole = "{role}"\n'
        return f"{head}{more}options = [{options}]\n"

    given = [item(f"a{k}", "nominal", "persona", LEVELS, "subgroup = true\n") for k in range(ATTRIBUTES)]
    asked = [item(f"q{k}", "ordinal", "belief", OPTIONS) for k in range(ITEMS)]
    return parse_study('[study]\nid = "bench"\ntitle = "bench"\n' + "".join(given + asked), "benchmark")


def panel(panel_id: str, rng: np.random.Generator) -> Panel:
    ids = [f"{panel_id}{k:05d}" for k in range(N)]
    none = [None] * N
    respondents = pl.DataFrame(
        {"respondent_id": ids, "weight": rng.gamma(3, 1 / 3, N), "split": none, "stratum": none, "cluster": none}
    )
    answers = {f"a{k}": rng.integers(0, LEVELS, N) for k in range(ATTRIBUTES)}
    answers |= {f"q{k}": rng.integers(0, OPTIONS, N) for k in range(ITEMS)}
    responses = pl.concat(
        pl.DataFrame(
            {
                "respondent_id": ids,
                "item_id": [name] * N,
                "code": column.astype(str),
                "value": column.astype(float),
                "missing": [False] * N,
            }
        )
        for name, column in answers.items()
    )
    return Panel(panel_id, "simulated", respondents, responses)


def with_numpy(coded: Coded, rng: np.random.Generator, replicates: int) -> None:
    """Draw, count and measure as plain NumPy does, one group and one kind of draw after the other."""
    for attribute, levels in coded.groups.items():
        for place in range(len(levels)):
            sides = [
                (side.design.weight[rows], side.codes[rows])
                for side in (coded.h, coded.s)
                for rows in (np.flatnonzero(side.levels[attribute] == place),)
            ]
            pooled = tuple(np.concatenate(both) for both in zip(*sides, strict=True))
            n_h, n_s = (len(weight) for weight, _ in sides)
            shuffle = rng.permuted(np.tile(np.arange(n_h + n_s), (replicates, 1)), axis=1)
            bootstrap = (
                (sides[0], rng.integers(0, n_h, (replicates, n_h))),
                (sides[1], rng.integers(0, n_s, (replicates, n_s))),
            )
            floor = (bootstrap[0], (sides[0], rng.integers(0, n_h, (replicates, n_s))))
            permuted = ((pooled, shuffle[:, :n_h]), (pooled, shuffle[:, n_h:]))
            for draw in (bootstrap, floor, permuted):
                h, s = (numpy_counts(weight, codes, picks, coded.columns) for (weight, codes), picks in draw)
                for question in coded.questions:
                    if attribute == "all" or question.answers:
                        numpy_metrics(h[:, question.options], s[:, question.options], np.arange(OPTIONS))


def numpy_counts(weight: np.ndarray, codes: np.ndarray, picks: np.ndarray, columns: int) -> np.ndarray:
    replicates = len(picks)
    where = np.arange(replicates)[:, None] * columns
    counts = np.zeros(replicates * columns)
    for slot in codes.T:
        counts += np.bincount((slot[picks] + where).ravel(), weight[picks].ravel(), minlength=replicates * columns)
    return counts.reshape(replicates, columns)


def numpy_metrics(h: np.ndarray, s: np.ndarray, value: np.ndarray) -> list[np.ndarray]:
    p, q = (x / x.sum(axis=1, keepdims=True) for x in (h, s))
    value = value[: p.shape[1]]
    middle = (p + q) / 2
    with np.errstate(all="ignore"):
        js = sum(np.nansum(x * np.log2(x / middle), axis=1) for x in (p, q)) / 2
        variance = [x @ value**2 - (x @ value) ** 2 for x in (p, q)]
        return [
            np.abs(p - q).sum(axis=1) / 2,
            np.sqrt(np.maximum(js, 0)),
            np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=1) / 2),
            np.abs((p - q).cumsum(axis=1)).sum(axis=1),
            (q - p) @ value,
            variance[1] / variance[0],
        ]


def evaluated(folder: str) -> tuple[int, float]:
    """Evaluate every panel of a copy of a warehouse; return how many and the seconds."""
    with tempfile.TemporaryDirectory() as parent:
        copy = Path(parent) / "warehouse"
        shutil.copytree(folder, copy)
        for old in (copy / "data").glob("evaluation=*"):
            shutil.rmtree(old)
        rebuild(copy)
        started = time.perf_counter()
        done = evaluate_panels(Warehouse.open(copy), None, lambda *_: None, replicates=REPLICATES)
        return len(done), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--warehouse", metavar="FOLDER")
    arguments = parser.parse_args()
    rng = np.random.default_rng(1)
    coded = code(study(), panel("h", rng), panel("s", rng))
    table = Table(title=f"{REPLICATES:,} replicates, {os.cpu_count()} cores")
    for heading in ("what", "figures", "seconds", "processor seconds"):
        table.add_column(heading, justify="left" if heading == "what" else "right")

    started = time.perf_counter(), time.process_time()
    figures = estimates(coded, REPLICATES, 0, "s").height
    ours = time.perf_counter() - started[0], time.process_time() - started[1]
    table.add_row("simframe, whole scorecard", f"{figures:,}", *(f"{x:.1f}" for x in ours))
    started = time.perf_counter(), time.process_time()
    with_numpy(coded, rng, SAMPLE)
    theirs = [x * REPLICATES / SAMPLE for x in (time.perf_counter() - started[0], time.process_time() - started[1])]
    six = 6 * (ATTRIBUTES + ITEMS + ATTRIBUTES * LEVELS * ITEMS)
    table.add_row(f"NumPy, six metrics (scaled from {SAMPLE} replicates)", f"{six:,}", *(f"{x:.1f}" for x in theirs))
    if arguments.warehouse:
        panels, seconds = evaluated(arguments.warehouse)
        table.add_row(
            f"simframe evaluate, {panels} panels of {Path(arguments.warehouse).name}", "", f"{seconds:.1f}", ""
        )
    console = Console()
    console.print(table)
    console.print(f"NumPy takes {theirs[0] / ours[0]:.0f} times as long for {figures / six:.1f} times fewer figures")


if __name__ == "__main__":
    main()
