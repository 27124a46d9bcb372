"""What a model reads: a template as data, rendered into tokens once a study.

A respondent's prompt is ``opening, persona fields, then for each question: cue, answer``. Answers are scored as
continuations of their cue, so an option's tokens are those of ``cue + answer`` less those of ``cue``; where the
tokenizer does not keep that boundary, the study cannot be scored exactly and compiling it fails.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import cached_property
from string import Template as Placeholders
from typing import TYPE_CHECKING, Any, Literal

from simframe.errors import ModelError, PlanError, did_you_mean
from simframe.simulate.chunks import digest
from simframe.study import canonical_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from simframe.study import Item, Study

Tokens = tuple[int, ...]


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

    def render_cue(self, item: Item) -> str:
        """Return a question up to the point where its answer follows."""
        count = len(item.valid_options)
        options = "".join(
            _fill(self.option, "option", item, mark=self.mark(place, count), answer=option.label)
            for place, option in enumerate(item.valid_options)
        )
        return _fill(self.question, "question", item, options=options)

    def render_answers(self, item: Item) -> tuple[str, ...]:
        """Return the continuation that stands for each valid option."""
        count = len(item.valid_options)
        return tuple(_fill(self.answer, "answer", item, mark=self.mark(place, count)) for place in range(count))


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
