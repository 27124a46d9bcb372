"""From text to tokens: a tokenizer that reads data as data."""

from __future__ import annotations

import re
from typing import Any

from simframe.errors import ModelError

Tokens = tuple[int, ...]


class Codec:
    """A tokenizer that reads data as data: a control token spelled out in a label stays ordinary text."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder
        control = {token.content: index for index, token in added.items() if _is_control(token)}
        self._control = set(control.values())
        self._spelled = re.compile("|".join(re.escape(text) for text in sorted(control, key=len, reverse=True)) or "$^")
        probe = self._ids("a")
        whole = tuple(tokenizer("a", add_special_tokens=True)["input_ids"])
        start = next((i for i in range(len(whole)) if whole[i : i + len(probe)] == probe), 0)
        self.begin: Tokens = whole[:start]
        """What the tokenizer puts before every text: a beginning-of-text token, or nothing."""

    def _ids(self, text: str) -> Tokens:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def encode(self, text: str) -> Tokens:
        """Return the tokens of a text in which nothing is a control token.

        Raises:
            ModelError: where the tokenizer has no token for a part of it.
        """
        cuts, position = [0], 0
        # A control token cut after its first character is no longer one; its characters all remain.
        while found := self._spelled.search(text, position):
            position = found.start() + 1
            cuts.append(position)
        pieces = [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
        ids = tuple(token for piece in pieces if piece for token in self._ids(piece))
        if self._control.intersection(ids):
            mend = "spell the text with characters and item ids that the model's tokenizer knows"
            raise ModelError(f"the tokenizer has no ordinary tokens for {text!r}", mend=mend)
        return ids

    def after(self, anchor: str, text: str) -> Tokens:
        """Return the tokens that ``text`` adds to ``anchor``.

        Raises:
            ModelError: where the two flow into one token, so that ``text`` has no tokens of its own.
        """
        head, whole = self.encode(anchor), self.encode(anchor + text)
        if whole[: len(head)] != head:
            mend = "change the template so that the part begins at a token boundary, or use another tokenizer"
            raise ModelError(f"tokenises differently after {anchor[-40:]!r} than alone: {text!r}", mend=mend)
        return whole[len(head) :]


def _is_control(token: Any) -> bool:
    return token.special or (len(token.content) > 2 and token.content[0] + token.content[-1] in ("<>", "[]"))
