"""Shares of the answers to one item: people as bars, panels as marks."""

from __future__ import annotations

from typing import Any

import altair as alt

from simframe.report.charts.style import BAR, MUTED, finish, scales, values


def draw(data: dict[str, Any]) -> Any:
    """Draw one row an answer, in declared order."""
    strategies = list(dict.fromkeys(row["strategy"] for row in data["marks"]))
    scale = scales(strategies)
    order = [bar["option"] for bar in data["bars"]]
    y = alt.Y(
        "option:N",
        sort=None,
        scale=alt.Scale(domain=order, paddingInner=0.2, paddingOuter=0.1),
        axis=alt.Axis(title=None, ticks=False, domain=False),
    )
    x = alt.X("share:Q", scale=alt.Scale(zero=True), axis=alt.Axis(title=None, format="%", tickCount=5))
    bars = alt.Chart(values(data["bars"])).mark_bar(color=BAR, stroke=MUTED, strokeWidth=0.7)
    marks = alt.Chart(values([row for row in data["marks"] if row["share"] is not None]))
    marks = marks.mark_point(filled=True, size=46, opacity=1, stroke="#ffffff", strokeWidth=0.6)
    place = alt.YOffset("strategy:N", scale=alt.Scale(domain=strategies, paddingOuter=0.4))
    fill = alt.Fill("strategy:N", scale=scale["colour"], legend=None)
    shape = alt.Shape("strategy:N", scale=scale["shape"], legend=None)
    layers = alt.layer(bars.encode(x=x, y=y), marks.encode(x=x, y=y, yOffset=place, fill=fill, shape=shape))
    return finish(layers, 24 + (9 + 7 * max(1, len(strategies))) * len(order))
