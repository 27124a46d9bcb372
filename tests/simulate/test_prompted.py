"""The engine that sends whole prompts, over a scorer of plain forwards: what it shares with vLLM, without vLLM."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from engine_worlds import COHERENT, LONG_OPENING, coherent_people, coherent_study, twins

pytest.importorskip("torch")

import torch

from simframe.errors import ModelError
from simframe.simulate import models
from simframe.simulate.engines import Engine, RunSettings, run, vllm
from simframe.simulate.engines.local import LocalEngine
from simframe.simulate.engines.prompted import PromptedEngine
from simframe.simulate.prompts import Template, compile_script
from simframe.study import parse_study

PEOPLE = coherent_people(12, seed=8, days=11)
STUDY = coherent_study(LONG_OPENING, days=11)
MIXED: dict[str, Any] = {"item_order": "random", "option_order": "random"}
HOURS = """
[[item]]
id = "hours"
label = "Hours"
wording = "How many hours a week do you work?"
scale = "interval"
role = "outcome"
range = [0, 120]
bins = [{ code = "some", label = "some", max = 40 }, { code = "many", label = "many", min = 41 }]
"""


class Plain:
    """One forward a prompt, no cache, no padding; some requests at a time, as vLLM's are parted."""

    def __init__(self, base: Path) -> None:
        self.model = models.load(base)
        self.prompts = 0

    def identity(self) -> dict[str, Any]:
        return {"engine": "plain", "base": self.model.base_fingerprint}

    def after(self, prompt: tuple[int, ...]) -> np.ndarray:
        self.prompts += 1
        with torch.inference_mode():
            logits = self.model.network(input_ids=torch.tensor([prompt])).logits[0, -1]
        told: np.ndarray = torch.log_softmax(logits.double(), -1).numpy()
        return told

    def score(self, requests: Any) -> list[np.ndarray]:
        parts = vllm.split(requests)
        return vllm.joined(requests, [self.after(prompt)[list(wanted)] for prompt, wanted in parts])

    def write(self, prompts: Any, *, stop: Any, most: int, temperature: float, seeds: Any) -> list[tuple[int, ...]]:
        texts = []
        for prompt, seed in zip(prompts, seeds, strict=True):
            random, text = np.random.default_rng(seed), ()
            while len(text) < most and (not text or text[-1] not in stop):
                p = np.exp(self.after((*prompt, *text)) / temperature)
                text += (int(random.choice(len(p), p=p / p.sum())),)
            texts.append(vllm.until(text, stop))
        return texts

    def close(self) -> None:
        return


def both(base: Path, study: Any, people: pl.DataFrame, folder: Path, how: RunSettings, **settings: Any):
    local = LocalEngine.load(base, None, study, **settings)
    scorer = Plain(base)
    script = compile_script(study, scorer.model.template, scorer.model.tokenizer)
    engines: list[Engine] = [local, PromptedEngine(script, scorer, **settings)]
    return [run(one, people, twins(people), settings=how, chunk_dir=folder / str(k)) for k, one in enumerate(engines)]


def assert_same(one: pl.DataFrame, other: pl.DataFrame) -> None:
    same = ["respondent_id", "item_id", "code", "value", "missing", "position", "shown"]
    assert one.select(same).equals(other.select(same))
    p, q = (frame["probabilities"].explode(empty_as_null=True).to_numpy() for frame in (one, other))
    np.testing.assert_allclose(p, q, atol=1e-5)
    np.testing.assert_allclose(one["option_mass"], other["option_mass"], atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [{}, {"order_average": 3}, {"mode": "independent"}, {"temperature": 0.5}],
    ids=["chained", "orders averaged", "independent", "cold"],
)
def test_the_panel_is_the_local_engines(qwen: Path, tmp_path: Path, settings: dict[str, Any]):
    local, prompted = both(qwen, STUDY, PEOPLE, tmp_path, RunSettings(seed=2, **MIXED), **settings)
    assert_same(local.responses, prompted.responses)
    assert local.notes["low_mass"] == prompted.notes["low_mass"]


def test_numbers_are_walked_down_with_one_draw(qwen: Path, tmp_path: Path):
    options = ", ".join(f'{{ code = {k}, label = "{k} days" }}' for k in range(3))
    study = parse_study(COHERENT % ("", options) + HOURS, "hours.toml")
    people = coherent_people(12, seed=8)
    local, prompted = both(qwen, study, people, tmp_path, RunSettings(seed=2))
    assert_same(local.responses, prompted.responses)
    hours = local.responses.filter(item_id="hours")
    assert hours["value"].n_unique() > 6
    assert hours["probabilities"].is_null().all()


def test_equal_prompts_are_scored_once(qwen: Path, tmp_path: Path):
    one = pl.DataFrame({"respondent_id": [f"t{i}" for i in range(20)], "twin_of": ["p00003"] * 20})
    scorer = Plain(qwen)
    script = compile_script(STUDY, scorer.model.template, scorer.model.tokenizer)
    run(PromptedEngine(script, scorer), PEOPLE, one, chunk_dir=tmp_path)
    first = sum(len(question.paths) + question.lead for question in script.questions[:1])
    assert scorer.prompts < 20 * first * 3


