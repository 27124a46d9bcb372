"""What an endpoint would take, told before it is asked, against what a real server was then asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from endpoint_server import Brain, serve
from engine_worlds import coherent_people, coherent_study, twins

pytest.importorskip("torch")
pytest.importorskip("httpx2")

from simframe.simulate.engines import RunSettings, run
from simframe.simulate.engines.endpoint import EndpointEngine
from simframe.simulate.engines.endpoint.dialogue import Dialogue
from simframe.simulate.engines.endpoint.reckoning import AROUND, CHARACTERS, reckon
from simframe.simulate.forecast import forecast
from simframe.simulate.humans import find_humans
from simframe.simulate.plans import load_plan
from simframe.simulate.plans.schema import Endpoint
from simframe.simulate.prompts import COMPACT
from simframe.simulate.runner import Run
from simframe.warehouse import Warehouse

STUDY = coherent_study()
PEOPLE = coherent_people(6, seed=8)


@pytest.mark.parametrize("chat", [True, False], ids=["chat", "completions"])
@pytest.mark.parametrize("mode", ["chained", "independent"])
def test_what_is_reckoned_is_what_a_server_is_asked_for(built: Path, tmp_path: Path, mode: str, chat: bool):
    """All answers of the compact template are of one length, so characters agree to the last."""
    with serve(Brain(built)) as server:
        engine = EndpointEngine(STUDY, COMPACT, server.name, Endpoint(url=server.url), mode=mode, chat=chat)
        run(engine, PEOPLE, twins(PEOPLE), settings=RunSettings(seed=4), chunk_dir=tmp_path)
        engine.close()
    asked = server.asked[1:]  # the first finds out what the server offers
    dialogue = Dialogue(STUDY, COMPACT, server.name, chat=chat)
    personas = dialogue.personas(PEOPLE, PEOPLE["respondent_id"].unique(maintain_order=True).to_list())
    assert len(set(personas)) == len(personas), "equal prompts are asked once"
    one = reckon(dialogue, personas, chained=mode == "chained", order_average=1)
    assert one.requests * len(personas) == len(asked)
    texts = [[m["content"] for m in body["messages"]] if chat else [body["prompt"]] for body in asked]
    around = AROUND * sum(map(len, texts)) if chat else 0
    tokens = sum(len(text) for some in texts for text in some) / CHARACTERS + around
    assert one.read * len(personas) == pytest.approx(tokens)
    assert one.written == one.requests, "one token an answer"


def test_a_plan_of_an_endpoint_tells_tokens_and_price_and_asks_nothing(park_warehouse: Warehouse, tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_text(
        """
        [plan]
        engine = "openai"
        model = "far-away"
        order_average = [1, 2]
        [plan.endpoint]
        url = "http://127.0.0.1:9/v1"
        price_in = 2.0
        price_out = 5.0
        requests_per_minute = 60
        [[panel]]
        strategy = "base"
        """
    )
    humans = find_humans(park_warehouse, "park")
    once, twice = forecast(Run(park_warehouse, load_plan(path), humans, lambda _: lambda done, total: None))
    asked = len(humans.study.simulated)
    assert once.seconds == pytest.approx(once.respondents * asked), "a request a second"
    assert once.tokens < twice.tokens < 2 * once.tokens + 1
    assert 2e-6 * once.tokens < once.spend < 5e-6 * once.tokens
    assert "4 characters a token" in once.origin
