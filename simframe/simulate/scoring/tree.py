"""Questions that do not hear of each other: branches of a tree whose trunk is the persona, read in one masked forward.

Every cue sees the opening, the persona and itself, its positions beginning where the persona ends; labels of several
tokens are branches of their cue. Personas that are equal are read once, whoever has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from simframe.errors import ModelError
from simframe.simulate.draws import choose
from simframe.simulate.scoring.cache import Batch
from simframe.simulate.scoring.chained import answer, begin
from simframe.simulate.scoring.options import check_finite, distribution, lead_logp, mass_of, option_logp
from simframe.simulate.scoring.said import Answers, Others, Said, Words, is_closed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simframe.simulate.prompts import Question
    from simframe.simulate.scoring.network import Model, Tokens

FORWARD = 256
"""Tokens of a persona's branches that are read in one forward: attention costs grow with their square."""


@dataclass(frozen=True)
class Tree:
    """Some questions laid out side by side."""

    questions: tuple[Question, ...]
    ids: torch.Tensor
    """Tokens, (t,)."""
    offsets: torch.Tensor
    """Places after the trunk, (t,)."""
    visible: torch.Tensor
    """Which token sees which, (t, t)."""
    ends: dict[int, int]
    """Where each question's cue ends, by its id()."""
    nodes: dict[int, dict[Tokens, int]]
    """Where the inner nodes of each question's trie stand."""


