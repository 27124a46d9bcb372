"""Distance from people within each group of one attribute, over its floor."""

from __future__ import annotations

from typing import Any

import altair as alt

from simframe.report.charts.style import MUTED, categories, finish, offset, row_height, scales, values, wrapped

FLOOR = "#dddddd"


def draw(data: dict[str, Any], known: list[str]) -> Any:
    """Draw one row a level; hollow marks are small groups."""
    labels = wrapped([row["level"] for row in data["rows"]])
    rows = [row | {"level": labels[row["level"]]} for row in data["rows"]]
    strategies = list(dict.fromkeys(row["strategy"] for row in rows))
    levels = list(labels.values())
    floors = list({row["level"]: row for row in reversed(rows) if row["floor"] is not None}.values())
    defined = [row for row in rows if row["estimate"] is not None]
    scale = scales(strategies, known)
    y = categories("level", levels)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=alt.Scale(zero=True), axis=alt.Axis(title="js_distance", tickCount=4))

    place = offset(strategies)
    colour = alt.Color("strategy:N", scale=scale["colour"], legend=None)
    layers = [
        alt.Chart(values(floors)).mark_bar(color=FLOOR).encode(x=x("top"), y=y),
        alt.Chart(values(floors)).mark_tick(color=MUTED, thickness=2).encode(x=x("floor"), y=y),
    ]
    bars = [row for row in defined if row["low"] is not None and row["high"] is not None]
    if bars:
        whisker = alt.Chart(values(bars)).mark_rule(strokeWidth=1.2)
        layers.append(whisker.encode(x=x("low"), x2="high:Q", y=y, yOffset=place, color=colour))
    shape = alt.Shape("strategy:N", scale=scale["shape"], legend=None)
    hollow = alt.condition("datum.small", alt.value("#ffffff"), alt.Color("strategy:N", scale=scale["colour"]))
    point = alt.Chart(values(defined)).mark_point(size=46, opacity=1, strokeWidth=1.3)
    fill = alt.Fill("strategy:N", scale=scale["colour"], legend=None, condition=hollow["condition"])
    layers.append(point.encode(x=x("estimate"), y=y, yOffset=place, stroke=_stroke(scale), fill=fill, shape=shape))
    return finish(alt.layer(*layers), 24 + row_height(levels, len(strategies)) * len(levels))


def _stroke(scale: dict[str, Any]) -> alt.Stroke:
    return alt.Stroke("strategy:N", scale=scale["colour"], legend=None)
