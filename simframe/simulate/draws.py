"""Uniform draws that belong to a respondent and an item, never to a row, a batch or a process."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def uniforms(
    seed: int, respondent_ids: Sequence[str], item_ids: Sequence[str], replicate: int = 0, purpose: str = ""
) -> np.ndarray:
    """Return one uniform in [0, 1) a respondent and item.

    Philox 4x64 (Salmon et al. 2011) is a function of key and counter. The key is the SHA-256 of (seed, respondent,
    replicate), the counter the SHA-256 of the item's id: the same pair gives the same draw whoever else is simulated,
    whatever else is asked, in whatever order.

    Args:
        seed: the run's.
        respondent_ids: who draws.
        item_ids: what for.
        replicate: further draws for the same respondents.
        purpose: what is drawn where it is no answer, an order for instance: another purpose is another key.

    Returns:
        float64 of shape (respondents, items).
    """
    named = [purpose] if purpose else []
    counters = [_words(item_id)[:4] for item_id in item_ids]
    philox = np.random.Philox(key=0)
    # Setting the state of one generator costs a quarter of building one a draw.
    state = philox.state
    raw = np.empty((len(respondent_ids), len(item_ids)), dtype=np.uint64)
    for row, respondent_id in enumerate(respondent_ids):
        state["state"]["key"][:] = _words(json.dumps([seed, respondent_id, replicate, *named]))[:2]
        for column, counter in enumerate(counters):
            state["state"]["counter"][:] = counter
            state["buffer_pos"] = 4
            philox.state = state
            raw[row, column] = philox.random_raw()
    uniform: np.ndarray = np.ldexp((raw >> np.uint64(11)).astype(np.float64), -53)
    return uniform


def _words(text: str) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u8")


def choose(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return the option each respondent draws, by the inverse of the cumulative distribution.

    Args:
        probabilities: shape (respondents, options); rows need not sum to one exactly.
        uniform: shape (respondents,), in [0, 1).
    """
    cumulative = np.cumsum(probabilities, axis=1, dtype=np.float64)
    below = cumulative <= (uniform * cumulative[:, -1])[:, None]
    chosen: np.ndarray = np.minimum(below.sum(axis=1), probabilities.shape[1] - 1)
    return chosen


def descend(probabilities: np.ndarray, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the option each draw falls on, and the draw's place within that option's part, again in [0, 1).

    One draw so serves a whole way down a tree: the leaf it ends at is that of the inverse of the cumulative
    distribution over all leaves, in the tree's order.
    """
    chosen = choose(probabilities, uniform)
    each = np.arange(len(uniform))
    upper = np.cumsum(probabilities, axis=1)
    part = probabilities[each, chosen]
    within = (uniform * upper[:, -1] - (upper[each, chosen] - part)) / np.where(part > 0, part, 1.0)
    return chosen, np.clip(within, 0.0, np.nextafter(1.0, 0.0))


def balanced(order: Sequence[int], k: int) -> list[tuple[int, ...]]:
    """Return ``k`` orders, the given one first: cyclic shifts, evenly apart.

    With as many orders as options each option stands once at each place. No more are there than options.
    """
    n = len(order)
    shifts = [round(index * n / min(k, n)) for index in range(min(k, n))]
    return [(*order[shift:], *order[:shift]) for shift in shifts]
