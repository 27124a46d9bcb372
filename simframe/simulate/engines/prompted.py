"""Questionnaires for whatever tells the probabilities of a few tokens after a prompt: answers as if scored locally.

Prompts go out whole, all respondents' at once, question after question; what they share is the scorer's to reuse.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from simframe.errors import ModelError
from simframe.simulate import draws
from simframe.simulate.engines.base import Answered, Asked
from simframe.simulate.engines.rows import frame
from simframe.simulate.engines.scripted import ScriptedEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from simframe.simulate.prompts import Question, Script, Tokens
    from simframe.simulate.scoring import Said

Request = tuple["Tokens", "Tokens"]
"""A prompt, and the tokens whose probability right after it is wanted."""


class Scorer(Protocol):
    """A language model that reads prompts of tokens."""

    def identity(self) -> dict[str, Any]:
        """Return what shapes its numbers, as JSON."""

    def score(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return log P of the wanted tokens under the full vocabulary, at temperature 1, for each request."""

    def write(
        self, prompts: Sequence[Tokens], *, stop: frozenset[int], most: int, temperature: float, seeds: Sequence[int]
    ) -> list[Tokens]:
        """Return what is written after each prompt, up to a stop token that is no part of it, or ``most`` tokens."""

    def close(self) -> None:
        """Give back what is loaded."""


