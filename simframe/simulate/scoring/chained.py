"""A chained questionnaire: each answer conditions the later ones, one key-value cache a respondent.

A questionnaire is one forward a question: the tokens of the last answer and the next question's cue go in together, and
the last hidden state meets only the output rows of that question's options.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import torch

from simframe.simulate.draws import choose
from simframe.simulate.scoring.cache import Batch
from simframe.simulate.scoring.numbers import say_numbers
from simframe.simulate.scoring.options import check_finite, distribution, lead_logp, mass_of, option_logp
from simframe.simulate.scoring.said import Answers, Others, Said, Words, is_closed
from simframe.simulate.scoring.text import say_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from simframe.simulate.prompts import Question
    from simframe.simulate.scoring.network import Model, Tokens

SHARED = 32
"""Tokens from which on a common opening is worth a forward of its own."""


@torch.inference_mode()  # type: ignore[untyped-decorator]
def answer(
    model: Model,
    opening: Tokens,
    prefixes: Sequence[Tokens],
    sheets: Sequence[Sequence[Question]],
    uniforms: np.ndarray,
    *,
    temperature: float = 1.0,
    others: Others | None = None,
    words: Words | None = None,
) -> Answers:
    """Let respondents answer their questionnaires, each answer conditioning the later ones.

    Args:
        model: scores the options.
        opening: what everybody reads first, in tokens.
        prefixes: one persona a respondent, in tokens.
        sheets: for each respondent the questions in the order asked; all of one length.
        uniforms: one draw in [0, 1) a respondent and question in that order, shape (n, questions).
        temperature: divides the log probabilities of options, and of the tokens of numbers and of open answers.
        others: the same question under the further orders of its options that are averaged over; only the order on the
            sheet is read by what follows.
        words: draws in [0, 1) for the tokens of an open answer, given respondent and question: as many as it may have.

    Raises:
        NotFiniteError: where the model's logits are no numbers.
    """
    batch, waiting = begin(model, opening, prefixes, room=_room(sheets))
    said: list[list[Said]] = [[] for _ in prefixes]
    for step in range(uniforms.shape[1]):
        questions = [sheet[step] for sheet in sheets]
        pools, waiting = _elsewhere(batch, questions, waiting, others)
        read = [one + question.cue for one, question in zip(waiting, questions, strict=True)]
        hidden = batch.feed(read)
        ends = [len(tokens) - 1 for tokens in read]
        closed = [question if is_closed(question) else None for question in questions]
        found: dict[int, Said] = {}
        waiting = [()] * len(questions)
        for question, rows, states in _states(batch, closed, hidden, ends):
            logp = option_logp(batch.model.head, question, states)
            check_finite(logp, rows, question.item.id)
            pool = [logp, *(torch.stack([one[row] for row in rows]) for one in pools if rows[0] in one)]
            probabilities = distribution(pool, temperature)
            mass = mass_of(logp, lead_logp(batch.model.head, question, _lead(hidden, question, rows, ends)))
            choices = choose(probabilities, uniforms[rows, step])
            for k, row in enumerate(rows):
                place = int(choices[k])
                found[row] = Said(question, place, probabilities[k], float(mass[k]))
                waiting[row] = question.answers[place]
        numbers = say_numbers(batch, questions, hidden, ends, uniform=uniforms[:, step], temperature=temperature)
        texts = say_texts(batch, questions, hidden, ends, words=words, temperature=temperature)
        for row, one, rest in chain(numbers, texts):
            found[row], waiting[row] = one, rest
        for row, one in found.items():
            said[row].append(one)
    return Answers(said, batch.tokens)


def begin(model: Model, opening: Tokens, prefixes: Sequence[Tokens], room: int) -> tuple[Batch, list[Tokens]]:
    """Read the opening once, and equal personas once; return what each respondent has yet to read."""
    distinct = list(dict.fromkeys(prefixes))
    alone = len(distinct) == len(prefixes)
    room += len(opening) + max(map(len, prefixes))
    if len(opening) >= SHARED:
        batch = Batch(model, 1, room)
        batch.feed([opening])
        batch.select([0] * len(distinct))
        waiting = distinct
    else:
        batch = Batch(model, len(distinct), room)
        waiting = [opening + prefix for prefix in distinct]
    if alone:
        return batch, waiting
    if any(waiting):
        batch.feed(waiting)
    place = {prefix: row for row, prefix in enumerate(distinct)}
    batch.select([place[prefix] for prefix in prefixes])
    return batch, [()] * len(prefixes)


def _room(sheets: Sequence[Sequence[Question]]) -> int:
    """Return how many tokens the questionnaire takes at most, numbers and open answers roughly."""
    room = {
        id(question): len(question.cue) + (max(map(len, question.answers)) if is_closed(question) else 8)
        for sheet in sheets
        for question in sheet
    }
    return sum(max({room[id(sheet[step])] for sheet in sheets}) for step in range(len(sheets[0])))


def _elsewhere(
    batch: Batch, questions: Sequence[Question], waiting: list[Tokens], others: Others | None
) -> tuple[list[dict[int, torch.Tensor]], list[Tokens]]:
    """Score the questions under the further orders of their options, leaving no trace; each order by respondent."""
    further = [tuple(others(question)) if others and is_closed(question) else () for question in questions]
    pools: list[dict[int, torch.Tensor]] = []
    if not any(further):
        return pools, waiting
    if any(waiting):
        batch.feed(waiting)
    for place in range(max(map(len, further))):
        shown = [some[place] if place < len(some) else None for some in further]
        cues = [() if question is None else question.cue for question in shown]
        hidden, ends = batch.feed(cues), [len(cue) - 1 for cue in cues]
        pool: dict[int, torch.Tensor] = {}
        for question, rows, states in _states(batch, shown, hidden, ends):
            logp = option_logp(batch.model.head, question, states)
            check_finite(logp, rows, question.item.id)
            pool |= dict(zip(rows, logp, strict=True))
        batch.forget(hidden.shape[1])
        pools.append(pool)
    return pools, [()] * len(questions)


def _states(
    batch: Batch, questions: Sequence[Question | None], hidden: torch.Tensor, ends: Sequence[int]
) -> Iterator[tuple[Question, list[int], dict[Tokens, torch.Tensor]]]:
    """Walk down the tries of the questions; yield each with who is asked it and their states at its inner nodes."""
    groups: dict[int, tuple[Question, list[int]]] = {}
    for row, question in enumerate(questions):
        if question is not None:
            groups.setdefault(id(question), (question, []))[1].append(row)
    states: dict[int, dict[Tokens, torch.Tensor]] = {
        key: {(): hidden[rows, [ends[row] for row in rows]]} for key, (_, rows) in groups.items()
    }
    for step in range(max((len(question.walks) for question, _ in groups.values()), default=0)):
        walks = [question.walks[step] if question and step < len(question.walks) else () for question in questions]
        steps = batch.feed(walks)
        for key, (_, rows) in groups.items():
            walk = walks[rows[0]]
            states[key] |= {walk[: depth + 1]: steps[rows, depth] for depth in range(len(walk))}
        batch.forget(steps.shape[1])
    for key, (question, rows) in groups.items():
        yield question, rows, states[key]


def _lead(hidden: torch.Tensor, question: Question, rows: list[int], ends: Sequence[int]) -> torch.Tensor:
    """Return the states from the lead's beginning to the cue's end, (n, lead + 1, d)."""
    return hidden[torch.tensor(rows)[:, None], torch.tensor(ends)[rows, None] + torch.arange(-question.lead, 1)]
