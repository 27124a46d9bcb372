"""A real HTTP server that speaks the OpenAI protocol around a small local model, and misbehaves where told to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ODD = Callable[["Handler"], bool]
"""Answers one request in its own way; returns whether it did."""


@dataclass
class Served:
    """What is served, what was asked, and what goes wrong: the first of ``odd`` goes with the next question."""

    url: str
    name: str = "tiny"
    digits: int = 6
    """Decimals of log probabilities."""
    most: int = 20
    """Tokens that are told at most."""
    least: int = 0
    """Tokens that are told at least, asked for or not."""
    tells: bool = True
    many: bool = True
    """Whether ``n`` answers come at once."""
    key: str | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    odd: list[ODD | None] = field(default_factory=list)
    always: ODD | None = None
    paid: list[tuple[int, int]] = field(default_factory=list)


class Brain:
    """Next-token probabilities of a local model, adapter merged, computed by its own whole forward, without a cache."""

    def __init__(self, base: Path, adapter: Path | None = None) -> None:
        from simframe.simulate import models

        self.model = models.load(base, adapter)
        self.lock = threading.Lock()

    def tokens(self, prompt: str) -> list[int]:
        return list(self.model.tokenizer(prompt)["input_ids"])

    def next(self, prompt: str) -> tuple[Any, int]:
        import torch

        ids = self.tokens(prompt)
        with self.lock, torch.inference_mode():
            logits = self.model.network(input_ids=torch.tensor([ids])).logits[0, -1]
        return torch.log_softmax(logits.double(), dim=-1), len(ids)

    def text(self, token: int) -> str:
        return str(self.model.tokenizer.decode([token]))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served
    brain: Brain

    def log_message(self, *args: Any) -> None:
        pass

    def send(self, status: int, content: Any, **headers: str) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def refuse(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        self.send(status, {"error": {"message": message, "type": "x", "code": code}}, **headers)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.body = json.loads(raw)
        self.served.times.append(time.monotonic())
        self.served.asked.append(self.body)
        self.served.headers.append(dict(self.headers))
        odd = self.served.odd.pop(0) if self.served.odd else self.served.always
        if odd is not None and odd(self):
            return
        if self.served.key and self.headers.get("Authorization") != f"Bearer {self.served.key}":
            self.refuse(401, f"Incorrect API key provided: {self.headers.get('Authorization')}")
        elif self.body["model"] != self.served.name:
            self.refuse(404, f"The model `{self.body['model']}` does not exist.", "model_not_found")
        else:
            self.send(200, self.answer())

    def prompt(self) -> str:
        """The chat template of this server: the messages, a space between them."""
        if "messages" in self.body:
            return " ".join(message["content"] for message in self.body["messages"])
        return str(self.body["prompt"])

    def answer(self) -> dict[str, Any]:
        body, chat = self.body, "messages" in self.body
        logp, read = self.brain.next(self.prompt())
        wanted = body.get("top_logprobs") if chat else body.get("logprobs")
        temperature = body.get("temperature", 1)
        choices = []
        n = body.get("n", 1) if self.served.many else 1
        for index, token in enumerate(self.sample(logp, temperature, body.get("seed", 0), n)):
            choice: dict[str, Any] = {"index": index, "finish_reason": "length", "logprobs": None}
            said = self.brain.text(token)
            choice |= {"message": {"role": "assistant", "content": said, "refusal": None}} if chat else {"text": said}
            if wanted and self.served.tells:
                choice["logprobs"] = self.told(logp, token, max(min(wanted, self.served.most), self.served.least), chat)
            choices.append(choice)
        self.served.paid.append((read, len(choices)))
        usage = {"prompt_tokens": read, "completion_tokens": len(choices), "total_tokens": read + len(choices)}
        kind = "chat.completion" if chat else "text_completion"
        return {"id": "x", "object": kind, "model": self.served.name, "choices": choices, "usage": usage}

    def sample(self, logp: Any, temperature: float, seed: int, n: int) -> list[int]:
        import torch

        generator = torch.Generator().manual_seed(seed)
        drawn = torch.multinomial(torch.softmax(logp / temperature, -1), n, replacement=True, generator=generator)
        return list(drawn.tolist())

    def told(self, logp: Any, token: int, top: int, chat: bool) -> dict[str, Any]:
        best = logp.topk(min(top, len(logp)))
        pairs = [
            (self.brain.text(i), round(p, self.served.digits))
            for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        own = (self.brain.text(token), round(float(logp[token]), self.served.digits))
        if not chat:
            return {"tokens": [own[0]], "token_logprobs": [own[1]], "top_logprobs": [dict(pairs)]}
        listed = [{"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in pairs]
        return {"content": [{"token": own[0], "logprob": own[1], "top_logprobs": listed}], "refusal": None}


@contextmanager
def serve(brain: Brain | None = None, **settings: Any) -> Iterator[Served]:
    """Serve a model on a port of this machine until the block ends."""
    handler = type("Own", (Handler,), {"brain": brain})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    served = Served(f"http://127.0.0.1:{server.server_port}/v1", **settings)
    handler.served = served
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def raw(status: int, content: bytes, kind: str = "application/json", **headers: str) -> ODD:
    def odd(handler: Handler) -> bool:
        handler.send(status, content, **{"Content-Type": kind} | headers)
        return True

    return odd


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> ODD:
    def odd(handler: Handler) -> bool:
        handler.refuse(status, message, code, **headers)
        return True

    return odd


def changed(change: Callable[[dict[str, Any]], Any]) -> ODD:
    """The right answer, changed by ``change``."""

    def odd(handler: Handler) -> bool:
        content = handler.answer()
        change(content)
        handler.send(200, content)
        return True

    return odd


def hang(seconds: float) -> ODD:
    def odd(handler: Handler) -> bool:
        time.sleep(seconds)
        return False

    return odd


def drip(start: bytes, drop: bytes) -> ODD:
    """An answer that never ends: after its start, a drop every tenth of a second."""

    def odd(handler: Handler) -> bool:
        handler.close_connection = True
        try:
            handler.wfile.write(start)
            for _ in range(200):
                handler.wfile.write(drop)
                handler.wfile.flush()
                time.sleep(0.1)
        except OSError:
            pass
        return True

    return odd


def closed(handler: Handler) -> bool:
    """A connection that closes in the middle of the answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [{"mess')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True
    return True
