"""Why some intervals miss, by metric; the page prints them beside the figures."""

REASONS: dict[str, str] = {}
