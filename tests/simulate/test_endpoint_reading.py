"""What a server's first tokens and written answers say of the options."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from endpoint_server import Brain, Served, serve
from engine_worlds import COHERENT, coherent_people, coherent_study, twins
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("httpx2")

from simframe.simulate.engines import RunSettings, run
from simframe.simulate.engines.endpoint import EndpointEngine
from simframe.simulate.engines.endpoint.dialogue import Dialogue
from simframe.simulate.engines.endpoint.reading import recognise, see, sharpen, tell
from simframe.simulate.plans.schema import Endpoint
from simframe.simulate.prompts import Template, load_template
from simframe.study import Study, parse_study


def logs(**shown: float) -> dict[str, float]:
    return {token.replace("_", " "): math.log(p) for token, p in shown.items()}


def test_labels_as_they_stand_count_alone_where_all_are_shown():
    seen = see(logs(_A=0.4, A=0.2, _B=0.1, B=0.05, the=0.2), [" A", " B"])
    np.testing.assert_allclose(seen.options, [0.4, 0.1])
    assert (seen.shared, seen.bound) == (0, 0)


def test_space_is_not_heeded_where_a_label_is_shown_with_other_space_alone():
    np.testing.assert_allclose(see(logs(_A=0.4, A=0.2, B=0.05), [" A", " B"]).options, [0.6, 0.05])


def test_the_beginning_of_one_label_is_its_and_of_several_is_shared():
    seen = see(logs(y=0.3, yes=0.2, no=0.1), [" yes", " no"])
    np.testing.assert_allclose(seen.options, [0.5, 0.1])
    seen = see(logs(trust=0.7, trustx=0.1), [" trust.1", " trust.2"])
    assert not seen.options.any()
    assert seen.shared == pytest.approx(0.7)


@given(
    shares=st.lists(st.floats(0.001, 1), min_size=30, max_size=30),
    options=st.integers(2, 12),
    top=st.integers(1, 20),
)
def test_what_is_not_shown_is_at_most_its_bound(shares: list[float], options: int, top: int):
    """Whatever the distribution, however few tokens are told."""
    p = np.array(shares) / np.sum(shares)
    words = [f" {chr(65 + k)}" if k < options else f"word{k}" for k in range(30)]
    shown = sorted(range(30), key=lambda k: -p[k])[:top]
    seen = see({words[k]: math.log(p[k]) for k in shown}, words[:options])
    for k in range(options):
        assert seen.options[k] == pytest.approx(p[k]) if k in shown else seen.options[k] == 0
    assert p[:options].sum() - seen.options.sum() <= seen.bound + 1e-9


@pytest.mark.parametrize(
    ("labels", "apart"),
    [([" A", " B"], True), ([" 1", " 10"], False), (["yes", "no"], True), (["a", "a"], False), (["", "b"], False)],
)
def test_which_labels_a_first_token_can_tell_apart(labels: list[str], apart: bool):
    assert tell(labels) is apart


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("A", 0),
        (" B.", 1),
        ("C) fully", 2),
        ("**B**", 1),
        ("(C)", 2),
        ("Not at all", 0),
        ("fully.", 2),
        ("A\nbecause I", 0),
        ("A person like me would say B", None),
        ("Because", None),
        ("I'm sorry, I cannot help with that", None),
        ("", None),
        ("(((", None),
        ("**", None),
        ("'", None),
        ('"[', None),
        ("somewhat or fully", None),
    ],
)
def test_a_written_answer_is_recognised_or_it_is_none(text: str, place: int | None):
    assert recognise(text, [" A", " B", " C"], ["not at all", "somewhat", "fully"]) == place


def test_sharpening_is_the_softmax_of_scaled_log_probabilities():
    from scipy.special import softmax

    p = np.array([0.02, 0.3, 0.0, 0.1])
    for temperature in (0.3, 1.0, 2.5):
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(sharpen(p, temperature), softmax(np.log(p) / temperature), atol=1e-12)


def test_a_bracket_before_every_mark_belongs_to_the_question_in_a_text_and_to_no_one_in_a_chat():
    study = coherent_study()
    template = load_template("interview")
    item = study.questions[0]
    text = Dialogue(study, template, "m", chat=False).put(item, None)
    assert text.cue.endswith("Respondent: (")
    assert text.labels == ("A)", "B)", "C)")
    assert Dialogue(study, template, "m", chat=True).put(item, None).labels == ("(A)", "(B)", "(C)")


def test_a_chat_says_the_persona_first_and_answers_in_turns():
    study = coherent_study("Welcome.")
    talk = Dialogue(study, Template(), "m", chat=True)
    said = talk.prompt("I live here.\n", [("Question one?\nAnswer:", " A")], "Question two?\nAnswer:")["messages"]
    assert [each["role"] for each in said] == ["system", "user", "assistant", "user"]
    assert said[0]["content"].startswith("Welcome.")
    assert "I live here." in said[0]["content"]
    assert [each["content"] for each in said[1:]] == ["Question one?\nAnswer:", "A", "Question two?\nAnswer:"]


MORE = """
[[item]]
id = "hours"
label = "Hours"
wording = "How many hours a week do you work?"
scale = "interval"
role = "outcome"
range = [0, 120]
bins = [{ code = "some", label = "some", max = 40 }, { code = "many", label = "many", min = 41 }]
[[item]]
id = "why"
label = "Why"
wording = "Why?"
scale = "text"
role = "outcome"
"""


@pytest.fixture
def asked_more(qwen: Path) -> Iterator[tuple[Study, Served]]:
    options = ", ".join(f'{{ code = {k}, label = "{k} days" }}' for k in range(3))
    with serve(Brain(qwen)) as served:
        yield parse_study(COHERENT % ("", options) + MORE, "more.toml"), served


def test_half_a_character_in_a_written_answer_is_replaced_where_it_is_stored_and_told(
    asked_more: tuple[Study, Served], tmp_path: Path
):
    study, served = asked_more

    def write(handler: Any) -> bool:
        if "Why?" not in handler.body["messages"][-1]["content"]:
            return False
        content = handler.answer()
        content["choices"][0]["message"]["content"] = "The \ud83d river."
        handler.send(200, content)
        return True

    served.always = write
    people = coherent_people(4, seed=1)
    engine = EndpointEngine(study, Template(), "tiny", Endpoint(url=served.url, samples=2))
    settings = RunSettings(seed=1, item_order="random")
    found = run(engine, people, twins(people), settings=settings, chunk_dir=tmp_path)
    engine.close()
    why = found.responses.filter(item_id="why")
    assert why["text"].to_list() == ["The \ufffd river."] * 4
    assert why["position"].min() < 4, "somebody is asked more after it"
    told = [turn["content"] for body in served.asked for turn in body["messages"] if turn["role"] == "assistant"]
    assert "The \ufffd river." in told


def test_numbers_and_texts_are_written(asked_more: tuple[Study, Served], tmp_path: Path):
    """A number that the item does not allow is asked for again; what never is one is missing."""
    study, served = asked_more
    written = iter(["about 300", "none", "1,000", "I work 38 hours.", *["lots"] * 4])

    def write(handler: Any) -> bool:
        question = handler.body["messages"][-1]["content"]
        if "hours a week" not in question and "Why?" not in question:
            return False
        content = handler.answer()
        text = "Because  of\nthe river." if "Why?" in question else next(written)
        for choice in content["choices"]:
            choice["message"]["content"] = text
        handler.send(200, content)
        return True

    served.always = write
    people = coherent_people(2, seed=1)
    engine = EndpointEngine(study, Template(), "tiny", Endpoint(url=served.url, samples=4, concurrency=1))
    found = run(engine, people, twins(people), settings=RunSettings(seed=1), chunk_dir=tmp_path)
    engine.close()
    hours = found.responses.filter(item_id="hours").select("value", "code", "missing", "text", "probabilities")
    assert hours.rows() == [(38.0, "some", False, None, None), (None, None, True, "lots", None)]
    why = found.responses.filter(item_id="why")
    assert why["text"].to_list() == ["Because of the river."] * 2
    assert not why["missing"].any()
    told = [body["messages"] for body in served.asked if "Why?" in body["messages"][-1]["content"]]
    assert [any(turn["content"] == "38" for turn in turns) for turns in told] == [True, False]
    assert found.notes["sampled"] >= 4
    closed = found.responses.filter(pl.col("item_id").is_in(["trust", "days", "sign"]))
    assert closed.height == 6
