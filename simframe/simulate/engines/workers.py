"""The same chunks over several workers, one a GPU (extra ``ray``): any engine, on one machine or a Ray cluster."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError, PlanError, SimframeError, install_extra
from simframe.simulate.engines.base import Answered, Asked, Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    from simframe.study import Item

LIVES = 3
"""How often a worker that dies is started again; its chunk is answered anew, the same."""


class Worker:
    """One engine in a process of its own. Errors travel as data: an exception need not survive pickling."""

    def __init__(self, build: Callable[[], Engine]) -> None:
        self._engine = build()

    def call(self, name: str, *arguments: Any) -> tuple[Any, tuple[str, str | None, str | None] | None]:
        """Return (what the engine's method returns, None), or (None, what the error says)."""
        try:
            found = getattr(self._engine, name)
            return (found(*arguments) if callable(found) else found), None
        except SimframeError as err:
            return None, (err.message, err.where, err.mend)

    def answer(self, people: Sequence[Asked]) -> tuple[Any, tuple[str, str | None, str | None] | None]:
        """Answer one chunk."""
        return self.call("answer", people, lambda done: None)


class Workers(Engine):
    """Several copies of one engine, each in a Ray actor.

    Args:
        build: makes the engine, once in each worker; must be picklable, as ``functools.partial`` of a class method is.
        workers: how many; None: one a GPU that Ray sees, or one a CPU core where there is none.
        gpus: GPUs a worker has; None: one where there are any.
        cpus: CPU cores a worker counts on, and the threads its matrices use; None: its share of those there are.

    Raises:
        ModelError: where Ray is missing or has no room for the workers, or the engines differ.
    """

    def __init__(
        self,
        build: Callable[[], Engine],
        workers: int | None = None,
        *,
        gpus: float | None = None,
        cpus: float | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise PlanError(f"workers is {workers}", where="engine", mend="at least 1")
        self._own = start_ray()
        self._ray = need_ray()
        self._actors: list[Any] = []
        try:
            self._start(build, workers, gpus, cpus)
        except BaseException:
            self.close()
            raise

    def _start(self, build: Callable[[], Engine], workers: int | None, gpus: float | None, cpus: float | None) -> None:
        there = self._ray.cluster_resources()
        gpus = (1 if there.get("GPU") else 0) if gpus is None else gpus
        workers = workers or int((there["GPU"] / gpus) if gpus else there["CPU"])
        cpus = max(1, there["CPU"] // workers) if cpus is None else cpus
        for kind, each in (("GPU", gpus), ("CPU", cpus)):
            if each * workers > there.get(kind, 0):
                message = f"{workers} workers of {each:g} {kind} each; Ray has {there.get(kind, 0):g}"
                raise ModelError(message, where="workers", mend="ask for fewer workers, or less for each")
        actor = self._ray.remote(Worker)
        kept = {"num_gpus": gpus, "num_cpus": cpus, "max_restarts": LIVES, "max_task_retries": LIVES}
        self._actors = [actor.options(**kept).remote(build) for _ in range(workers)]
        identities = [self._ask(actor, "identity") for actor in self._actors]
        if any(identity != identities[0] for identity in identities):
            differ = [name for name in identities[0] if len({str(each.get(name)) for each in identities}) > 1]
            mend = "use machines of one kind, with the same files"
            raise ModelError(f"the workers differ in {', '.join(differ)}", where="workers", mend=mend)
        self._identity: dict[str, Any] = identities[0]
        self._questions: tuple[Item, ...] = self._ask(self._actors[0], "questions")
        self.chunk = self._ask(self._actors[0], "chunk")

    @property
    def questions(self) -> tuple[Item, ...]:
        """What is asked, in declared order."""
        return self._questions

    def identity(self) -> dict[str, Any]:
        """Return what shapes the numbers: that of each worker. How many there are shapes nothing."""
        return self._identity

    def personas(self, answers: pl.DataFrame, respondent_ids: Sequence[str]) -> list[Any]:
        """Return each respondent's persona, as the first worker renders it."""
        found: list[Any] = self._ask(self._actors[0], "personas", answers, list(respondent_ids))
        return found

    def answer(self, people: Sequence[Asked], progress: Callable[[int], None]) -> Answered:
        """Let one worker answer one chunk."""
        answered: Answered = self._result(self._actors[0].answer.remote(people))
        progress(len(people))
        return answered

    def each(
        self, chunks: Iterable[tuple[int, Sequence[Asked]]], progress: Callable[[int, int], None]
    ) -> Iterator[tuple[int, Answered]]:
        """Give every worker a chunk, and another when it is done; return chunks as they come."""
        free, waiting = deque(self._actors), iter(chunks)
        under_way: dict[Any, tuple[int, Any]] = {}
        while True:
            while free and (following := next(waiting, None)) is not None:
                actor, (index, people) = free.popleft(), following
                under_way[actor.answer.remote(people)] = index, actor
            if not under_way:
                return
            (ready, *_), _ = self._ray.wait(list(under_way), num_returns=1)
            index, actor = under_way.pop(ready)
            answered = self._result(ready)
            free.append(actor)
            yield index, answered

    def close(self) -> None:
        """End the workers, and Ray where it was started here."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        if self._own:
            stop_ray()

    def _ask(self, actor: Any, name: str, *arguments: Any) -> Any:
        return self._result(actor.call.remote(name, *arguments))

    def _result(self, reference: Any) -> Any:
        try:
            found, error = self._ray.get(reference)
        except self._ray.exceptions.RayError as err:
            said = next((line for line in reversed(str(err).splitlines()) if line.strip()), type(err).__name__)
            mend = "see that a worker has the memory the model takes, then run again; finished chunks are kept"
            raise ModelError(f"a worker failed: {said.strip()[:200]}", where="workers", mend=mend) from err
        if error is not None:
            message, where, mend = error
            raise ModelError(message, where=where, mend=mend)
        return found


def start_ray() -> bool:
    """Start Ray on this machine where it does not run yet, or none was joined; return whether that was so.

    Raises:
        ModelError: where simframe was installed without it.
    """
    ray = need_ray()
    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    return True


def stop_ray() -> None:
    """End Ray, where it runs."""
    ray = need_ray()
    if ray.is_initialized():
        ray.shutdown()


def need_ray() -> Any:
    """Import Ray.

    Raises:
        ModelError: where simframe was installed without it.
    """
    try:
        import ray
        import ray.exceptions
    except ImportError as err:
        raise ModelError(f"workers need Ray ({err})", mend=install_extra("ray")) from err
    return ray
