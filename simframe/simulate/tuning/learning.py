"""Learning from answers: cross-entropy over each question's options at its answer position, and nothing else.

Training the next token of a transcript would spend most of the loss on words that never vary. Here a questionnaire is
one forward, and every answered question is one term.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from simframe.errors import ModelError, PlanError
from simframe.simulate.tuning.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

    from simframe.simulate.models import Model
    from simframe.simulate.prompts import Script, Tokens


@dataclass(frozen=True)
class Answer:
    """One answered question."""

    question: int
    choice: int
    """Place of the option among the valid ones: what later questions read."""
    target: tuple[float, ...]
    """What the model should think of the options: one-hot at the choice, unless softened."""


@dataclass(frozen=True)
class Example:
    """One respondent: persona fields in tokens, the questions they answered, and how much they count."""

    respondent_id: str
    fields: tuple[Tokens, ...]
    answers: tuple[Answer, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Term:
    """One decision: at a place in a prompt, which of the tokens that a question allows comes next."""

    position: int
    question: int
    node: int
    target: tuple[float, ...]


Prompt = tuple[list[int], list[Term]]
"""A respondent's whole prompt in tokens, and the decisions in it."""


def examples(
    script: Script,
    people: pl.DataFrame,
    weights: Mapping[str, float] | None = None,
    targets: pl.DataFrame | None = None,
) -> list[Example]:
    """Return one example a respondent who answered anything and counts, in order of their ids.

    Args:
        script: the study in tokens.
        people: long frame of persona and question answers.
        weights: respondent_id -> weight; everybody counts 1 where left out.
        targets: soft targets, respondent_id, item_id, probabilities (one a valid option): they take the place of
            the answer in the loss, not in what later questions read.

    Raises:
        PlanError: where nobody answered, a weight is negative or missing, or a soft target is no distribution.
    """
    place = {question.item.id: index for index, question in enumerate(script.questions)}
    coded = [{option.code: k for k, option in enumerate(q.item.valid_options)} for q in script.questions]
    soft = {} if targets is None else {(r, i): p for r, i, p in _rows(targets, "probabilities")}
    answered: dict[str, dict[int, Answer]] = defaultdict(dict)
    asked = people.filter(people["item_id"].is_in(list(place)) & ~people["missing"])
    for respondent_id, item_id, code in _rows(asked, "code"):
        question = place[item_id]
        choice = coded[question].get(code)
        where = f"respondent {respondent_id}, item {item_id}"
        if choice is None:
            raise PlanError(f"{code!r} is no valid option", where=where, mend="code the answers by the study first")
        target = soft.get((respondent_id, item_id)) or [float(k == choice) for k in range(len(coded[question]))]
        if (respondent_id, item_id) in soft:
            _check_target(target, len(coded[question]), len(script.questions[question].paths), where)
        answered[respondent_id][question] = Answer(question, choice, tuple(target))
    if not answered:
        raise PlanError("nobody answered any question of the study", mend="tune on people who did")
    ids = sorted(answered)
    result = []
    for respondent_id, fields in zip(ids, script.personas(people, ids), strict=True):
        weight = 1.0 if weights is None else weights.get(respondent_id)
        if weight is None or not 0 <= weight < float("inf"):
            where = f"respondent {respondent_id}"
            raise PlanError(f"weight is {weight}", where=where, mend="give everybody a weight of 0 or more")
        answers = tuple(answered[respondent_id][question] for question in sorted(answered[respondent_id]))
        if weight > 0:
            result.append(Example(respondent_id, fields, answers, float(weight)))
    if not result:
        raise PlanError("everybody has weight 0", where="weights", mend="give somebody a weight above 0")
    return result


def _rows(frame: pl.DataFrame, last: str) -> Iterator[tuple[str, str, Any]]:
    return frame.select("respondent_id", "item_id", last).iter_rows()


def _check_target(target: Sequence[float], options: int, nodes: int, where: str) -> None:
    if len(target) != options or min(target) < 0 or abs(sum(target) - 1) > 1e-6:
        mend = f"give {options} probabilities that sum to one"
        raise PlanError(f"soft target {list(target)} is no distribution over the options", where=where, mend=mend)
    if nodes > 1:
        mend = "use marks that are single tokens, or no soft targets"
        raise PlanError("a soft target needs options of one token each", where=where, mend=mend)


def transcript(script: Script, example: Example, kept: Sequence[Tokens]) -> Prompt:
    """Return a respondent's whole prompt in tokens, and the decisions in it.

    Labels of several tokens are learned node by node along the way of the option chosen.
    """
    ids = [*script.opening, *(token for field in kept for token in field)]
    terms = []
    for answer in example.answers:
        question = script.questions[answer.question]
        ids += question.cue
        for node, token in question.routes[answer.choice]:
            allowed = question.allowed[node]
            one_hot = tuple(float(other == token) for other in allowed)
            target = answer.target if len(question.paths) == 1 else one_hot
            terms.append(Term(len(ids) - 1 + len(question.paths[node]), answer.question, node, target))
        ids += question.answers[answer.choice]
    return ids, terms


