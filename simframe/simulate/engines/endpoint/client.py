"""Asking an OpenAI-compatible server, and getting an answer or one clear error whatever it does."""

from __future__ import annotations

import json
import os
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from simframe.errors import ModelError, PlanError, install_extra
from simframe.simulate.engines.endpoint import envelope
from simframe.simulate.engines.endpoint.deadline import Deadline
from simframe.simulate.engines.endpoint.limits import Ledger, Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from simframe.simulate.plans.schema import Endpoint

T = TypeVar("T")

FIRST_WAIT = 0.5
"""Seconds before the second try; each further one waits twice as long, up to ``LONGEST_WAIT``."""
LONGEST_WAIT = 60.0
PATIENCE = 600.0
"""The longest Retry-After that is waited for, in seconds."""
LARGEST = 8 << 20
"""Bytes of an answer that are read at most."""
AGAIN = {408, 409, 425, 429}
"""Statuses besides 5xx after which the same request may succeed."""


class UnreadableError(Exception):
    """An answer that is not what the protocol says; asking again may help."""


class StoppedError(ModelError):
    """A request that was not sent because another one failed."""


class RefusedError(ModelError):
    """A request that the server will never take: its status and what it said are in ``status`` and ``reply``."""

    def __init__(self, status: int, reply: str, where: str, mend: str) -> None:
        self.status, self.reply = status, reply
        super().__init__(f"answers {status}: {reply or 'nothing'}", where=where, mend=mend)


def need_client() -> ModuleType:
    """Import the HTTP client.

    Raises:
        ModelError: where simframe was installed without it.
    """
    try:
        import httpx2
    except ImportError as err:
        raise ModelError(f"endpoints need httpx2 ({err})", mend=install_extra("http")) from err
    return httpx2


