"""The loss of tuning: cross-entropy over each question's options at its answer position, and nothing else.

Training the next token of a transcript would spend most of the loss on words that never vary. Here a questionnaire is
one forward, and every answered question is one term.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from simframe.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from simframe.simulate.models import Model
    from simframe.simulate.prompts import Question, Script, Tokens
    from simframe.simulate.tuning.examples import Answer, Example


@dataclass(frozen=True)
class Term:
    """One decision: at a place in a prompt, which of the tokens that a question allows comes next."""

    position: int
    question: int
    node: int
    allowed: Tokens
    target: tuple[float, ...]
    """The share of the target that goes by each allowed token: it sums to one only where the whole target comes by."""


class Prompt(NamedTuple):
    """A respondent's whole prompt in tokens, and the decisions in it."""

    ids: list[int]
    terms: list[Term]


Places = list[tuple[int, int]]
"""For each row of some scores, the prompt and the term in it that they belong to."""


def shares(question: Question, target: Sequence[float]) -> dict[int, tuple[float, ...]]:
    """Return the target of each inner node of a question's trie that any of it comes by.

    The log probability of a leaf is the sum over its way down, so the cross-entropy of a target over leaves is the sum
    over nodes of the cross-entropies of these shares: soft targets need no options of a single token.
    """
    found: dict[int, dict[int, float]] = {}
    for route, share in zip(question.routes, target, strict=True):
        if share > 0:
            for node, token in route:
                at = found.setdefault(node, {})
                at[token] = at.get(token, 0.0) + share
    return {node: tuple(at.get(token, 0.0) for token in question.allowed[node]) for node, at in sorted(found.items())}


def transcripts(
    script: Script, example: Example, kept: Sequence[Tokens], asked: Sequence[Question] | None = None
) -> list[Prompt]:
    """Return a respondent's prompts: the questionnaire, then one for each way through a label that was not taken.

    Labels of several tokens are learned node by node. A one-hot target stays on the way of the option chosen; a soft
    target has a share elsewhere too, which needs a prompt of its own.

    Args:
        script: the study in tokens.
        example: the respondent.
        kept: the persona fields shown.
        asked: the question as shown, for each answer; as declared where left out.
    """
    ids = [*script.opening, *script.prefix(kept)]
    terms: list[Term] = []
    others: list[Prompt] = []
    for place, answer in enumerate(example.answers):
        question = asked[place] if asked else script.questions[answer.question]
        ids += question.cue
        taken = dict(question.routes[answer.choice])
        aside: dict[Tokens, Term] = {}
        for node, share in _shares(question, answer, taken):
            path = question.paths[node]
            term = Term(len(ids) - 1 + len(path), answer.question, node, question.allowed[node], share)
            if node in taken:
                terms.append(term)
            else:
                aside[path] = term
        others += [Prompt([*ids, *walk], found) for walk, found in _walks(aside)]
        ids += question.answers[answer.choice]
    return [Prompt(ids, terms), *others]


def transcript(script: Script, example: Example, kept: Sequence[Tokens]) -> Prompt:
    """Return a respondent's whole questionnaire in tokens, and the decisions in it."""
    return transcripts(script, example, kept)[0]


def check_lengths(model: Model, script: Script, people: Sequence[Example], *, alone: bool = False) -> None:
    """Refuse people whose prompts the model cannot read to their end; ``alone``: each question is asked by itself.

    Raises:
        ModelError: naming the model, its context and the longest prompt.
    """
    if model.context is None:
        return
    from simframe.simulate.prompts import check_context  # the rest of this module needs torch alone

    if alone:
        start = len(script.opening) + max(len(script.prefix(example.fields)) for example in people)
        longest = start + max(question.most(0)[1] for question in script.questions if question.stop is None)
    else:
        longest = max(len(prompt.ids) for each in people for prompt in transcripts(script, each, each.fields))
    check_context(longest, model.context, model.name)


def _shares(question: Question, answer: Answer, taken: dict[int, int]) -> Iterable[tuple[int, tuple[float, ...]]]:
    if answer.target is not None:
        return shares(question, answer.target).items()
    # Thousands of times a second: one-hot shares without the sums.
    return [(node, tuple(float(other == token) for other in question.allowed[node])) for node, token in taken.items()]


