"""From a template's parts to tokens: as plain text, or as the turns of a chat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from string import Template as Placeholders
from typing import TYPE_CHECKING

from simframe.errors import ModelError
from simframe.simulate.prompts.codec import Codec, Spans, Tokens, Turn, joined
from simframe.simulate.prompts.numbers import allowed_numbers, decimals_of
from simframe.simulate.prompts.question import Question, Routes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simframe.simulate.prompts.template import Template
    from simframe.study import Item, Study


@dataclass(frozen=True)
class Compiler:
    """Turns what a template renders into tokens.

    In a chat, spaces that end a turn of the chat template belong to what is said next: they flow into its first word.
    """

    template: Template
    codec: Codec

    @cached_property
    def _turns(self) -> tuple[Turn, Turn, Turn, str, str]:
        """(to the first question, to an answer, to the next question), and what a question and an answer begin with."""
        chat = self.template.chat
        assert chat is not None
        first, ask, onward = chat.first.rstrip(" "), chat.ask.rstrip(" "), chat.next.rstrip(" ")
        return Turn(first), Turn(ask), Turn(onward), chat.next[len(onward) :], chat.ask[len(ask) :]

    def opening(self, study: Study) -> Tokens:
        """Return what all respondents begin with."""
        text = self.template.render_opening(study)
        chat = self.template.chat
        if chat is None:
            return self.codec.begin + (self.codec.encode(text) if text else ())
        return self.codec.encode([Turn(chat.before), self.said(text)])

    def said(self, text: str) -> str:
        """Return text that others follow in one turn of a chat: it ends with one line end, where tokens never join."""
        return text.rstrip() + "\n" if text.strip() else ""

    def field(self, text: str) -> Tokens:
        """Return a line of a persona."""
        return self.codec.after(self.template.joint, text if self.template.chat is None else self.said(text))

    def bridge(self) -> Tokens:
        """Return what stands between a persona and the first question."""
        if self.template.chat is None:
            return ()
        first, *_ = self._turns
        return self.codec.after("\n", [self.template.instruction.strip(), first])

    def question(self, item: Item, order: tuple[int, ...] | None = None) -> Question:
        """Return a question, its options in the order shown.

        Raises:
            PlanError: where it allows too many numbers.
            ModelError: where its labels are unstable under the tokenizer.
        """
        labels: list[str] = []
        try:
            if item.answered_with == "text":
                return self._open(item)
            if item.answered_with == "number":
                numbers = allowed_numbers(item)
                labels = [self.template.render_value(item, number, decimals_of(item)) for number in numbers]
                return self._trie(item, labels, (), numbers)
            order = tuple(range(len(item.valid_options))) if order is None else order
            labels = list(self.template.render_answers(item, order))
            return self._trie(item, labels, order, None)
        except ModelError as err:
            some = f"{labels[:10]}" + (" and more" if len(labels) > 10 else "")
            told = f"{err.message}; labels {some}" if labels else err.message
            raise ModelError(told, where=f"item {item.id}", mend=err.mend) from err

    def reordered(self, declared: Question, order: tuple[int, ...]) -> Question:
        """Return a closed question with its options in another order.

        Where marks alone are said, and the line they follow is the same, so are their tokens: they only change hands.
        There are thousands of orders, so only the cue is made anew.
        """
        if "answer" in Placeholders(self.template.answer).get_identifiers():
            return self.question(declared.item, order)
        cue, anchor, _, _ = self._cue(declared.item, order)
        before, then, _, _ = self._cue(declared.item, declared.order)
        if self._near(anchor, cue) != self._near(then, before):
            return self.question(declared.item, order)
        at = {place: seen for seen, place in enumerate(order)}
        hands = [at[place] for place in range(len(order))]
        return replace(
            declared,
            cue=cue + declared.cue[len(declared.cue) - declared.lead :],
            answers=tuple(declared.answers[seen] for seen in hands),
            routes=tuple(declared.routes[seen] for seen in hands),
            order=order,
        )

    def _cue(self, item: Item, order: tuple[int, ...]) -> tuple[Tokens, Spans, str, Spans]:
        """Return a question's cue, the text it ends with, what an answer begins with, and what follows an answer."""
        text = self.template.render_cue(item, order or None)
        if self.template.chat is None:
            return self.codec.after(self.template.joint, text), self.template.joint + text, "", self.template.end
        _, ask, onward, space, answer_space = self._turns
        said = space + text.strip()
        return self.codec.after([onward], [said, ask]), [ask], answer_space, onward

    def _labelled(self, labels: Sequence[str], begin: str) -> list[str]:
        return list(labels) if self.template.chat is None else [begin + label.strip() for label in labels]

    def _trie(
        self, item: Item, labels: Sequence[str], order: tuple[int, ...], numbers: tuple[float, ...] | None
    ) -> Question:
        cue, anchor, begin, end = self._cue(item, order)
        labels = self._labelled(labels, begin)
        if numbers is not None:
            anchor = self._near(anchor, cue)
        bare = self.codec.after_all(anchor, labels)
        full = self.codec.after_all(anchor, [[label, *_listed(end)] for label in labels])
        for label, short, long in zip(labels, bare, full, strict=True):
            if not short or long[: len(short)] != short:
                mend = "use labels that end at a token boundary, or set the template's marks to letters or numbers"
                raise ModelError(f"label {label!r} flows into what follows it", mend=mend)
        return _grown(Question(item, cue, 0, (), (), (), order, numbers), bare, full)

    def _near(self, anchor: Spans, cue: Tokens) -> Spans:
        """Return the last line of an anchor, where the tokenizer begins anew at it: what is before it never matters."""
        if self.template.chat is not None:
            return anchor
        last = "\n" + joined(_listed(anchor)).rpartition("\n")[2]
        tail = self.codec.after("\n", last[1:]) if last[1:] else ()
        return last if tail and cue[-len(tail) :] == tail else anchor

    def _open(self, item: Item) -> Question:
        cue, _, _, end = self._cue(item, ())
        listed = _listed(end)
        following = self.codec.after("a", listed)
        told = "" if self.template.chat is not None else joined(listed)
        stop = self.codec.stops(told) | set(following[:1])
        return Question(item, cue, 0, (), ((),), (), stop=stop, end=following)


