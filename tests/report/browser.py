"""Chromium without a window, spoken to over its own debugging pipe: no driver, no library, no port."""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)
DEAD = "--host-resolver-rules=MAP * ~NOTFOUND"
"""No name resolves: whatever a page asks for outside its own file fails."""


class Tab:
    """One tab: commands by name, events as they come."""

    def __init__(self, read: int, write: int) -> None:
        self.read, self.write = read, write
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []
        self.rest = b""
        self.sent = 0

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result; events that come meanwhile are kept."""
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(30)
            if answer.get("id") == self.sent:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def open(self, page: Path, width: int) -> None:
        """Load a file and wait until it and all it asks for have come or failed."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Page.navigate", url=page.as_uri())
        deadline = time.monotonic() + 30
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next(deadline - time.monotonic()))
        self.evaluate("0")

    def requests(self) -> list[str]:
        """Return every address that was asked for."""
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """Return every message of the console, the log and uncaught errors."""
        kinds = (
            "Log.entryAdded",
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Page.javascriptDialogOpening",
        )
        return [json.dumps(event["params"])[:300] for event in self.events if event.get("method") in kinds]

    def _next(self, seconds: float) -> dict[str, Any]:
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.read], [], [], max(0.0, seconds))
            assert ready, "the browser does not answer"
            got = os.read(self.read, 1 << 20)
            assert got, "the browser has gone"
            self.rest += got
        message, _, self.rest = self.rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextmanager
def tab(binary: str, profile: Path) -> Iterator[Tab]:
    """Start a browser with one empty tab and no network."""
    from_browser, browser_out = os.pipe()
    browser_in, to_browser = os.pipe()
    command = shlex.join([binary, *FLAGS, DEAD, f"--user-data-dir={profile}", "about:blank"])
    process = subprocess.Popen(  # the browser reads its descriptor 3 and writes its descriptor 4
        ["bash", "-c", f"exec {command} 3<&{browser_in} 4>&{browser_out} 2>/dev/null"],
        pass_fds=(browser_in, browser_out),
    )
    os.close(browser_in)
    os.close(browser_out)
    try:
        chromium = Tab(from_browser, to_browser)
        target = chromium.call("Target.createTarget", url="about:blank")["targetId"]
        chromium.session = chromium.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            chromium.call(f"{domain}.enable")
        yield chromium
    finally:
        os.close(to_browser)
        process.terminate()
        process.wait(10)
        os.close(from_browser)
