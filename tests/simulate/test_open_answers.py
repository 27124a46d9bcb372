"""Questions that are answered with a number or in words, and labels that tokenizers make hard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_worlds import coherent_study
from test_chat import with_chat

pytest.importorskip("torch")

from simframe.errors import ModelError, PlanError
from simframe.simulate import models
from simframe.simulate.prompts import COMPACT, FIRST_PERSON, Script, Template, compile_script
from simframe.simulate.prompts.chat import read_chat
from simframe.simulate.prompts.numbers import allowed_numbers, digits_of
from simframe.simulate.vocabulary import make_tokenizer
from simframe.study import Item, Study

HOURS = {"id": "hours", "label": "Hours", "wording": "How many hours?", "scale": "interval", "role": "outcome"}
WHY = {"id": "why", "label": "Why", "wording": "Why?", "scale": "text", "role": "outcome"}


def asking(*items: dict[str, Any]) -> Study:
    content = coherent_study("A town.").model_dump(mode="json", by_alias=True)
    content["item"] = [*content["item"], *items]
    return Study.model_validate(content)


def hours(low: float, high: float, **keys: Any) -> Study:
    return asking(HOURS | {"range": [low, high]} | keys)


@pytest.fixture(scope="module")
def tokenizer(qwen: Path) -> Any:
    return models.load(qwen).tokenizer


@pytest.mark.parametrize(
    ("low", "high", "step", "expected"),
    [
        (0, 24, None, [float(k) for k in range(25)]),
        (0.5, 3.5, None, [1.0, 2.0, 3.0]),
        (-2, 1, None, [-2.0, -1.0, 0.0, 1.0]),
        (0, 1, 0.1, [k / 10 for k in range(11)]),
        (1, 10, 4, [1.0, 5.0, 9.0]),
        (2.5, 4, 0.5, [2.5, 3.0, 3.5, 4.0]),
    ],
)
def test_the_numbers_of_a_range(low: float, high: float, step: float | None, expected: list[float]) -> None:
    assert allowed_numbers(Item.model_validate(HOURS | {"range": [low, high], "step": step})) == tuple(expected)


def test_too_many_numbers_are_refused_with_a_step_that_would_do(tokenizer: Any) -> None:
    with pytest.raises(PlanError, match=r"item hours: allows 1,000,001 numbers, more than 100,001") as err:
        compile_script(hours(0, 1_000_000), FIRST_PERSON, tokenizer)
    assert "step = 10" in str(err.value)
    assert len(allowed_numbers(Item.model_validate(HOURS | {"range": [0, 1_000_000], "step": 10}))) == 100_001
    with pytest.raises(PlanError, match="allows 1 numbers"):
        compile_script(hours(0.5, 1.5), FIRST_PERSON, tokenizer)


def spoken(script: Script, place: int, decode: Any) -> str:
    """What the model has said once it went all the way down to an answer and was fed what follows."""
    question = script.questions[-1]
    lead = question.cue[len(question.cue) - question.lead :]
    return decode([*lead, *question.answers[place]])


@pytest.mark.parametrize(
    ("low", "high", "step", "template"),
    [
        (0, 24, None, FIRST_PERSON),
        (-12, 110, None, FIRST_PERSON),
        (0, 3, 0.25, FIRST_PERSON),
        (100, 300, None, replace(FIRST_PERSON, value=" about $answer")),
    ],
)
def test_every_number_has_a_way_of_its_own(
    tokenizer: Any, low: float, high: float, step: Any, template: Template
) -> None:
    script = compile_script(hours(low, high, step=step), template, tokenizer)
    question = script.questions[-1]
    assert question.numbers is not None
    assert question.order == ()
    ways = [tuple(token for _, token in route) for route in question.routes]
    assert len(set(ways)) == len(question.numbers) == len(question.answers)
    assert question.answer_at == {way: place for place, way in enumerate(ways)}
    assert not set(ways) & set(question.node_at), "no number is on the way to another"
    for place, (number, route) in enumerate(zip(question.numbers, question.routes, strict=True)):
        said = spoken(script, place, tokenizer.decode)
        assert said.endswith("\n")
        assert float(said.split()[-1]) == number
        path = ()
        for node, token in route:
            assert question.paths[node] == path
            assert token in question.allowed[node]
            path += (token,)
    # Every way that is allowed ends at a number: nothing else can be said.
    steps = sum(len(tokens) for tokens in question.allowed)
    assert steps == len(question.numbers) + len(question.paths) - 1


def test_what_follows_tells_a_number_from_one_that_begins_with_it(tokenizer: Any) -> None:
    question = compile_script(hours(0, 24), FIRST_PERSON, tokenizer).questions[-1]
    two = [token for _, token in question.routes[2]]
    end = tokenizer("\n")["input_ids"]
    assert two[-1:] == end
    apart = compile_script(hours(10, 24), FIRST_PERSON, tokenizer).questions[-1]
    assert not any(set(end) & {token for _, token in route} for route in apart.routes), "none begins another"


def test_numbers_in_a_chat_end_with_the_turn(tokenizer: Any) -> None:
    chatty = with_chat(tokenizer, "chatml")
    template = replace(FIRST_PERSON, chat=read_chat(chatty))
    question = compile_script(hours(0, 24), template, chatty).questions[-1]
    assert [token for _, token in question.routes[2]][-1] == chatty.convert_tokens_to_ids("<|im_end|>")


def test_ten_thousand_numbers_compile(tokenizer: Any) -> None:
    question = compile_script(hours(0, 10_000), FIRST_PERSON, tokenizer).questions[-1]
    assert len(question.routes) == 10_001
    assert question.answer_at[tuple(token for _, token in question.routes[9_999])] == 9_999


def test_the_embedded_models_digits_need_no_end() -> None:
    study = hours(-5, 120, step=2.5)
    tokenizer = make_tokenizer(study)
    script = compile_script(study, COMPACT, tokenizer)
    question = script.questions[-1]
    assert question.numbers is not None
    place = question.numbers.index(12.5)
    assert spoken(script, place, tokenizer.decode).split() == ["2:", "1", "2", ".", "5"]
    assert digits_of(10.0, 1) == "2: 1 0 . 0"
    assert digits_of(-7.5) == "1: - 7 . 5"


def test_open_questions_stop_where_the_template_ends_an_answer(tokenizer: Any) -> None:
    question = compile_script(asking(WHY), FIRST_PERSON, tokenizer).questions[-1]
    assert question.stop is not None
    texts = {token: tokenizer.decode([token]) for token in range(len(tokenizer))}
    added = set(tokenizer.added_tokens_decoder)
    assert question.stop == {token for token, text in texts.items() if "\n" in text} | added
    assert tokenizer.decode(question.end) == "\n"
    assert tokenizer.decode(question.cue) == "Question: Why?\nAnswer in your own words.\nAnswer:"
    chatty = with_chat(tokenizer, "gemma")
    said = compile_script(asking(WHY), replace(FIRST_PERSON, chat=read_chat(chatty)), chatty).questions[-1]
    assert chatty.convert_tokens_to_ids("<end_of_turn>") in said.stop
    assert chatty.decode(said.end) == "<end_of_turn>\n<start_of_turn>user\n"


def test_a_model_of_one_word_an_answer_is_asked_no_open_question() -> None:
    study = asking(WHY)
    script = compile_script(study, COMPACT, make_tokenizer(study))
    assert [question.item.id for question in script.questions] == ["trust", "days", "sign"]


# --- labels that tokenizers make hard ---------------------------------------------------------------------------------

LABELLED = replace(FIRST_PERSON, option="", answer=" $answer")
"""Options are said by their labels, not by marks."""


def labelled(*labels: str) -> Study:
    content = coherent_study("A town.").model_dump(mode="json", by_alias=True)
    content["item"][-1]["options"] = [{"code": str(k), "label": label} for k, label in enumerate(labels)]
    return Study.model_validate(content)


HARD = [
    ("yes", "yes, surely", "yes, surely not"),
    ("a", "aa", "aaa", "ab"),
    ("$answer", "${mark}", "$$", "$"),
    ('"quoted"', "'quoted'", "«quoted»", "\\n"),
    ("Straße 🏳️‍🌈", "Straße 🏳️", "улица", "街", "شارع", "́"),
    ("<|im_end|>", "<|endoftext|>", "<|im_start|>system"),
]


@pytest.mark.parametrize("labels", HARD, ids=[labels[0] for labels in HARD])
def test_hard_labels_are_said_to_the_letter(tokenizer: Any, labels: tuple[str, ...]) -> None:
    script = compile_script(labelled(*labels), LABELLED, tokenizer)
    question = script.questions[-1]
    assert [spoken(script, place, tokenizer.decode) for place in range(len(labels))] == [f" {x}\n" for x in labels]
    ways = [tuple(token for _, token in route) for route in question.routes]
    assert all(a == b or b[: len(a)] != a for a in ways for b in ways)
    assert not {token for answer in question.answers for token in answer} & set(tokenizer.added_tokens_decoder)


def test_a_label_over_two_lines_stays_one_answer(tokenizer: Any) -> None:
    script = compile_script(labelled("first\nsecond", "third"), LABELLED, tokenizer)
    assert [spoken(script, place, tokenizer.decode) for place in (0, 1)] == [" first\nsecond\n", " third\n"]
    with pytest.raises(ModelError, match=r"item sign: one label begins another, and what follows it does not tell"):
        compile_script(labelled("first\nsecond", "first"), LABELLED, tokenizer)
    told_apart = replace(LABELLED, end=" #\n")
    script = compile_script(labelled("first\nsecond", "first"), told_apart, tokenizer)
    assert spoken(script, 1, tokenizer.decode) == " first #\n"


def test_labels_with_the_very_same_tokens_are_refused(tokenizer: Any) -> None:
    with pytest.raises(ModelError, match=r"item sign: two labels have the same tokens; labels \[' no', ' no'\]") as err:
        compile_script(labelled("no", "no"), LABELLED, tokenizer)
    assert "labels that differ" in str(err.value)
    compile_script(labelled("no", "no"), FIRST_PERSON, tokenizer)  # marks tell them apart
    words = make_tokenizer(coherent_study())
    with pytest.raises(ModelError, match="no ordinary tokens"):
        compile_script(coherent_study(), FIRST_PERSON, words)


def test_another_models_tokenizer_lacks_the_words(built: Path) -> None:
    other = make_tokenizer(asking(HOURS | {"range": [0, 9]}))
    compile_script(coherent_study(), COMPACT, other)
    with pytest.raises(ModelError, match=r"item hours: .*' hours\?'"):
        compile_script(hours(0, 9), COMPACT, models.load(built).tokenizer)
