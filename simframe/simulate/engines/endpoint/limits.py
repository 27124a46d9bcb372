"""How fast an endpoint may be asked, and how much it may cost."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING

from simframe.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOM = 1.25
"""How much longer in tokens a prompt may be than the longest tokens-per-byte seen so far would make it."""


class Pace:
    """Spaces requests evenly, so that no minute holds more than ``per_minute`` units of work."""

    def __init__(self, per_minute: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = None if per_minute is None else per_minute / 60
        self._clock = clock
        self._free = clock()
        self._lock = threading.Lock()

    def delay(self, amount: float = 1.0) -> float:
        """Take the next free place for ``amount`` units and return the seconds to wait for it."""
        with self._lock:
            now = self._clock()
            start = max(now, self._free)
            self._free = start if self._rate is None else start + amount / self._rate
            return start - now

    def hold(self, seconds: float) -> None:
        """Let nobody start for some seconds: the server said so."""
        with self._lock:
            self._free = max(self._free, self._clock() + seconds)


class Ledger:
    """What was spent, kept in a file of one line an answer, so that neither a kill nor a rerun forgets it.

    A request is reserved before it is sent, at the most it can cost, and settled at what it did cost. The ceiling holds
    for the sum of what is settled, by any process, and what this one has under way.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        price_in: float = 0.0,
        price_out: float = 0.0,
        max_spend: float | None = None,
    ) -> None:
        self.path, self.max_spend = path, max_spend
        self._prices = (price_in / 1e6, price_out / 1e6)
        self._lock = threading.Lock()
        self._pending = 0.0
        self._spent = 0.0
        self._read = 0
        self._per_byte = 1.0  # no token is less than a byte
        self._known = False

    @property
    def spent(self) -> float:
        """The sum of all answers paid for."""
        with self._lock:
            return self._catch_up()

    def tokens(self, size: int) -> int:
        """Return the most tokens that a prompt of ``size`` bytes is reckoned to have."""
        return int(size * min(1.0, self._per_byte * ROOM)) + 16

    def reserve(self, size: int, tokens_out: int) -> float:
        """Set aside what a request of ``size`` bytes, answered by ``tokens_out`` tokens, can cost at most.

        Raises:
            ModelError: where that would exceed the ceiling.
        """
        cost = self._cost(self.tokens(size), tokens_out)
        with self._lock:
            total = self._catch_up()
            if self.max_spend is not None and total + self._pending + cost > self.max_spend:
                message = f"max_spend is {self.max_spend:g}: {total:.6g} is spent, and the next request may pass it"
                mend = (
                    "raise endpoint.max_spend and run again; finished chunks are kept, the one begun is paid for anew"
                )
                raise ModelError(message, where="plan.endpoint", mend=mend)
            self._pending += cost
        return cost

    def settle(self, reserved: float, size: int, usage: tuple[int, int] | None) -> float:
        """Book an answer at its (tokens in, tokens out), or at what was reserved where the server does not say."""
        if usage is None:
            tokens, cost = None, reserved
        else:
            tokens, cost = list(usage), self._cost(*usage)
        with self._lock:
            if usage is not None and size:
                seen = usage[0] / size
                self._per_byte = max(seen, self._per_byte) if self._known else seen
                self._known = True
            self._pending -= reserved
            self._book({"spent": cost, "tokens": tokens})
        return cost

    def release(self, reserved: float) -> None:
        """Take back a reservation: the request was refused unread, so nothing was paid."""
        with self._lock:
            self._pending -= reserved

    def _cost(self, tokens_in: int, tokens_out: int) -> float:
        return tokens_in * self._prices[0] + tokens_out * self._prices[1]

    def _book(self, entry: dict[str, object]) -> None:
        if self.path is None:
            self._spent += float(str(entry["spent"]))
            return
        line = f"\n{json.dumps(entry)}\n".encode()  # a line torn by a kill spoils none but itself
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)
        except OSError as err:
            mend = "free space: without its ledger nothing more is spent; finished chunks are kept"
            raise ModelError(f"cannot be written: {err.strerror}", where=str(self.path), mend=mend) from err

    def _catch_up(self) -> float:
        """Add what stands in the file since it was last read, by this process or another."""
        if self.path is None or not self.path.exists():
            return self._spent
        with self.path.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                self._spent += float(json.loads(line)["spent"])
            except (ValueError, KeyError, TypeError):
                continue
        return self._spent
