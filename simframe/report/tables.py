"""Tables as HTML, laid out by great-tables; the page's own style sheet dresses them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Tree

import great_tables
import polars as pl

from simframe.report.content import Table

STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
DROPPED = ("id", "headers", "style", "data-quarto-disable-processing", "data-quarto-bootstrap", "aria-labelledby")
"""Attributes that repeat from table to table, or that the style sheet says better."""


def html_table(table: Table) -> str:
    """Return a table as HTML. Every cell is text: great-tables escapes it, and the parser here would refuse a tag."""
    names = [f"c{n}" for n in range(len(table.columns))]
    frame = pl.DataFrame(table.rows, schema=dict.fromkeys(names, pl.String), orient="row")
    grouped = {}
    if table.groups:
        frame = frame.with_columns(pl.Series("group", table.groups, pl.String))
        grouped = {"groupname_col": "group"}
    words = [names[n] for n in table.text]
    drawn = (
        great_tables.GT(frame, rowname_col=names[0], **grouped)
        .cols_label(cases=dict(zip(names[1:], table.columns[1:], strict=True)))
        .tab_stubhead(table.columns[0])
        .cols_align("left", columns=words)
        .cols_align("right", columns=[name for name in names if name not in words])
    )
    root = Tree.fromstring(STYLE.sub("", drawn.as_raw_html()))  # noqa: S314 - great-tables' own output, no doctype
    found = root.find("table")
    assert found is not None
    found.set("aria-label", table.caption)
    for element in found.iter():
        for name in DROPPED:
            element.attrib.pop(name, None)
    _mark(found, table)
    return Tree.tostring(found, encoding="unicode", short_empty_elements=False)


def _mark(root: Tree.Element, table: Table) -> None:
    """Give marked cells the class of their standing. Rows come back group by group, in order of first appearance."""
    order = list(range(len(table.rows)))
    if table.groups:
        first = {name: place for place, name in reversed(list(enumerate(table.groups)))}
        order.sort(key=lambda row: first[table.groups[row]])
    body = root.find("tbody")
    assert body is not None
    rows = [row for row in body.iter("tr") if "gt_group_heading_row" not in row.get("class", "")]
    for row, place in zip(rows, order, strict=True):
        for column, cell in enumerate(row):
            standing = table.marks.get((place, column))
            if standing:
                cell.set("class", f"{cell.get('class', '')} standing {standing}")
