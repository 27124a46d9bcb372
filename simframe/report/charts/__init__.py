"""Charts, drawn to inline SVG without a network or a browser. Only this folder imports altair and vl-convert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simframe.report.charts import curve, dots, forest, heat, learning, shares
from simframe.report.charts.render import render
from simframe.report.content import Figure

DRAW: dict[str, Callable[[dict[str, Any]], Any]] = {
    "curve": curve.draw,
    "shares": shares.draw,
    "dots": dots.draw,
    "heat": heat.draw,
    "forest": forest.draw,
    "learning": learning.draw,
}
"""Kind of figure: the function that makes an Altair chart of its data."""


def svg(figure: Figure, key: str) -> str:
    """Return one figure as an SVG element; ``key`` tells its ids from those of other figures on the page.

    Raises:
        ReportError: where it cannot be drawn.
    """
    return render(DRAW[figure.kind](figure.data), alt=figure.alt, key=key)
