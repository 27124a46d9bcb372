"""What stands around the choices of a server's answer: its JSON, token counts, errors and patience. Pure functions."""

from __future__ import annotations

import json
import math
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

LONE = re.compile("[\ud800-\udfff]")
"""Halves of a character: valid in JSON, in no text that can be sent or stored."""
MOST = 10**9
"""Tokens that one answer can tell to have taken at most; more is no count."""


def parse(raw: bytes) -> Any:
    """Return what an answer's JSON holds, halves of characters replaced by U+FFFD.

    Raises:
        ValueError, RecursionError: where it is no JSON.
    """
    return _whole(json.loads(raw))


def _whole(content: Any) -> Any:
    if isinstance(content, str):
        return LONE.sub("\ufffd", content)
    if isinstance(content, list):
        return [_whole(each) for each in content]
    if isinstance(content, dict):
        return {_whole(name): _whole(each) for name, each in content.items()}
    return content


def usage(content: Any) -> tuple[int, int] | None:
    """Return (tokens in, tokens out) as the server counted them; None where it says nothing that can be."""
    told = content.get("usage") if isinstance(content, dict) else None
    if not isinstance(told, dict):
        return None
    found = [told.get("prompt_tokens"), told.get("completion_tokens", 0)]
    if any(not isinstance(n, int) or isinstance(n, bool) or not 0 <= n <= MOST for n in found):
        return None
    return found[0], found[1]


def message(raw: bytes) -> tuple[str, str | None]:
    """Return what an error says and its code, as the protocol puts them."""
    try:
        error = json.loads(raw)["error"]
        return (error, None) if isinstance(error, str) else (str(error["message"]), error.get("code"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", None


def retry_after(text: str | None, now: float | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date; None where it says nothing."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - (time.time() if now is None else now)
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
