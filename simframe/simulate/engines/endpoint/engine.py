"""Respondents answered by an OpenAI-compatible endpoint: one request a question, each answer told to the next."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from simframe.errors import ModelError
from simframe.simulate import draws
from simframe.simulate.engines.base import RESPONSES, Answered, Asked, Engine, together
from simframe.simulate.engines.endpoint.client import Client, StoppedError
from simframe.simulate.engines.endpoint.dialogue import Dialogue, Turn
from simframe.simulate.engines.endpoint.hearing import Heard, Hearing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simframe.simulate.engines.endpoint.limits import Ledger
    from simframe.simulate.plans.schema import Endpoint as Settings
    from simframe.simulate.prompts import Template
    from simframe.study import Item, Study


class EndpointEngine(Engine):
    """Questions as text to a server that speaks the OpenAI protocol.

    Where it tells the most likely first tokens, an answer's distribution is theirs over the options; else it is that
    of ``samples`` written answers, which the notes count as ``sampled``. Numbers and open texts are always written.
    """

    chunk = 64

    def __init__(
        self,
        study: Study,
        template: Template,
        model: str,
        settings: Settings,
        *,
        ledger: Ledger | None = None,
        chat: bool = True,
        mode: str = "chained",
        temperature: float = 1.0,
        order_average: int = 1,
    ) -> None:
        self._study, self._template, self._settings = study, template, settings
        self._mode = mode
        self._dialogue = Dialogue(study, template, model, chat=chat)
        self._client = Client(settings, ledger)
        self._hearing = Hearing(
            self._client,
            self._dialogue,
            samples=settings.samples,
            temperature=temperature,
            order_average=order_average,
        )

    @property
    def questions(self) -> tuple[Item, ...]:
        """What is asked, in declared order."""
        return self._dialogue.questions

    def identity(self) -> dict[str, Any]:
        """Return what shapes the answers; asks the endpoint once what it offers."""
        offer = self._hearing.offer()
        return {
            "engine": "openai",
            "url": self._client.url,
            "model": self._dialogue.model,
            "served": offer.served,
            "road": f"top_logprobs {offer.top}" if offer.top else "sampled",
            "samples": self._hearing.samples,
            "chat": self._dialogue.chat,
            "mode": self._mode,
            "temperature": self._hearing.temperature,
            "order_average": self._hearing.order_average,
            "template": self._template.template_hash,
            "study": self._study.study_hash,
        }

    def personas(self, answers: pl.DataFrame, respondent_ids: Sequence[str]) -> list[str]:
        """Return each respondent's persona as text."""
        return self._dialogue.personas(answers, respondent_ids)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def answer(self, people: Sequence[Asked], progress: Callable[[int], None]) -> Answered:
        """Let respondents answer, several at once, each one question after the other."""
        self._hearing.offer()
        self._client.resume()
        began = time.perf_counter()
        results: dict[int, tuple[list[dict[str, Any]], dict[str, float]]] = {}
        failure: ModelError | None = None
        pool = ThreadPoolExecutor(max_workers=self._settings.concurrency)
        try:
            tasks = {pool.submit(self._interview, asked): place for place, asked in enumerate(people)}
            for task in as_completed(tasks):
                try:
                    results[tasks[task]] = task.result()
                except ModelError as err:
                    if failure is None or isinstance(failure, StoppedError):
                        failure = err
                else:
                    progress(len(results))
        finally:
            self._client.stop()
            pool.shutdown(wait=True, cancel_futures=True)
        if failure is not None:
            raise failure
        rows = [row for place in range(len(people)) for row in results[place][0]]
        if rows and all(row["missing"] for row in rows):
            said = next((row["text"] for row in rows if row["text"]), "nothing")
            mend = "choose another prompt or model: simframe prompt show prints what it reads"
            where = f"{self._client.url}, model {self._dialogue.model}"
            raise ModelError(f"no answer names an option; it says {said[:120]!r}", where=where, mend=mend)
        notes = together([took for _, took in results.values()])
        return Answered(pl.DataFrame(rows, schema=RESPONSES), notes | {"seconds": time.perf_counter() - began})

    def _interview(self, asked: Asked) -> tuple[list[dict[str, Any]], dict[str, float]]:
        """Ask one respondent everything; what they answered is told to later questions."""
        turns: list[Turn] = []
        rows, notes = [], []
        for position, place in enumerate(asked.items):
            item = self.questions[place]
            order = self._dialogue.shown(item, asked.orders[place])
            try:
                heard = self._hearing.hear(item, order, asked, turns if self._mode == "chained" else [])
            except StoppedError:
                raise
            except ModelError as err:
                self._client.stop()
                where = f"item {item.id}, respondent {asked.respondent_id}, {err.where}"
                raise ModelError(err.message, where=where, mend=err.mend) from err
            notes.append(heard.notes)
            content, said = self._content(item, order, heard, asked.uniforms[place])
            row = {"respondent_id": asked.respondent_id, "item_id": item.id, "position": position}
            rows.append(dict.fromkeys(RESPONSES) | row | content)
            if said is not None:
                turns.append((self._dialogue.put(item, order).cue, said))
        return rows, together(notes)

    def _content(
        self, item: Item, order: tuple[int, ...] | None, heard: Heard, uniform: float
    ) -> tuple[dict[str, Any], str | None]:
        """Return an answer's columns, and how it is told to the next question; None where there is none."""
        found: dict[str, Any] = {"missing": False, "option_mass": heard.mass}
        found["shown"] = None if order is None else list(order)
        if heard.probabilities is not None:
            chosen = int(draws.choose(heard.probabilities[None], np.array([uniform]))[0])
            option = item.valid_options[chosen]
            found |= {"code": option.code, "value": option.value, "probabilities": heard.probabilities.tolist()}
            return found, self._dialogue.put(item, order).labels[chosen]
        if heard.number is not None:
            found |= {"value": heard.number, "code": item.bin_of(heard.number) if item.bins else None}
            return found, self._template.render_value(item, heard.number)
        found |= {"text": heard.text}
        if item.answered_with == "text" and heard.text is not None:
            return found, self._template.render_text(item, heard.text)
        return found | {"missing": True}, None
