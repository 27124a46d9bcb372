"""Charts, drawn to inline SVG without a network or a browser. Only this folder imports altair and vl-convert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simframe.report.charts import curve, dots, forest, heat, learning, shares
from simframe.report.charts.render import render
from simframe.report.content import Figure

DRAW: dict[str, Callable[[dict[str, Any], list[str]], Any]] = {
    "curve": curve.draw,
    "shares": shares.draw,
    "dots": dots.draw,
    "heat": heat.draw,
    "forest": forest.draw,
    "learning": learning.draw,
}
"""Kind of figure: the function that makes an Altair chart of its data, and of all series that its section knows."""


def svg(figure: Figure, key: str, known: list[str]) -> str:
    """Return one figure as an SVG element.

    Args:
        figure: what to draw.
        key: tells its ids from those of other figures on the page.
        known: all series of its section, in whose legend they are drawn as here.

    Raises:
        ReportError: where it cannot be drawn.
    """
    return render(DRAW[figure.kind](figure.data, known), alt=figure.alt, key=key)
