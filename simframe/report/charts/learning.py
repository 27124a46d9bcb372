"""How the loss of an adapter went while it was tuned."""

from __future__ import annotations

from typing import Any

import altair as alt

from simframe.report.charts.style import MARKS, MUTED, finish, values

STYLES = {
    "people held out": (MARKS["tuned"].colour, (), {"align": "right", "dy": -8}),
    "people tuned on": (MARKS["base"].colour, (6, 3), {"align": "left", "dx": 6}),
}
"""Colour, dash, and where the name stands of each line: that of people tuned on ends sooner."""

SPAN = 0.3
"""Share of the width that a name takes."""


def draw(data: dict[str, Any], _: list[str]) -> Any:
    """Draw two losses against steps, and where tuning ended; each line is named at its end."""
    x = alt.X("step:Q", axis=alt.Axis(title="steps", tickCount=5, format="d", grid=False))
    y = alt.Y("loss:Q", scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(title="nats an answer", tickCount=5))
    layers = [alt.Chart(values([{"step": data["steps"]}])).mark_rule(color=MUTED, strokeDash=[2, 2]).encode(x=x)]
    for name, (colour, dash, place) in STYLES.items():
        rows = [row for row in data["rows"] if row["line"] == name]
        if not rows:
            continue
        line = alt.Chart(values(rows)).mark_line(color=colour, strokeWidth=1.6, strokeDash=list(dash) or [1, 0])
        layers.append(line.encode(x=x, y=y))
        at = above(rows) if place["align"] == "right" else rows[-1]
        text = alt.Chart(values([at])).mark_text(color=colour, fontSize=10, text=name, **place)
        layers.append(text.encode(x=x, y=y))
    return finish(alt.layer(*layers), 150)


def above(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return where a name that ends with its line stands clear of it: as high as the line comes under the name."""
    first, last = rows[0]["step"], rows[-1]["step"]
    start = last - SPAN * (last - first)
    enters = max(k for k, row in enumerate(rows) if row["step"] <= start)
    return rows[-1] | {"loss": max(row["loss"] for row in rows[enters:])}
