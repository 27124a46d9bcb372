"""Shares of the answers to one item: people as bars, panels as marks."""

from __future__ import annotations

from typing import Any

import altair as alt

from simframe.report.charts.style import BAR, MUTED, categories, finish, offset, row_height, scales, values, wrapped


def draw(data: dict[str, Any], known: list[str]) -> Any:
    """Draw one row an answer, in declared order."""
    strategies = list(dict.fromkeys(row["strategy"] for row in data["marks"]))
    scale = scales(strategies, known)
    labels = wrapped([bar["option"] for bar in data["bars"]])
    order = list(labels.values())
    y = categories("option", order, padding=0.2)
    x = alt.X("share:Q", scale=alt.Scale(zero=True), axis=alt.Axis(title=None, format="%", tickCount=4))
    bars = alt.Chart(values([bar | {"option": labels[bar["option"]]} for bar in data["bars"]]))
    bars = bars.mark_bar(color=BAR, stroke=MUTED, strokeWidth=0.7)
    marks = alt.Chart(
        values([row | {"option": labels[row["option"]]} for row in data["marks"] if row["share"] is not None])
    )
    marks = marks.mark_point(filled=True, size=46, opacity=1, stroke="#ffffff", strokeWidth=0.6)
    place = offset(strategies)
    fill = alt.Fill("strategy:N", scale=scale["colour"], legend=None)
    shape = alt.Shape("strategy:N", scale=scale["shape"], legend=None)
    layers = alt.layer(bars.encode(x=x, y=y), marks.encode(x=x, y=y, yOffset=place, fill=fill, shape=shape))
    return finish(layers, 24 + row_height(order, len(strategies), 7) * len(order))
