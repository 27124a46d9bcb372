"""One question put to an endpoint, and what its answer comes to."""

from __future__ import annotations

import json
import re
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from simframe.simulate import draws
from simframe.simulate.engines.base import together
from simframe.simulate.engines.endpoint import reading
from simframe.simulate.engines.endpoint.client import UnreadableError
from simframe.simulate.engines.endpoint.offer import Offer, asking, check_model, probe
from simframe.simulate.prompts.numbers import allowed_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simframe.simulate.engines.base import Asked
    from simframe.simulate.engines.endpoint.client import Client
    from simframe.simulate.engines.endpoint.dialogue import Dialogue, Put, Turn
    from simframe.study import Item

WRITTEN = 16
"""Tokens of a written mark or number at most."""
REMEMBERED = 100_000
"""Answers to equal prompts that are not asked for again."""
PAID = ("requests", "tokens", "spent")


@dataclass(frozen=True)
class Heard:
    """What one question came to: a distribution over the options in declared order, a number, a text, or nothing."""

    notes: dict[str, float]
    probabilities: np.ndarray | None = None
    mass: float | None = None
    number: float | None = None
    text: str | None = None


class Hearing:
    """Asks questions and makes distributions of the answers. Many threads share one."""

    def __init__(
        self, client: Client, dialogue: Dialogue, *, samples: int, temperature: float, order_average: int
    ) -> None:
        self._client, self._dialogue = client, dialogue
        self.samples, self.temperature, self.order_average = samples, temperature, order_average
        self._remembered: dict[str, Future[Heard | None]] = {}
        self._lock = Lock()
        self._offered: Offer | None = None

    def hear(self, item: Item, order: tuple[int, ...] | None, asked: Asked, turns: Sequence[Turn]) -> Heard:
        """Put one question to one respondent, who has answered those of ``turns``; ``order`` is that of its options.

        Raises:
            ModelError: where the endpoint gives no usable answer.
        """
        if item.answered_with != "option":
            return self._write(item, self._dialogue.put(item, order), asked, turns)
        declared = order or tuple(range(len(item.valid_options)))
        orders = draws.balanced(declared, self.order_average if self._dialogue.template.reorders else 1)
        heard = [self._weigh(self._dialogue.put(item, one), asked, turns) for one in (order, *orders[1:])]
        return heard[0] if len(heard) == 1 else _pooled(heard)

    def _weigh(self, put: Put, asked: Asked, turns: Sequence[Turn]) -> Heard:
        """Return the options' distribution: looked up where the endpoint tells it, else from samples."""
        prompt, offer = self._dialogue.prompt(asked.persona, turns, put.cue), self.offer()
        if offer.top and reading.tell(put.labels):
            body = prompt | asking(offer.top, offer.limit, chat=self._dialogue.chat)
            heard = self._remember(json.dumps(body), lambda: self._look(body, put.labels))
            if heard is not None:
                return heard
        return self._sample(prompt, put, seed=_seed(asked, put.item))

    def _look(self, body: dict[str, Any], labels: Sequence[str]) -> Heard | None:
        """Read the options' distribution off the most likely first tokens; None where those tell none apart."""

        def read(content: Any) -> reading.Choice:
            self._check_model(content)
            first = reading.choices(content)[0]
            if not first.refused and first.tokens is None:
                raise UnreadableError("an answer without the log probabilities it gave before")
            return first

        first, reply = self._client.post(self._dialogue.path, body, 1, read)
        notes = {"requests": 1.0, "tokens": float(reply.tokens), "spent": reply.spent}
        if first.refused or first.tokens is None:
            return Heard(notes | {"refused": 1.0}, mass=0.0, text=first.text)
        seen = reading.see(first.tokens, labels)
        mass = float(seen.options.sum())
        if seen.shared > mass:
            return None
        if not mass:
            return Heard(notes | {"unnamed": 1.0}, mass=0.0, text=max(first.tokens, key=first.tokens.__getitem__))
        if not seen.options.all():
            notes |= {"unseen": 1.0, "unseen_most": seen.bound}
        return Heard(notes, reading.sharpen(seen.options, self.temperature), min(mass, 1.0))

    def _sample(self, prompt: dict[str, Any], put: Put, seed: int) -> Heard:
        """Let the model write answers, and take their shares for the distribution."""
        got, notes = self._written(prompt, self.samples, WRITTEN, seed)
        named = [None if each.refused else reading.recognise(each.text, put.labels, put.meanings) for each in got]
        counts = np.bincount([n for n in named if n is not None], minlength=len(put.labels)).astype(float)
        if not counts.sum():
            why = "refused" if all(each.refused for each in got) else "unnamed"
            return Heard(notes | {why: 1.0}, mass=0.0, text=got[0].text)
        return Heard(notes, counts / counts.sum(), float(counts.sum() / len(got)))

    def _write(self, item: Item, put: Put, asked: Asked, turns: Sequence[Turn]) -> Heard:
        """Let the model write a number or a text; what is no number that the item allows is asked for again."""
        prompt, seed = self._dialogue.prompt(asked.persona, turns, put.cue), _seed(asked, item)
        if item.answered_with == "text":
            (first,), notes = self._written(prompt, 1, self._dialogue.template.text_tokens, seed)
            text = " ".join(first.text.split())
            return Heard(notes | ({"refused": 1.0} if first.refused else {}), text=text or None)
        allowed, taken = set(allowed_numbers(item)), []
        for attempt in range(self.samples):
            (first,), notes = self._written(prompt, 1, WRITTEN, seed + attempt)
            taken.append(notes)
            number = None if first.refused else _number(first.text)
            if number in allowed:
                return Heard(together(taken) | {"sampled": 1.0}, number=number)
        return Heard(together(taken) | {"sampled": 1.0, "unnamed": 1.0}, text=first.text)

    def _written(
        self, prompt: dict[str, Any], wanted: int, most: int, seed: int
    ) -> tuple[list[reading.Choice], dict[str, float]]:
        """Return as many written answers as wanted; a server may give fewer at a time."""
        body = prompt | {"temperature": self.temperature, "top_p": 1, self.offer().limit: most}
        if not self._dialogue.chat and "\n" in self._dialogue.template.end:
            body["stop"] = ["\n"]

        def read(content: Any) -> list[reading.Choice]:
            self._check_model(content)
            return reading.choices(content)

        got: list[reading.Choice] = []
        notes = [{"sampled": 1.0}]
        while len(got) < wanted:
            n = wanted - len(got)
            asked = body | {"n": n, "seed": seed + len(got)}
            some, reply = self._client.post(self._dialogue.path, asked, n * most, read)
            got += some[:n]
            notes.append({"requests": 1.0, "tokens": float(reply.tokens), "spent": reply.spent})
        return got, together(notes)

    def _remember(self, key: str, hear: Callable[[], Heard | None]) -> Heard | None:
        """Ask once what many respondents ask: early questions of equal personas are equal prompts."""
        with self._lock:
            if len(self._remembered) > REMEMBERED:
                self._remembered.clear()
            waiting = self._remembered.get(key)
            mine = waiting is None
            if waiting is None:
                waiting = self._remembered[key] = Future()
        if not mine:
            known = waiting.result()
            free = {name: number for name, number in known.notes.items() if name not in PAID} if known else {}
            return known and replace(known, notes=free)
        try:
            heard = hear()
        except BaseException as err:
            with self._lock:
                self._remembered.pop(key, None)
            waiting.set_exception(err)
            raise
        waiting.set_result(heard)
        return heard

    def _check_model(self, content: Any) -> None:
        check_model(content, self._dialogue.model, self.offer().served, self._client.url)

    def offer(self) -> Offer:
        """Find out, once, what the endpoint offers."""
        with self._lock:
            if self._offered is None:
                prompt = self._dialogue.prompt("", [], self._dialogue.put(self._dialogue.questions[0], None).cue)
                self._offered = probe(self._client, self._dialogue.path, prompt, chat=self._dialogue.chat)
            return self._offered


def _seed(asked: Asked, item: Item) -> int:
    return int(asked.draws(item.id, "sample", 1)[0] * 2**31)


def _number(text: str) -> float | None:
    """Return the number that a text says, where it says one."""
    found = re.findall(r"-?\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3}\b)", "", text))
    return float(found[0]) if len(found) == 1 else None


def _pooled(heard: Sequence[Heard]) -> Heard:
    """Return the distribution over several orders of the options: the logarithmic opinion pool of theirs.

    An option that one order does not show counts there as the least likely one that it shows.
    """
    notes = together([each.notes for each in heard])
    if any(each.probabilities is None for each in heard):
        return replace(heard[0], notes=notes, probabilities=None, mass=0.0)
    logs = []
    for each in heard:
        p = np.asarray(each.probabilities)
        logs.append(np.log(np.maximum(p, p[p > 0].min())))
    pooled = np.exp(np.mean(logs, axis=0))
    return Heard(notes, pooled / pooled.sum(), heard[0].mass)
