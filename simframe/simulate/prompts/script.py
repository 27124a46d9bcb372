"""A study in the tokens of one tokenizer: questions whose answers can be scored exactly.

A respondent reads ``opening``, their persona's fields, ``bridge``, then for each question its cue and an answer.
Answers are scored as continuations of their cue, so an answer's tokens are those of ``cue + answer`` less those of
``cue``; where the tokenizer does not keep that boundary, the study cannot be scored exactly and compiling it fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError, PlanError
from simframe.simulate.prompts.codec import Codec, Tokens
from simframe.simulate.prompts.compiling import Compiler
from simframe.simulate.prompts.question import Question

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
    bridge: Tokens = ()
    """What stands between a persona and the first question: nothing but in a chat."""
    _variants: dict[tuple[int, tuple[int, ...]], Question] = field(default_factory=dict, repr=False, compare=False)

    def question(self, index: int, order: tuple[int, ...] | None = None) -> Question:
        """Return a question with its options in the order shown: ``order`` holds their places; None is as declared.

        Marks belong to places in the list shown. Where no question lists its own options, an order changes nothing.

        Raises:
            PlanError: where ``order`` does not hold each place once.
            ModelError: where the labels are unstable in this order.
        """
        declared = self.questions[index]
        if order is not None and sorted(order) != list(range(len(declared.item.valid_options))):
            mend = f"give each of the places 0 to {len(declared.item.valid_options) - 1} once"
            raise PlanError(f"{list(order)} is no order of the options", where=f"item {declared.item.id}", mend=mend)
        if order is None or order == declared.order or not self.template.reorders or not declared.order:
            return declared
        if (index, order) not in self._variants:
            self._variants[index, order] = Compiler(self.template, self.codec).reordered(declared, order)
        return self._variants[index, order]

    def check_rows(self, rows: int) -> None:
        """Refuse a network that has rows for fewer tokens than the script holds: its tokenizer is another model's.

        Raises:
            ModelError: naming the largest token.
        """
        read = [self.opening, self.bridge, *(question.cue for question in self.questions)]
        largest = max((max(ids, default=0) for ids in read), default=0)
        if largest >= rows:
            mend = "use the tokenizer that the model was saved with"
            raise ModelError(
                f"the tokenizer gives token {largest}, and the model knows {rows}", where="model", mend=mend
            )

    def longest(self, prefix: int, *, chained: bool) -> int:
        """Return the tokens of the longest prompt after so many of persona and bridge, in any order of questions."""
        most = [question.most(self.template.text_tokens) for question in self.questions]
        before = len(self.opening) + prefix
        if not chained:
            return before + max(last for last, _ in most)
        return before + sum(whole for _, whole in most) - min(whole - last for last, whole in most)

    def check_length(
        self, prefixes: Iterable[Tokens], context: int | None, *, chained: bool = True, where: str = "model"
    ) -> None:
        """Refuse respondents whose prompts a model cannot read to their end.

        Args:
            prefixes: what each reads between the opening and the first question.
            context: tokens that the model can read; None where there is no limit.
            chained: whether earlier questions and answers stand before later ones.
            where: the model's name.

        Raises:
            ModelError: naming the model, its context and the longest prompt.
        """
        check_context(self.longest(max(map(len, prefixes), default=0), chained=chained), context, where)

    def field(self, item: Item, code: str | None, value: float | None) -> Tokens:
        """Return one line of a persona in tokens."""
        text = self.template.render_field(item, code, value)
        if not text:
            return ()
        try:
            return Compiler(self.template, self.codec).field(text)
        except ModelError as err:
            raise ModelError(err.message, where=f"persona item {item.id}", mend=err.mend) from err

    def prefix(self, fields: Iterable[Tokens]) -> Tokens:
        """Return all that a respondent reads between ``opening`` and the first question: persona and bridge."""
        return tuple(token for each in fields for token in each) + self.bridge

    def personas(self, answers: pl.DataFrame, respondent_ids: Iterable[str]) -> list[tuple[Tokens, ...]]:
        """Return each respondent's persona, one tuple of tokens a field that they answered.

        Arguments and errors are those of :meth:`told`.
        """
        return [tuple(ids for _, ids in told) for told in self.told(answers, respondent_ids)]

    def told(self, answers: pl.DataFrame, respondent_ids: Iterable[str]) -> list[tuple[tuple[Item, Tokens], ...]]:
        """Return each respondent's persona, an item and its tokens for each field that they answered.

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
        return [tuple((item, ids) for item, ids in zip(shown, known.get(r, ()), strict=False) if ids) for r in wanted]

    def text(self, ids: Iterable[int]) -> str:
        """Return an answer in words from its tokens."""
        return self.codec.decode(list(ids)).strip()


def check_context(longest: int, context: int | None, where: str) -> None:
    """Refuse a prompt of more tokens than a model can read.

    Raises:
        ModelError: naming the model, its context and the longest prompt.
    """
    if context is not None and longest > context:
        mend = "use a model with a longer context, fewer shots or fields, or another prompt"
        message = f"has a context of {context:,} tokens, and the longest prompt may have {longest:,}"
        raise ModelError(message, where=where, mend=mend)


def compile_script(study: Study, template: Template, tokenizer: Any) -> Script:
    """Render a study's questions into tokens, checking that every answer can be scored exactly.

    Raises:
        PlanError: where the study asks nothing, the template names what it lacks, or a range allows too many numbers.
        ModelError: where labels are unstable under the tokenizer: names the item and its labels; where a chat template
            does not fit the tokenizer.
    """
    asked = template.asks(study)
    if not asked:
        raise PlanError("asks no closed question", where=f"study {study.id}", mend="give an item options and a role")
    codec = Codec(tokenizer)
    template.shown(study)
    compiler = Compiler(template, codec)
    questions = tuple(compiler.question(item) for item in asked)
    script = Script(study, template, codec, compiler.opening(study), questions, compiler.bridge())
    if template.chat is not None:
        from simframe.simulate.prompts.chat import check_script

        check_script(script)
    return script
