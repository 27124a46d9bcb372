"""From text to tokens: a tokenizer that reads data as data, and only a chat template's own turns as control."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from simframe.errors import ModelError

Tokens = tuple[int, ...]


class Turn(str):
    """Text of a chat template, in which control tokens are control tokens. All other text is data."""

    __slots__ = ()


Spans = str | Sequence[str]
"""Text, or pieces of text in order, some of them :class:`Turn`."""


class _Run(NamedTuple):
    """Ordinary text between control tokens, and the one right before it: some tokenizers treat a beginning apart."""

    before: str
    text: str


class Codec:
    """A tokenizer that reads data as data: a control token spelled out in a label stays ordinary text."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder
        self.control: dict[str, int] = {token.content: index for index, token in added.items() if _is_control(token)}
        spelled = "|".join(re.escape(text) for text in sorted(self.control, key=len, reverse=True))
        self._spelled = re.compile(f"({spelled})" if spelled else "((?!))")
        probe = self._ids("a")
        whole = tuple(tokenizer("a", add_special_tokens=True)["input_ids"])
        start = next((i for i in range(len(whole)) if whole[i : i + len(probe)] == probe), 0)
        self.begin: Tokens = whole[:start]
        """What the tokenizer puts before every text: a beginning-of-text token, or nothing."""

    def _ids(self, text: str) -> Tokens:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def raw(self, text: str) -> Tokens:
        """Return the tokens of a text in which control tokens are control tokens."""
        return self._ids(text)

    def spells_control(self, text: str) -> bool:
        """Whether a text spells a control token."""
        return self._spelled.search(text) is not None

    def decode(self, ids: Sequence[int]) -> str:
        """Return tokens as text, control tokens and all."""
        text: str = self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text

    def encode(self, text: Spans) -> Tokens:
        """Return the tokens of a text in which nothing but what a :class:`Turn` says is a control token.

        Raises:
            ModelError: where the tokenizer has no token for a part of it.
        """
        return self.encode_all([text])[0]

    def encode_all(self, texts: Sequence[Spans]) -> list[Tokens]:
        """Return the tokens of many texts, tokenised in one go."""
        cut = [self._cut(text) for text in texts]
        known = self._tokenise(sorted({part for parts in cut for part in parts if isinstance(part, _Run)}))
        return [
            tuple(token for part in parts for token in (known[part] if isinstance(part, _Run) else (part,)))
            for parts in cut
        ]

    def _cut(self, text: Spans) -> list[_Run | int]:
        """Part a text into control tokens, by id, and runs of ordinary text."""
        parts: list[_Run | int] = []
        before = open_run = ""

        def close() -> None:
            nonlocal before, open_run
            if open_run:
                parts.append(_Run(before, open_run))
            before = open_run = ""

        for span in [text] if isinstance(text, str) else text:
            pieces = self._spelled.split(span)
            for place, piece in enumerate(pieces):
                if place % 2 == 0:
                    open_run += piece
                elif isinstance(span, Turn):
                    close()
                    parts.append(self.control[piece])
                    before = piece
                else:
                    # A control token cut after its first character is no longer one; its characters all remain.
                    open_run += piece[0]
                    close()
                    open_run = piece[1:]
        close()
        return parts

    def _tokenise(self, runs: Sequence[_Run]) -> dict[_Run, Tokens]:
        if not runs:
            return {}
        texts = [run.before + run.text for run in runs]
        listed = self.tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
        found = {}
        for run, ids in zip(runs, listed, strict=True):
            own = tuple(ids[1:] if run.before and ids[:1] == [self.control[run.before]] else ids)
            if (run.before and len(own) == len(ids)) or self._control_ids.intersection(own):
                mend = "spell the text with characters and item ids that the model's tokenizer knows"
                raise ModelError(f"the tokenizer has no ordinary tokens for {run.text!r}", mend=mend)
            found[run] = own
        return found

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        return frozenset(self.control.values())

    def after(self, anchor: Spans, text: Spans) -> Tokens:
        """Return the tokens that ``text`` adds to ``anchor``.

        Raises:
            ModelError: where the two flow into one token, so that ``text`` has no tokens of its own.
        """
        return self.after_all(anchor, [text])[0]

    def after_all(self, anchor: Spans, texts: Sequence[Spans]) -> list[Tokens]:
        """Return the tokens that each text adds to ``anchor``."""
        before = [anchor] if isinstance(anchor, str) else list(anchor)
        spans = [[text] if isinstance(text, str) else list(text) for text in texts]
        head, found = self.encode(before), []
        for text, whole in zip(spans, self.encode_all([[*before, *text] for text in spans]), strict=True):
            if whole[: len(head)] != head:
                mend = "change the template so that the part begins at a token boundary, or use another tokenizer"
                message = f"tokenises differently after {before[-1][-40:]!r} than alone: {joined(text)!r}"
                raise ModelError(message, mend=mend)
            found.append(whole[len(head) :])
        return found

    def stops(self, end: str) -> frozenset[int]:
        """Return the tokens that end an answer in words: control tokens, and all that hold what follows an answer."""
        told = end.strip(" ")
        if not told:
            return self._control_ids
        ids = range(len(self.tokenizer))
        texts = self.tokenizer.batch_decode([[index] for index in ids], clean_up_tokenization_spaces=False)
        return self._control_ids | {index for index, text in zip(ids, texts, strict=True) if told in text}


def _is_control(token: Any) -> bool:
    return token.special or (len(token.content) > 2 and token.content[0] + token.content[-1] in ("<>", "[]"))


def joined(parts: Iterable[str]) -> str:
    """Return spans as one text."""
    return "".join(parts)
