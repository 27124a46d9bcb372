"""A study in the tokens of one tokenizer: questions whose options can be scored exactly.

Answers are scored as continuations of their cue, so an option's tokens are those of ``cue + answer`` less those of
``cue``; where the tokenizer does not keep that boundary, the study cannot be scored exactly and compiling it fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError, PlanError
from simframe.simulate.prompts.codec import Codec, Tokens
from simframe.simulate.prompts.question import Question, Routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from simframe.simulate.prompts.template import Template
    from simframe.study import Item, Study


@dataclass(frozen=True)
class Script:
    """A study in the tokens of one tokenizer."""

    study: Study
    template: Template
    codec: Codec
    opening: Tokens
    """What all respondents begin with."""
    questions: tuple[Question, ...]
    """As declared."""
    _variants: dict[tuple[int, tuple[int, ...]], Question] = field(default_factory=dict, repr=False, compare=False)

    def question(self, index: int, order: tuple[int, ...] | None = None) -> Question:
        """Return a question with its options in the order shown: ``order`` holds their places; None is as declared.

        Marks belong to places in the list shown. Where the template lists no options, an order changes nothing.

        Raises:
            PlanError: where ``order`` does not hold each place once.
            ModelError: where the labels are unstable in this order.
        """
        declared = self.questions[index]
        if order is not None and sorted(order) != list(range(len(declared.item.valid_options))):
            mend = f"give each of the places 0 to {len(declared.item.valid_options) - 1} once"
            raise PlanError(f"{list(order)} is no order of the options", where=f"item {declared.item.id}", mend=mend)
        if order is None or order == declared.order or not self.template.option or not declared.order:
            return declared
        if (index, order) not in self._variants:
            self._variants[index, order] = _compiled(declared.item, self.template, self.codec, order)
        return self._variants[index, order]

    def field(self, item: Item, code: str | None, value: float | None) -> Tokens:
        """Return one line of a persona in tokens."""
        text = self.template.render_field(item, code, value)
        if not text:
            return ()
        try:
            return self.codec.after(self.template.joint, text)
        except ModelError as err:
            raise ModelError(err.message, where=f"persona item {item.id}", mend=err.mend) from err

    def personas(self, answers: pl.DataFrame, respondent_ids: Iterable[str]) -> list[tuple[Tokens, ...]]:
        """Return each respondent's persona, one tuple of tokens a field that they answered.

        Args:
            answers: long frame with respondent_id, item_id, code, value, missing.
            respondent_ids: who is wanted, in this order.

        Raises:
            PlanError: where a respondent has no persona at all.
        """
        shown = self.template.shown(self.study)
        place = {item.id: index for index, item in enumerate(shown)}
        rows = answers.filter(answers["item_id"].is_in(list(place)))
        cache: dict[tuple[str, str | None, float | None], Tokens] = {}
        known: dict[str, list[Tokens]] = {}
        columns = ("respondent_id", "item_id", "code", "value", "missing")
        for respondent_id, item_id, code, value, missing in rows.select(columns).iter_rows():
            fields = known.setdefault(respondent_id, [()] * len(shown))
            key = (item_id, code, value)
            if key not in cache:
                cache[key] = () if missing else self.field(shown[place[item_id]], code, value)
            fields[place[item_id]] = () if missing else cache[key]
        wanted = list(respondent_ids)
        lost = [r for r in wanted if r not in known] if shown else []
        if lost:
            mend = "give every simulated respondent a twin_of whose persona answers are in the panel"
            raise PlanError(f"{len(lost)} respondents have no persona answers, first {lost[0]!r}", mend=mend)
        return [tuple(field for field in known.get(r, ()) if field) for r in wanted]


def compile_script(study: Study, template: Template, tokenizer: Any) -> Script:
    """Render a study's questions into tokens, checking that every option can be scored exactly.

    Raises:
        PlanError: where the study asks nothing, or the template names what it lacks.
        ModelError: where labels are unstable under the tokenizer; names the item and its labels.
    """
    if not study.questions:
        raise PlanError("asks no closed question", where=f"study {study.id}", mend="give an item options and a role")
    codec = Codec(tokenizer)
    template.shown(study)
    opening = template.render_opening(study)
    questions = tuple(_compiled(item, template, codec) for item in study.questions)
    ids = codec.encode(opening) if opening else ()
    return Script(study, template, codec, codec.begin + ids, questions)


def _compiled(item: Item, template: Template, codec: Codec, order: tuple[int, ...] | None = None) -> Question:
    try:
        return _closed(item, template, codec, tuple(range(len(item.valid_options))) if order is None else order)
    except ModelError as err:
        labels = list(template.render_answers(item, order))
        raise ModelError(f"{err.message}; labels {labels}", where=f"item {item.id}", mend=err.mend) from err


def _closed(item: Item, template: Template, codec: Codec, order: tuple[int, ...]) -> Question:
    cue = template.render_cue(item, order)
    head = codec.after(template.joint, cue)
    marks = template.render_answers(item, order)
    anchor = template.joint + cue
    bare = [codec.after(anchor, mark) for mark in marks]
    full = [codec.after(anchor, mark + template.end) for mark in marks]
    for mark, short, long in zip(marks, bare, full, strict=True):
        if not short or long[: len(short)] != short:
            mend = "use labels that end at a token boundary, or set the template's marks to letters or numbers"
            raise ModelError(f"label {mark!r} flows into what follows it", mend=mend)
    return _question(item, head, bare, full, order)


def _question(item: Item, head: Tokens, bare: list[Tokens], full: list[Tokens], order: tuple[int, ...]) -> Question:
    """Return the trie over answers given by their tokens, alone and with what follows them."""
    common = _common(bare)
    # "1" begins "10": only what follows a label tells the two apart, so it is scored too.
    prefixed = _one_begins_another(bare)
    leaves = [tokens[: len(short) + 1] for tokens, short in zip(full, bare, strict=True)] if prefixed else bare
    leaves = [leaf[len(common) :] for leaf in leaves]
    if len(set(leaves)) < len(leaves) or _one_begins_another(leaves):
        mend = "give the template an end that the tokenizer keeps apart from its marks"
        raise ModelError("two labels have the same tokens", mend=mend)
    paths = sorted({leaf[:depth] for leaf in leaves for depth in range(len(leaf))}, key=lambda path: (len(path), path))
    routes = tuple(Routes(leaves, {path: index for index, path in enumerate(paths)}))
    answers = tuple(tokens[len(common) :] for tokens in full)
    return Question(item, head + common, len(common), answers, tuple(paths), routes, order)


def _one_begins_another(sequences: list[Tokens]) -> bool:
    """Whether one sequence is the beginning of another, different one."""
    whole = set(sequences)
    return any(tokens[:depth] in whole for tokens in whole for depth in range(len(tokens)))


def _common(sequences: list[Tokens]) -> Tokens:
    """Return what all options begin with, a space for instance: it belongs to the cue."""
    shortest = min(len(tokens) for tokens in sequences)
    length = 0
    while length < shortest - 1 and len({tokens[length] for tokens in sequences}) == 1:
        length += 1
    return sequences[0][:length]
