"""Numbers: a trie of digits is walked down node by node, however many numbers a range allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from simframe.simulate.draws import descend
from simframe.simulate.scoring.options import check_finite, lead_logp, mass_of
from simframe.simulate.scoring.said import Said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simframe.simulate.prompts import Question
    from simframe.simulate.scoring.cache import Batch
    from simframe.simulate.scoring.network import Tokens


def say_numbers(
    batch: Batch,
    questions: Sequence[Question],
    hidden: torch.Tensor,
    ends: Sequence[int],
    *,
    uniform: np.ndarray,
    temperature: float,
) -> Iterator[tuple[int, Said, Tokens]]:
    """Let those who are asked for a number say one; yield (respondent, answer, what they have yet to read of it).

    One draw serves the whole way down: the part of [0, 1) that a token takes is stretched to [0, 1) for the next one,
    which gives the number at which the distribution over all numbers, in the trie's order, first exceeds the draw.
    The mass is that of all first tokens.
    """
    head = batch.model.head
    paths: dict[int, Tokens] = {row: () for row, question in enumerate(questions) if question.numbers is not None}
    draw = uniform.astype(np.float64)
    states = {row: hidden[row, ends[row]] for row in paths}
    mass: dict[int, float] = {}
    while paths:
        groups: dict[tuple[int, Tokens], list[int]] = {}
        for row, path in paths.items():
            groups.setdefault((id(questions[row]), path), []).append(row)
        for (_, path), rows in groups.items():
            question = questions[rows[0]]
            allowed = question.allowed[question.node_at[path]]
            state = torch.stack([states[row] for row in rows])
            logits = head.logits(state, torch.tensor(allowed, device=state.device))
            check_finite(logits, rows, question.item.id)
            if not path:
                at = torch.tensor([ends[row] for row in rows])[:, None] + torch.arange(-question.lead, 1)
                lead = lead_logp(head, question, hidden[torch.tensor(rows)[:, None], at])
                first = mass_of(logits - head.partition(state)[:, None], lead)
                mass |= dict(zip(rows, first.tolist(), strict=True))
            probabilities = torch.softmax((logits / temperature).double(), dim=1).cpu().numpy()
            chosen, draw[rows] = descend(probabilities, draw[rows])
            paths |= {row: (*path, allowed[place]) for row, place in zip(rows, chosen, strict=True)}
        for row, path in list(paths.items()):
            place = questions[row].answer_at.get(path)
            if place is not None:
                del paths[row]
                said = Said(questions[row], place, mass=mass[row])
                yield row, said, questions[row].answers[place][len(path) - 1 :]
        if paths:
            fed = batch.feed([paths[row][-1:] if row in paths else () for row in range(len(questions))])
            states = {row: fed[row, 0] for row in paths}
