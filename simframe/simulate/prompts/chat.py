"""The turns of a tokenizer's chat template, read off by rendering words that stand for what will be said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError
from simframe.simulate.prompts.numbers import decimals_of
from simframe.simulate.prompts.template import Chat

if TYPE_CHECKING:
    from simframe.simulate.prompts.question import Question
    from simframe.simulate.prompts.script import Script
    from simframe.simulate.prompts.template import Template

SAID = ("qzsystemqz", "qzaskedoneqz", "qztoldoneqz", "qzaskedtwoqz", "qztoldtwoqz", "qzaskedthreeqz")
"""Words that no chat template holds or alters, for a system turn, three questions and two answers."""
DAY = "26 Jul 2024"
"""What templates that tell the date are told: a prompt is the same on every day."""
NO_CHAT = "set chat = false to show the text alone, or use a model with another chat template"


def has_chat(tokenizer: Any) -> bool:
    """Whether a tokenizer has a chat template."""
    return bool(getattr(tokenizer, "chat_template", None))


def read_chat(tokenizer: Any) -> Chat:
    """Return the turns of a tokenizer's chat template; without a system role the persona begins the first question.

    Raises:
        ModelError: where it has none, or one whose earlier turns change as a conversation goes on.
    """
    if not has_chat(tokenizer):
        raise ModelError(
            "the tokenizer has no chat template", mend="set chat = false, or use an instruction-tuned model"
        )
    try:
        return _read(tokenizer, system=True)
    except ModelError as with_system:
        try:
            return _read(tokenizer, system=False)
        except ModelError as err:
            message = f"{err.message}; with a system turn: {with_system.message}"
            raise ModelError(message, where=err.where, mend=err.mend) from err


def _read(tokenizer: Any, *, system: bool) -> Chat:
    said = SAID if system else SAID[1:]
    roles = ["system", "user", "assistant", "user", "assistant", "user"][-len(said) :]
    turns = [{"role": role, "content": word} for role, word in zip(roles, said, strict=True)]
    whole = render(tokenizer, turns)
    pieces, rest = [], whole
    for word in said:
        before, found, rest = rest.partition(word)
        if not found or word in rest:
            raise _unusable(
                f"it says {word!r} {'not at all' if not found else 'twice'}, of a conversation of six turns"
            )
        pieces.append(before)
    before, *between = pieces
    first = between.pop(0) if system else "\n"
    ask, onward = between[0], between[1]
    chat = Chat(system, before, first, ask, onward)
    if between[2:] != [ask, onward] or rest.rstrip(" ") != ask.rstrip(" "):
        raise _unusable("its turns are not alike")
    for turn in range(len(turns), 0, -2):
        if render(tokenizer, turns[:turn]).rstrip(" ") != _conversation(chat, turns[:turn]).rstrip(" "):
            raise _unusable("it writes earlier turns anew as a conversation goes on")
    return chat


def render(tokenizer: Any, turns: list[dict[str, str]]) -> str:
    """Return a conversation as its chat template writes it, up to where the model answers.

    Raises:
        ModelError: where the template refuses it.
    """
    try:
        text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, date_string=DAY)
    except Exception as err:  # jinja's own errors, and whatever a template makes of what it is given
        told = str(err).strip().splitlines()
        raise _unusable(f"it refuses the conversation ({told[0] if told else type(err).__name__})") from err
    return text


def _unusable(why: str) -> ModelError:
    return ModelError(f"the chat template cannot be used turn by turn: {why}", where="chat template", mend=NO_CHAT)


def check_script(script: Script) -> None:
    """Hold a script's tokens against those of a whole conversation, as the chat template writes it.

    Raises:
        ModelError: where the template alters what is said, or tokens join across turns.
    """
    chat, codec, template = script.template.chat, script.codec, script.template
    assert chat is not None
    persona = [(text, ids) for text, ids in _sample_persona(script) if not codec.spells_control(text)]
    told = template.render_opening(script.study)
    told = (told.rstrip() + "\n" if told.strip() else "") + "".join(text for text, _ in persona)
    told += template.instruction.strip()
    ids = [*script.opening, *script.prefix(own for _, own in persona)]
    turns = [{"role": "system", "content": told}] if chat.system else []
    pending = "" if chat.system else told + chat.first + " " * (len(chat.next) - len(chat.next.rstrip(" ")))
    for question in script.questions:
        asked, label = template.render_cue(question.item).strip(), _first_label(question, template)
        if label and not codec.spells_control(asked + label):
            turns += [{"role": "user", "content": pending + asked}, {"role": "assistant", "content": label}]
            ids += [*question.cue, *question.answers[0]]
            pending = ""
    if codec.spells_control(told) or turns[-1]["role"] != "assistant":
        return  # as data, such a text has other tokens than as a control token
    turns.pop()
    expected, whole = (text.rstrip(" ") for text in (_conversation(chat, turns), render(codec.tokenizer, turns)))
    if whole != expected:
        at = next((i for i, (a, b) in enumerate(zip(whole, expected, strict=False)) if a != b), len(whole))
        raise _unusable(f"it alters what is said, at {expected[max(0, at - 20) : at + 20]!r}")
    real = codec.raw(whole)
    if tuple(ids[: len(real)]) != real:
        at = next((i for i, (a, b) in enumerate(zip(ids, real, strict=False)) if a != b), min(len(ids), len(real)))
        raise _unusable(f"tokens join across turns, after {codec.decode(real[max(0, at - 8) : at])!r}")


def _first_label(question: Question, template: Template) -> str:
    item = question.item
    if question.numbers is not None:
        return template.render_value(item, question.numbers[0], decimals_of(item)).strip()
    return "" if question.stop is not None else template.render_answers(item)[0].strip()


def _conversation(chat: Chat, turns: list[dict[str, str]]) -> str:
    """Return a conversation as the turns read off its template write it."""
    text = chat.before
    after = {"system": chat.first, "user": chat.ask, "assistant": chat.next}
    return text + "".join(turn["content"] + after[turn["role"]] for turn in turns)


def _sample_persona(script: Script) -> list[tuple[str, tuple[int, ...]]]:
    """Return a persona that somebody might have: each field as text and in tokens."""
    found = []
    for item in script.template.shown(script.study):
        codes: list[str | None] = [option.code for option in item.valid_options]
        for code in codes or [None]:
            value = None if item.valid_options else (item.range or (1.0, 1.0))[0]
            text = script.template.render_field(item, code, value)
            if text.strip():
                found.append((text.rstrip() + "\n", script.field(item, code, value)))
                break
    return found