class PromptedEngine(ScriptedEngine):
    """Scores options by a :class:`Scorer`."""

    def __init__(
        self, script: Script, scorer: Scorer, *, temperature: float = 1.0, mode: str = "chained", order_average: int = 1
    ) -> None:
        super().__init__(script, temperature=temperature, mode=mode, order_average=order_average)
        self.scorer = scorer

    def identity(self) -> dict[str, Any]:
        """Return everything that shapes this engine's numbers."""
        return super().identity() | self.scorer.identity()

    def close(self) -> None:
        """Give back what is loaded."""
        self.scorer.close()

    def answer(self, people: Sequence[Asked], progress: Callable[[int], None]) -> Answered:
        """Let respondents answer, all of them each question at once."""
        began = time.perf_counter()
        start = [(*self.script.opening, *who.persona) for who in people]
        read = list(start)
        said: list[list[Said]] = [[] for _ in people]
        tokens = cut = 0
        steps = len(people[0].items)
        for step in range(steps):
            asked = [self.script.question(who.items[step], who.orders[who.items[step]]) for who in people]
            before = read if self.mode == "chained" else start
            for rows, answer in self._kinds(asked):
                some = [(people[row], asked[row], before[row]) for row in rows]
                found, took = answer(some)
                tokens += took
                for row, (one, rest) in zip(rows, found, strict=True):
                    said[row].append(one)
                    read[row] = (*before[row], *asked[row].cue, *rest)
                    cut += one.cut
            progress(len(people) * (step + 1) // steps)
        from simframe.simulate.scoring import LOW_MASS

        low = sum(one.mass is not None and one.mass < LOW_MASS for row in said for one in row)
        notes = {"tokens": tokens, "low_mass": low, "cut": cut, "seconds": time.perf_counter() - began}
        return Answered(frame(self.script, people, said), notes)

    def _kinds(self, asked: Sequence[Question]) -> list[tuple[list[int], Callable[[Any], Any]]]:
        """Return who is asked what kind of question, and what answers it."""
        numbers = [row for row, question in enumerate(asked) if question.numbers is not None]
        texts = [row for row, question in enumerate(asked) if question.stop is not None]
        closed = sorted(set(range(len(asked))) - {*numbers, *texts})
        kinds = [(closed, self._choose), (numbers, self._count), (texts, self._write)]
        return [(rows, answer) for rows, answer in kinds if rows]

    def _choose(self, some: Sequence[Heading]) -> tuple[list[tuple[Said, Tokens]], int]:
        """Answer closed questions: all inner nodes of their tries, under every order averaged over, in one go."""
        from simframe.simulate.scoring import Said

        variants = [[question, *self._further(question)] for _, question, _ in some]
        wanted = [
            [*_nodes(before, one), *(_leads(before, one) if place == 0 else ())]
            for (_, _, before), some_orders in zip(some, variants, strict=True)
            for place, one in enumerate(some_orders)
        ]
        scores, tokens = self._scored([request for each in wanted for request in each])
        told = iter(scores)
        found = []
        for (who, question, _), orders in zip(some, variants, strict=True):
            pool, lead = [], 0.0
            for place, one in enumerate(orders):
                pool.append(option_logp(one, [next(told) for _ in one.paths]))
                if place == 0:
                    lead = sum(float(next(told)[0]) for _ in range(one.lead))
            check_finite(pool, who, question)
            probabilities = distribution(pool, self.temperature)
            uniform = who.uniforms[self._place[question.item.id]]
            choice = int(draws.choose(probabilities[None], np.array([uniform]))[0])
            mass = min(1.0, float(np.exp(np.logaddexp.reduce(pool[0]) + lead)))
            found.append((Said(question, choice, probabilities, mass), question.answers[choice]))
        return found, tokens

    def _count(self, some: Sequence[Heading]) -> tuple[list[tuple[Said, Tokens]], int]:
        """Answer with numbers: everybody's trie of digits is walked down, node by node."""
        from simframe.simulate.scoring import Said

        draw = np.array([who.uniforms[self._place[question.item.id]] for who, question, _ in some])
        mass = np.zeros(len(some))
        paths: dict[int, Tokens] = dict.fromkeys(range(len(some)), ())
        found: dict[int, tuple[Said, Tokens]] = {}
        tokens = 0
        while paths:
            wanted = []
            for row, path in paths.items():
                _, question, before = some[row]
                wanted.append(((*before, *question.cue, *path), question.allowed[question.node_at[path]]))
                wanted += [] if path else _leads(before, question)
            scores, took = self._scored(wanted)
            tokens += took
            told = iter(scores)
            for row, path in list(paths.items()):
                who, question, _ = some[row]
                logp = next(told)
                check_finite([logp], who, question)
                if not path:
                    lead = sum(float(next(told)[0]) for _ in range(question.lead))
                    mass[row] = min(1.0, float(np.exp(np.logaddexp.reduce(logp) + lead)))
                p = distribution([logp], self.temperature)
                (chosen,), (draw[row],) = draws.descend(p[None], draw[row : row + 1])
                path = (*path, question.allowed[question.node_at[path]][chosen])  # noqa: PLW2901
                paths[row] = path
                place = question.answer_at.get(path)
                if place is not None:
                    del paths[row]
                    found[row] = Said(question, place, mass=float(mass[row])), question.answers[place]
        return [found[row] for row in range(len(some))], tokens

    def _write(self, some: Sequence[Heading]) -> tuple[list[tuple[Said, Tokens]], int]:
        """Answer open questions; the draws are the scorer's own, by a seed of the respondent's."""
        from simframe.simulate.scoring import Said

        question = some[0][1]
        most = self.script.template.text_tokens
        prompts = [(*before, *one.cue) for _, one, before in some]
        seeds = [int(who.draws(one.item.id, "words", 1)[0] * 2**31) for who, one, _ in some]
        stop = question.stop or frozenset()
        texts = self.scorer.write(prompts, stop=stop, most=most, temperature=self.temperature, seeds=seeds)
        found = [
            (Said(one, text=text, cut=len(text) >= most), (*text, *one.end))
            for (_, one, _), text in zip(some, texts, strict=True)
        ]
        return found, sum(map(len, prompts)) + sum(map(len, texts))

    def _scored(self, requests: Sequence[Request]) -> tuple[list[np.ndarray], int]:
        """Score requests, equal ones once."""
        distinct = list(dict.fromkeys(requests))
        known = dict(zip(distinct, self.scorer.score(distinct), strict=True))
        return [known[request] for request in requests], sum(len(prompt) for prompt, _ in distinct)


Heading = tuple[Asked, "Question", "Tokens"]
"""A respondent, what they are asked, and what they have read before."""


def _nodes(before: Tokens, question: Question) -> list[Request]:
    heads = [(*before, *question.cue, *path) for path in question.paths]
    return list(zip(heads, question.allowed, strict=True))


def _leads(before: Tokens, question: Question) -> list[Request]:
    start = len(question.cue) - question.lead
    return [
        ((*before, *question.cue[: start + place]), (question.cue[start + place],)) for place in range(question.lead)
    ]


def option_logp(question: Question, nodes: Sequence[np.ndarray]) -> np.ndarray:
    """Return log P of each option, (options,), from log P of the tokens allowed at each inner node of its trie."""
    step = {
        (node, token): float(logp)
        for node, (tokens, told) in enumerate(zip(question.allowed, nodes, strict=True))
        for token, logp in zip(tokens, told, strict=True)
    }
    return np.array([sum(step[each] for each in route) for route in question.routes])


def distribution(pool: Sequence[np.ndarray], temperature: float) -> np.ndarray:
    """Return probabilities that sum to one from log P under one or more orders (see ``scoring.options``)."""
    mean = np.mean([logp - np.logaddexp.reduce(logp) for logp in pool], axis=0) / temperature
    weights = np.exp(mean - mean.max())
    probabilities: np.ndarray = weights / weights.sum()
    return probabilities


def check_finite(pool: Sequence[np.ndarray], who: Asked, question: Question) -> None:
    """Raise ModelError where log probabilities are no numbers."""
    if not all(np.isfinite(logp).all() for logp in pool):
        where = f"item {question.item.id}, respondent {who.respondent_id}"
        mend = "run in float32; a bfloat16 model may overflow, and damaged weights always do"
        raise ModelError("the model's logits are not finite", where=where, mend=mend)
