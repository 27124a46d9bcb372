"""One deadline for a whole exchange with a server: the HTTP client's own timeout begins anew with every byte."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Deadline(threading.local):
    """When the exchange of this thread is to be over; each thread has its own."""

    at = math.inf

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let what this thread exchanges in the block take so many seconds in all."""
        self.at = time.monotonic() + seconds
        try:
            yield
        finally:
            self.at = math.inf

    def left(self, timeout: float | None) -> float | None:
        """Return the seconds to wait for the network at most, ``timeout`` the client's own.

        Raises:
            httpcore2.ReadTimeout: where none are left.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            from httpcore2 import ReadTimeout

            raise ReadTimeout("the answer takes too long")
        found = left if timeout is None else min(timeout, left)
        return None if math.isinf(found) else found

    def hold(self, client: Any) -> None:
        """Let all connections of an HTTP client heed this deadline, those through proxies too."""
        for transport in (client._transport, *client._mounts.values()):
            if transport is not None:  # where the environment wants no proxy
                transport._pool._network_backend = _Network(transport._pool._network_backend, self)


class _Network:
    """Makes connections that heed a deadline."""

    def __init__(self, network: Any, deadline: Deadline) -> None:
        self._network, self._deadline = network, deadline

    def connect_tcp(self, *args: Any, timeout: float | None = None, **options: Any) -> _Stream:
        stream = self._network.connect_tcp(*args, timeout=self._deadline.left(timeout), **options)
        return _Stream(stream, self._deadline)

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _Stream:
    """A connection whose every wait ends at a deadline."""

    def __init__(self, stream: Any, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *args: Any, timeout: float | None = None, **options: Any) -> _Stream:
        stream = self._stream.start_tls(*args, timeout=self._deadline.left(timeout), **options)
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
