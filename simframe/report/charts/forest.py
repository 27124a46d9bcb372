"""Coefficients of one regression, people beside panels."""

from __future__ import annotations

from typing import Any

import altair as alt

from simframe.report.charts.style import MUTED, categories, finish, offset, rounded, row_height, scales, values, wrapped


def draw(data: dict[str, Any], known: list[str]) -> Any:
    """Draw one row a term; what lies beyond the axis ends in an arrow."""
    reach = data["reach"]
    labels = wrapped([row["term"] for row in data["rows"]])
    rows = [row | _within(row, reach) | {"term": labels[row["term"]]} for row in data["rows"]]
    strategies = list(dict.fromkeys(row["strategy"] for row in rows))
    terms = list(labels.values())
    scale = scales(strategies, known)
    y = categories("term", terms, padding=0.3, grid=True)
    axis = alt.Axis(title="coefficient, in people's standard errors", tickCount=6)
    x = alt.X("at:Q", scale=alt.Scale(domain=[rounded(-reach), rounded(reach)], nice=False), axis=axis)
    place = offset(strategies)
    colour = alt.Color("strategy:N", scale=scale["colour"], legend=None)
    zero = alt.Chart(values([{"at": 0}])).mark_rule(color=MUTED, strokeWidth=1)
    layers = [zero.encode(x=x)]
    bars = [row for row in rows if row["from"] is not None]
    if bars:
        whisker = alt.Chart(values(bars)).mark_rule(strokeWidth=1.4)
        layers.append(whisker.encode(x=alt.X("from:Q", axis=axis), x2="to:Q", y=y, yOffset=place, color=colour))
    shape = alt.Shape("strategy:N", scale=scale["shape"], legend=None)
    inside = [row for row in rows if abs(row["estimate"]) <= reach]
    point = alt.Chart(values(inside)).mark_point(filled=True, size=42, opacity=1)
    layers.append(point.encode(x=x, y=y, yOffset=place, color=colour, shape=shape))
    for side, sign in (("◂", -1), ("▸", 1)):
        beyond = [row | {"edge": sign * reach} for row in bars if _beyond(row, sign, reach)]
        if beyond:
            arrow = alt.Chart(values(beyond)).mark_text(text=side, fontSize=11)
            layers.append(arrow.encode(x=alt.X("edge:Q", axis=axis), y=y, yOffset=place, color=colour))
    return finish(alt.layer(*layers), 24 + row_height(terms, len(strategies), 7) * len(terms))


def _within(row: dict[str, Any], reach: float) -> dict[str, Any]:
    def clamp(x: float | None) -> float | None:
        return None if x is None else max(-reach, min(reach, x))

    return {"at": clamp(row["estimate"]), "from": clamp(row["low"]), "to": clamp(row["high"])}


def _beyond(row: dict[str, Any], sign: int, reach: float) -> bool:
    end = row["low"] if sign < 0 else row["high"]
    return end is not None and sign * end > reach
