"""How fast an endpoint is asked, and what it may cost: against its own count of requests and tokens."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from endpoint_server import ODD, Brain, Served, changed, closed, error, raw, serve
from engine_worlds import coherent_people, coherent_study, twins

pytest.importorskip("torch")
pytest.importorskip("httpx2")

from simframe.errors import ModelError
from simframe.simulate.engines import RunSettings, run
from simframe.simulate.engines.endpoint import EndpointEngine, Ledger, Pace, client
from simframe.simulate.plans.schema import Endpoint
from simframe.simulate.prompts import COMPACT

STUDY = coherent_study()
PEOPLE = coherent_people(20, seed=8)


@pytest.fixture(scope="module")
def brain(built: Path) -> Brain:
    return Brain(built)


@pytest.fixture
def server(brain: Brain) -> Iterator[Served]:
    with serve(brain) as served:
        yield served


def ask(served: Served, folder: Path, ledger: Ledger | None = None, **settings: Any):
    engine = EndpointEngine(STUDY, COMPACT, "tiny", Endpoint(url=served.url, **settings), ledger=ledger)
    try:
        return run(engine, PEOPLE, twins(PEOPLE), settings=RunSettings(seed=4, chunk=4), chunk_dir=folder)
    finally:
        engine.close()


def bill(served: Served, price_in: float, price_out: float) -> float:
    return sum(i * price_in + o * price_out for i, o in served.paid) / 1e6


@pytest.mark.parametrize("concurrency", [1, 8])
def test_no_stretch_of_time_holds_more_requests_than_allowed(server: Served, tmp_path: Path, concurrency: int):
    began = time.monotonic()
    ask(server, tmp_path, requests_per_minute=1200, concurrency=concurrency)
    times = np.sort(server.times)
    assert len(times) > 40
    # Twenty a second, evenly: the k-th is sent no sooner than k/20 s after the first, and comes in later than that.
    assert (times - began >= np.arange(len(times)) / 20 - 1e-6).all()


def test_tokens_are_paced_by_what_the_server_counts(server: Served, tmp_path: Path):
    began = time.monotonic()
    ask(server, tmp_path, tokens_per_minute=60_000, concurrency=4)
    used = sum(map(sum, server.paid))
    assert used <= 1000 * (time.monotonic() - began), "a thousand a second"


def test_pace_on_a_clock_of_its_own():
    now = [0.0]
    pace = Pace(60, clock=lambda: now[0])
    assert [pace.delay() for _ in range(3)] == [0, 1, 2]
    now[0] = 10
    assert pace.delay(5) == 0
    assert pace.delay() == 5
    pace.hold(30)
    assert pace.delay() == 30
    free = Pace(None, clock=lambda: now[0])
    assert [free.delay(), free.delay()] == [0, 0]
    free.hold(2)
    assert free.delay() == 2


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_ceiling_is_never_passed_and_finished_chunks_are_kept(server: Served, tmp_path: Path, concurrency: int):
    whole = ask(server, tmp_path / "whole", price_in=100, price_out=300)
    cost = bill(server, 100, 300)
    server.paid.clear()
    priced = {"price_in": 100.0, "price_out": 300.0, "concurrency": concurrency}
    ledger = tmp_path / "ledger.jsonl"
    for ceiling in (cost / 2, cost * 0.9):
        with pytest.raises(
            ModelError, match=r"(?s)max_spend is .* is spent, and the next request may pass it.*raise"
        ) as e:
            ask(server, tmp_path / "w", Ledger(ledger, price_in=100, price_out=300, max_spend=ceiling), **priced)
        assert ceiling * 0.7 < bill(server, 100, 300) <= ceiling, "of both runs together: the ledger remembers"
        assert "finished chunks are kept, the one begun is paid for anew" in str(e.value)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "w").glob("*.parquet")}
    assert 1 < len(kept) < 5
    roomy = Ledger(ledger, price_in=100, price_out=300, max_spend=cost * 3)
    again = ask(server, tmp_path / "w", roomy, **priced)
    assert again.responses.equals(whole.responses)
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())
    assert roomy.spent == pytest.approx(bill(server, 100, 300))


@pytest.mark.parametrize("broken", [closed, raw(200, b"{}", Content_Encoding="gzip")])
def test_what_a_broken_answer_may_have_cost_is_booked_and_a_refusal_is_not(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: ODD
):
    monkeypatch.setattr(client, "FIRST_WAIT", 0.02)
    ledger = Ledger(price_in=100, price_out=300)
    server.odd = [None, None, broken, error(500, "no")]
    found = ask(server, tmp_path, ledger, concurrency=1)
    told = bill(server, 100, 300)
    assert told < ledger.spent < told + 0.1
    assert found.notes["spent"] <= ledger.spent


@pytest.mark.parametrize("told", [None, {"prompt_tokens": 10**400}, {"prompt_tokens": 9, "completion_tokens": 2**70}])
def test_a_server_that_counts_no_tokens_or_more_than_there_are_is_booked_at_the_most(
    server: Served, tmp_path: Path, told: dict[str, int] | None
):
    server.always = changed(lambda content: content.update(usage=told))
    ledger = Ledger(price_in=100, price_out=300, max_spend=2.0)
    found = ask(server, tmp_path, ledger)
    assert bill(server, 100, 300) < ledger.spent <= 2.0
    assert found.notes["tokens"] == 0


def test_a_ledger_survives_torn_lines_and_is_shared_by_processes(tmp_path: Path):
    path = tmp_path / "a" / "ledger.jsonl"
    ledger = Ledger(path, price_in=1e6, max_spend=100.0)
    ledger.settle(ledger.reserve(1, 0), 1, (1, 0))
    with path.open("ab") as file:
        file.write(b'{"spent": 7')
    other = "from pathlib import Path; import sys; from simframe.simulate.engines.endpoint.limits import Ledger\n"
    other += "one = Ledger(Path(sys.argv[1]), price_in=1e6); one.settle(0.0, 1, (2, 0))"
    subprocess.run([sys.executable, "-c", other, str(path)], check=True)
    assert ledger.spent == 3.0
    assert Ledger(path).spent == 3.0
    assert [json.loads(line)["tokens"] for line in path.read_text().splitlines() if line.endswith("}")] == [
        [1, 0],
        [2, 0],
    ]


def test_a_ledger_that_cannot_be_written_stops_spending(tmp_path: Path):
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file" / "ledger.jsonl", price_in=1)
    with pytest.raises(ModelError, match="without its ledger nothing more is spent"):
        ledger.settle(ledger.reserve(10, 1), 10, (3, 1))