def read_key(variable: str | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the API key that an environment variable holds.

    Raises:
        PlanError: where it is unset or cannot stand in a header. The message never holds the key.
    """
    if variable is None:
        return None
    key = environment.get(variable, "").strip()
    if not key:
        mend = f"export {variable}=..., or leave api_key_env out where the server wants no key"
        raise PlanError(f"api_key_env: {variable} is not set", where="plan.endpoint", mend=mend)
    if not key.isascii() or not key.isprintable() or " " in key:
        mend = "copy the key anew: one word of printable ASCII"
        raise PlanError(f"api_key_env: {variable} holds no key", where="plan.endpoint", mend=mend)
    return key


def check_url(url: str | None) -> str:
    """Return the address that paths are added to.

    Raises:
        PlanError: where it is no web address, or holds a secret that would be stored with the panel.
    """
    where, mend = "plan.endpoint", 'write url = "https://host/v1": what comes before /chat/completions'
    if not url:
        raise PlanError("url: an endpoint has no address", where=where, mend=mend)
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - a port that is no number raises here
    except ValueError as err:
        raise PlanError(f"url: {url!r} is no address ({err})", where=where, mend=mend) from err
    if parts.username or parts.password:
        raise PlanError("url: holds a user or password", where=where, mend="name the key's variable in api_key_env")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise PlanError(f"url: {url!r} is no address of an endpoint", where=where, mend=mend)
    base = url.rstrip("/")
    for tail in ("/chat/completions", "/completions"):
        base = base.removesuffix(tail)
    return base


@dataclass(frozen=True)
class Reply:
    """A server's answer in JSON, and what it took."""

    content: Any
    tokens: int
    spent: float


class Client:
    """Asks one endpoint: paced, retried, within its ceiling. One client serves many threads."""

    def __init__(self, settings: Endpoint, ledger: Ledger | None = None) -> None:
        self._http = need_client()
        self.url = check_url(settings.url)
        self._key = read_key(settings.api_key_env)
        self._settings = settings
        self.ledger = ledger or Ledger(
            price_in=settings.price_in, price_out=settings.price_out, max_spend=settings.max_spend
        )
        self._requests = Pace(settings.requests_per_minute)
        self._tokens = Pace(settings.tokens_per_minute)
        self._stop = threading.Event()
        self._jitter = random.Random()  # noqa: S311 - spreads retries, decides no number
        limits = self._http.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._client = self._http.Client(
            headers=headers | {"User-Agent": "simframe"}, timeout=settings.timeout, limits=limits
        )
        self._deadline = Deadline()
        self._deadline.hold(self._client)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def stop(self) -> None:
        """Let every thread that waits or is about to ask give up; what is under way is read, and paid, to its end."""
        self._stop.set()

    def resume(self) -> None:
        """Ask again after ``stop``."""
        self._stop.clear()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str) -> Any:
        """Return what a path holds, without retries or cost; for what is good to know and not needed."""
        return self._decode(*self._exchange("GET", path, None))

    def post(self, path: str, body: dict[str, Any], tokens_out: int, read: Callable[[Any], T]) -> tuple[T, Reply]:
        """Send a request until it is answered, and return what ``read`` makes of the answer.

        Args:
            path: below the endpoint's address.
            body: the request.
            tokens_out: the most tokens the answer can have.
            read: raises ``UnreadableError`` where the answer is not what the protocol says.

        Raises:
            RefusedError: where the server will never take the request.
            ModelError: where tries or money ran out; names the address, the last failure and the mend.
        """
        data = json.dumps(body, ensure_ascii=False).encode()
        failure = ""
        for attempt in range(self._settings.retries + 1):
            if attempt:
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1))
                self._sleep(wait * self._jitter.uniform(0.5, 1.0))
            self._sleep(self._tokens.delay(self.ledger.tokens(len(data)) + tokens_out))
            self._sleep(self._requests.delay())
            reserved = self.ledger.reserve(len(data), tokens_out)
            try:
                status, headers, raw = self._exchange("POST", path, data)
                content = self._decode(status, headers, raw) if status == 200 else None
            except self._http.TransportError as err:
                # A connection that was never made cost nothing; one that broke may have been answered, and billed.
                unsent = isinstance(err, self._http.ConnectError | self._http.ConnectTimeout)
                self.ledger.release(reserved) if unsent else self.ledger.settle(reserved, 0, None)
                failure = self._described(err)
                continue
            except UnreadableError as err:
                self.ledger.settle(reserved, 0, None)
                failure = str(err)
                continue
            if status != 200:
                self.ledger.release(reserved)
                failure = self._failed(status, headers, raw)
                continue
            used = envelope.usage(content)
            spent = self.ledger.settle(reserved, len(data), used)
            try:
                return read(content), Reply(content, sum(used) if used else 0, spent)
            except UnreadableError as err:
                failure = f"{err}: {self._excerpt(raw)}"
        tries = self._settings.retries + 1
        mend = "see that the server runs and speaks the OpenAI protocol, then run again; finished chunks are kept"
        raise ModelError(f"no usable answer in {tries} tries; the last: {failure}", where=self.url + path, mend=mend)

    def _exchange(self, method: str, path: str, data: bytes | None) -> tuple[int, Any, bytes]:
        """Send once and read the answer, within the timeout as a whole: a server may drip a byte a second."""
        headers = {"Content-Type": "application/json"} if data is not None else {}
        sent = self._client.stream(method, self.url + path, content=data, headers=headers)
        with self._deadline.within(self._settings.timeout), sent as response:
            parts, size = [], 0
            try:
                for part in response.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > LARGEST:
                        raise self._http.ReadError(f"the answer is larger than {LARGEST >> 20} MiB")
            except self._http.DecodingError as err:
                if response.status_code == 200:
                    raise UnreadableError(f"an answer that cannot be unpacked: {self._scrub(str(err))}") from err
            return response.status_code, response.headers, b"".join(parts)

    def _decode(self, status: int, headers: Any, raw: bytes) -> Any:
        try:
            return envelope.parse(raw)
        except (ValueError, RecursionError) as err:
            kind = headers.get("content-type", "no content type")
            raise UnreadableError(f"status {status} with {kind} that is no JSON: {self._excerpt(raw)}") from err

    def _failed(self, status: int, headers: Any, raw: bytes) -> str:
        """Return what to say of a refusal that may pass, having heeded its Retry-After; raise where it never will."""
        said, code = envelope.message(raw)
        said = self._scrub(said) if said else self._excerpt(raw)
        if (status not in AGAIN and status < 500) or code == "insufficient_quota":
            raise RefusedError(status, said, self.url, self._mend(status))
        wait = envelope.retry_after(headers.get("retry-after"))
        if wait is not None:
            if wait > PATIENCE:
                mend = "run again later; finished chunks are kept"
                raise ModelError(f"answers {status} and asks for {wait:.0f} s of patience", where=self.url, mend=mend)
            self._requests.hold(wait)
        return f"status {status}: {said}"

    def _mend(self, status: int) -> str:
        variable = self._settings.api_key_env
        return {
            401: f"check the key in {variable}" if variable else "name the variable of the key in endpoint.api_key_env",
            403: f"use a key that may use this model, in {variable}",
            404: "check endpoint.url and the plan's model; a server without chat needs chat = false",
            429: "the account has no credit left: add some and run again; finished chunks are kept",
        }.get(status, "correct the plan so that the server takes its requests; finished chunks are kept")

    def _described(self, err: Exception) -> str:
        slow = isinstance(err, self._http.TimeoutException)
        text = f"no answer within {self._settings.timeout:g} s" if slow else self._scrub(str(err)) or "broken off"
        return f"{type(err).__name__}: {text}"

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise StoppedError("was stopped", where=self.url)

    def _excerpt(self, raw: bytes) -> str:
        return self._scrub(" ".join(raw[:2000].decode("utf-8", "replace").split())[:160]) or "empty"

    def _scrub(self, text: str) -> str:
        """Return a text without the key: some servers say it back."""
        text = "".join(c if c.isprintable() else " " for c in text)
        return text.replace(self._key, "***") if self._key else text
