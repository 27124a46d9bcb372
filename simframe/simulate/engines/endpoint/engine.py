"""Respondents answered by an OpenAI-compatible endpoint: one request a question, each answer told to the next."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from simframe.errors import ModelError, PlanError
from simframe.simulate import draws
from simframe.simulate.engines.base import RESPONSES, Answered, Asked, Engine, together
from simframe.simulate.engines.endpoint import reading
from simframe.simulate.engines.endpoint.client import Client, RefusedError, StoppedError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simframe.simulate.engines.endpoint.limits import Ledger
    from simframe.simulate.plans.schema import Endpoint as Settings
    from simframe.simulate.prompts import Template
    from simframe.study import Item, Study

TOP = (20, 5)
"""How many first tokens are asked for: what chat takes at most, then what the older completions do."""
WRITTEN = 16
"""Tokens of a generated answer, where no probabilities are told."""
REMEMBERED = 100_000
"""Answers to equal prompts that are not asked for again."""
Turn = tuple[str, str]


@dataclass(frozen=True)
class Road:
    """What the endpoint turned out to offer."""

    top: int
    """First tokens whose probabilities it tells; 0 where answers can only be sampled."""
    limit: str
    """What it calls the most tokens to write."""
    served: str | None
    """What it calls the model."""


@dataclass(frozen=True)
class Heard:
    """One answer: a distribution over the options as shown, or a refusal."""

    probabilities: np.ndarray | None
    mass: float
    text: str | None
    notes: dict[str, float]


class EndpointEngine(Engine):
    """Questions as text to a server that speaks the OpenAI protocol.

    Where it tells the most likely first tokens, an answer's distribution is theirs over the options; else it is
    that of ``samples`` generated answers, and the notes count those as ``sampled``.
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
        chained: bool = True,
        temperature: float = 1.0,
    ) -> None:
        self._study, self._template, self._model, self._settings = study, template, model, settings
        self._chat, self._chained, self._temperature = chat, chained, temperature
        self._client = Client(settings, ledger)
        self._opening = template.render_opening(study)
        self._remembered: dict[str, Future[Heard]] = {}
        self._lock = Lock()
        self._found: Road | None = None
        for item in study.questions:
            if not item.valid_options:
                mend = "ask it with the transformers engine, or give it options"
                raise PlanError("an endpoint answers closed questions", where=f"item {item.id}", mend=mend)

    @property
    def questions(self) -> tuple[Item, ...]:
        """The study's questions."""
        return self._study.questions

    def identity(self) -> dict[str, Any]:
        """Return what shapes the answers; asks the endpoint once what it offers."""
        road = self._road()
        return {
            "engine": "openai",
            "url": self._client.url,
            "model": self._model,
            "served": road.served,
            "road": f"top_logprobs {road.top}" if road.top else "sampled",
            "samples": self._settings.samples,
            "chat": self._chat,
            "chained": self._chained,
            "temperature": self._temperature,
            "template": self._template.template_hash,
            "study": self._study.study_hash,
        }

    def personas(self, answers: pl.DataFrame, respondent_ids: Sequence[str]) -> list[str]:
        """Return each respondent's persona as text."""
        shown = self._template.shown(self._study)
        place = {item.id: at for at, item in enumerate(shown)}
        known: dict[str, list[str]] = {}
        columns = ("respondent_id", "item_id", "code", "value", "missing")
        for who, item_id, code, value, missing in answers.select(columns).iter_rows():
            if item_id in place:
                lines = known.setdefault(who, [""] * len(shown))
                lines[place[item_id]] = (
                    "" if missing else self._template.render_field(shown[place[item_id]], code, value)
                )
        lost = [who for who in respondent_ids if who not in known] if shown else []
        if lost:
            mend = "give every simulated respondent a twin_of whose persona answers are in the panel"
            raise PlanError(f"{len(lost)} respondents have no persona answers, first {lost[0]!r}", mend=mend)
        return ["".join(known.get(who, ())) for who in respondent_ids]

    def answer(self, people: Sequence[Asked], progress: Callable[[int], None]) -> Answered:
        """Let respondents answer, several at once, each one question after the other."""
        self._road()
        self._client.resume()
        began, done = time.perf_counter(), 0
        results: dict[int, list[dict[str, Any]]] = {}
        notes: list[dict[str, float]] = []
        failure: ModelError | None = None
        pool = ThreadPoolExecutor(max_workers=self._settings.concurrency)
        try:
            tasks = [pool.submit(self._interview, asked) for asked in people]
            places = {task: place for place, task in enumerate(tasks)}
            for task in as_completed(tasks):
                try:
                    rows, took = task.result()
                except ModelError as err:
                    if failure is None or isinstance(failure, StoppedError):
                        failure = err
                    continue
                results[places[task]] = rows
                notes.append(took)
                done += 1
                progress(done)
        finally:
            self._client.stop()
            pool.shutdown(wait=True, cancel_futures=True)
        if failure is not None:
            raise failure
        rows = [row for place in range(len(people)) for row in results[place]]
        if rows and all(row["missing"] for row in rows):
            said = next((row["text"] for row in rows if row["text"]), "nothing")
            mend = "choose another prompt or model: see what it reads with simframe prompt show"
            message = f"no answer names an option; it says {said[:120]!r}"
            raise ModelError(message, where=f"{self._client.url}, model {self._model}", mend=mend)
        took = together(notes) | {"seconds": time.perf_counter() - began}
        return Answered(pl.DataFrame(rows, schema=RESPONSES), took)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _interview(self, asked: Asked) -> tuple[list[dict[str, Any]], dict[str, float]]:
        turns: list[Turn] = []
        rows, notes = [], []
        for position, place in enumerate(asked.items):
            item, order = self.questions[place], asked.orders[place]
            shown = list(order) if order is not None else list(range(len(item.valid_options)))
            cue, labels = self._render(item, order)
            prompt = self._prompt(asked.persona, turns if self._chained else [], cue)
            heard = self._hear(item, labels, shown, prompt, asked)
            notes.append(heard.notes)
            row: dict[str, Any] = dict.fromkeys(RESPONSES)
            row |= {"respondent_id": asked.respondent_id, "item_id": item.id, "position": position}
            row |= {"missing": heard.probabilities is None, "option_mass": heard.mass, "text": heard.text}
            if "shown" in RESPONSES:
                row["shown"] = None if order is None else shown
            if heard.probabilities is not None:
                declared = np.zeros(len(shown))
                declared[shown] = heard.probabilities
                chosen = int(draws.choose(declared[None], asked.uniforms[place : place + 1])[0])
                option = item.valid_options[chosen]
                row |= {"code": option.code, "value": option.value, "probabilities": declared.tolist()}
                turns.append((cue, labels[shown.index(chosen)]))
            rows.append(row)
        return rows, together(notes)

    def _render(self, item: Item, order: tuple[int, ...] | None) -> tuple[str, tuple[str, ...]]:
        """Return a question as text, and the labels of its options in the order shown."""
        if order is not None:
            rest = [option for option in item.options if option not in item.valid_options]
            item = item.model_copy(update={"options": (*(item.valid_options[place] for place in order), *rest)})
        return self._template.render_cue(item), self._template.render_answers(item)

    def _hear(self, item: Item, labels: Sequence[str], shown: list[int], prompt: dict[str, Any], asked: Asked) -> Heard:
        road = self._road()
        try:
            if road.top and reading.tell(labels):
                body = prompt | self._asking(road.top, road.limit)
                return self._remember(json.dumps(body), lambda: self._look(body, labels))
            meanings = [item.valid_options[place].label for place in shown]
            return self._sample(prompt, labels, meanings, seed=int(asked.draws(item.id, "sample", 1)[0] * 2**31))
        except StoppedError:
            raise
        except ModelError as err:
            self._client.stop()
            where = f"item {item.id}, respondent {asked.respondent_id}, {err.where}"
            raise ModelError(err.message, where=where, mend=err.mend) from err

    def _look(self, body: dict[str, Any], labels: Sequence[str]) -> Heard:
        """Read the options' distribution off the most likely first tokens."""

        def read(content: Any) -> reading.Choice:
            self._check_model(content)
            first = reading.choices(content)[0]
            if not first.refused and first.tokens is None:
                raise UnreadableError("an answer without the log probabilities it gave before")
            return first

        first, reply = self._client.post(self._path, body, 1, read)
        notes = {"requests": 1.0, "tokens": float(reply.tokens), "spent": reply.spent}
        if first.refused or first.tokens is None:
            return Heard(None, 0.0, first.text, notes | {"refused": 1.0})
        seen = reading.see(first.tokens, labels)
        mass = float(seen.options.sum())
        if seen.shared > mass:
            mend = "use a prompt whose options are marked by letters, or the transformers engine"
            raise ModelError(f"options {list(labels)} begin with the same token", where=self._client.url, mend=mend)
        if not mass:
            return Heard(None, 0.0, max(first.tokens, key=first.tokens.__getitem__), notes | {"unnamed": 1.0})
        if not seen.options.all():
            notes |= {"unseen": 1.0, "unseen_most": seen.bound}
        return Heard(reading.sharpen(seen.options, self._temperature), min(mass, 1.0), None, notes)

    def _sample(self, prompt: dict[str, Any], labels: Sequence[str], meanings: Sequence[str], seed: int) -> Heard:
        """Let the model write answers, and take their shares for the distribution."""
        wanted, road = self._settings.samples, self._road()
        got: list[reading.Choice] = []
        notes = [{"sampled": 1.0}]
        body = prompt | {"temperature": self._temperature, "top_p": 1, road.limit: WRITTEN}
        if not self._chat:
            body["stop"] = ["\n"]

        def read(content: Any) -> list[reading.Choice]:
            self._check_model(content)
            return reading.choices(content)

        while len(got) < wanted:
            n = wanted - len(got)
            some, reply = self._client.post(self._path, body | {"n": n, "seed": seed + len(got)}, n * WRITTEN, read)
            got += some[:n]
            notes.append({"requests": 1.0, "tokens": float(reply.tokens), "spent": reply.spent})
        named = [None if each.refused else reading.recognise(each.text, labels, meanings) for each in got]
        counts = np.bincount([place for place in named if place is not None], minlength=len(labels)).astype(float)
        valid = counts.sum()
        if not valid:
            why = "refused" if all(each.refused for each in got) else "unnamed"
            return Heard(None, 0.0, got[0].text, together(notes) | {why: 1.0})
        return Heard(counts / valid, float(valid / len(got)), None, together(notes))

    @property
    def _path(self) -> str:
        return "/chat/completions" if self._chat else "/completions"

    def _prompt(self, persona: str, turns: Sequence[Turn], cue: str) -> dict[str, Any]:
        if not self._chat:
            told = "".join(f"{asked}{said}{self._template.end}" for asked, said in turns)
            return {"model": self._model, "prompt": f"{self._opening}{persona}{told}{cue}"}
        messages = [{"role": "system", "content": self._opening.strip()}] if self._opening.strip() else []
        cues = [asked for asked, _ in turns] + [cue]
        cues[0] = persona + cues[0]
        for place, text in enumerate(cues):
            messages.append({"role": "user", "content": text.strip()})
            if place < len(turns):
                messages.append({"role": "assistant", "content": turns[place][1].strip()})
        return {"model": self._model, "messages": messages}

    def _asking(self, top: int, limit: str) -> dict[str, Any]:
        # At temperature 1 servers tell the model's own distribution, whether they scale what they tell or not.
        told: dict[str, Any] = {"logprobs": True, "top_logprobs": top} if self._chat else {"logprobs": top}
        return {"temperature": 1, "top_p": 1, limit: 1} | (told if top else {})

    def _remember(self, key: str, hear: Callable[[], Heard]) -> Heard:
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
            return Heard(known.probabilities, known.mass, known.text, _unpaid(known.notes))
        try:
            heard = hear()
        except BaseException as err:
            with self._lock:
                self._remembered.pop(key, None)
            waiting.set_exception(err)
            raise
        waiting.set_result(heard)
        return heard

    def _check_model(self, content: Any) -> str | None:
        """Refuse answers of another model than the one asked for."""
        served = content.get("model") if isinstance(content, dict) else None
        if not isinstance(served, str) or not served:
            return None
        known = self._found.served if self._found else None
        one, other = self._model.casefold(), served.casefold()
        if (one not in other and other not in one) or (known and known != served):
            message = f"model {self._model!r} was asked and {served!r} answers"
            if known and known != served:
                message += f", where {known!r} did before"
            mend = "name the model in the plan as the endpoint names it"
            raise ModelError(message, where=self._client.url, mend=mend)
        return served

    def _road(self) -> Road:
        """Find out, once, what the endpoint offers: probabilities of first tokens, or answers alone."""
        with self._lock:
            if self._found is None:
                self._found = self._probe()
            return self._found

    def _probe(self) -> Road:
        cue, _ = self._render(self.questions[0], None)
        prompt = self._prompt("", [], cue)

        def read(content: Any) -> tuple[str | None, bool]:
            return self._check_model(content), reading.choices(content)[0].tokens is not None

        limit = "max_tokens"
        for top in (*TOP, 0):
            for _ in range(2):
                try:
                    (served, tells), _ = self._client.post(self._path, prompt | self._asking(top, limit), 1, read)
                except RefusedError as err:
                    if "max_completion_tokens" in err.reply and limit == "max_tokens":
                        limit = "max_completion_tokens"
                        continue
                    if top and (err.status in (400, 422) or "logprob" in err.reply.lower()):
                        break
                    raise
                if tells or not top:
                    return Road(top if tells else 0, limit, served)
                return Road(0, limit, served)
        raise AssertionError("the last round returns or raises")


def _unpaid(notes: dict[str, float]) -> dict[str, float]:
    return {name: number for name, number in notes.items() if name not in ("requests", "tokens", "spent")}
