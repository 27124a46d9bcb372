"""What all engines share: who is asked what, in which order, in which chunks, and what an interruption leaves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from simframe.errors import PlanError
from simframe.simulate import draws
from simframe.simulate.chunks import Chunks, digest, ranges
from simframe.warehouse.tables import PANEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from simframe.study import Item

RESPONSES = pl.DataFrame(pl.from_arrow(PANEL["responses"].empty_table())).schema

LEAST, MOST = {"batch"}, {"peak_memory", "unseen_most"}
"""Notes of which a run keeps the least or the most over its chunks; all others are added."""


@dataclass(frozen=True)
class RunSettings:
    """What shapes a panel beside its engine and its respondents."""

    seed: int = 0
    replicate: int = 0
    """Further draws for the same respondents: another replicate is another panel."""
    item_order: Literal["declared", "random"] = "declared"
    option_order: Literal["declared", "random", "reversed"] = "declared"
    """``random`` is drawn anew for each respondent and item."""
    chunk: int | None = None
    """Respondents whose answers are kept together, so the most that an interruption costs; None: as the engine says."""

    def __post_init__(self) -> None:
        if self.chunk is not None and self.chunk < 1:
            raise PlanError(f"chunk is {self.chunk}", where="simulate settings", mend="at least 1")
        for name, known in (("item_order", ORDERS[:2]), ("option_order", ORDERS)):
            if getattr(self, name) not in known:
                mend = f"one of {', '.join(known)}"
                raise PlanError(f"{name} is {getattr(self, name)!r}", where="simulate settings", mend=mend)


ORDERS = ("declared", "random", "reversed")


@dataclass(frozen=True)
class Asked:
    """One respondent, as an engine is given them. Questions go by their place in ``Engine.questions``."""

    respondent_id: str
    persona: Any
    """What the engine's own ``personas`` made of this respondent's answers."""
    items: tuple[int, ...]
    """The questions in the order asked."""
    orders: tuple[tuple[int, ...] | None, ...]
    """For each question, the places of its valid options in the order shown; None where they stand as declared."""
    uniforms: np.ndarray
    """One draw in [0, 1) a question."""
    seed: int
    replicate: int

    def draws(self, item_id: str, purpose: str, n: int) -> np.ndarray:
        """Return ``n`` further draws in [0, 1) that belong to this respondent and item: tokens of an open answer."""
        names = [f"{item_id}/{place}" for place in range(n)]
        drawn: np.ndarray = draws.uniforms(self.seed, [self.respondent_id], names, self.replicate, purpose)[0]
        return drawn


@dataclass(frozen=True)
class Answered:
    """What one chunk of respondents answered."""

    responses: pl.DataFrame
    """In the columns of ``RESPONSES``; respondents as asked, each with their questions in the order asked. ``position``
    is the place in that order; ``probabilities`` stand in declared order of the options, whatever was shown."""
    notes: dict[str, float] = field(default_factory=dict)
    """What it took, by name: tokens, seconds, batch, peak_memory, and what the engine adds. Numbers alone."""


class Engine(ABC):
    """Answers questionnaires. Chunks, orders, draws, resuming and publishing are none of its business.

    An answer may depend on nothing but the engine's ``identity`` and the respondent as ``Asked``.
    """

    chunk: int = 1024
    """Respondents whose answers are kept together, where a run does not say."""

    @property
    @abstractmethod
    def questions(self) -> tuple[Item, ...]:
        """What is asked, in declared order."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return everything that shapes this engine's numbers, as JSON: model, template, study, temperature, precision.

        It is part of every chunk's key: where it differs, nothing is resumed. Never holds a secret.
        """

    @abstractmethod
    def personas(self, answers: pl.DataFrame, respondent_ids: Sequence[str]) -> list[Any]:
        """Return what each respondent reads of themselves, as JSON: text, or tokens.

        Raises:
            PlanError: where a respondent has no persona answers.
        """

    @abstractmethod
    def answer(self, people: Sequence[Asked], progress: Callable[[int], None]) -> Answered:
        """Let respondents answer the whole questionnaire; ``progress`` is told how many are done.

        Raises:
            ModelError: where it cannot; the chunk counts as not done.
        """

    def close(self) -> None:
        """Give back what the engine holds: connections, workers, memory."""
        return

    def each(
        self, chunks: Iterable[tuple[int, Sequence[Asked]]], progress: Callable[[int, int], None]
    ) -> Iterator[tuple[int, Answered]]:
        """Answer chunks and return each with its number, one after the other; several workers may do so in any order.

        ``progress`` is told (number of the chunk, how many of its respondents are done).
        """
        for index, people in chunks:
            yield index, self.answer(people, partial(progress, index))


@dataclass(frozen=True)
class Answers:
    """A whole panel's answers and what it took to make them."""

    responses: pl.DataFrame
    notes: dict[str, float]
    identity: dict[str, Any]


