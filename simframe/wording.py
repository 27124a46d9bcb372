"""How counts are put into words, the same on the command line, in notes and in the report."""

from __future__ import annotations


def counted(n: int, noun: str, many: str | None = None) -> str:
    """Return a count and what is counted, in the singular or the plural, thousands set off by commas."""
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"
