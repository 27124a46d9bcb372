"""From an Altair chart to an SVG element that may stand in a page: known elements alone, ids of its own, a text."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as Tree

import altair as alt
import vl_convert

from simframe.errors import ReportError

SVG = "http://www.w3.org/2000/svg"
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
ELEMENTS = {"svg", "g", "path", "text", "tspan", "rect", "line", "circle", "defs", "clipPath"}
REFERENCE = re.compile(r"url\(#([^)]+)\)")

Tree.register_namespace("", SVG)


def render(chart: Any, *, alt: str, key: str) -> str:
    """Draw a chart.

    Args:
        chart: an Altair chart.
        alt: what it shows, for those who do not see it.
        key: put before the ids in it, so that two charts on one page share none.

    Raises:
        ReportError: where vl-convert cannot draw it, or draws what has no place in a page.
    """
    try:
        drawn = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=VEGA_LITE, allowed_base_urls=[])
    except ValueError as err:
        mend = "report it with the output of: simframe report --format json"
        raise ReportError(f"a chart cannot be drawn: {str(err)[:300]}", where=key, mend=mend) from err
    return inline(drawn, alt=alt, key=key)


def inline(drawn: str, *, alt: str, key: str) -> str:
    """Return an SVG document as an element for a page: scalable, labelled, and nothing in it that could load or run."""
    root = Tree.fromstring(drawn)  # noqa: S314 - our own drawing, and XML that expat takes has no external parts
    for element in root.iter():
        name = element.tag.removeprefix(f"{{{SVG}}}")
        if name not in ELEMENTS:
            raise ReportError(f"a chart holds a {name} element", where=key, mend="draw it with plain marks")
        for attribute in list(element.attrib):
            _clean(element, attribute, key)
    width = float(root.attrib.pop("width"))
    root.attrib.pop("height")
    root.attrib |= {"role": "img", "aria-label": alt, "class": "chart", "style": f"max-width:{width:.0f}px"}
    return Tree.tostring(root, encoding="unicode")


def _clean(element: Tree.Element, attribute: str, key: str) -> None:
    value = element.attrib[attribute]
    if attribute == "id":
        element.attrib["id"] = f"{key}-{value}"
    elif "url(" in value:
        element.attrib[attribute] = REFERENCE.sub(lambda found: f"url(#{key}-{found[1]})", value)
    elif attribute in ("class", "version") or attribute.startswith(("aria-", "role", "on", "{", "href", "pointer")):
        del element.attrib[attribute]
