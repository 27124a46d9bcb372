"""Exact option scoring: a chained questionnaire, one key-value cache a respondent, no text generated.

A questionnaire is one forward a question: the tokens of the last answer and the next question's cue go in together, and
the last hidden state meets only the output rows of that question's options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from simframe.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simframe.simulate.models import Model
    from simframe.simulate.prompts import Question, Script, Tokens

SHARED = 32
"""Tokens from which on a common opening is worth a forward of its own."""


class NotFiniteError(ModelError):
    """Logits that are no numbers. ``row`` is the respondent's place in the batch."""

    def __init__(self, row: int, item_id: str) -> None:
        self.row = row
        mend = "run in float32; a bfloat16 model may overflow, and damaged weights always do"
        super().__init__("the model's logits are not finite", where=f"item {item_id}", mend=mend)


@dataclass
class Answers:
    """What a batch answered. Lists run over questions."""

    choices: list[np.ndarray] = field(default_factory=list)
    """Place of the chosen option among the valid ones, shape (n,)."""
    probabilities: list[np.ndarray] = field(default_factory=list)
    """float64 of shape (n, options), rows summing to one, at the temperature asked for."""
    mass: list[np.ndarray] = field(default_factory=list)
    """Probability of all options together under the full vocabulary at temperature 1, shape (n,)."""
    tokens: int = 0
    """Tokens that went through the model."""


class _Batch:
    """The caches of some respondents and how far each has read. Padding lies right of what it pads."""

    def __init__(self, model: Model, n: int) -> None:
        from transformers import DynamicCache

        self.model = model
        # Without a config every layer keeps all keys: a sliding window is then a matter of the mask, and crop works.
        self.cache: Any = DynamicCache()
        self.mask = torch.zeros((n, 0), dtype=torch.long, device=model.device)
        self.length = torch.zeros(n, dtype=torch.long, device=model.device)
        self.tokens = 0

    def feed(self, sequences: Sequence[Tokens], cue: Tokens = ()) -> torch.Tensor:
        """Feed each respondent their tokens, then all of them the cue; return hidden states (n, t, d)."""
        width = max(len(tokens) for tokens in sequences)
        ids = torch.zeros((len(sequences), width + len(cue)), dtype=torch.long)
        real = torch.zeros_like(ids)
        for row, tokens in enumerate(sequences):
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            real[row, : len(tokens)] = 1
        ids[:, width:] = torch.tensor(cue, dtype=torch.long)
        real[:, width:] = 1
        self.tokens += int(real.sum())
        ids, real = ids.to(self.mask.device), real.to(self.mask.device)
        self.mask = torch.cat([self.mask, real], dim=1)
        positions = (self.length[:, None] + real.cumsum(1) - 1).clamp(min=0)
        self.length = self.length + real.sum(1)
        return self.model.hidden(ids, self.mask, positions, self.cache)

    def select(self, rows: torch.Tensor) -> None:
        """Keep these respondents' caches; a row may be taken more than once."""
        self.cache.batch_select_indices(rows)
        self.mask, self.length = self.mask[rows], self.length[rows]

    def forget(self, width: int) -> None:
        """Take back the last ``width`` tokens."""
        self.cache.crop(-width)
        self.mask = self.mask[:, :-width]
        self.length = self.length - width


@torch.inference_mode()  # type: ignore[untyped-decorator]
def answer(
    model: Model,
    script: Script,
    prefixes: Sequence[Tokens],
    choose: Callable[[int, np.ndarray], np.ndarray],
    *,
    temperature: float = 1.0,
) -> Answers:
    """Let respondents answer the whole questionnaire, each answer conditioning the later ones.

    Args:
        model: scores the options.
        script: the questionnaire in the model's tokens.
        prefixes: one persona a respondent, in tokens, without ``script.opening``.
        choose: given a question's place and its probabilities (n, options), returns the chosen places (n,).
        temperature: divides the options' log probabilities.

    Raises:
        NotFiniteError: where the model's logits are no numbers.
    """
    distinct = list(dict.fromkeys(prefixes))
    place = {prefix: row for row, prefix in enumerate(distinct)}
    rows = torch.tensor([place[prefix] for prefix in prefixes], device=model.device)
    opening = script.opening
    if len(opening) >= SHARED:
        batch = _Batch(model, 1)
        batch.feed([opening])
        batch.select(torch.zeros(len(distinct), dtype=torch.long, device=model.device))
        waiting = distinct
    else:
        batch = _Batch(model, len(distinct))
        waiting = [opening + prefix for prefix in distinct]
    result = Answers()
    for index, question in enumerate(script.questions):
        hidden = batch.feed(waiting, question.cue)[:, -1 - question.lead :]
        if index == 0 and len(distinct) < len(prefixes):
            batch.select(rows)
            hidden = hidden[rows]
        logp = _option_logp(batch, question, hidden[:, -1])
        finite = torch.isfinite(logp).all(dim=1)
        if not bool(finite.all()):
            raise NotFiniteError(int((~finite).nonzero()[0]), question.item.id)
        scaled = torch.softmax(logp / temperature, dim=1).double()
        probabilities = (scaled / scaled.sum(dim=1, keepdim=True)).cpu().numpy()
        choices = np.asarray(choose(index, probabilities))
        result.choices.append(choices)
        result.probabilities.append(probabilities)
        mass = logp.logsumexp(1) + _lead_logp(model, question, hidden)
        result.mass.append(mass.exp().clamp(max=1.0).double().cpu().numpy())
        waiting = [question.answers[choice] for choice in choices]
    result.tokens = batch.tokens
    return result


def _option_logp(batch: _Batch, question: Question, hidden: torch.Tensor) -> torch.Tensor:
    """Return log P(option | what was read) under the full vocabulary, float32 (n, options).

    An option of several tokens is a leaf of a trie: its probability is the product along its way down.
    """
    states: dict[Tokens, torch.Tensor] = {(): hidden}
    for walk in question.walks:
        steps = batch.feed([walk] * hidden.shape[0])
        states |= {walk[: depth + 1]: steps[:, depth] for depth in range(len(walk))}
        batch.forget(len(walk))
    head = batch.model.head
    logp: dict[tuple[int, int], torch.Tensor] = {}
    for node, path in enumerate(question.paths):
        tokens = question.allowed[node]
        logits = head.logits(states[path], torch.tensor(tokens, device=hidden.device))
        logits = logits - head.partition(states[path])[:, None]
        logp |= {(node, token): logits[:, column] for column, token in enumerate(tokens)}
    return torch.stack([sum((logp[step] for step in route[1:]), logp[route[0]]) for route in question.routes], dim=1)


def _lead_logp(model: Model, question: Question, hidden: torch.Tensor) -> torch.Tensor:
    """Return log P(what all labels begin with | the question), (n,), from hidden states (n, lead + 1, d)."""
    total = torch.zeros(hidden.shape[0], device=hidden.device)
    for place, token in enumerate(question.cue[len(question.cue) - question.lead :]):
        state = hidden[:, place]
        logits = model.head.logits(state, torch.tensor([token], device=hidden.device))[:, 0]
        total = total + logits - model.head.partition(state)
    return total
