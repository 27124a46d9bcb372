"""How long each baseline takes: learn from 300 people, answer for 300 others, beside what an interval of it costs.

anes96's own instrument and people, split as its plan splits them; seconds are medians of three runs in one process.
Run: ``python benchmarks/baselines.py [pilot] [respondents]``.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from simframe.errors import PlanError
from simframe.ingest import import_panel
from simframe.simulate.baselines import BASELINES
from simframe.simulate.runner import find_humans
from simframe.warehouse import Warehouse


def main(pilot_size: int, people: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse.create(Path(folder))
        import_panel(warehouse, "anes96")
        humans = find_humans(warehouse, "anes96")
        pilot, answers = humans.part("pilot", pilot_size)
        _, personas = humans.personas()
    ids = personas["respondent_id"].unique().sort()
    # More are made by giving the same personas to further respondents.
    rounds = [
        personas.with_columns(respondent_id=pl.col("respondent_id") + f".{k}") for k in range(-(-people // len(ids)))
    ]
    many = pl.concat(rounds)
    wanted = many["respondent_id"].unique().sort()[:people]
    given = many.filter(pl.col("respondent_id").is_in(wanted.implode()))
    weights = pilot["weight"].to_numpy()
    print(f"anes96, {len(humans.study.questions)} questions, pilot of {pilot.height}, {len(wanted)} respondents")
    floor = None
    for name, baseline in BASELINES.items():
        seconds = []
        try:
            for _ in range(3):
                started = time.perf_counter()
                baseline(humans.study, answers, weights, given, seed=1)
                seconds.append(time.perf_counter() - started)
        except PlanError as err:
            print(f"{name:20} {err.message}; {err.mend}")
            continue
        spent = statistics.median(seconds)
        floor = floor or spent
        print(f"{name:20} {spent:7.3f} s   {len(wanted) / spent:9,.0f} respondents/s   {spent / floor:6.1f}x marginals")


if __name__ == "__main__":
    main(*(int(word) for word in (sys.argv[1:] + ["300", "300"][len(sys.argv) - 1 :])))
