"""An endpoint's panel against the local engine's, over a real HTTP server around the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from endpoint_server import Brain, Served, error, serve
from engine_worlds import LONG_OPENING, coherent_people, coherent_study, twins

pytest.importorskip("torch")
pytest.importorskip("httpx2")

from simframe.errors import ModelError
from simframe.simulate.engine import SimulateSettings, simulate
from simframe.simulate.engines import RunSettings, run
from simframe.simulate.engines.endpoint import EndpointEngine
from simframe.simulate.plans.schema import Endpoint
from simframe.simulate.prompts import COMPACT, Template

STUDY = coherent_study()
PEOPLE = coherent_people(40, seed=8)
KEY = ["respondent_id", "position"]


@pytest.fixture(scope="module")
def brain(built: Path) -> Brain:
    return Brain(built)


@pytest.fixture(scope="module")
def local(built: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("local")
    return simulate(
        built, None, STUDY, PEOPLE, twins(PEOPLE), settings=SimulateSettings(seed=4), chunk_dir=folder
    ).responses


@pytest.fixture
def server(brain: Brain) -> Iterator[Served]:
    with serve(brain) as served:
        yield served


def ask(
    served: Served, folder: Path, *, settings: dict[str, Any] | None = None, run_settings: Any = None, **other: Any
):
    engine = EndpointEngine(STUDY, COMPACT, served.name, Endpoint(url=served.url, **settings or {}), **other)
    try:
        how = run_settings or RunSettings(seed=4)
        return run(engine, PEOPLE, twins(PEOPLE), settings=how, chunk_dir=folder)
    finally:
        engine.close()


def farthest(one: pl.DataFrame, other: pl.DataFrame) -> float:
    p, q = (frame.sort(KEY)["probabilities"].explode(empty_as_null=True).to_numpy() for frame in (one, other))
    return float(np.abs(p - q).max())


@pytest.mark.parametrize("chat", [True, False], ids=["chat", "completions"])
@pytest.mark.parametrize("digits", [6, 3])
def test_the_panel_is_the_local_engines_to_the_protocols_rounding(
    server: Served, local: pl.DataFrame, tmp_path: Path, chat: bool, digits: int
):
    server.digits = digits
    found = ask(server, tmp_path, chat=chat)
    # A log probability rounded by e scales its probability by at most exp(e), before and after renormalising.
    rounding = np.expm1(2 * 0.5 * 10.0**-digits)
    assert farthest(found.responses, local) < rounding + 1e-5
    same = ["respondent_id", "item_id", "code", "value", "missing", "position"]
    assert found.responses.select(same).equals(local.select(same))
    assert (found.responses["option_mass"] - local["option_mass"]).abs().max() < rounding + 1e-5
    assert found.notes["tokens"] == sum(map(sum, server.paid[1:])), "all but the first, which asked what is offered"
    assert found.identity["road"] == "top_logprobs 20"
    assert "sampled" not in found.notes


def test_equal_prompts_are_asked_once_and_answers_do_not_depend_on_concurrency(server: Served, tmp_path: Path):
    one = ask(server, tmp_path / "one", settings={"concurrency": 1})
    asked = [str(body) for body in server.asked]
    assert len(set(asked)) == len(asked)
    assert len(asked) < 40 * 3
    eight = ask(server, tmp_path / "eight", settings={"concurrency": 8})
    assert eight.responses.equals(one.responses)
    assert len(server.asked) == 2 * len(asked)


def test_temperature_applies_to_what_the_model_thinks(server: Served, built: Path, tmp_path: Path):
    settings = SimulateSettings(seed=4, temperature=0.5)
    cold = simulate(built, None, STUDY, PEOPLE, twins(PEOPLE), settings=settings, chunk_dir=tmp_path / "l").responses
    found = ask(server, tmp_path / "e", temperature=0.5)
    assert farthest(found.responses, cold) < 1e-5
    assert {body["temperature"] for body in server.asked} == {1}


@pytest.mark.parametrize("order_average", [1, 2])
def test_items_and_options_are_shown_in_the_local_engines_orders(qwen: Path, tmp_path: Path, order_average: int):
    """Plain text, lettered options, a tokenizer of pieces of words; the server tells all tokens it knows."""
    study, people = coherent_study(LONG_OPENING, days=5), coherent_people(12, seed=3, days=5)
    template = replace(Template(), question="Question: $wording\n${options}Answer: ", answer="$mark")
    mixed: dict[str, Any] = {"seed": 4, "item_order": "random", "option_order": "random"}
    settings = SimulateSettings(**mixed, order_average=order_average, temperature=0.7)
    truth = simulate(
        qwen, None, study, people, twins(people), settings=settings, chunk_dir=tmp_path / "l", template=template
    ).responses
    with serve(Brain(qwen), least=600) as served:
        engine = EndpointEngine(
            study,
            template,
            "tiny",
            Endpoint(url=served.url),
            chat=False,
            temperature=0.7,
            order_average=order_average,
        )
        found = run(engine, people, twins(people), settings=RunSettings(**mixed), chunk_dir=tmp_path / "e").responses
        engine.close()
    same = ["respondent_id", "item_id", "code", "value", "missing", "position", "shown"]
    assert found.select(same).equals(truth.select(same))
    assert farthest(found, truth) < 1e-4
    assert (found["option_mass"] / truth["option_mass"] - 1).abs().max() < 1e-3
    assert truth["shown"].n_unique() > 12


def test_where_nothing_is_told_answers_are_sampled_and_counted_as_such(server: Served, tmp_path: Path, local):
    server.tells = False
    settings = {"samples": 400, "concurrency": 1}
    found = ask(server, tmp_path, settings=settings)
    assert found.identity["road"] == "sampled"
    assert found.notes["sampled"] == 40 * 3
    # The first question of every respondent has one persona and no history: its truth is the local distribution.
    p, q = (
        np.array(frame.filter(item_id="trust").sort("respondent_id")["probabilities"].to_list())
        for frame in (found.responses, local)
    )
    # 120 shares of 400 draws: the largest of as many normal deviates stays under 4.5 standard errors.
    error = np.sqrt(np.maximum(q * (1 - q), 1e-3) / 400)
    assert (np.abs(p - q) / error).max() < 4.5
    assert np.abs(p - q).mean() > 0, "drawn, not told"


def test_a_server_that_gives_one_answer_at_a_time_is_asked_again(server: Served, tmp_path: Path):
    server.tells, server.many = False, False
    found = ask(server, tmp_path, settings={"samples": 2})
    assert found.notes["requests"] == 40 * 3 * 2
    assert set(found.responses["probabilities"].explode(empty_as_null=True).unique()) <= {0.0, 0.5, 1.0}


def test_options_that_are_not_shown_are_bounded_and_marked(server: Served, local: pl.DataFrame, tmp_path: Path):
    server.most = 2
    found = ask(server, tmp_path)
    assert found.notes["unseen"] > 0
    zeros = found.responses.filter(pl.col("probabilities").list.min() == 0)
    assert zeros.height >= found.notes["unseen"] > 0
    first = found.responses.filter(item_id="trust").sort("respondent_id")
    truth = local.filter(item_id="trust").sort("respondent_id")
    mass = truth["option_mass"] - first["option_mass"]
    assert mass.max() <= found.notes["unseen_most"] + 1e-6, "what is missing is at most what the bound says"


def test_a_rerun_asks_for_nothing_that_is_kept(server: Served, tmp_path: Path):
    how = RunSettings(seed=4, chunk=5)
    whole = ask(server, tmp_path / "whole", run_settings=how).responses
    asked = len(server.asked)
    server.odd, server.always = [None] * (asked // 2), error(400, "out of service")
    with pytest.raises(ModelError, match=r"answers 400: out of service") as caught:
        ask(server, tmp_path / "b", run_settings=how, settings={"concurrency": 2})
    assert "finished chunks are kept" in str(caught.value)
    kept = len(list((tmp_path / "b").glob("*.parquet")))
    assert 0 < kept < 8
    server.always, before = None, len(server.asked)
    again = ask(server, tmp_path / "b", run_settings=how)
    assert again.responses.equals(whole)
    assert len(server.asked) - before < asked


def test_answers_that_name_no_option_are_missing_and_counted(built: Path, tuned: Path, tmp_path: Path):
    """The tuned model thinks of options alone against each other: many are not among its likeliest words."""
    with serve(Brain(built, tuned), most=1) as served:
        found = ask(served, tmp_path)
    lost = found.responses.filter(pl.col("missing"))
    assert 0 < lost.height == found.notes["unnamed"] < 120
    assert lost["code"].is_null().all()
    assert lost["probabilities"].is_null().all()
    assert (lost["option_mass"] == 0).all()
    assert lost["text"].is_not_null().all(), "what was said instead"