def plant(questions: Sequence[Question]) -> Tree:
    """Lay questions out side by side: for each its cue, then the walks down its trie."""
    ids: list[int] = []
    offsets: list[int] = []
    cues: list[int] = []
    branches: list[int] = []
    ends: dict[int, int] = {}
    nodes: dict[int, dict[Tokens, int]] = {}
    for number, question in enumerate(questions):
        for twig, tokens in enumerate((question.cue, *question.walks)):
            start = len(question.cue) if twig else 0
            if twig:
                for depth in range(len(tokens)):
                    nodes[id(question)].setdefault(tokens[: depth + 1], len(ids) + depth)
            else:
                ends[id(question)] = len(ids) + len(tokens) - 1
                nodes[id(question)] = {(): ends[id(question)]}
            ids += tokens
            offsets += range(start, start + len(tokens))
            cues += [number] * len(tokens)
            branches += [twig] * len(tokens)
    cue, branch, at = (torch.tensor(column, dtype=torch.long) for column in (cues, branches, offsets))
    visible = (cue[:, None] == cue) & ((branch == 0) | (branch[:, None] == branch))
    return Tree(tuple(questions), torch.tensor(ids, dtype=torch.long), at, visible.tril(), ends, nodes)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def answer_independent(
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
    """Let respondents answer each question as if it were the only one; arguments and errors as ``chained.answer``."""
    wanted: dict[Tokens, dict[int, Question]] = {}
    for prefix, sheet in zip(prefixes, sheets, strict=True):
        some = wanted.setdefault(prefix, {})
        for question in filter(is_closed, sheet):
            some |= {id(one): one for one in (question, *(others(question) if others else ()))}
    said: list[list[Said]] = [[] for _ in prefixes]
    batch, waiting = begin(model, opening, list(wanted), room=FORWARD)
    if any(waiting):
        batch.feed(waiting)
    scores = _score(batch, [list(some.values()) for some in wanted.values()])
    place = {prefix: row for row, prefix in enumerate(wanted)}
    rows = [place[prefix] for prefix in prefixes]
    for step in range(uniforms.shape[1]):
        found: dict[int, Said] = {}
        for question, members in _groups([sheet[step] for sheet in sheets]):
            if not is_closed(question):
                continue
            pool = [
                torch.stack([scores[rows[member], id(one)][0] for member in members])
                for one in (question, *(others(question) if others else ()))
            ]
            check_finite(torch.cat(pool, dim=1), members, question.item.id)
            probabilities = distribution(pool, temperature)
            choices = choose(probabilities, uniforms[members, step])
            for k, member in enumerate(members):
                mass = scores[rows[member], id(question)][1]
                found[member] = Said(question, int(choices[k]), probabilities[k], mass)
        open_ = [row for row in range(len(prefixes)) if row not in found]
        if open_:
            alone = answer(
                model,
                opening,
                [prefixes[row] for row in open_],
                [[sheets[row][step]] for row in open_],
                uniforms[open_, step : step + 1],
                temperature=temperature,
                words=None if words is None else lambda row, question, who=open_: words(who[row], question),
            )
            batch.tokens += alone.tokens
            found |= {row: one for row, (one,) in zip(open_, alone.said, strict=True)}
        for row, one in found.items():
            said[row].append(one)
    return Answers(said, batch.tokens)


def _groups(questions: Iterable[Question]) -> list[tuple[Question, list[int]]]:
    groups: dict[int, tuple[Question, list[int]]] = {}
    for row, question in enumerate(questions):
        groups.setdefault(id(question), (question, []))[1].append(row)
    return list(groups.values())


def _score(batch: Batch, wanted: Sequence[Sequence[Question]]) -> dict[tuple[int, int], tuple[torch.Tensor, float]]:
    """Return log P(option) and the options' mass of every question that a trunk has, by row and the question's id()."""
    head = batch.model.head
    found: dict[tuple[int, int], tuple[torch.Tensor, float]] = {}
    parts = [_parts(questions) for questions in wanted]
    planted: dict[tuple[int, ...], Tree] = {}
    for step in range(max(map(len, parts))):
        some = [part[step] if step < len(part) else () for part in parts]
        for one in some:
            if tuple(map(id, one)) not in planted:
                planted[tuple(map(id, one))] = plant(one)
        trees = [planted[tuple(map(id, one))] for one in some]
        hidden = _read(batch, trees)
        for question, cells in _cells(trees):
            rows = [row for row, _ in cells]
            states = {
                path: hidden[rows, [tree.nodes[id(question)][path] for _, tree in cells]]
                for path in cells[0][1].nodes[id(question)]
            }
            logp = option_logp(head, question, states)
            ends = torch.tensor([tree.ends[id(question)] for _, tree in cells])[:, None]
            lead = hidden[torch.tensor(rows)[:, None], ends + torch.arange(-question.lead, 1)]
            mass = mass_of(logp, lead_logp(head, question, lead)).tolist()
            found |= {(row, id(question)): (logp[k], mass[k]) for k, row in enumerate(rows)}
    return found


def _parts(questions: Sequence[Question]) -> list[tuple[Question, ...]]:
    """Part questions into as few forwards as keep to ``FORWARD`` tokens each."""
    parts: list[list[Question]] = []
    held = FORWARD
    for question in questions:
        size = len(question.cue) + sum(map(len, question.walks))
        if not parts or held + size > FORWARD:
            parts.append([])
            held = 0
        parts[-1].append(question)
        held += size
    return [tuple(part) for part in parts]


def _cells(trees: Sequence[Tree]) -> list[tuple[Question, list[tuple[int, Tree]]]]:
    """Return each question of the trees with the rows and trees that it stands in."""
    cells: dict[int, tuple[Question, list[tuple[int, Tree]]]] = {}
    for row, tree in enumerate(trees):
        for question in tree.questions:
            cells.setdefault(id(question), (question, []))[1].append((row, tree))
    return list(cells.values())


def _read(batch: Batch, trees: Sequence[Tree]) -> torch.Tensor:
    """Return the hidden states of one tree a row, (n, t, d), shorter ones padded."""
    device = batch.mask.device
    batch.tokens += sum(len(tree.ids) for tree in trees)
    alike = all(tree is trees[0] for tree in trees)
    some = trees[:1] if alike else trees
    width = max(len(tree.ids) for tree in some)
    ids = torch.zeros((len(some), width), dtype=torch.long)
    offsets = torch.zeros_like(ids)
    visible = torch.zeros((len(some), width, width), dtype=torch.bool)
    for row, tree in enumerate(some):
        t = len(tree.ids)
        ids[row, :t], offsets[row, :t], visible[row, :t, :t] = tree.ids, tree.offsets, tree.visible
    return batch.aside(ids.to(device).expand(len(trees), -1), offsets.to(device), visible.to(device))


@torch.inference_mode()  # type: ignore[untyped-decorator]
def check_tree(model: Model) -> None:
    """Read two branches side by side and one after the other, and refuse a model that tells the two apart.

    Positions that follow from a token's index, and not from what the model is told, would give wrong answers silently.

    Raises:
        ModelError: names the mend.
    """
    mend = 'use mode = "chained", or a model that is told positions (Llama, Qwen, Mistral, Gemma, GPT-2, ...)'
    if model.alone:
        raise ModelError("counts how far tokens stand apart by itself", where="mode independent", mend=mend)
    rows = model.head.weight.shape[0]
    trunk, first, second = ([(start + 7 * k) % rows for k in range(6)] for start in (1, 2, 3))
    t = len(first) + len(second)
    visible = torch.zeros((1, t, t), dtype=torch.bool, device=model.device)
    visible[:, :6, :6] = visible[:, 6:, 6:] = torch.ones((6, 6), dtype=torch.bool).tril()
    batch = Batch(model, 1)
    batch.feed([tuple(trunk)])
    try:
        branches = torch.tensor([first + second], device=model.device)
        offsets = torch.arange(t, device=model.device)[None] % 6
        found = model.head.full(batch.aside(branches, offsets, visible)[0, [5, 11]])
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError) as err:
        mend = 'use mode = "chained"'
        raise ModelError(f"cannot read a tree of questions: {err}", where="mode independent", mend=mend) from err
    whole = Batch(model, 2)
    expected = model.head.full(whole.feed([(*trunk, *first), (*trunk, *second)])[:, -1])
    tolerance = 1e-4 if model.network.dtype == torch.float32 else 0.1
    if (found - expected).abs().max() > tolerance * expected.abs().max().clamp(min=1.0):
        raise ModelError("gives other logits for questions side by side", where="mode independent", mend=mend)
