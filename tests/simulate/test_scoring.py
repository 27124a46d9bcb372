"""Scoring against the plainest reference: transformers alone, one respondent, whole text, no padding, no cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from engine_worlds import LONG_OPENING, coherent_people, coherent_study, make_qwen

pytest.importorskip("torch")

import torch

from simframe.simulate import draws, models, scoring
from simframe.simulate.prompts import COMPACT, TEMPLATES, Template, compile_script

TEXT = Template()
NUMBERS = replace(TEXT, marks="numbers")


def reference(directory: Path, template: Template, study, people, ids, choices):
    """Log probabilities of every option given the answers in ``choices``, from text and transformers alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, use_safetensors=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    answers = {(r, i): (c, v) for r, i, c, v, missing in people.iter_rows() if not missing}
    found = []
    for row, respondent in enumerate(ids):
        text = template.render_opening(study)
        for item in study.persona:
            if (respondent, item.id) in answers:
                text += template.render_field(item, *answers[respondent, item.id])
        for place, item in enumerate(study.questions):
            text += template.render_cue(item)
            marks = template.render_answers(item)
            # "1" begins "10": where one label begins another, what ends a label is part of the answer.
            ends = any(a != b and b.startswith(a) for a in marks for b in marks)
            logp = []
            for mark in marks:
                prompt = tokenizer(text)["input_ids"]
                whole = tokenizer(text + mark + (template.end if ends else ""))["input_ids"]
                assert whole[: len(prompt)] == prompt
                with torch.no_grad(), models.threads(network):
                    steps = network(torch.tensor([whole])).logits[0].log_softmax(-1)
                logp.append(float(sum(steps[i - 1, whole[i]] for i in range(len(prompt), len(whole)))))
            found.append((row, place, np.array(logp)))
            text += marks[choices[place][row]] + template.end
    return found


def assert_exact(directory: Path, template: Template, study, people) -> scoring.Answers:
    ids = people["respondent_id"].unique(maintain_order=True).to_list()
    ids = [*ids, ids[0], ids[2]]
    people = people.filter((pl.col("respondent_id") != ids[1]) | (pl.col("item_id") != "age"))
    model = models.load(directory, template=template, dtype=torch.float32)
    script = compile_script(study, template, model.tokenizer)
    prefixes = [tuple(t for field in fields for t in field) for fields in script.personas(people, ids)]
    assert len({len(prefix) for prefix in prefixes}) > 1, "equal lengths would hide wrong positions"
    uniforms = np.random.default_rng(5).random((len(ids), len(script.questions)))
    sheets = [script.questions] * len(ids)
    answers = scoring.answer(model, script.opening, prefixes, sheets, uniforms)
    choices = [[row[place].choice for row in answers.said] for place in range(len(script.questions))]
    for row, place, logp in reference(directory, template, study, people, ids, choices):
        total = np.logaddexp.reduce(logp)
        found = answers.said[row][place]
        np.testing.assert_allclose(found.probabilities, np.exp(logp - total), atol=1e-5)
        np.testing.assert_allclose(found.mass, np.exp(total), rtol=1e-4, atol=1e-9)
        assert found.choice == draws.choose(found.probabilities[None], uniforms[row, place, None])[0]
    return answers


def test_compact_prompts_score_exactly(built: Path):
    people = coherent_people(6, seed=1)
    answers = assert_exact(built, COMPACT, coherent_study(), people)
    assert all(one.probabilities.min() > 0 for row in answers.said for one in row)


@pytest.mark.parametrize("opening", ["", LONG_OPENING], ids=["short", "shared_prefix"])
def test_text_prompts_score_exactly(qwen: Path, opening: str):
    study = coherent_study(opening, days=11)
    answers = assert_exact(qwen, TEXT, study, coherent_people(6, seed=2, days=11))
    columns = [np.stack([one.probabilities for one in column]) for column in zip(*answers.said, strict=True)]
    assert max(np.ptp(p, axis=0).max() for p in columns) > 0.01, "prompts should matter"


def test_questions_of_a_codebook_score_exactly(qwen: Path):
    assert_exact(qwen, TEMPLATES["codebook"], coherent_study(LONG_OPENING), coherent_people(5, seed=2))


def test_labels_of_several_tokens_score_exactly(qwen: Path):
    study = coherent_study(LONG_OPENING, days=11)
    model = models.load(qwen, template=NUMBERS)
    question = compile_script(study, NUMBERS, model.tokenizer).questions[1]
    assert len(question.paths) > 2, "1 and 10 should need a trie"
    assert_exact(qwen, NUMBERS, study, coherent_people(5, seed=3, days=11))


def test_a_sliding_window_shorter_than_the_prompt_scores_exactly(tmp_path: Path):
    study = coherent_study("")
    directory = make_qwen(tmp_path / "mistral", study, sliding=16)
    assert_exact(directory, TEXT, study, coherent_people(4, seed=4))


def test_temperature_flattens_log_probabilities(built: Path):
    study, people = coherent_study(), coherent_people(3, seed=6)
    model = models.load(built)
    script = compile_script(study, model.template, model.tokenizer)
    ids = people["respondent_id"].unique(maintain_order=True)
    prefixes = [tuple(t for field in fields for t in field) for fields in script.personas(people, ids)]

    first, sheets = np.zeros((len(ids), 1)), [script.questions] * len(ids)
    plain, warm = (
        np.stack([row[0].probabilities for row in answers.said])
        for answers in (
            scoring.answer(model, script.opening, prefixes, sheets, first),
            scoring.answer(model, script.opening, prefixes, sheets, first, temperature=2.0),
        )
    )
    expected = np.sqrt(plain) / np.sqrt(plain).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(warm, expected, atol=1e-6)
