"""What an endpoint's answer says of a question's options. Pure functions of the protocol's JSON."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simframe.simulate.engines.endpoint.client import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Sequence

SLACK = 1e-3
"""By how much rounded probabilities may sum to more than one."""


@dataclass(frozen=True)
class Seen:
    """What the most likely first tokens say of the options."""

    options: np.ndarray
    """Probability of each option under the full vocabulary, 0 where it is not among the tokens shown; (options,)."""
    shared: float
    """Probability of tokens that begin several options, so tell none."""
    bound: float
    """The most that all options not shown can have together."""


@dataclass(frozen=True)
class Choice:
    """One generated answer."""

    text: str
    refused: bool
    """Whether the server, or the model in the protocol's own field, declined to answer."""
    tokens: dict[str, float] | None
    """Log probability of the most likely first tokens, by their text; None where none are told."""


def choices(content: Any) -> list[Choice]:
    """Return the answers that a response of either kind (chat, completions) holds.

    Raises:
        UnreadableError: where it holds none, or what it holds is not what the protocol says.
    """
    try:
        listed = content["choices"]
        found = [_choice(each) for each in listed]
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as err:
        raise UnreadableError("an answer without the protocol's choices") from err
    if not found:
        raise UnreadableError("an answer with an empty list of choices")
    return found


def _choice(raw: Any) -> Choice:
    message = raw.get("message")
    if message is None:
        text, refusal = raw["text"], None
    else:
        text, refusal = message.get("content"), message.get("refusal")
    if not isinstance(text, str | None) or not isinstance(refusal, str | None):
        raise UnreadableError("an answer whose text is no text")
    refused = refusal is not None or raw.get("finish_reason") == "content_filter"
    return Choice(text or refusal or "", refused, _first_tokens(raw.get("logprobs")))


def _first_tokens(logprobs: Any) -> dict[str, float] | None:
    if not logprobs:
        return None
    pairs: list[tuple[Any, Any]]
    if logprobs.get("content"):  # chat
        first = logprobs["content"][0]
        listed = [*(first.get("top_logprobs") or []), first]
        pairs = [(each["token"], each["logprob"]) for each in listed] if first.get("top_logprobs") else []
    elif logprobs.get("top_logprobs"):  # completions
        pairs = list((logprobs["top_logprobs"][0] or {}).items())
    else:
        pairs = []
    found: dict[str, float] = {}
    for token, logprob in pairs:
        try:
            value = float(logprob) if isinstance(token, str) and isinstance(logprob, int | float) else math.nan
        except OverflowError:  # JSON's whole numbers have no end
            value = math.nan
        if math.isnan(value):
            raise UnreadableError(f"a log probability of {repr(logprob)[:40]} for {repr(token)[:40]}")
        found[token] = value
    if sum(math.exp(min(value, 1.0)) for value in found.values()) > 1 + SLACK:
        raise UnreadableError("log probabilities that sum to more than one")
    return found or None


def see(tokens: dict[str, float], labels: Sequence[str]) -> Seen:
    """Return what the most likely first tokens say of the options.

    A token is an option's where it is its label, as a model that was scored exactly would write it. Where some label
    is shown with other space around it alone, space is not heeded. The beginning of one label alone is that label's.

    Args:
        tokens: log probability by text.
        labels: what stands for each option, as the model would write it.
    """
    bare = [label.strip() for label in labels]
    exact, loose, shared = np.zeros(len(labels)), np.zeros(len(labels)), 0.0
    for token, logprob in tokens.items():
        p, text = math.exp(logprob), token.strip()
        if text in bare:
            place = bare.index(text)
            loose[place] += p
            if token == labels[place]:
                exact[place] += p
        elif text:
            begun = [place for place, label in enumerate(bare) if label.startswith(text)]
            if len(begun) == 1:
                loose[begun[0]] += p
                exact[begun[0]] += p
            elif begun:
                shared += p
    options = exact if ((exact > 0) == (loose > 0)).all() else loose
    shown = [math.exp(value) for value in tokens.values()]
    absent = int((options == 0).sum())
    bound = min(absent * min(shown), max(0.0, 1.0 - sum(shown))) if absent else 0.0
    return Seen(options, shared, bound)


def tell(labels: Sequence[str]) -> bool:
    """Return whether a first token can tell the options apart: no label begins another."""
    bare = [label.strip() for label in labels]
    return all(bare) and not any(a != b and b.startswith(a) for a in bare for b in bare) and len(set(bare)) == len(bare)


def recognise(text: str, labels: Sequence[str], meanings: Sequence[str]) -> int | None:
    """Return the place of the option that a generated answer names; None where it names none.

    It may be the label alone, the label and a full stop, bracket or colon, or the option in its own words.
    """
    line = [*text.strip().lstrip("([\"'*").splitlines(), ""][0].strip()
    for place, label in enumerate(labels):
        if re.match(rf"{re.escape(label.strip())}(?:$|[.):\]\"'*,;]|\s*$)", line):
            return place
    plain = _plain(line)
    named = [place for place, meaning in enumerate(meanings) if plain and plain == _plain(meaning)]
    return named[0] if len(named) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def sharpen(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at another temperature, summing to one; what is 0 stays 0."""
    logs = np.full(probabilities.shape, -np.inf)
    np.log(probabilities, where=probabilities > 0, out=logs)
    weights = np.exp((logs - logs.max()) / temperature)
    scaled: np.ndarray = weights / weights.sum()
    return scaled
