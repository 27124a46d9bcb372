"""One question in tokens: what stands before its answer, and every answer as a leaf of a trie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from simframe.simulate.prompts.codec import Tokens
    from simframe.study import Item

Route = tuple[tuple[int, int], ...]
"""A way down a trie: (inner node, token)."""


@dataclass(frozen=True)
class Question:
    """One question in tokens. Its answers are leaves of a trie whose inner nodes are ``paths``.

    Answers are the item's valid options, or the numbers it allows; an open question has none (``stop`` is set).
    Everything stands in declared order, whatever was shown.
    """

    item: Item
    cue: Tokens
    lead: int
    """How many of the cue's last tokens belong to the labels: all labels begin with them, a space for instance."""
    answers: Sequence[Tokens]
    """What is fed once an answer is chosen: its label, less the lead, and the template's end."""
    paths: Sequence[Tokens]
    """Inner nodes as tokens after the cue; the first is the empty path."""
    routes: Sequence[Route]
    """For each answer, its way down the trie."""
    order: tuple[int, ...] = ()
    """Places of the valid options in the order shown; the declared one where the template lists no options."""
    numbers: tuple[float, ...] | None = None
    """The numbers that an item without options allows, rising: one an answer. Too many to score each: the trie is
    walked down, node by node."""
    stop: frozenset[int] | None = None
    """Of an open question, the tokens that end an answer; none of them is part of it."""
    end: Tokens = ()
    """Of an open question, what is fed once an answer has ended."""

    @cached_property
    def allowed(self) -> tuple[Tokens, ...]:
        """For each inner node, the tokens that lead on from it, in declared order of the answers."""
        onward: list[dict[int, None]] = [{} for _ in self.paths]
        for route in self.routes:
            for node, token in route:
                onward[node][token] = None
        return tuple(tuple(tokens) for tokens in onward)

    def most(self, text_tokens: int) -> tuple[int, int]:
        """Return the most tokens that are read of it: where it is the last question, and where another follows."""
        if self.stop is not None:
            return len(self.cue) + max(0, text_tokens - 1), len(self.cue) + text_tokens + len(self.end)
        return len(self.cue) + max(map(len, self.paths)), len(self.cue) + max(map(len, self.answers))

    @cached_property
    def walks(self) -> tuple[Tokens, ...]:
        """The longest paths: one forward along each visits every inner node but the first."""
        within = {path[:-1] for path in self.paths if path}
        return tuple(path for path in self.paths if path and path not in within)

    @cached_property
    def node_at(self) -> dict[Tokens, int]:
        """The inner node that each path leads to."""
        return {path: node for node, path in enumerate(self.paths)}

    @cached_property
    def answer_at(self) -> dict[Tokens, int]:
        """The answer at the end of each whole way down, by the way's tokens."""
        return {tuple(token for _, token in route): place for place, route in enumerate(self.routes)}


class Routes(Sequence[Route]):
    """The way down to each leaf, made when asked for: a hundred thousand numbers need not keep theirs."""

    def __init__(self, leaves: Sequence[Tokens], nodes: dict[Tokens, int]) -> None:
        self.leaves, self.nodes = leaves, nodes

    def __len__(self) -> int:
        return len(self.leaves)

    @overload
    def __getitem__(self, place: int) -> Route: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Route, ...]: ...
    def __getitem__(self, place: int | slice) -> Route | tuple[Route, ...]:
        if isinstance(place, slice):
            return tuple(self[index] for index in range(*place.indices(len(self))))
        leaf = self.leaves[place]
        return tuple((self.nodes[leaf[:depth]], token) for depth, token in enumerate(leaf))
