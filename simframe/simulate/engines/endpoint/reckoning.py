"""What a questionnaire will take of an endpoint, told from its text: nothing is asked, as every try has its price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simframe.simulate.engines.endpoint.hearing import WRITTEN
from simframe.simulate.prompts.numbers import allowed_numbers, decimals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simframe.simulate.engines.endpoint.dialogue import Dialogue, Turn
    from simframe.study import Item

CHARACTERS = 4
"""Of English text, a token: the rule of thumb of those who sell them."""
AROUND = 4
"""Tokens around one message of a chat: its role and its ends."""


@dataclass(frozen=True)
class Reckoned:
    """What one respondent takes at most: equal prompts are asked once, which is not known before."""

    requests: float
    read: float
    """Tokens."""
    written: float
    """Tokens."""


def reckon(dialogue: Dialogue, personas: Sequence[str], *, chained: bool, order_average: int) -> Reckoned:
    """Return what a respondent takes, a mean over personas, where the endpoint tells probabilities.

    Args:
        dialogue: the questionnaire as text.
        personas: of some respondents.
        chained: whether earlier answers are read again with each question.
        order_average: orders of options that each closed question is asked in.
    """
    requests = read = written = 0.0
    for persona in personas:
        turns: list[Turn] = []
        for item in dialogue.questions:
            put = dialogue.put(item, None)
            times = order_average if item.answered_with == "option" and dialogue.template.reorders else 1
            prompt = dialogue.prompt(persona, turns, put.cue)
            texts = [str(message["content"]) for message in prompt.get("messages", [])]
            length = sum(map(len, texts)) + len(prompt.get("prompt", ""))
            requests += times
            read += times * (length / CHARACTERS + AROUND * len(texts))
            written += times * _most(dialogue, item)
            if chained:
                turns.append((put.cue, _answer(dialogue, item, put.labels)))
    n = max(1, len(personas))
    return Reckoned(requests / n, read / n, written / n)


def _most(dialogue: Dialogue, item: Item) -> int:
    """Return the tokens that an answer takes at most."""
    if item.answered_with == "option":
        return 1
    return WRITTEN if item.answered_with == "number" else dialogue.template.text_tokens


def _answer(dialogue: Dialogue, item: Item, labels: Sequence[str]) -> str:
    """Return an answer as long as any."""
    if labels:
        return max(labels, key=len)
    if item.answered_with == "number":
        numbers = allowed_numbers(item)
        return dialogue.template.render_value(item, max(numbers, key=abs), decimals_of(item))
    return dialogue.template.render_text(item, "x" * CHARACTERS * dialogue.template.text_tokens)