def _walks(aside: dict[Tokens, Term]) -> Iterator[tuple[Tokens, list[Term]]]:
    """Yield ways that together pass all of some nodes, and the nodes that each is the first to pass."""
    left = dict(aside)
    for path in sorted(aside, key=len, reverse=True):
        if path in left:
            passed = [other for other in sorted(left, key=len) if path[: len(other)] == other]
            yield path, [left.pop(other) for other in passed]


def scores(
    model: Model, prompts: Sequence[Prompt], whole_vocabulary: bool = False
) -> Iterator[tuple[torch.Tensor, torch.Tensor, Places]]:
    """Yield log probabilities of allowed tokens, and targets, both (terms, allowed), from one forward without a cache.

    Terms that allow the same tokens come together.
    """
    device = model.device
    width = max(len(ids) for ids, _ in prompts)
    padded = torch.tensor([[*ids, *[0] * (width - len(ids))] for ids, _ in prompts], dtype=torch.long)
    positions = torch.arange(width, device=device).expand(len(prompts), width)
    # Padding lies right of all that is read: being causal hides it, and kernels without a mask are the fast ones.
    hidden = model.hidden(padded.to(device), None, positions)
    groups: dict[Tokens, Places] = defaultdict(list)
    for row, (_, terms) in enumerate(prompts):
        for index, term in enumerate(terms):
            groups[term.allowed].append((row, index))
    head = model.head
    for tokens, members in groups.items():
        terms = [prompts[row].terms[index] for row, index in members]
        rows = torch.tensor([row for row, _ in members], device=device)
        at = torch.tensor([term.position for term in terms], device=device)
        target = torch.tensor([term.target for term in terms], device=device)
        states = hidden[rows, at]
        logits = head.logits(states, torch.tensor(tokens, device=device))
        total = head.partition(states) if whole_vocabulary else logits.logsumexp(-1)
        yield logits - total[:, None], target, members


def log_likelihood(
    model: Model, prompts: Sequence[Prompt], whole_vocabulary: bool = False
) -> tuple[list[torch.Tensor], list[Places]]:
    """Return the (expected) log probability of each decision.

    Returns:
        Tensors, and for each of their entries (prompt, term).
    """
    gains, places = [], []
    for logp, target, members in scores(model, prompts, whole_vocabulary):
        gains.append((logp * target).sum(-1))
        places.append(members)
    return gains, places


@torch.no_grad()  # type: ignore[untyped-decorator]
def loss_of(model: Model, script: Script, people: Sequence[Example], batch: int = 256) -> float:
    """Return the weighted mean negative log likelihood an answer, in nats, with whole personas.

    Raises:
        ModelError: where it is no number.
    """
    total = weight = 0.0
    for start in range(0, len(people), batch):
        part = people[start : start + batch]
        prompts = [(prompt, e.weight) for e in part for prompt in transcripts(script, e, e.fields)]
        for gains, members in zip(*log_likelihood(model, [prompt for prompt, _ in prompts]), strict=True):
            weights = torch.tensor([prompts[row][1] for row, _ in members], device=gains.device)
            total -= float((gains * weights).sum())
        weight += sum(example.weight * len(example.answers) for example in part)
    return finite(total / weight)


@torch.no_grad()  # type: ignore[untyped-decorator]
def losses_of(model: Model, script: Script, people: Sequence[Example], batch: int = 256) -> list[float]:
    """Return each respondent's negative log likelihood, in nats, summed over answers, without weights."""
    losses = [0.0] * len(people)
    for start in range(0, len(people), batch):
        part = people[start : start + batch]
        prompts = [(prompt, place) for place, e in enumerate(part) for prompt in transcripts(script, e, e.fields)]
        for gains, members in zip(*log_likelihood(model, [prompt for prompt, _ in prompts]), strict=True):
            for gain, (row, _) in zip(gains.tolist(), members, strict=True):
                losses[start + prompts[row][1]] -= gain
    return losses


def finite(loss: float) -> float:
    """Return a loss that is a number.

    Raises:
        ModelError: where it is none.
    """
    if not abs(loss) < float("inf"):
        mend = "lower the rate, tune in float32, or check the base's weights"
        raise ModelError(f"the loss became {loss}", where="tuning", mend=mend)
    return loss
