"""Run the study and write its page: ``python tests/planted/run_study.py FOLDER --page docs/coverage.md``."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from functools import partial
from pathlib import Path

WORLDS = ("items", "groups", "pairs", "models", "twins")
SIZES = (30, 100, 300, 1000, 3000)


def main() -> None:
    """Run batches round by round, so that every cell has as many whenever time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the counts of finished batches are kept")
    parser.add_argument("--page", type=Path, help="the page to write")
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--repetitions", type=int, default=200, help="of every cell")
    parser.add_argument("--batch", type=int, default=25, help="repetitions of a batch")
    parser.add_argument(
        "--replicates", type=int, default=200, help="most intervals take no more than mean and variance"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--worlds", nargs="*", default=WORLDS)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument(
        "--parts",
        nargs="*",
        help="of evaluations: counts, structures, polychoric, predictability, twins, regressions; all where left out. "
        "Their rows take the place of the page's own, the others stay",
    )
    given = parser.parse_args()
    # One thread a process: the processes share the cores among themselves.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1"))
    import page
    from merge import merge
    from repetitions import cells, engine, work

    jobs = [
        (number, cell)
        for number in range(-(-given.repetitions // given.batch))
        for cell in cells(given.worlds, given.sizes)
    ]
    folder = given.folder / "-".join([engine(), *(given.parts or ())])
    if given.minutes > 0:
        until = time.monotonic() + 60 * given.minutes
        run = partial(
            work,
            folder=folder,
            repetitions=given.batch,
            replicates=given.replicates,
            until=until,
            parts=tuple(given.parts or ()),
        )
        with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
            for place, seconds in enumerate(pool.imap(run, jobs), 1):
                print(f"{place}/{len(jobs)} {seconds:.1f} s", flush=True)
    if given.page:
        found = page.write(folder, given.replicates, SIZES if given.parts else ())
        given.page.write_text(merge(given.page.read_text(), found, page.runs(folder)) if given.parts else found)


if __name__ == "__main__":
    main()
