"""A study in the tokens of one tokenizer: questions whose options can be scored exactly.

Answers are scored as continuations of their cue, so an option's tokens are those of ``cue + answer`` less those of
``cue``; where the tokenizer does not keep that boundary, the study cannot be scored exactly and compiling it fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError, PlanError
from simframe.simulate.prompts.codec import Codec, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from simframe.simulate.prompts.template import Template
    from simframe.study import Item, Study


@dataclass(frozen=True)
class Question:
    """One closed question in tokens. Its options are leaves of a trie whose inner nodes are ``paths``."""

    item: Item
    cue: Tokens
    lead: int
    """How many of the cue's last tokens belong to the labels: all labels begin with them, a space for instance."""
    answers: tuple[Tokens, ...]
    """What is fed once an option is chosen: its answer and the template's end."""
    paths: tuple[Tokens, ...]
    """Inner nodes as tokens after the cue; the first is the empty path."""
    routes: tuple[tuple[tuple[int, int], ...], ...]
    """For each option, its way down the trie: (inner node, token)."""

    @cached_property
    def allowed(self) -> tuple[Tokens, ...]:
        """For each inner node, the tokens that lead on from it, in declared order of the options."""
        steps = [step for route in self.routes for step in route]
        return tuple(
            tuple(dict.fromkeys(token for at, token in steps if at == node)) for node in range(len(self.paths))
        )

    @cached_property
    def walks(self) -> tuple[Tokens, ...]:
        """The longest paths: one forward along each visits every inner node but the first."""
        return tuple(p for p in self.paths if p and not any(len(q) > len(p) and q[: len(p)] == p for q in self.paths))


@dataclass(frozen=True)
class Script:
    """A study in the tokens of one tokenizer."""

    study: Study
    template: Template
    codec: Codec
    opening: Tokens
    """What all respondents begin with."""
    questions: tuple[Question, ...]

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
    questions = []
    for item in study.questions:
        try:
            questions.append(_question(item, template, codec))
        except ModelError as err:
            labels = list(template.render_answers(item))
            raise ModelError(f"{err.message}; labels {labels}", where=f"item {item.id}", mend=err.mend) from err
    ids = codec.encode(opening) if opening else ()
    return Script(study, template, codec, codec.begin + ids, tuple(questions))


def _question(item: Item, template: Template, codec: Codec) -> Question:
    cue = template.render_cue(item)
    head = codec.after(template.joint, cue)
    marks = template.render_answers(item)
    anchor = template.joint + cue
    bare = [codec.after(anchor, mark) for mark in marks]
    full = [codec.after(anchor, mark + template.end) for mark in marks]
    for mark, short, long in zip(marks, bare, full, strict=True):
        if not short or long[: len(short)] != short:
            mend = "use labels that end at a token boundary, or set the template's marks to letters or numbers"
            raise ModelError(f"label {mark!r} flows into what follows it", mend=mend)
    common = _common(bare)
    prefixed = any(a != b and b[: len(a)] == a for a in bare for b in bare)
    # "1" begins "10": only what follows a label tells the two apart, so it is scored too.
    leaves = [tokens[: len(short) + 1] for tokens, short in zip(full, bare, strict=True)] if prefixed else bare
    leaves = [leaf[len(common) :] for leaf in leaves]
    if len(set(leaves)) < len(leaves) or any(a != b and b[: len(a)] == a for a in leaves for b in leaves):
        mend = "give the template an end that the tokenizer keeps apart from its marks"
        raise ModelError("two labels have the same tokens", mend=mend)
    paths = sorted({leaf[:depth] for leaf in leaves for depth in range(len(leaf))}, key=lambda path: (len(path), path))
    node = {path: index for index, path in enumerate(paths)}
    routes = tuple(tuple((node[leaf[:depth]], token) for depth, token in enumerate(leaf)) for leaf in leaves)
    answers = tuple(tokens[len(common) :] for tokens in full)
    return Question(item, head + common, len(common), answers, tuple(paths), routes)


def _common(sequences: list[Tokens]) -> Tokens:
    """Return what all options begin with, a space for instance: it belongs to the cue."""
    shortest = min(len(tokens) for tokens in sequences)
    length = 0
    while length < shortest - 1 and len({tokens[length] for tokens in sequences}) == 1:
        length += 1
    return sequences[0][:length]
