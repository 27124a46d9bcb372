"""Populations whose laws are known exactly, and panels of respondents drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simframe.inference import Panel

Floats = NDArray[np.float64]

WEIGHTS = np.array([0.4, 1.0, 2.4])
SHARES = np.array([0.4, 0.4, 0.2])
LEANS = np.array([1.0, 0.8, -1.0])
"""Weight classes: their weights, how often they are drawn, and how their answers lean. Weighted leans sum to nought,
so weighted shares are the population's, and unweighted ones are not."""
LEAN = 0.6
CLUSTER = 5
DESIGNS = ("plain", "weighted", "clustered")


@dataclass(frozen=True)
class Block:
    """Items answered together: ``law`` has a first axis of groups (one, where answers do not depend on them), then one
    axis an item. ``values`` are the numbers of the codes of each item, ``missing`` the share that gives no answer."""

    items: tuple[str, ...]
    law: Floats
    codes: tuple[tuple[str, ...], ...]
    values: tuple[tuple[float, ...], ...]
    missing: float = 0.0


def tilted(law: Floats, lean: float) -> Floats:
    """Return the law of those who lean one way: mean over leans of mean nought, it is ``law`` again."""
    flat = law.reshape(len(law), -1)
    score = np.linspace(-1, 1, flat.shape[1])
    score = score - (flat * score).sum(axis=1, keepdims=True)
    return flat * (1 + LEAN * lean * score / np.abs(score).max(axis=1, keepdims=True))


def draw_block(
    rng: np.random.Generator, block: Block, group: NDArray[np.int64], lean: Floats
) -> list[NDArray[np.int64]]:
    """Draw the answers of everybody: for every item the place of the code of each respondent."""
    cell = np.empty(len(lean), dtype=np.int64)
    groups = group if len(block.law) > 1 else np.zeros_like(group)
    chance = rng.random(len(lean))
    for each, way in product(np.unique(groups), np.unique(lean)):
        who = (groups == each) & (lean == way)
        reach = np.cumsum(tilted(block.law, way)[each])
        cell[who] = np.searchsorted(reach / reach[-1], chance[who], side="right")
    return list(np.unravel_index(cell, block.law.shape[1:]))


def draw_people(
    rng: np.random.Generator, n: int, design: str, *, human: bool
) -> tuple[Floats, Floats, list[str] | None]:
    """Draw weights, leans and clusters of ``n`` respondents; only people come in clusters, who lean alike."""
    if design == "weighted":
        kind = rng.choice(3, n, p=SHARES)
        return WEIGHTS[kind], LEANS[kind], None
    if design == "clustered":
        cluster = np.arange(n) // CLUSTER if human else np.arange(n)
        lean = rng.choice([-1.0, 1.0], cluster[-1] + 1)[cluster]
        return np.ones(n), lean, [f"c{k}" for k in cluster] if human else None
    return np.ones(n), np.zeros(n), None


def respondents(
    panel_id: str, weight: Floats, cluster: Sequence[str] | None = None, twins: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return the table of respondents, in order."""
    n = len(weight)
    text = {"respondent_id": [f"{panel_id}{k:05d}" for k in range(n)], "twin_of": twins, "cluster": cluster}
    columns = [pl.Series(name, [None] * n if given is None else given, dtype=pl.String) for name, given in text.items()]
    empty = [pl.Series(name, [None] * n, dtype=pl.String) for name in ("split", "stratum")]
    return pl.DataFrame([*columns, *empty, pl.Series("weight", weight)])


def answers(
    ids: pl.Series, item_id: str, codes: Sequence[str | None] | NDArray[np.object_], values: Floats
) -> pl.DataFrame:
    """Return the rows of one item; a NaN value is no answer."""
    frame = pl.DataFrame(
        {
            "respondent_id": ids,
            "item_id": pl.repeat(item_id, len(ids), eager=True, dtype=pl.String),
            "code": pl.Series(codes, dtype=pl.String),
            "value": pl.Series(values, dtype=pl.Float64),
        }
    )
    gone = frame["value"].is_nan()
    return frame.with_columns(code=pl.when(~gone).then("code"), value=pl.when(~gone).then("value"), missing=gone)


def draw_panel(
    rng: np.random.Generator,
    blocks: Sequence[Block],
    n: int,
    design: str,
    *,
    human: bool,
    attribute: tuple[str, tuple[str, ...], Floats] | None = None,
) -> Panel:
    """Draw a panel; ``attribute`` is the item of the groups, its codes, and how often each is drawn."""
    name = "h" if human else "s"
    weight, lean, cluster = draw_people(rng, n, design, human=human)
    people = respondents(name, weight, cluster)
    ids, group = people["respondent_id"], np.zeros(n, dtype=np.int64)
    parts = []
    if attribute is not None:
        item_id, levels, shares = attribute
        group = rng.choice(len(levels), n, p=shares)
        parts.append(answers(ids, item_id, np.array(levels, dtype=object)[group], group + 1.0))
    for block in blocks:
        gone = rng.random(n) < block.missing
        places = draw_block(rng, block, group, lean)
        for item_id, codes, values, place in zip(block.items, block.codes, block.values, places, strict=True):
            number = np.where(gone, np.nan, np.array(values)[place])
            parts.append(answers(ids, item_id, np.array(codes, dtype=object)[place], number))
    return Panel(name, "human" if human else "simulated", people, pl.concat(parts))
