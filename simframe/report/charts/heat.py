"""Shares of actions given beliefs, of one side."""

from __future__ import annotations

from typing import Any

import altair as alt

from simframe.report.charts.style import INK, SPLIT, categories, finish, row_height, values, wrapped

SHADES = ["#f4f7fb", "#c6d8ec", "#7fabd6", "#3b78b5", "#0b3c73"]
"""Light to dark, one hue: darker is more, in greyscale too."""
ROW = 30


def draw(data: dict[str, Any], _: list[str]) -> Any:
    """Draw one row a belief, one column an action; a belief that nobody holds is left blank."""
    beliefs = wrapped([cell["belief"] for cell in data["cells"]])
    actions = wrapped([cell["action"] for cell in data["cells"]])
    cells = [cell | {"belief": beliefs[cell["belief"]], "action": actions[cell["action"]]} for cell in data["cells"]]
    held = [cell | {"dark": cell["share"] > 0.5} for cell in cells if cell["share"] is not None]
    y = categories("belief", list(beliefs.values()), padding=0)
    tilt = 0 if len(actions) < 4 else -40
    axis = alt.Axis(title=None, ticks=False, domain=False, orient="top", labelAngle=tilt, labelExpr=SPLIT, grid=False)
    x = alt.X("action:N", sort=None, scale=alt.Scale(domain=list(actions.values())), axis=axis)
    shade = alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], range=SHADES), legend=None)
    text = alt.condition("datum.dark", alt.value("#ffffff"), alt.value(INK))
    layers = [alt.Chart(values(held)).mark_rect(stroke="#ffffff", strokeWidth=2).encode(x=x, y=y, color=shade)]
    implied = [cell for cell in held if cell["implied"]]
    if implied:
        outline = alt.Chart(values(implied)).mark_rect(filled=False, stroke="#000000", strokeWidth=1.6)
        layers.append(outline.encode(x=x, y=y))
    figures = alt.Chart(values(held)).mark_text(fontSize=11)
    layers.append(figures.encode(x=x, y=y, text=alt.Text("share:Q", format=".0%"), color=text))
    return finish(alt.layer(*layers), 26 + max(ROW, row_height(list(beliefs.values()), 1)) * len(beliefs))
