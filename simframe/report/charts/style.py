"""One look for every chart: Okabe and Ito's colours, and a shape and a dash a strategy, so that greyscale reads too."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

import altair as alt

INK, MUTED, GRID, BAND, BAR = "#222222", "#5f5f5f", "#e6e6e6", "#e9e9e9", "#c4c4c4"
WIDTH = 360
"""Width of a chart in pixels, axis labels included: a phone shows it whole."""


@dataclass(frozen=True)
class Mark:
    """How one strategy is drawn."""

    colour: str
    shape: str
    dash: tuple[int, ...] = ()


MARKS = {
    "survey": Mark("#000000", "square"),
    "split_half": Mark("#000000", "none", (5, 3)),
    "base": Mark("#d55e00", "diamond", (1, 3)),
    "tuned": Mark("#0072b2", "circle"),
    "pilot_marginals": Mark("#e69f00", "triangle-down", (6, 3)),
    "logit_chain": Mark("#009e73", "triangle-up", (8, 3, 2, 3)),
    "imported": Mark("#332288", "hourglass", (4, 2)),
}
SPARE = (
    Mark("#cc79a7", "cross", (3, 3)),
    Mark("#56b4e9", "triangle-right", (10, 3)),
    Mark("#000000", "triangle-left", (2, 6)),
    # Okabe and Ito's yellow cannot be seen on white; these two are Tol's.
    Mark("#882255", "arrow", (12, 3, 2, 3)),
    Mark("#999933", "wedge", (5, 5)),
)
"""Series that this file does not know take these in turn: other strategies, a second panel of one."""

PATHS = {"hourglass": "M-1.2,-1.3h2.4l-2.4,2.6h2.4Z"}
"""Shapes that Vega has no name for; -1 to 1 is the reach of a square."""

SHAPES = {
    "circle": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "square": "M-4,-4h8v8h-8Z",
    "diamond": "M0,-5.5L5,0L0,5.5L-5,0Z",
    "triangle-up": "M-5,4L0,-5L5,4Z",
    "triangle-down": "M-5,-4L0,5L5,-4Z",
    "triangle-right": "M-4,-5L5,0L-4,5Z",
    "triangle-left": "M4,-5L-5,0L4,5Z",
    "none": "M0,0",
    "arrow": "M-1.5,5.5v-5h-3L0,-5.5L4.5,0.5h-3v5Z",
    "wedge": "M0,-5.5L3.5,4.5h-7Z",
    "hourglass": "M-4,-4.5h8l-8,9h8Z",
    "cross": "M-5,-2h3v-3h4v3h3v4h-3v3h-4v-3h-3Z",
}
"""Outlines for legends, about ten pixels wide."""


def mark(strategy: str, known: list[str]) -> Mark:
    """Return how a series is drawn; ``known`` lists all series of the section, charts and legend alike."""
    if strategy in MARKS:
        return MARKS[strategy]
    strangers = sorted({name for name in known if name not in MARKS} | {strategy})
    return SPARE[strangers.index(strategy) % len(SPARE)]


def scales(series: list[str], known: list[str]) -> dict[str, Any]:
    """Return the scales of colour, shape and dash for the series of a chart, out of all that its section knows."""
    here = list(dict.fromkeys(series))
    drawn = [mark(one, known) for one in here]
    return {
        "colour": alt.Scale(domain=here, range=[m.colour for m in drawn]),
        "shape": alt.Scale(domain=here, range=[PATHS.get(m.shape, m.shape) for m in drawn]),
        "dash": alt.Scale(domain=here, range=[list(m.dash) or [1, 0] for m in drawn]),
    }


def swatch(strategy: str, known: list[str], *, bar: bool = False) -> str:
    """Return the legend mark of a strategy as an SVG element: line and shape, or a bar."""
    drawn = mark(strategy, known)
    if bar:
        inner = f'<rect x="6" y="2" width="20" height="10" fill="{BAR}" stroke="{MUTED}" stroke-width="0.7"/>'
    else:
        dash = f' stroke-dasharray="{" ".join(map(str, drawn.dash))}"' if drawn.dash else ""
        colour = escape(drawn.colour)
        inner = (
            f'<line x1="1" x2="31" y1="7" y2="7" stroke="{colour}" stroke-width="1.6"{dash}/>'
            f'<path transform="translate(16,7)" d="{SHAPES[drawn.shape]}" fill="{colour}"/>'
        )
    return f'<svg class="swatch" width="32" height="14" viewBox="0 0 32 14" aria-hidden="true">{inner}</svg>'


def finish(chart: alt.LayerChart, height: int | dict[str, int]) -> Any:
    """Return a chart with the page's size, type and axes."""
    return (
        chart.properties(
            width=WIDTH,
            height=height,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            padding={"left": 4, "right": 10, "top": 4, "bottom": 2},
            background="transparent",
        )
        .configure(font="Helvetica, Arial, sans-serif", aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=MUTED,
            labelFontSize=11,
            titleFontSize=11,
            titleFontWeight="normal",
            gridColor=GRID,
            domainColor="#999999",
            tickColor="#999999",
        )
    )


LINES, LETTERS = 3, 22
"""Size of an axis label."""


def wrapped(labels: list[str]) -> dict[str, str]:
    """Return each label broken into lines and cut where it is too long, no two alike."""
    found: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        lines = wrap(label, LETTERS) or [" "]
        if len(lines) > LINES:
            lines = [*lines[: LINES - 1], lines[LINES - 1][: LETTERS - 1] + "…"]
        text = "\n".join(lines)
        found[label] = text if text not in found.values() else f"{text} [{len(found) + 1}]"
    return found


def categories(field: str, labels: list[str], *, padding: float = 0.25, grid: bool = False) -> alt.Y:
    """Return the vertical axis of one row a label, labels in the order given and already wrapped."""
    axis = alt.Axis(title=None, ticks=False, domain=False, grid=grid, labelExpr=SPLIT, labelPadding=6, labelLimit=400)
    scale = alt.Scale(domain=labels, paddingInner=padding, paddingOuter=padding / 2)
    return alt.Y(f"{field}:N", sort=None, scale=scale, axis=axis)


def offset(strategies: list[str]) -> alt.YOffset:
    """Return the place of each strategy within a row: side by side, so that marks do not cover each other."""
    # Of type band: with points alone Vega-Lite would take type point, and then draw bars of that row at a fixed size.
    return alt.YOffset("strategy:N", scale=alt.Scale(type="band", domain=strategies, paddingOuter=0.2))


def row_height(labels: list[str], marks: int, each: int = 9) -> int:
    """Return how many pixels a row needs for its marks and for the lines of its label."""
    lines = max((label.count("\n") + 1 for label in labels), default=1)
    return max(8 + each * max(1, marks), 6 + 13 * lines)


SPLIT = "split(datum.label, '\\n')"
"""Vega draws a list of texts as lines."""


def values(rows: list[dict[str, Any]]) -> alt.InlineData:
    """Return rows as the data of a chart.

    Rounded beyond what a screen shows: the last bit of a sum depends on the order in which threads add, and the same
    warehouse shall give the same page.
    """
    return alt.InlineData(values=[{name: rounded(x) for name, x in row.items()} for row in rows])


def rounded(x: Any) -> Any:
    """Return a float to nine decimals, anything else as it is."""
    return round(x, 9) if isinstance(x, float) else x
