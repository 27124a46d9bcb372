"""Servers that answer garbage, refuse, hang or close: a right panel once they mend their ways, else one clear error."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from endpoint_server import ODD, Brain, Served, changed, closed, drip, error, hang, raw, serve
from engine_worlds import coherent_people, coherent_study, twins

pytest.importorskip("torch")
pytest.importorskip("httpx2")

from simframe.errors import ModelError, PlanError
from simframe.simulate.engines import RunSettings, run
from simframe.simulate.engines.endpoint import EndpointEngine, client
from simframe.simulate.engines.endpoint.envelope import retry_after
from simframe.simulate.plans.schema import Endpoint
from simframe.simulate.prompts import COMPACT

STUDY = coherent_study()
PEOPLE = coherent_people(6, seed=8)
SECRET = "sk-very-secret-4711"


@pytest.fixture(scope="module")
def brain(built: Path) -> Brain:
    return Brain(built)


@pytest.fixture
def server(brain: Brain) -> Iterator[Served]:
    with serve(brain) as served:
        yield served


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_WAIT", 0.02)


def ask(served: Served, folder: Path, *, model: str | None = None, chat: bool = True, **settings: Any) -> pl.DataFrame:
    settings = {"timeout": 5.0, "retries": 2, "concurrency": 2} | settings
    engine = EndpointEngine(STUDY, COMPACT, model or served.name, Endpoint(url=served.url, **settings), chat=chat)
    try:
        return run(engine, PEOPLE, twins(PEOPLE), settings=RunSettings(seed=4), chunk_dir=folder).responses
    finally:
        engine.close()


@pytest.fixture(scope="module")
def smooth(brain: Brain, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    with serve(brain) as served:
        return ask(served, tmp_path_factory.mktemp("smooth"))


def first_logprobs(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["choices"][0]["logprobs"]["content"][0]
    return found


PASSING: dict[str, tuple[ODD, str]] = {
    "garbage": (raw(200, b"\x00\xff{{{"), "no JSON"),
    "html": (raw(200, b"<html><h1>Bad gateway</h1></html>", "text/html"), "text/html that is no JSON: <html>"),
    "not packed": (raw(200, b"{}", Content_Encoding="gzip"), "cannot be unpacked: "),
    "500 not packed": (raw(500, b"{}", Content_Encoding="gzip"), "status 500: empty"),
    "nothing": (raw(200, b""), "no JSON: empty"),
    "deep": (raw(200, b"[" * 100_000), "no JSON"),
    "a list": (raw(200, b"[1, 2]"), "without the protocol's choices"),
    "no choices": (raw(200, b'{"choices": []}'), "empty list of choices"),
    "choices of numbers": (raw(200, b'{"choices": [1]}'), "without the protocol's choices"),
    "text that is none": (changed(lambda c: c["choices"][0]["message"].update(content=7)), "no text"),
    "too large": (raw(200, b" " * (9 << 20)), "larger than 8 MiB"),
    "500": (error(500, "internal"), "status 500: internal"),
    "503 in HTML": (raw(503, b"<html>busy</html>", "text/html"), "status 503: <html>busy"),
    "429": (error(429, "slow down", Retry_After="0"), "status 429: slow down"),
    "closed": (closed, "RemoteProtocolError"),
    "logprobs that are none": (changed(lambda c: first_logprobs(c)["top_logprobs"][0].update(logprob="x")), "'x' for"),
    "not a number": (changed(lambda c: first_logprobs(c)["top_logprobs"][0].update(logprob=math.nan)), "nan for"),
    "a long token": (changed(lambda c: first_logprobs(c).update(token="x" * 9000, logprob="y")), "'y' for 'xxx"),
    "no end": (changed(lambda c: first_logprobs(c)["top_logprobs"][0].update(logprob=-(10**400))), "-1000"),
    "above one": (changed(lambda c: first_logprobs(c)["top_logprobs"][0].update(logprob=0.5)), "more than one"),
    "no logprobs any more": (changed(lambda c: c["choices"][0].update(logprobs=None)), "log probabilities it gave"),
    "empty logprobs": (changed(lambda c: c["choices"][0].update(logprobs={"content": []})), "log probabilities it"),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_tried_again(server: Served, smooth: pl.DataFrame, tmp_path: Path, name: str):
    odd, _ = PASSING[name]
    server.odd = [None, None, odd, None, odd]
    assert ask(server, tmp_path).equals(smooth)


@pytest.mark.parametrize("name", PASSING)
def test_what_stays_is_one_clear_error(server: Served, tmp_path: Path, name: str):
    odd, said = PASSING[name]
    server.odd, server.always = [None] * 4, odd
    with pytest.raises(ModelError) as caught:
        ask(server, tmp_path)
    text = str(caught.value)
    assert "no usable answer in 3 tries; the last: " in text
    assert said in text
    assert "respondent s-p0" in text
    assert server.url in text
    assert "finished chunks are kept" in text
    assert len(text) < 900


SLOW: dict[str, ODD] = {
    "hangs": hang(60),
    "drips its body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "drips chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "drips headers": drip(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n"),
    "drips its status": drip(b"HTTP/1.1 200 ", b"O"),
    "drips interim answers": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_server_that_hangs_or_drips_is_left(server: Served, smooth: pl.DataFrame, tmp_path: Path, name: str):
    server.odd = [None, None, SLOW[name]]
    assert ask(server, tmp_path / "passing", timeout=0.5, retries=5).equals(smooth)
    server.odd, server.always, began = [None], SLOW[name], time.monotonic()
    with pytest.raises(ModelError, match=r"ReadTimeout: no answer within 0\.5 s"):
        ask(server, tmp_path / "staying", timeout=0.5, retries=1)
    assert time.monotonic() - began < 19, "the server would have kept it for twenty seconds, or sixty"


def test_nobody_there(tmp_path: Path):
    gone = Served("http://127.0.0.1:9/v1")
    with pytest.raises(ModelError, match=r"(?s)127.0.0.1:9.*ConnectError.*see that the server runs"):
        ask(gone, tmp_path)


def test_retry_after_is_heeded_by_all(server: Served, smooth: pl.DataFrame, tmp_path: Path):
    server.odd = [None, error(429, "slow down", Retry_After="1")]
    assert ask(server, tmp_path).equals(smooth)
    # Who was under way arrives at once; then nobody asks for a second.
    assert max(after - before for before, after in pairwise(server.times)) > 0.9
    date = formatdate(time.time() + 2, usegmt=True)
    server.odd, at = [None, error(503, "maintenance", Retry_After=date)], len(server.times)
    assert ask(server, tmp_path / "date", concurrency=1).equals(smooth)
    assert server.times[at + 2] - server.times[at + 1] > 0.9, "dates have whole seconds"


def test_a_retry_after_of_hours_is_an_error(server: Served, tmp_path: Path):
    server.odd = [error(429, "daily limit", Retry_After="7200")]
    with pytest.raises(ModelError, match="asks for 7200 s of patience"):
        ask(server, tmp_path)


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-5", "", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_is_none(text: str):
    assert retry_after(text) in (None, 0.0)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (error(400, "context length exceeded"), "answers 400: context length exceeded"),
        (error(403, "not for you"), "answers 403: not for you"),
        (error(404, "no such path"), "needs chat = false"),
        (error(429, "You exceeded your current quota", "insufficient_quota"), "no credit left"),
        (raw(302, b"", Location="http://127.0.0.1:9/"), "answers 302"),
    ],
)
def test_what_never_passes_is_not_tried_again(server: Served, tmp_path: Path, refusal: ODD, said: str):
    server.odd, server.always = [None, None], refusal
    with pytest.raises(ModelError, match=said):
        ask(server, tmp_path, concurrency=1)
    assert len(server.asked) == 3


def test_a_wrong_model_is_named(server: Served, tmp_path: Path):
    with pytest.raises(ModelError, match="answers 404: The model `huge` does not exist"):
        ask(server, tmp_path, model="huge")
    server.always = changed(lambda c: c.update(model="other-7b"))
    with pytest.raises(ModelError, match="model 'tiny' was asked and 'other-7b' answers"):
        ask(server, tmp_path)
    server.always, server.odd = changed(lambda c: c.update(model="tiny-2026-11")), [None, None]
    with pytest.raises(ModelError, match="'tiny-2026-11' answers, where 'tiny' did before"):
        ask(server, tmp_path)


def test_refusals_are_missing_answers(server: Served, smooth: pl.DataFrame, tmp_path: Path):
    def refuse(content: dict[str, Any]) -> None:
        content["choices"][0]["message"] |= {"content": None, "refusal": "I'm sorry, I cannot help with that."}
        content["choices"][0]["logprobs"] = {"content": None, "refusal": []}

    server.odd = [None, changed(refuse)]
    found = ask(server, tmp_path, concurrency=1)
    lost = found.filter(pl.col("missing"))
    assert lost.select("item_id", "code", "text").rows() == [("trust", None, "I'm sorry, I cannot help with that.")]
    assert found.filter(item_id="trust")[1:].equals(smooth.filter(item_id="trust")[1:])
    server.odd, server.always = [None], changed(refuse)
    with pytest.raises(ModelError, match=r"(?s)no answer names an option; it says \"I'm sorry.*choose another prompt"):
        ask(server, tmp_path / "all")


def test_half_a_character_in_an_answer_is_replaced(server: Served, tmp_path: Path):
    """It is valid JSON, and can neither be sent with the next question nor stored."""

    def halve(content: dict[str, Any]) -> None:
        content["model"] += " \ud800"
        shown = {"token": "\ud83d", "logprob": -0.1}
        first_logprobs(content).update(shown, top_logprobs=[shown])

    server.always = changed(halve)
    with pytest.raises(ModelError, match="no answer names an option; it says '\ufffd'"):
        ask(server, tmp_path / "all")
    server.odd, server.always = [changed(halve)], None
    with pytest.raises(ModelError, match="'tiny' answers, where 'tiny \ufffd' did before"):
        ask(server, tmp_path / "name", concurrency=1)


def test_nothing_but_brackets_names_no_option(server: Served, tmp_path: Path):
    server.tells = False
    brackets = changed(lambda c: [each["message"].update(content="(((") for each in c["choices"]])
    server.odd = [None, brackets]
    lost = ask(server, tmp_path, concurrency=1, samples=3).filter(pl.col("missing"))
    assert lost.select("item_id", "code", "text").rows() == [("trust", None, "(((")]


@pytest.mark.parametrize("asks_for_less", [True, False])
def test_a_server_that_tells_fewer_or_no_logprobs_says_so(server: Served, tmp_path: Path, asks_for_less: bool):
    def limited(handler: Any) -> bool:
        top = handler.body.get("logprobs") or 0
        if top > (5 if asks_for_less else 0):
            handler.refuse(400, "logprobs must be at most 5" if asks_for_less else "logprobs are not supported")
            return True
        return False

    server.always = limited
    engine = EndpointEngine(STUDY, COMPACT, "tiny", Endpoint(url=server.url, samples=3), chat=False)
    assert engine.identity()["road"] == ("top_logprobs 5" if asks_for_less else "sampled")
    engine.close()
    assert ask(server, tmp_path, chat=False, samples=3).height == 18


def test_a_server_that_wants_another_name_for_the_limit(server: Served, smooth: pl.DataFrame, tmp_path: Path):
    def newer(handler: Any) -> bool:
        if "max_tokens" in handler.body:
            handler.refuse(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
            return True
        return False

    server.always = newer
    assert ask(server, tmp_path).equals(smooth)


def test_the_key_is_sent_and_appears_nowhere_else(
    server: Served, smooth: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TINY_KEY", SECRET)
    server.key = SECRET
    assert ask(server, tmp_path / "a", api_key_env="TINY_KEY").equals(smooth)
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {SECRET}"}
    engine = EndpointEngine(STUDY, COMPACT, "tiny", Endpoint(url=server.url, api_key_env="TINY_KEY"))
    said = f"{engine.identity()} {engine!r} {vars(engine)}"
    engine.close()
    server.key = "another"
    with pytest.raises(
        ModelError, match=r"(?s)401: Incorrect API key provided: Bearer \*\*\*.*check the key in TINY_KEY"
    ) as e:
        ask(server, tmp_path / "b", api_key_env="TINY_KEY")
    said += f"{e.value!r}{e.value}"
    for path in tmp_path.rglob("*"):
        said += path.read_bytes().decode("latin-1") if path.is_file() else ""
    assert SECRET not in said
    monkeypatch.delenv("TINY_KEY")
    with pytest.raises(PlanError, match="TINY_KEY is not set"):
        ask(server, tmp_path, api_key_env="TINY_KEY")
    monkeypatch.setenv("TINY_KEY", f"{SECRET}\nX-Evil: 1")
    with pytest.raises(PlanError, match="TINY_KEY holds no key") as e:
        ask(server, tmp_path, api_key_env="TINY_KEY")
    assert SECRET not in str(e.value)


@pytest.mark.parametrize(
    "url",
    [None, "", "ftp://x/v1", "localhost:8000", "https://", "http://h:port/v1", "https://h/v1?key=s", "http://[::1"],
)
def test_an_address_that_is_none(url: str | None):
    with pytest.raises(PlanError, match="url: "):
        client.check_url(url)


def test_an_address_with_a_secret_is_refused_without_saying_it():
    with pytest.raises(PlanError, match="api_key_env") as caught:
        client.check_url(f"https://me:{SECRET}@host/v1")
    assert SECRET not in str(caught.value)
    assert client.check_url("https://host/v1/chat/completions") == client.check_url("https://host/v1/")