def run(
    engine: Engine,
    personas: pl.DataFrame,
    respondents: pl.DataFrame,
    *,
    settings: RunSettings | None = None,
    chunk_dir: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Answers:
    """Let respondents answer a questionnaire, resuming from the chunks that are finished.

    Chunks are fixed ranges of the respondents given, whoever makes them and in whatever order; the panel has the same
    bytes however often it was interrupted, for one engine on one machine.

    Args:
        engine: who answers.
        personas: long frame of persona answers (respondent_id, item_id, code, value, missing).
        respondents: respondent_id, twin_of; a respondent answers with the persona of ``twin_of``, or with their own
            where it is null.
        settings: seed, replicate, orders, and the size of chunks.
        chunk_dir: where finished chunks are kept; chunks of another run found there are replaced.
        progress: called with (respondents done, total).

    Raises:
        PlanError: where respondents lack a persona, are listed twice, or none are asked for.
        ModelError: what the engine raises, or where the disk is full; finished chunks are kept.
    """
    settings = settings or RunSettings()
    ids = _respondents(respondents)
    twins = [twin or own for own, twin in respondents.select("respondent_id", "twin_of").iter_rows()]
    rendered = engine.personas(personas, twins)
    identity = engine.identity()
    parts = ranges(len(ids), settings.chunk or engine.chunk)
    shape = {"chunk": settings.chunk or engine.chunk}
    key = digest({"engine": identity, "run": asdict(settings) | shape, "respondents": digest([ids, rendered])})
    chunks = Chunks(chunk_dir, key)
    finished = {index: kept for index in range(len(parts)) if (kept := chunks.read(index)) is not None}
    done = {index: len(parts[index]) for index in finished}

    def tell(index: int, some: int) -> None:
        done[index] = some
        if progress is not None:
            progress(sum(done.values()), len(ids))

    def missing() -> Iterator[tuple[int, Sequence[Asked]]]:
        for index, part in enumerate(parts):
            if index not in finished:
                some = slice(part.start, part.stop)
                yield index, ask(engine.questions, ids[some], rendered[some], settings)

    if progress is not None:
        progress(sum(done.values()), len(ids))
    for index, answered in engine.each(missing(), tell):
        chunks.write(index, answered.responses, answered.notes)
        finished[index] = answered.responses, answered.notes
        tell(index, len(parts[index]))
    whole = [finished[index] for index in range(len(parts))]
    return Answers(pl.concat([frame for frame, _ in whole]), together([notes for _, notes in whole]), identity)


def ask(questions: Sequence[Item], ids: Sequence[str], personas: Sequence[Any], settings: RunSettings) -> list[Asked]:
    """Return respondents as an engine is given them: their orders and draws follow from seed, respondent and item."""
    names = [item.id for item in questions]
    uniforms = draws.uniforms(settings.seed, ids, names, settings.replicate)
    declared = tuple(range(len(names)))
    if settings.item_order == "random":
        keys = draws.uniforms(settings.seed, ids, names, settings.replicate, "item_order")
        sheets = [tuple(row) for row in keys.argsort(axis=1, kind="stable").tolist()]
    else:
        sheets = [declared] * len(ids)
    orders = list(zip(*(_option_orders(item, ids, settings) for item in questions), strict=True))
    return [
        Asked(who, persona, items, shown, row, settings.seed, settings.replicate)
        for who, persona, items, shown, row in zip(ids, personas, sheets, orders, uniforms, strict=True)
    ]


def _option_orders(item: Item, ids: Sequence[str], settings: RunSettings) -> list[tuple[int, ...] | None]:
    """Return the order in which each respondent is shown an item's valid options."""
    options = item.valid_options
    if settings.option_order == "declared" or not options:
        return [None] * len(ids)
    if settings.option_order == "reversed":
        return [tuple(reversed(range(len(options))))] * len(ids)
    names = [f"{item.id}/{option.code}" for option in options]
    keys = draws.uniforms(settings.seed, ids, names, settings.replicate, "option_order")
    return [tuple(row) for row in keys.argsort(axis=1, kind="stable").tolist()]


def together(notes: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the notes of several chunks as one."""
    found: dict[str, list[float]] = {}
    for some in notes:
        for name, number in some.items():
            found.setdefault(name, []).append(number)
    return {
        name: min(numbers) if name in LEAST else max(numbers) if name in MOST else sum(numbers)
        for name, numbers in found.items()
    }


def _respondents(respondents: pl.DataFrame) -> list[str]:
    ids: list[str] = respondents["respondent_id"].to_list()
    if not ids:
        raise PlanError("no respondents are asked for", mend="give at least one")
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise PlanError(f"respondent {twice!r} is listed twice", mend="give each simulated respondent an id of its own")
    return ids
