"""Evaluations in the warehouse: read a panel and its reference, evaluate, publish once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from simframe.errors import InferenceError
from simframe.inference.evaluate import REPLICATES, evaluate
from simframe.inference.judging.interval import LEVEL, METHOD
from simframe.inference.panels.sample import Panel
from simframe.inference.side_by_side import side_by_side
from simframe.inference.threads import linear_algebra
from simframe.warehouse import Warehouse
from simframe.warehouse.evaluations import evaluation_id, publish_evaluation
from simframe.warehouse.layout import locked

WORTH_A_PROCESS = 2
"""Panels for which a process more is quicker, its start included."""


@dataclass(frozen=True)
class Recorded:
    """What evaluating a panel did; not ``fresh`` where the same evaluation was there already."""

    evaluation_id: str
    fresh: bool
    seconds: float = 0.0


def evaluate_panel(
    warehouse: Warehouse, panel_id: str, *, replicates: int = REPLICATES, seed: int = 0, rebuild: bool = True
) -> Recorded:
    """Evaluate one published panel against its reference, and publish the result; the same evaluation is made once.

    Args:
        warehouse: where the panel is, and where the evaluation goes.
        panel_id: the panel; a human panel, which has no reference, gets its regressions fitted.
        replicates: draws behind every interval, floor and p-value.
        seed: of all draws.
        rebuild: whether to make the catalog again, so that views show the evaluation; whoever evaluates many panels
            does that once, at the end.

    Raises:
        WarehouseError: where a panel is missing, or the disk refuses.
        InferenceError: where panel and reference answered different versions of the study.
    """
    settings = {"replicates": replicates, "seed": seed, "level": LEVEL, "method": METHOD}
    # While one connection is open, others to the same catalog cost next to nothing.
    with warehouse.connect():
        row = warehouse.panel(panel_id)
        name = evaluation_id(row, settings)
        with locked(warehouse.layout, name):  # another process may be making it
            if warehouse.layout.evaluation(name).is_dir():
                return Recorded(name, fresh=False)
            seconds = _make(warehouse, row, settings)
    if rebuild:
        warehouse.rebuild()
    return Recorded(name, fresh=True, seconds=seconds)


def _make(warehouse: Warehouse, row: dict[str, Any], settings: dict[str, Any]) -> float:
    """Evaluate a panel and publish what was found; return the seconds it took."""
    started = time.perf_counter()
    study, panel = warehouse.study_of(row["panel_id"]), _read(warehouse, row)
    reference = pilot = None
    if row["reference_id"] is not None:
        of_people = warehouse.panel(row["reference_id"])
        if of_people["study_hash"] != row["study_hash"]:
            message = f"its reference {row['reference_id']!r} answered another version of study {row['study_id']!r}"
            mend = "simulate it again under the reference's version"
            raise InferenceError(message, where=row["panel_id"], mend=mend)
        people = _read(warehouse, of_people)
        reference, pilot = people.part(row["reference_split"]), people.pilot(row["pilot_n"])
    found = evaluate(study, reference, panel, pilot=pilot, replicates=settings["replicates"], seed=settings["seed"])
    seconds = time.perf_counter() - started
    tables = {"estimates": found.estimates, "fits": found.fits, "coefficients": found.coefficients}
    publish_evaluation(warehouse.layout, row, settings, tables, seconds=seconds)
    return seconds


def evaluate_panels(
    warehouse: Warehouse,
    panel_ids: list[str] | None,
    progress: Callable[[int, int], None],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    jobs: int = 1,
) -> list[Recorded]:
    """Evaluate the panels named, or all of them; see :func:`evaluate_panel`. The catalog is made again once.

    More ``jobs`` than one are processes side by side. They import the main module of the program again, which must
    therefore keep what it does under ``if __name__ == "__main__"``. The numbers do not depend on how many there are.
    """
    ids = panel_ids if panel_ids is not None else warehouse.sql("SELECT panel_id FROM panels ORDER BY 1")["panel_id"]
    work = partial(_evaluate, warehouse.layout.root, replicates, seed)
    done: dict[str, Recorded] = {}
    try:
        for panel_id, one in _carried_out(work, [*dict.fromkeys(ids)], jobs):
            done[panel_id] = one
            progress(len(done), len(ids))
    finally:
        if any(one.fresh for one in done.values()):
            warehouse.rebuild()
    return [done[panel_id] for panel_id in ids]


def _carried_out(work: Callable[[str], Recorded], ids: list[str], jobs: int) -> Iterator[tuple[str, Recorded]]:
    if jobs > 1 and len(ids) >= WORTH_A_PROCESS * jobs:
        yield from side_by_side(work, ids, jobs)
    else:
        with linear_algebra(1):
            yield from ((each, work(each)) for each in ids)


def _evaluate(root: Path, replicates: int, seed: int, panel_id: str) -> Recorded:
    return evaluate_panel(Warehouse(root), panel_id, replicates=replicates, seed=seed, rebuild=False)


def _read(warehouse: Warehouse, row: dict[str, Any]) -> Panel:
    name = row["panel_id"]
    return Panel(name, row["kind"], warehouse.table(name, "respondents"), warehouse.table(name, "responses"))
