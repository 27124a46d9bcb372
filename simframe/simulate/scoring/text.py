"""Open answers: token by token, each with a draw of its own, until one of the tokens that end an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from simframe.simulate.scoring.options import check_finite
from simframe.simulate.scoring.said import Said, Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simframe.simulate.prompts import Question
    from simframe.simulate.scoring.cache import Batch
    from simframe.simulate.scoring.network import Tokens


def say_texts(
    batch: Batch,
    questions: Sequence[Question],
    hidden: torch.Tensor,
    ends: Sequence[int],
    *,
    temperature: float,
    words: Words | None,
) -> Iterator[tuple[int, Said, Tokens]]:
    """Let those who are asked an open question answer; yield (respondent, answer, what they have yet to read).

    A token is drawn from the whole vocabulary, by the inverse of its cumulative distribution. An answer is cut where
    its draws are used up.
    """
    rows = [row for row, question in enumerate(questions) if question.stop is not None]
    if not rows:
        return
    if words is None:
        raise ValueError("an open question needs draws for its words")
    draws = {row: words(row, questions[row]) for row in rows}
    head = batch.model.head
    texts: dict[int, Tokens] = dict.fromkeys(rows, ())
    states = {row: hidden[row, ends[row]] for row in rows}
    step = 0
    while rows:
        logits = head.full(torch.stack([states[row] for row in rows]))
        check_finite(logits, rows, questions[rows[0]].item.id)
        uniform = torch.tensor([float(draws[row][step]) for row in rows], dtype=torch.float64, device=logits.device)
        cumulative = torch.softmax((logits / temperature).double(), dim=1).cumsum(1)
        chosen = torch.searchsorted(cumulative, (uniform * cumulative[:, -1])[:, None], right=True)[:, 0]
        step += 1
        speaking = []
        for row, token in zip(rows, chosen.clamp(max=logits.shape[1] - 1).tolist(), strict=True):
            question = questions[row]
            if token in (question.stop or ()):
                yield row, Said(question, text=texts[row]), question.end
                continue
            texts[row] += (token,)
            if step == len(draws[row]):
                # The last word is not read yet.
                yield row, Said(question, text=texts[row], cut=True), (token, *question.end)
            else:
                speaking.append(row)
        rows = speaking
        if rows:
            fed = batch.feed([texts[row][-1:] if row in rows else () for row in range(len(questions))])
            states = {row: fed[row, 0] for row in rows}
