"""A template: how a study becomes text, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from string import Template as Placeholders
from typing import TYPE_CHECKING, Any, Literal

from simframe.errors import PlanError, did_you_mean
from simframe.simulate.chunks import digest
from simframe.simulate.prompts.numbers import digits_of, part_of
from simframe.study import canonical_number

if TYPE_CHECKING:
    from simframe.study import Item, Study


@dataclass(frozen=True)
class Chat:
    """The turns of a chat template, as text with its control tokens: what stands between the things that are said."""

    system: bool
    """Whether introduction and persona have a turn of their own; else they begin the first question's."""
    before: str
    """What comes before everything."""
    first: str
    """From the persona to the first question."""
    ask: str
    """From a question to its answer."""
    next: str
    """From an answer to the next question."""


@dataclass(frozen=True)
class Template:
    """How a study becomes text. Every placeholder is filled once: what data say is never filled again.

    Placeholders: ``$introduction`` in ``opening`` and ``person``; ``$codebook``, an ``entry`` for each question, in
    ``opening``; ``$item``, ``$label``, ``$wording``, ``$unit`` everywhere else; ``$answer``, ``$place`` (from 1) in
    ``field``; ``$answer``, ``$digits`` (``43`` is ``2: 4 3``: the number of digits, then each) in ``number``, for
    persona items without options, and in ``value``, for answers in numbers; ``$part`` (where a number lies, coarsely,
    see ``part_of``) in ``number``; ``$text``, ``$answer``, ``$place`` in ``arm``; ``$options`` in ``question`` and
    ``entry``; ``$low``, ``$high`` in ``number_hint``; ``$mark`` and ``$answer`` in ``option`` and ``answer``;
    ``$answer`` in ``text``. Every part but the answers follows a ``joint``.
    """

    name: str = "first_person"
    opening: str = "$introduction\n\n"
    person: str = "A person describes themselves, then answers a survey.\n\n"
    """What comes before each persona: the respondent's, and those of the people shown as examples."""
    entry: str = ""
    """A question as it stands in the codebook of the opening, which all respondents share and is read once."""
    field: str = 'Asked "$wording", I say: $answer.\n'
    number: str = 'Asked "$wording", I say: $answer $unit.\n'
    arm: str = "$text\n"
    """A treatment, for those whose arm has a text; where empty, by its field, whatever ``fields`` says all the same."""
    question: str = "Question: $wording\n${options}Answer:"
    option: str = "$mark. $answer\n"
    number_hint: str = "Give a number from $low to $high.\n"
    """Stands for the options of an item that is answered with a number."""
    text_hint: str = "Answer in your own words.\n"
    """Stands for the options of an open question."""
    answer: str = " $mark"
    value: str = " $answer"
    text: str = " $answer"
    """An answer in words; where empty, open questions are not asked."""
    text_tokens: int = 64
    """The most tokens of an answer in words."""
    end: str = "\n"
    joint: str = "\n"
    instruction: str = (
        "Answer each question as this person would: with nothing but the mark of one option, or the number or words "
        "asked for."
    )
    """What a chat model is told after the persona; a base model is told nothing."""
    marks: Literal["letters", "numbers"] = "letters"
    fields: tuple[str, ...] | None = None
    """Persona items shown, in this order; all of them where left out."""
    shots: tuple[str, ...] = ()
    """Whole answered questionnaires of pilot people, as text: examples that stand in the opening."""
    chat: Chat | None = None
    """The turns of a chat model; None for a plain text."""

    @property
    def template_hash(self) -> str:
        """First 12 hex digits of the SHA-256 of the template's content."""
        return digest(self.content())[:12]

    def content(self) -> dict[str, Any]:
        """Return the template as JSON content, the only form that is hashed or stored."""
        whole = asdict(self)
        return {name: value for name, value in whole.items() if name not in LATER or value != LATER[name]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Template:
        """Return the template whose content this is.

        Raises:
            PlanError: where a key is none of a template's, or a value none of its key's.
        """
        if not isinstance(content, Mapping):
            mend = "give the keys of a template and their values"
            raise PlanError(f"{content!r:.60} is no template", where="template", mend=mend)
        known = [each.name for each in fields(cls)]
        for key in content:
            if key not in known:
                raise PlanError(f"a template has no key {key!r}", where="template", mend=did_you_mean(key, known))
        for key, value in content.items():
            if not _fits(key, value):
                mend = "write what the template's own file says"
                raise PlanError(f"{key}: {value!r:.60} is not allowed", where=f"template.{key}", mend=mend)
        whole = LATER | dict(content)
        for name in ("fields", "shots"):
            whole[name] = None if whole.get(name) is None else tuple(whole[name])
        return cls(**{**whole, "chat": Chat(**whole["chat"]) if isinstance(whole["chat"], Mapping) else whole["chat"]})

    def shown(self, study: Study) -> tuple[Item, ...]:
        """Return the persona items this template shows, treatments that have a text last.

        Arms are part of the experiment, not of the persona: one with a text is shown whatever ``fields`` says.

        Raises:
            PlanError: where it names one that the study lacks.
        """
        persona = {item.id: item for item in study.persona}
        for name in self.fields or ():
            if name not in persona:
                mend = did_you_mean(name, persona)
                raise PlanError(f"{name!r} is no persona item of {study.id}", where="template.fields", mend=mend)
        names = list(persona) if self.fields is None else list(dict.fromkeys(self.fields))
        treatments = [name for name, item in persona.items() if self.treats(item)]
        return tuple(persona[name] for name in [*(name for name in names if name not in treatments), *treatments])

    def treats(self, item: Item) -> bool:
        """Whether an item is an arm of a treatment that can be read."""
        return item.role == "arm" and any(option.text for option in item.options)

    def asks(self, study: Study) -> tuple[Item, ...]:
        """Return the items asked, in declared order: open questions are not where there is no ``text``."""
        return tuple(item for item in study.simulated if self.text or item.answered_with != "text")

    @property
    def codebook(self) -> bool:
        """Whether the opening holds all questions."""
        return "codebook" in Placeholders(self.opening).get_identifiers()

    @property
    def reorders(self) -> bool:
        """Whether options can be shown to each respondent in another order: they are listed where they are asked."""
        return bool(self.option) and "options" in Placeholders(self.question).get_identifiers()

    def mark(self, place: int, count: int) -> str:
        """Return what stands for the option at ``place`` (from 0) among ``count``."""
        return chr(ord("A") + place) if self.marks == "letters" and count <= 26 else str(place + 1)

    def render_opening(self, study: Study) -> str:
        """Return what all respondents read first."""
        texts = {"introduction": study.introduction}
        person = fill(self.person, "person", **texts)
        if self.codebook:
            texts["codebook"] = "".join(self._asked(self.entry, "entry", item) for item in self.asks(study))
        return (fill(self.opening, "opening", **texts) + "".join(self.shots) + person).lstrip("\n")

    def render_field(self, item: Item, code: str | None, value: float | None) -> str:
        """Return one line of a persona; empty where the respondent gave no answer that counts."""
        if item.valid_options:
            for place, option in enumerate(item.valid_options, start=1):
                if option.code == code:
                    texts = {"answer": option.label, "place": str(place)}
                    if not (self.arm and self.treats(item)):
                        return fill(self.field, "field", item, **texts)
                    return fill(self.arm, "arm", item, text=option.text, **texts) if option.text else ""
            return ""
        if value is None:
            if code is None or any(option.code == code for option in item.options):  # a special code, such as "refused"
                return ""
            return fill(self.field, "field", item, answer=code, place="")
        texts = {"answer": canonical_number(value), "digits": digits_of(value), "part": str(part_of(item, value))}
        return fill(self.number, "number", item, **texts)

    def render_cue(self, item: Item, order: Sequence[int] | None = None) -> str:
        """Return a question up to the point where its answer follows, its options in the order shown."""
        return self._asked(self.question, "question", item, order)

    def _asked(self, pattern: str, part: str, item: Item, order: Sequence[int] | None = None) -> str:
        valid = item.valid_options
        if item.answered_with == "number":
            low, high = (canonical_number(end) for end in item.range or (float("-inf"), float("inf")))
            options = fill(self.number_hint, "number_hint", item, low=low, high=high)
        elif item.answered_with == "text":
            options = fill(self.text_hint, "text_hint", item)
        else:
            options = "".join(
                fill(self.option, "option", item, mark=self.mark(at, len(valid)), answer=valid[place].label)
                for at, place in enumerate(range(len(valid)) if order is None else order)
            )
        return fill(pattern, part, item, options=options)

    def render_answers(self, item: Item, order: Sequence[int] | None = None) -> tuple[str, ...]:
        """Return the continuation that stands for each valid option, in declared order."""
        options = item.valid_options
        at = {place: seen for seen, place in enumerate(range(len(options)) if order is None else order)}
        return tuple(
            fill(self.answer, "answer", item, mark=self.mark(at[place], len(options)), answer=option.label)
            for place, option in enumerate(options)
        )

    def render_value(self, item: Item, value: float, decimals: int = 0) -> str:
        """Return the continuation that stands for a number."""
        return fill(self.value, "value", item, answer=canonical_number(value), digits=digits_of(value, decimals))

    def render_text(self, item: Item, text: str) -> str:
        """Return the continuation that an answer in words is, on one line."""
        return fill(self.text, "text", item, answer=" ".join(text.split()))


def _fits(key: str, value: Any) -> bool:
    """Return whether a value may stand under a template's key."""
    if key in ("fields", "shots"):
        listed = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        return listed or (value is None and key == "fields")
    if key == "text_tokens":
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if key == "chat":
        names = {each.name for each in fields(Chat)}
        return value is None or isinstance(value, Chat) or (isinstance(value, Mapping) and value.keys() == names)
    return value in ("letters", "numbers") if key == "marks" else isinstance(value, str)


NAMES = ("item", "label", "wording", "unit")
"""Placeholders of every part that is about one item."""
PARTS: dict[str, tuple[str, ...]] = {
    "opening": ("introduction", "codebook"),
    "person": ("introduction",),
    "entry": (*NAMES, "options"),
    "field": (*NAMES, "answer", "place"),
    "number": (*NAMES, "answer", "digits", "part"),
    "arm": (*NAMES, "text", "answer", "place"),
    "question": (*NAMES, "options"),
    "option": (*NAMES, "mark", "answer"),
    "number_hint": (*NAMES, "low", "high"),
    "text_hint": NAMES,
    "answer": (*NAMES, "mark", "answer"),
    "value": (*NAMES, "answer", "digits"),
    "text": (*NAMES, "answer"),
}
"""The parts of a template that are filled, and the placeholders that each may have."""

LATER: dict[str, Any] = {
    **dict.fromkeys(("person", "entry", "arm", "number_hint", "text_hint", "text", "instruction"), ""),
    **{"value": " $digits", "text_tokens": 64, "shots": (), "chat": None},
}
"""Keys that templates once had not, as a template without them means them: models built then keep their identity."""


def fill(pattern: str, part: str, item: Item | None = None, /, **texts: str) -> str:
    """Return a part with its placeholders filled.

    Raises:
        PlanError: naming the part, the pattern, and the placeholders it may have.
    """
    if item is not None:
        texts |= {"item": item.id, "label": item.label, "wording": item.wording or item.label, "unit": item.unit}
    try:
        filled = Placeholders(pattern).substitute(texts)
    except (KeyError, ValueError) as err:
        raise unfillable(part, pattern, str(err), "template") from err
    # A unit that an item lacks leaves a space before the full stop.
    return filled.replace(" .\n", ".\n") if part == "number" else filled


def unfillable(part: str, pattern: str, why: str, where: str) -> PlanError:
    """Return the error for a part that no item could fill."""
    mend = "placeholders: " + ", ".join(f"${name}" for name in sorted(PARTS[part])) + "; write $$ for a dollar sign"
    return PlanError(f"{pattern!r} cannot be filled ({why})", where=f"{where}.{part}", mend=mend)
