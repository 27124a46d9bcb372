"""Panels evaluated side by side, in processes of their own: Python computes in one thread of a process at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from simframe.errors import InferenceError, SimframeError

T = TypeVar("T")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[str], T], ids: list[str], jobs: int) -> Iterator[tuple[str, T]]:
    """Yield every id with what ``work`` made of it, as soon as it is done; ``work`` is a top-level function.

    Raises:
        SimframeError: the first that any process met; the others are ended.
        InferenceError: a process was ended from outside.
    """
    spawn = multiprocessing.get_context("spawn")
    shares = [ids[start::jobs] for start in range(min(jobs, len(ids)))]
    processes, ends = [], []
    for share in shares:
        here, there = spawn.Pipe(duplex=False)
        # A process that outlives this one ends with its share, for there is nobody left to tell.
        process = spawn.Process(
            target=_carry_out, args=(work, share, max(1, cores() // len(shares)), there), daemon=True
        )
        process.start()
        there.close()
        processes.append(process)
        ends.append(here)
    try:
        yield from _listen(ends)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _listen(ends: list[Connection]) -> Iterator[tuple[str, Any]]:
    while ends:
        for end in wait(ends):
            assert isinstance(end, Connection)
            try:
                kind, *told = end.recv()
            except EOFError:
                mend = "was it short of memory? Run the same command again, with --jobs 1"
                raise InferenceError("a process that evaluated panels was ended", mend=mend) from None
            if kind == "done":
                yield told[0], told[1]
            elif kind == "error":
                error, message, where, mend = told
                raise error(message, where=where, mend=mend)
            else:
                ends.remove(end)
                end.close()


def _carry_out(work: Callable[[str], T], ids: list[str], threads: int, told: Connection) -> None:
    """Do the work of one process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts the whole is answered by its first process
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads):
        try:
            for each in ids:
                told.send(("done", each, work(each)))
            told.send(("end",))
        except SimframeError as err:
            told.send(("error", type(err), err.message, err.where, err.mend))