def log_likelihood(
    model: Model, script: Script, prompts: Sequence[Prompt], whole_vocabulary: bool = False
) -> tuple[list[torch.Tensor], list[list[tuple[int, int]]]]:
    """Return the (expected) log probability of each decision, in one forward without a cache.

    Returns:
        Tensors grouped by question and node, and for each of their entries (prompt, term).
    """
    width = max(len(ids) for ids, _ in prompts)
    padded = torch.zeros((len(prompts), width), dtype=torch.long)
    mask = torch.zeros_like(padded)
    for row, (ids, _) in enumerate(prompts):
        padded[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = 1
    positions = torch.arange(width, device=model.device).expand(len(prompts), width)
    hidden = model.hidden(padded.to(model.device), mask.to(model.device), positions)
    groups: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for row, (_, terms) in enumerate(prompts):
        for index, term in enumerate(terms):
            groups[term.question, term.node].append((row, index))
    head, gains, places = model.head, [], []
    for (question, node), members in groups.items():
        terms = [prompts[row][1][index] for row, index in members]
        rows = torch.tensor([row for row, _ in members], device=model.device)
        at = torch.tensor([term.position for term in terms], device=model.device)
        allowed = torch.tensor(script.questions[question].allowed[node], device=model.device)
        target = torch.tensor([term.target for term in terms], device=model.device)
        states = hidden[rows, at]
        logits = head.logits(states, allowed)
        total = head.partition(states) if whole_vocabulary else logits.logsumexp(-1)
        gains.append(((logits - total[:, None]) * target).sum(-1))
        places.append(members)
    return gains, places


@torch.no_grad()  # type: ignore[untyped-decorator]
def loss_of(model: Model, script: Script, people: Sequence[Example], batch: int = 256) -> float:
    """Return the weighted mean negative log likelihood an answer, in nats, with whole personas."""
    total = weight = 0.0
    for start in range(0, len(people), batch):
        part = people[start : start + batch]
        prompts = [transcript(script, example, example.fields) for example in part]
        for gains, members in zip(*log_likelihood(model, script, prompts), strict=True):
            weights = torch.tensor([part[row].weight for row, _ in members], device=gains.device)
            total -= float((gains * weights).sum())
        weight += sum(example.weight * len(example.answers) for example in part)
    return total / weight


def learn(
    model: Model,
    script: Script,
    people: Sequence[Example],
    schedule: Schedule,
    *,
    seed: int,
    held: Sequence[Example] = (),
    step_done: Callable[[int], None] | None = None,
) -> list[tuple[int, float]]:
    """Move the model's trainable weights towards people's answers, by AdamW at a constant rate after a warm-up.

    With ``held``, learning ends when their likelihood no longer gains, and the best weights seen are put back.

    Returns:
        The learning curve: (step, loss of ``held``); empty without it.

    Raises:
        ModelError: where the loss is no number.
    """
    trained = [weight for weight in model.network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=schedule.rate, weight_decay=0.01)
    random = np.random.Generator(np.random.Philox(seed))
    micro = schedule.batch
    curve = [(0, loss_of(model, script, held))] if held else []
    best = [weight.detach().clone() for weight in trained] if held else []
    batches = _batches(len(people), schedule.batch, random)
    for step in range(1, schedule.steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate * min(1.0, step / schedule.warmup)
        chosen = [people[index] for index in next(batches)]
        prompts = []
        for example in chosen:
            kept = random.random(len(example.fields)) >= schedule.field_dropout
            fields = [field for field, keep in zip(example.fields, kept, strict=True) if keep]
            prompts.append(transcript(script, example, fields))
        micro = _gradients(model, script, chosen, prompts, micro=micro, whole_vocabulary=schedule.whole_vocabulary)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step_done is not None:
            step_done(step)
        if held and step % schedule.every == 0:
            curve.append((step, loss_of(model, script, held)))
            losses = [loss for _, loss in curve]
            if losses[-1] == min(losses):
                best = [weight.detach().clone() for weight in trained]
            if len(losses) - 1 - losses.index(min(losses)) >= schedule.patience:
                break
    for weight, kept_weight in zip(trained, best, strict=False):
        weight.data.copy_(kept_weight)
    return curve


def _batches(total: int, size: int, random: np.random.Generator) -> Iterator[list[int]]:
    """Yield places without end, everybody once an epoch, each epoch in a new order."""
    while True:
        order = random.permutation(total).tolist()
        yield from (order[start : start + size] for start in range(0, total, size))


def _gradients(
    model: Model, script: Script, people: list[Example], prompts: list[Prompt], *, micro: int, whole_vocabulary: bool
) -> int:
    """Add up the gradients of one step in parts that fit the memory; return the size that did."""
    whole = sum(example.weight * len(example.answers) for example in people)
    while True:
        try:
            for start in range(0, len(people), micro):
                gains, places = log_likelihood(model, script, prompts[start : start + micro], whole_vocabulary)
                loss = torch.zeros((), device=model.device)
                for gain, members in zip(gains, places, strict=True):
                    weights = [people[start + row].weight for row, _ in members]
                    loss = loss - (gain * torch.tensor(weights, device=gain.device)).sum() / whole
                if not bool(torch.isfinite(loss)):
                    mend = "lower the rate, or tune in float32"
                    raise ModelError(f"the loss became {loss.item()}", where="tuning", mend=mend)
                loss.backward()
        except torch.OutOfMemoryError:
            if micro == 1:
                raise
        else:
            return micro
        # Outside the except: the exception would keep the tensors of the failed part alive.
        micro = max(1, micro // 2)
        model.network.zero_grad(set_to_none=True)
        if model.device.type == "cuda":
            torch.cuda.empty_cache()
