"""Answers, item by item: people beside panels."""

from __future__ import annotations

from simframe.report.content import Block, Figure, Section, Table, capped
from simframe.report.findings import Findings, Share
from simframe.report.labels import NONE, Names, by, interval, listed, number, percent, strategy_name
from simframe.report.series import legend_of, series_of

ITEMS, OPTIONS = 24, 30
"""Items drawn, and options of one item."""


def section(findings: Findings, names: Names) -> Section:
    """Return small multiples of answer shares, and the count of distinct answer patterns."""
    if not findings.shares:
        text = "There are no panels to compare yet." if not findings.panels else "The study asks no closed item."
        return Section("answers", "Answers, item by item", [text])
    shown = listed(f"“{names.panel(panel_id)}”" for panel_id in findings.focus.drawn)
    intro = [f"Shares of each answer among people (bars) and in {shown} (marks)."]
    blocks = [_distributions(findings, names), _structures(findings, names)]
    series = series_of(findings, findings.focus.drawn)
    legend = {"survey": strategy_name("survey")} | legend_of(findings, series, names)
    return Section(
        "answers", "Answers, item by item", intro, blocks, legend, ["shares", "item_distances", "structures"]
    )


def _distributions(findings: Findings, names: Names) -> Block:
    drawn = set(findings.focus.drawn)
    shares = [share for share in findings.shares if share.panel_id in drawn]
    items, left_out = capped(list(by(shares, "item_id")), ITEMS, "items")
    figures = [_figure(findings, item_id, some, names) for item_id, some in items]
    panels = findings.focus.drawn
    distances = {(row.panel_id, row.item_id): row for row in findings.item_distances}
    rows = []
    for item_id, _ in items:
        for panel_id in panels:
            row = distances.get((panel_id, item_id))
            if row:
                note = row.reason or ""
                cells = [number(row.estimate), interval(row.ci_low, row.ci_high)]
                cells += [number(row.floor), number(row.floor_q95), note]
                rows.append([names.item(item_id), names.panel(panel_id), *cells])
    columns = ["Item", "Panel", "js_distance", "95 % interval", "Floor", "Floor, 95 %", "Note"]
    table = Table(columns, rows, "js_distance, item by item", text=(0, 1, 6))
    return Block("Answer shares", left_out, figures, table)


def _figure(findings: Findings, item_id: str, shares: list[Share], names: Names) -> Figure:
    people: dict[str, float | None] = {}
    marks = []
    series = series_of(findings, findings.focus.drawn)
    for share in shares:
        if share.position >= OPTIONS:
            continue
        label = names.option(item_id, share.code)
        people[label] = share.p
        marks.append({"option": label, "strategy": series[share.panel_id], "panel": share.panel_id, "share": share.q})
    rest = max(share.position for share in shares) + 1 - OPTIONS
    title = names.item(item_id) + (f" (first {OPTIONS} of {OPTIONS + rest} answers)" if rest > 0 else "")
    said = "; ".join(f"{label} {percent(p)}" for label, p in people.items())
    alt = f"Answers to {names.item(item_id)}. People: {said}."
    bars = [{"option": label, "share": p} for label, p in people.items()]
    return Figure("shares", title, alt, {"bars": bars, "marks": marks})


def _structures(findings: Findings, names: Names) -> Block:
    title = "Distinct answer patterns"
    if not findings.structures:
        return Block(title, ["The study declares no block of items whose answer patterns would be counted."])
    drawn = findings.focus.drawn
    rows = []
    found = [row for row in findings.structures if row.panel_id in drawn]
    for row in sorted(found, key=lambda row: (row.structure_id, drawn.index(row.panel_id))):
        cells = [number(row.unique_structures_h, 0), number(row.unique_structures_s, 0)]
        cells += [number(row.structure_ratio), row.reason or ""]
        rows.append([names.blocks.get(row.structure_id, row.structure_id) or NONE, names.panel(row.panel_id), *cells])
    columns = ["Block of items", "Panel", "Patterns, people", "Patterns, panel", "structure_ratio", "Note"]
    text = "How many different combinations of answers each side gives; the ratio compares equal sample sizes."
    return Block(title, [text], table=Table(columns, rows, "Distinct answer patterns", text=(0, 1, 5)))