def _listed(spans: Spans) -> list[str]:
    return [spans] if isinstance(spans, str) else list(spans)


def _grown(question: Question, bare: list[Tokens], full: list[Tokens]) -> Question:
    """Return a question with the trie over its answers, given by their tokens, alone and with what follows them."""
    common = _common(bare)
    # "1" begins "10": only what follows a label tells the two apart, so it is scored too.
    prefixed = _one_begins_another(bare)
    leaves = [tokens[: len(short) + 1] for tokens, short in zip(full, bare, strict=True)] if prefixed else bare
    leaves = [leaf[len(common) :] for leaf in leaves]
    if len(set(leaves)) < len(leaves):
        mend = "give the options labels that differ, or set the template's answer to $mark"
        raise ModelError("two labels have the same tokens", mend=mend)
    if _one_begins_another(leaves):
        mend = "give the template an end that no label holds, or set its answer to $mark"
        raise ModelError("one label begins another, and what follows it does not tell them apart", mend=mend)
    paths = sorted({leaf[:depth] for leaf in leaves for depth in range(len(leaf))}, key=lambda path: (len(path), path))
    ways = Routes(leaves, {path: index for index, path in enumerate(paths)})
    return replace(
        question,
        cue=question.cue + common,
        lead=len(common),
        answers=tuple(tokens[len(common) :] for tokens in full),
        paths=tuple(paths),
        routes=tuple(ways) if question.numbers is None else ways,
    )


def _one_begins_another(sequences: list[Tokens]) -> bool:
    """Whether one sequence is the beginning of another, different one."""
    whole = set(sequences)
    return any(tokens[:depth] in whole for tokens in whole for depth in range(len(tokens)))


def _common(sequences: list[Tokens]) -> Tokens:
    """Return what all answers begin with, a space for instance: it belongs to the cue."""
    shortest = min(len(tokens) for tokens in sequences)
    length = 0
    while length < shortest - 1 and len({tokens[length] for tokens in sequences}) == 1:
        length += 1
    return sequences[0][:length]
