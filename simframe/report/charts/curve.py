"""A figure against pilot size."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import altair as alt

from simframe.report.charts.style import BAND, MARKS, MUTED, finish, rounded, scales, values

LINEAR = 20
"""Pilot size below which the axis is about linear, above it logarithmic; 0 has a place on it."""
LEAST = 0.1
"""Least span of the vertical axis."""
PEOPLE = MARKS["split_half"]
APART, ROOM = 0.07, 0.5
"""Distance between lines at one pilot size, on the axis' own scale, so that intervals do not cover each other; and the
most that all of them take: many lines stand closer, as do lines between pilot sizes that are close."""


def draw(data: dict[str, Any], known: list[str]) -> Any:
    """Draw points with intervals joined into lines, over the band of what counts as alike."""
    strategies = list(dict.fromkeys(point["strategy"] for point in data["points"]))
    sizes = sorted({point["pilot"] for point in data["points"]})
    lines = list(dict.fromkeys(point["line"] for point in data["points"] if point["strategy"] != "base"))
    step = _step(sizes, len(lines))
    rows = [point | {"x": _aside(point, lines, step)} for point in data["points"]]
    scale = scales(strategies, known)
    reach = math.log1p(max(sizes) / LINEAR)
    x = alt.X(
        "x:Q",
        scale=alt.Scale(type="symlog", constant=LINEAR, domain=[_back(-0.3), _back(reach + 0.3)], nice=False),
        axis=alt.Axis(title="pilot respondents", values=_ticks(sizes), grid=False, format="d"),
    )
    y = alt.Y("estimate:Q", scale=alt.Scale(domain=_span(data), zero=False), axis=alt.Axis(title=None, tickCount=5))
    colour = alt.Color("strategy:N", scale=scale["colour"], legend=None)
    layers = []
    if data["band"]:
        low, high = data["band"]
        band = alt.Chart(values([{"low": low, "high": high}])).mark_rect(color=BAND)
        layers.append(band.encode(y=alt.Y("low:Q", axis=alt.Axis(title=None)), y2="high:Q"))
    if data["ideal"] is not None:
        ideal = alt.Chart(values([{"at": data["ideal"]}])).mark_rule(color=MUTED, strokeWidth=1)
        layers.append(ideal.encode(y="at:Q"))
    if data["people"] is not None:
        people = alt.Chart(values([{"at": data["people"]}]))
        layers.append(
            people.mark_rule(color=PEOPLE.colour, strokeWidth=1.2, strokeDash=list(PEOPLE.dash)).encode(y="at:Q")
        )
    untuned = [row for row in rows if row["strategy"] == "base"]
    if untuned:
        level = alt.Chart(values(untuned)).mark_rule(strokeDash=[1, 3], strokeWidth=1.2)
        layers.append(level.encode(y="estimate:Q", color=colour))
    dash = alt.StrokeDash("strategy:N", scale=scale["dash"], legend=None)
    line = alt.Chart(values(_means(rows))).mark_line(strokeWidth=1.6)
    layers.append(line.encode(x=x, y=y, color=colour, strokeDash=dash, detail="line:N"))
    bars = [row for row in rows if row["low"] is not None and row["high"] is not None]
    if bars:
        whisker = alt.Chart(values(bars)).mark_rule(strokeWidth=1.4)
        layers.append(whisker.encode(x=x, y="low:Q", y2="high:Q", color=colour))
    shape = alt.Shape("strategy:N", scale=scale["shape"], legend=None)
    point = alt.Chart(values(rows)).mark_point(filled=True, size=60, opacity=1)
    layers.append(point.encode(x=x, y=y, color=colour, shape=shape))
    return finish(alt.layer(*layers), 210)


def _span(data: dict[str, Any]) -> list[float]:
    """Return the reach of the vertical axis: everything drawn on it, and never so little that noise fills it.

    Charts that are to be compared have a ``span`` in common, which is within the reach of each.
    """
    drawn = [point[name] for point in data["points"] for name in ("estimate", "low", "high")]
    drawn += [data["ideal"], data["people"], *(data["band"] or []), *(data.get("span") or [])]
    known = [x for x in drawn if x is not None]
    low, high = min(known), max(known)
    lack = max(0.0, LEAST - (high - low)) / 2
    return [rounded(low - lack), rounded(high + lack)]


def _step(sizes: list[int], lines: int) -> float:
    """Return the distance between lines: those of one pilot size stand together, apart from those of the next."""
    places = [math.log1p(size / LINEAR) for size in sizes]
    nearest = min((b - a for a, b in pairwise(places)), default=ROOM)
    return min(APART, ROOM / max(1, lines), 0.7 * nearest / max(1, lines))


def _aside(point: dict[str, Any], lines: list[str], step: float) -> float:
    """Return the pilot size moved a little to the side, by the place of its line; the untuned model stays at 0."""
    if point["line"] not in lines:
        return 0.0
    place = lines.index(point["line"]) - (len(lines) - 1) / 2
    return _back(math.log1p(point["pilot"] / LINEAR) + step * place)


def _back(t: float) -> float:
    return math.copysign(LINEAR * math.expm1(abs(t)), t)


def _means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one point a line and pilot size: panels of several seeds share one."""
    found: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["line"], row["x"]), []).append(row)
    return [some[0] | {"estimate": sum(r["estimate"] for r in some) / len(some)} for some in found.values()]


def _ticks(sizes: list[int]) -> list[int]:
    """Return the pilot sizes that have room for a label, the largest first."""
    kept: list[int] = []
    for size in sorted(sizes, reverse=True):
        if all(abs(math.log1p(size / LINEAR) - math.log1p(other / LINEAR)) > 0.3 for other in kept):
            kept.append(size)
    return kept
