"""A template: how a study becomes text, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template as Placeholders
from typing import TYPE_CHECKING, Any, Literal

from simframe.errors import PlanError, did_you_mean
from simframe.simulate.chunks import digest
from simframe.study import canonical_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simframe.study import Item, Study


@dataclass(frozen=True)
class Template:
    """How a study becomes text. Every placeholder is filled once: what data say is never filled again.

    Placeholders: ``$introduction`` in ``opening``; ``$item``, ``$label``, ``$wording``, ``$unit`` everywhere else;
    ``$answer``, ``$place`` (from 1) in ``field``; ``$answer``, ``$digits`` (``43`` is ``2: 4 3``: the number of digits,
    then each) in ``number``, for persona items without options; ``$options`` in ``question``; ``$mark`` and
    ``$answer`` in ``option``; ``$mark`` in ``answer``. Every part but ``answer`` follows a ``joint``.
    """

    name: str = "first_person"
    opening: str = "$introduction\n\nA person describes themselves, then answers a survey.\n\n"
    field: str = 'Asked "$wording", I say: $answer.\n'
    number: str = 'Asked "$wording", I say: $answer $unit.\n'
    question: str = "Question: $wording\n${options}Answer:"
    option: str = "$mark. $answer\n"
    answer: str = " $mark"
    end: str = "\n"
    joint: str = "\n"
    marks: Literal["letters", "numbers"] = "letters"
    fields: tuple[str, ...] | None = None
    """Persona items shown, in this order; all of them where left out."""

    @property
    def template_hash(self) -> str:
        """First 12 hex digits of the SHA-256 of the template's content."""
        return digest(asdict(self))[:12]

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Template:
        """Return the template that ``dataclasses.asdict`` wrote.

        Raises:
            PlanError: where a key is none of a template's.
        """
        known = cls.__dataclass_fields__
        for key in content:
            if key not in known:
                raise PlanError(f"a template has no key {key!r}", where="template", mend=did_you_mean(key, known))
        fields = content.get("fields")
        return cls(**{**content, "fields": None if fields is None else tuple(fields)})

    def shown(self, study: Study) -> tuple[Item, ...]:
        """Return the persona items this template shows.

        Raises:
            PlanError: where it names one that the study lacks.
        """
        persona = {item.id: item for item in study.persona}
        for name in self.fields or ():
            if name not in persona:
                mend = did_you_mean(name, persona)
                raise PlanError(f"{name!r} is no persona item of {study.id}", where="template.fields", mend=mend)
        return tuple(persona.values()) if self.fields is None else tuple(persona[name] for name in self.fields)

    def mark(self, place: int, count: int) -> str:
        """Return what stands for the option at ``place`` (from 0) among ``count``."""
        return chr(ord("A") + place) if self.marks == "letters" and count <= 26 else str(place + 1)

    def render_opening(self, study: Study) -> str:
        """Return what all respondents read first."""
        return _fill(self.opening, "opening", introduction=study.introduction).lstrip("\n")

    def render_field(self, item: Item, code: str | None, value: float | None) -> str:
        """Return one line of a persona; empty where the respondent gave no answer that counts."""
        if item.valid_options:
            for place, option in enumerate(item.valid_options, start=1):
                if option.code == code:
                    return _fill(self.field, "field", item, answer=option.label, place=str(place))
            return ""
        if value is None:
            if code is None or any(option.code == code for option in item.options):  # a special code, such as "refused"
                return ""
            return _fill(self.field, "field", item, answer=code, place="")
        number = canonical_number(value)
        digits = f"{len(number.split('.')[0].lstrip('-'))}: {' '.join(number)}"
        return _fill(self.number, "number", item, answer=number, digits=digits)

    def render_cue(self, item: Item, order: Sequence[int] | None = None) -> str:
        """Return a question up to the point where its answer follows, its options in the order shown."""
        valid = item.valid_options
        options = "".join(
            _fill(self.option, "option", item, mark=self.mark(at, len(valid)), answer=valid[place].label)
            for at, place in enumerate(range(len(valid)) if order is None else order)
        )
        return _fill(self.question, "question", item, options=options)

    def render_answers(self, item: Item, order: Sequence[int] | None = None) -> tuple[str, ...]:
        """Return the continuation that stands for each valid option, in declared order."""
        places = range(len(item.valid_options))
        at = {place: seen for seen, place in enumerate(places if order is None else order)}
        marks = (self.mark(at[place], len(places)) for place in places)
        return tuple(_fill(self.answer, "answer", item, mark=mark) for mark in marks)


COMPACT = Template(
    name="compact",
    opening="",
    field="$item.$place ",
    number="$item: $digits ",
    question="$item?",
    option="",
    answer=" $item.$mark",
    end=" ",
    joint=" ",
    marks="numbers",
)
"""One word a question and one word an answer, each of its own item: the template of the embedded model."""


def _fill(pattern: str, part: str, item: Item | None = None, **texts: str) -> str:
    if item is not None:
        texts |= {"item": item.id, "label": item.label, "wording": item.wording or item.label, "unit": item.unit}
    try:
        filled = Placeholders(pattern).substitute(texts)
    except (KeyError, ValueError) as err:
        mend = "placeholders: " + ", ".join(f"${name}" for name in sorted(texts))
        raise PlanError(f"{pattern!r} cannot be filled ({err})", where=f"template.{part}", mend=mend) from err
    # A unit that an item lacks leaves a space before the full stop.
    return filled.replace(" .\n", ".\n") if part == "number" else filled
