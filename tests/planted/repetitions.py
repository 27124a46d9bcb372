"""Draw a world again and again, evaluate it as the product does, and count how often it is right.

A batch of repetitions of one cell (world, scenario, n, design) becomes one small Parquet file of counts, which add up
over batches: a study that is stopped keeps what it has.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from dataclasses import astuple, dataclass
from pathlib import Path

import bonds
import numpy as np
import polars as pl
import twins
import worlds
from judging import figures
from populations import DESIGNS
from worlds import Key, World

import simframe

SIZES = (30, 100, 300, 1000, 3000)
KEYS = ["world", "scenario", "n", "design", "metric", "item_id", "item_id_2", "attribute", "level", "term"]
LARGE = 10_000
"""So many people that estimates are the planted figures."""
STUDIED = {
    "plain": {
        "items": (*SIZES, LARGE),
        "groups": (*SIZES, LARGE),
        "pairs": (30, 100, 300, 3000, LARGE),
        "models": (30, 100, 300, 3000, LARGE),
        "twins": (30, 100, 300, 3000, LARGE),
    },
    "weighted": {
        "items": (30, 300, 3000, LARGE),
        "groups": (30, 300, 3000, LARGE),
        "pairs": (30, 300, LARGE),
        "models": (30, 300, LARGE),
    },
    "clustered": {"items": (300, LARGE), "models": (300, LARGE), "twins": (300, LARGE)},
}
"""Sizes by design and world: weights where they count, clusters where there are enough of them."""
OPTIONLESS = ("models", "twins")
"""Worlds in which *local*, one option for another, is no more than a second *near*."""
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Cell:
    """What is repeated."""

    world: str
    scenario: str
    n: int
    design: str

    def __str__(self) -> str:
        return f"{self.world}-{self.scenario}-{self.n}-{self.design}"

    def make(self) -> World:
        """Return the world."""
        if self.world == "models":
            return bonds.models(self.scenario, weighted=self.design == "weighted")
        made = {"items": worlds.items, "groups": worlds.groups, "pairs": bonds.pairs, "twins": twins.twins}[self.world]
        return made(self.scenario)

    def seed(self, batch: int) -> np.random.Generator:
        """Return the generator of one batch."""
        text = repr((astuple(self), batch)).encode()
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text).digest()[:8], "big"))


def cells(names: tuple[str, ...], sizes: tuple[int, ...] = SIZES) -> list[Cell]:
    """Return the cells of some worlds that are studied at these sizes."""
    found = [
        Cell(name, scenario, n, design)
        for n in sizes
        for name in names
        for scenario in worlds.SCENARIOS
        for design in DESIGNS
    ]
    return [cell for cell in found if _studied(cell)]


def _studied(cell: Cell) -> bool:
    known = cell.n in STUDIED[cell.design].get(cell.world, ())
    return known and not (cell.scenario == "local" and cell.world in OPTIONLESS)


def batch(cell: Cell, number: int, repetitions: int, replicates: int, parts: tuple[str, ...] = ()) -> pl.DataFrame:
    """Repeat a cell; return the counts of every figure with a known value, of some parts of an evaluation or of all."""
    world, rng = cell.make(), cell.seed(number)
    truth = world.truth(cell.n, cell.design)
    counts: dict[Key, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for repetition in range(repetitions):
        h, s = world.draw(rng, cell.n, cell.design)
        rows = figures(world, h, s, replicates, number * 1_000_000 + repetition, parts)
        for name, row in rows.items():
            known = truth.get(name)
            if known is None and name[0].startswith("nonresponse"):
                continue  # everybody answers: there is nothing to be right or wrong about
            if known is None or np.isfinite(known):
                _count(counts[name], row, known)
    table = []
    for name, tally in counts.items():
        item = name[1] or ""
        options, shape = world.shape.get(item, (0, ""))
        own = dict(zip(KEYS, (*astuple(cell), *name), strict=True))
        table.append(
            own | {"options": options, "shape": shape, "truth": truth.get(name), "batch": number} | dict(tally)
        )
    return pl.DataFrame(table, schema=SCHEMA)


TALLIES = (
    *("seen", "estimates", "estimate", "estimate2", "intervals", "covered", "below", "above", "open", "width"),
    *("floors", "floor", "floor2", "tests", "rejected", "beyond"),
)
SCHEMA = {
    **dict.fromkeys(KEYS, pl.String),
    "n": pl.Int64,
    "options": pl.Int64,
    "shape": pl.String,
    "truth": pl.Float64,
    "batch": pl.Int64,
    **dict.fromkeys(TALLIES, pl.Float64),
}


def _count(tally: dict[str, float], row: dict[str, float | None], truth: float | None) -> None:
    estimate, low, high = row["estimate"], row["ci_low"], row["ci_high"]
    tally["seen"] += 1
    if estimate is not None:
        tally["estimates"] += 1
        tally["estimate"] += estimate
        tally["estimate2"] += estimate**2
    if truth is not None and low is not None:
        slack = TOLERANCE * max(1.0, abs(truth))
        tally["intervals"] += 1
        # Ratios to what may be nothing have no upper end.
        tally["open"] += high is None
        high = np.inf if high is None else high
        tally["covered"] += low - slack <= truth <= high + slack
        tally["below"] += high + slack < truth
        tally["above"] += truth < low - slack
        tally["width"] += 0.0 if np.isinf(high) else high - low
    if row["floor"] is not None:
        tally["floors"] += 1
        tally["floor"] += row["floor"]
        tally["floor2"] += row["floor"] ** 2
        tally["beyond"] += estimate is not None and row["floor_q95"] is not None and estimate > row["floor_q95"]
    if row["p_value"] is not None:
        tally["tests"] += 1
        tally["rejected"] += row["p_value"] <= 0.05


def engine() -> str:
    """Return what identifies the code under study: counts of another version do not add up with these."""
    root = Path(simframe.__file__).parent
    sources = sorted([*root.glob("inference/**/*.py"), *root.glob("metrics/kernels/*.[ch]pp")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def store(
    folder: Path, cell: Cell, number: int, repetitions: int, replicates: int, parts: tuple[str, ...] = ()
) -> Path:
    """Write one batch, unless it is there already."""
    path = folder / f"{cell}-{number:03d}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        table, part = batch(cell, number, repetitions, replicates, parts), path.with_suffix(".part")
        table.write_parquet(part)
        part.rename(path)
    return path


def work(
    job: tuple[int, Cell], folder: Path, repetitions: int, replicates: int, until: float, *, parts: tuple[str, ...] = ()
) -> float:
    """Run one batch, unless time is up; return the seconds it took."""
    started = time.monotonic()
    if started < until:
        number, cell = job
        store(folder, cell, number, repetitions, replicates, parts)
    return time.monotonic() - started


def gathered(folder: Path) -> pl.DataFrame:
    """Return the sums of all batches in a folder, one row a figure."""
    table = pl.read_parquet(folder / "*.parquet")
    return table.group_by(*KEYS, "options", "shape", maintain_order=True).agg(
        pl.col("truth").first(), pl.col(*TALLIES).sum()
    )
