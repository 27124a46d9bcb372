"""Closed questions: what a model thinks of every option, from the hidden states along the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from simframe.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simframe.simulate.prompts import Question
    from simframe.simulate.scoring.network import Head, Tokens

LOW_MASS = 0.5
"""Mass of all options together under which the model would rather have said something else: a refusal, for instance."""


class NotFiniteError(ModelError):
    """Logits that are no numbers. ``row`` is the respondent's place in the batch."""

    def __init__(self, row: int, item_id: str) -> None:
        self.row = row
        mend = "run in float32; a bfloat16 model may overflow, and damaged weights always do"
        super().__init__("the model's logits are not finite", where=f"item {item_id}", mend=mend)


def check_finite(logp: torch.Tensor, rows: Sequence[int], item_id: str) -> None:
    """Raise NotFiniteError where a row of (n, k) holds what is no number."""
    finite = torch.isfinite(logp).all(dim=1)
    if not bool(finite.all()):
        raise NotFiniteError(rows[int((~finite).nonzero()[0])], item_id)


def option_logp(head: Head, question: Question, states: Mapping[Tokens, torch.Tensor]) -> torch.Tensor:
    """Return log P(option | what was read) under the full vocabulary, float32 (n, options).

    An option of several tokens is a leaf of a trie: its probability is the product along its way down.

    Args:
        head: the model's output matrix.
        question: whose options.
        states: the hidden state (n, d) after each inner node of the question's trie, by its path.
    """
    logp: dict[tuple[int, int], torch.Tensor] = {}
    for node, path in enumerate(question.paths):
        tokens = question.allowed[node]
        logits = head.logits(states[path], torch.tensor(tokens, device=head.weight.device))
        logits = logits - head.partition(states[path])[:, None]
        logp |= {(node, token): logits[:, column] for column, token in enumerate(tokens)}
    return torch.stack([sum((logp[step] for step in route[1:]), logp[route[0]]) for route in question.routes], dim=1)


def lead_logp(head: Head, question: Question, hidden: torch.Tensor) -> torch.Tensor:
    """Return log P(what all labels begin with | the question), (n,), from hidden states (n, lead + 1, d)."""
    total = torch.zeros(hidden.shape[0], device=hidden.device)
    for place, token in enumerate(question.cue[len(question.cue) - question.lead :]):
        state = hidden[:, place]
        logits = head.logits(state, torch.tensor([token], device=hidden.device))[:, 0]
        total = total + logits - head.partition(state)
    return total


def mass_of(logp: torch.Tensor, lead: torch.Tensor) -> np.ndarray:
    """Return the probability of all options together under the full vocabulary at temperature 1, (n,)."""
    mass: np.ndarray = (logp.logsumexp(1) + lead).exp().clamp(max=1.0).double().cpu().numpy()
    return mass


def distribution(logp: Sequence[torch.Tensor], temperature: float) -> np.ndarray:
    """Return float64 probabilities (n, options) whose rows sum to one, at a temperature.

    Several log probabilities of the same options, each under another order in which they are shown, are averaged before
    the temperature applies: the logarithmic opinion pool (Genest and Zidek 1986, Statistical Science 1(1)).
    Where what a place adds to an option's log odds is the same whatever stands there (the factorisation of Zheng et al.
    2024, ICLR, arXiv 2309.03882, who average log probabilities over cyclic orders to estimate it), the mean over all
    cyclic orders is free of it.
    """
    pooled = logp[0] if len(logp) == 1 else torch.stack([one.log_softmax(1) for one in logp]).mean(0)
    scaled = torch.softmax(pooled / temperature, dim=1).double()
    probabilities: np.ndarray = (scaled / scaled.sum(dim=1, keepdim=True)).cpu().numpy()
    return probabilities
