"""What the model reads of one respondent, part by part: as text, or as the text of its very tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from simframe.errors import PlanError
from simframe.simulate.prompts.shots import by_item, write_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from simframe.simulate.prompts.codec import Tokens
    from simframe.simulate.prompts.question import Question
    from simframe.simulate.prompts.script import Script
    from simframe.simulate.prompts.template import Template
    from simframe.study import Item, Study


@dataclass(frozen=True)
class Label:
    """One answer that a question allows: what the model may say, and the tokens that are scored for it."""

    code: str
    text: str
    tokens: Tokens


@dataclass(frozen=True)
class Part:
    """One stretch of what is read."""

    kind: str
    """opening, persona, turn (of a chat, before the first question), question, answer."""
    item_id: str
    text: str = ""
    tokens: int | None = None
    """How many; None without a tokenizer."""
    labels: tuple[Label, ...] = ()
    """Of a question in tokens, its options in the order shown."""
    note: str = ""
    blank: str = ""
    """Shown in place of an answer that was not given; no model reads it."""

    @property
    def shown(self) -> str:
        """The text, or what marks that there is none."""
        return self.text or self.blank


def show_text(
    study: Study, template: Template, answers: pl.DataFrame, sheet: Sequence[Item], orders: Any
) -> list[Part]:
    """Return what a respondent's model reads, as the template's text.

    Args:
        study: what is asked.
        template: without the turns of a chat.
        answers: one person's answers, long.
        sheet: what is asked, in the order asked.
        orders: item_id -> places of its valid options in the order shown; as declared where None or left out.
    """
    given = by_item(answers)
    found = [Part("opening", "", template.render_opening(study))]
    for item in template.shown(study):
        answer = given.get(item.id)
        if answer is not None and (text := template.render_field(item, answer["code"], answer["value"])):
            found.append(Part("persona", item.id, text))
    for item in sheet:
        order = orders.get(item.id) if template.reorders else None
        found.append(Part("question", item.id, template.render_cue(item, order), note=_order(item, order)))
        said = write_answer(template, item, given[item.id], order) if item.id in given else None
        text = "" if said is None else said + template.end
        found.append(Part("answer", item.id, text, note=_unsaid(said), blank=_blank(template, said)))
    return found


def show_tokens(script: Script, answers: pl.DataFrame, sheet: Sequence[Item], orders: Any) -> list[Part]:
    """Return what a respondent's model reads, as the text of its tokens, turns of a chat and all."""
    given = by_item(answers)
    found: list[tuple[Part, Tokens]] = [(Part("opening", ""), script.opening)]
    for item in script.template.shown(script.study):
        answer = given.get(item.id)
        if answer is not None and (ids := script.field(item, answer["code"], answer["value"])):
            found.append((Part("persona", item.id), ids))
    if script.bridge:
        found.append((Part("turn", ""), script.bridge))
    place = {question.item.id: index for index, question in enumerate(script.questions)}
    for item in sheet:
        question = script.question(place[item.id], orders.get(item.id) if item.valid_options else None)
        head = question.cue[: len(question.cue) - question.lead]
        order = question.order if question.order != tuple(range(len(question.order))) else None
        note = _order(item, order) if question.numbers is None else _numbers(question)
        found.append((Part("question", item.id, labels=_labels(script, question), note=note), head))
        ids = _answer(script, question, given.get(item.id))
        found.append((Part("answer", item.id, note=_unsaid(ids), blank=_blank(script.template, ids)), ids))
    return _decoded(script, found)


def _decoded(script: Script, parts: Sequence[tuple[Part, Tokens]]) -> list[Part]:
    """Give parts the text of their tokens, read together: many tokenizers drop the space that a text begins with."""
    found, ids, before = [], list[int](), ""
    for part, own in parts:
        ids += own
        whole = script.codec.decode(ids)
        found.append(replace(part, text=whole[len(before) :], tokens=len(own)))
        before = whole
    return found


def _labels(script: Script, question: Question) -> tuple[Label, ...]:
    options, lead = question.item.valid_options, question.cue[len(question.cue) - question.lead :]
    found = []
    for place in question.order:
        ids = (*lead, *(token for _, token in question.routes[place]))
        found.append(Label(options[place].code, script.codec.decode(ids), ids))
    return tuple(found)


def _answer(script: Script, question: Question, answer: Mapping[str, Any] | None) -> Tokens:
    """Return a person's answer in tokens, what all labels begin with included; empty where there is none."""
    lead = question.cue[len(question.cue) - question.lead :]
    if answer is None:
        return ()
    if question.stop is not None:
        return (*script.codec.encode(" " + answer["text"].strip()), *question.end) if answer["text"] else ()
    if question.numbers is not None:
        if answer["value"] is None:
            return ()
        near = min(range(len(question.numbers)), key=lambda at: abs((question.numbers or ())[at] - answer["value"]))
        return (*lead, *question.answers[near])
    codes = [option.code for option in question.item.valid_options]
    return (*lead, *question.answers[codes.index(answer["code"])]) if answer["code"] in codes else ()


def _order(item: Item, order: tuple[int, ...] | None) -> str:
    return "" if order is None else "shown: " + ", ".join(item.valid_options[place].code for place in order)


def _numbers(question: Question) -> str:
    numbers = question.numbers or ()
    return f"{len(numbers):,} numbers from {numbers[0]:g} to {numbers[-1]:g}"


def _unsaid(said: str | Tokens | None) -> str:
    return "" if said else "this person gave no answer; a simulated respondent gives one"


def _blank(template: Template, said: str | Tokens | None) -> str:
    return "" if said else f" [no answer]{template.end}"


def answers_of(responses: pl.DataFrame, respondent_id: str) -> pl.DataFrame:
    """Return one person's answers.

    Raises:
        PlanError: where there is no such person.
    """
    import polars as pl

    from simframe.errors import did_you_mean

    own = responses.filter(pl.col("respondent_id") == respondent_id)
    if own.is_empty():
        mend = did_you_mean(respondent_id, responses["respondent_id"].unique().sort().to_list())
        raise PlanError(f"no respondent {respondent_id!r} in the human panel", where="--respondent", mend=mend)
    return own
