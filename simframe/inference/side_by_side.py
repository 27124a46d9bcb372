"""Panels evaluated side by side, in processes of their own: Python computes in one thread of a process at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from simframe.errors import InferenceError, SimframeError
from simframe.inference.threads import linear_algebra

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
    many = min(jobs, len(ids))
    processes, ends = [], []
    for _ in range(many):
        here, there = spawn.Pipe()
        # A process that outlives this one ends with what it is at: there is nobody left to tell.
        process = spawn.Process(target=_carry_out, args=(work, max(1, cores() // many), there), daemon=True)
        process.start()
        there.close()
        processes.append(process)
        ends.append(here)
    try:
        yield from _hand_out(ids, ends)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _hand_out(ids: list[str], ends: list[Connection]) -> Iterator[tuple[str, Any]]:
    """Give every process one thing to do, and another whenever it is done: all are busy to the end."""
    left = iter(ids)
    for free in ends:
        _tell(free, next(left))
    while ends:
        for end in wait(ends):
            assert isinstance(end, Connection)
            try:
                kind, *told = end.recv()
            except (EOFError, OSError):
                mend = "was it short of memory? Run the same command again, with --jobs 1"
                raise InferenceError("a process that evaluated panels was ended", mend=mend) from None
            if kind == "error":
                error, message, where, mend = told
                raise error(message, where=where, mend=mend)
            more = next(left, None)
            _tell(end, more)
            if more is None:
                ends.remove(end)
                end.close()
            yield told[0], told[1]


def _tell(end: Connection, each: str | None) -> None:
    # Of a process that was ended, the end of its line is read next.
    with suppress(OSError):
        end.send(each)


def _heard(end: Connection) -> str | None:
    try:
        told: str | None = end.recv()
    except (EOFError, OSError):
        return None
    return told


def _carry_out(work: Callable[[str], T], threads: int, end: Connection) -> None:
    """Do the work of one process: what it is told to, until there is nothing more or nobody left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts the whole is answered by its first process
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    with linear_algebra(threads):
        try:
            while (each := _heard(end)) is not None:
                end.send(("done", each, work(each)))
        except SimframeError as err:
            end.send(("error", type(err), err.message, err.where, err.mend))