def test_logits_that_are_no_numbers_name_item_and_respondent(qwen: Path, tmp_path: Path):
    class Broken(Plain):
        def after(self, prompt: tuple[int, ...]) -> np.ndarray:
            return super().after(prompt) * np.nan

    scorer = Broken(qwen)
    script = compile_script(STUDY, scorer.model.template, scorer.model.tokenizer)
    with pytest.raises(ModelError, match=r"item trust, respondent s-p00000.*not finite"):
        run(PromptedEngine(script, scorer), PEOPLE, twins(PEOPLE), chunk_dir=tmp_path)


def test_requests_for_many_tokens_are_parted_and_put_together():
    requests = [((1, 2), tuple(range(300))), ((3,), (7,)), ((4,), tuple(range(128)))]
    parts = vllm.split(requests)
    assert [len(wanted) for _, wanted in parts] == [128, 128, 44, 1, 128]
    assert [prompt for prompt, _ in parts] == [(1, 2)] * 3 + [(3,), (4,)]
    told = [np.array(wanted, float) for _, wanted in parts]
    for (_, wanted), each in zip(requests, vllm.joined(requests, told), strict=True):
        assert each.tolist() == list(wanted)


def test_an_output_without_what_was_asked_is_refused():
    told = [{5: SimpleNamespace(logprob=-1.0), 9: SimpleNamespace(logprob=-2.0)}]
    output = SimpleNamespace(outputs=[SimpleNamespace(logprobs=told)])
    assert vllm.read(output, (9, 5)).tolist() == [-2.0, -1.0]
    with pytest.raises(ModelError, match="does not tell"):
        vllm.read(output, (9, 6))
    with pytest.raises(ModelError, match="does not tell"):
        vllm.read(SimpleNamespace(outputs=[SimpleNamespace(logprobs=None)]), (9,))


def test_a_text_ends_before_what_stops_it():
    assert vllm.until((4, 5, 6, 7), frozenset({6})) == (4, 5)
    assert vllm.until((4, 5), frozenset({6})) == (4, 5)


def test_without_vllm_the_error_says_what_to_install(qwen: Path):
    try:
        import vllm as _  # noqa: F401
    except ImportError:
        with pytest.raises(ModelError, match=r"(?s)needs vLLM.*pip install '\.\[vllm\]'"):
            vllm.load(qwen, None, STUDY, template=models.load(qwen).template)
    else:
        pytest.skip("vLLM is here")


class Pretended:
    """What stands in for ``vllm.LLM``: a tokenizer, a context, and what it raises."""

    fails: dict[str, Exception]
    context = 2048

    def __init__(self, model: str, **_: Any) -> None:
        self._fail("LLM")
        self._tokenizer = models.load(Path(model)).tokenizer
        config = SimpleNamespace(dtype="torch.float32", max_model_len=self.context)
        self.llm_engine = SimpleNamespace(model_config=config)

    def get_tokenizer(self) -> Any:
        return self._tokenizer

    def generate(self, *_: Any, **__: Any) -> None:
        self._fail("generate")

    def _fail(self, at: str) -> None:
        if at in self.fails:
            raise self.fails[at]


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> type[Pretended]:
    monkeypatch.setattr(Pretended, "fails", {}, raising=False)
    monkeypatch.setattr(Pretended, "context", 2048)
    params = type("SamplingParams", (), {"logprob_token_ids": None, "__init__": lambda self, **_: None})
    fake = SimpleNamespace(LLM=Pretended, SamplingParams=params, __version__="0")
    monkeypatch.setitem(sys.modules, "vllm", fake)
    return Pretended


@pytest.mark.parametrize("at", ["LLM", "generate"])
@pytest.mark.parametrize(
    "error", [ValueError("No available memory."), RuntimeError("Engine core failed."), torch.OutOfMemoryError("CUDA")]
)
def test_what_vllm_raises_names_the_model(
    pretended: type[Pretended], qwen: Path, tmp_path: Path, at: str, error: Exception
):
    pretended.fails[at] = error

    def panel() -> None:
        run(vllm.load(qwen, None, STUDY, template=Template()), PEOPLE, twins(PEOPLE), chunk_dir=tmp_path)

    with pytest.raises(ModelError, match=f"vLLM stopped: {type(error).__name__}: {error}") as caught:
        panel()
    assert caught.value.where == str(qwen)
    assert "transformers" in str(caught.value.mend)


def test_a_prompt_longer_than_vllms_context_is_refused(pretended: type[Pretended], qwen: Path, tmp_path: Path):
    pretended.context = 64
    engine = vllm.load(qwen, None, STUDY, template=Template())
    with pytest.raises(ModelError, match="has a context of 63 tokens, and the longest prompt may have") as caught:
        run(engine, PEOPLE, twins(PEOPLE), chunk_dir=tmp_path)
    assert caught.value.where == str(qwen)
