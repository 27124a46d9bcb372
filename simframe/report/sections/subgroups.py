"""Alignment group by group."""

from __future__ import annotations

from simframe.report.content import Block, Figure, Section, Table, capped
from simframe.report.findings import Findings, Subgroup
from simframe.report.labels import NONE, Names, by, count, interval, number
from simframe.report.series import legend_of, series_of
from simframe.wording import counted

ATTRIBUTES, LEVELS = 12, 30
SMALL = "small_n"


def section(findings: Findings, names: Names) -> Section:
    """Return one chart an attribute: distance of each level, with its floor."""
    drawn = findings.focus.drawn
    rows = [row for row in findings.subgroups if row.panel_id in drawn and row.metric == "js_distance"]
    if not rows:
        text = "There are no panels to compare yet." if not findings.panels else "The study declares no subgroups."
        return Section("subgroups", "Subgroups", [text])
    rows.sort(key=lambda row: (names.places.get((row.attribute, row.level), 0), drawn.index(row.panel_id)))
    intro = [
        "Mean js_distance over the asked items within each group. The grey band runs to the 95 % quantile between two "
        "samples of people of that size, its line is their mean: small groups have larger floors, so compare the "
        "excess over the floor. Hollow marks have fewer than "
        f"{findings.threshold('small_group'):g} people of equal weight behind them (small_n).",
    ]
    attributes, left_out = capped(list(by(rows, "attribute")), ATTRIBUTES, "attributes")
    figures, groups = [], []
    table_rows: list[list[str]] = []
    marks = {}
    for attribute, some in attributes:
        figures.append(_figure(findings, attribute, some, names))
        for row in some:
            if row.reason == SMALL:
                marks[len(table_rows), 8] = "open"
            cells = [names.level(attribute, row.level), names.panel(row.panel_id), number(row.estimate)]
            cells += [interval(row.ci_low, row.ci_high), number(row.floor), number(row.excess)]
            table_rows.append([*cells, count(row.n_h), count(row.n_s), row.reason or ""])
            groups.append(names.attribute(attribute))
    columns = ["Group", "Panel", "js_distance", "95 % interval", "Floor", "Excess", "n people", "n panel", "Note"]
    table = Table(columns, table_rows, "js_distance by subgroup", groups, text=(0, 1, 8), marks=marks)
    legend = legend_of(findings, series_of(findings, drawn), names)
    blocks = [
        Block(
            "Distance from people, by group",
            [*_worst(findings, [attribute for attribute, _ in attributes], names), *left_out],
            figures,
            table,
        )
    ]
    return Section("subgroups", "Subgroups", intro, blocks, legend, ["subgroups"])


def _worst(findings: Findings, attributes: list[str], names: Names) -> list[str]:
    """Name the worst group of each attribute, for the panel the page is about, and the groups without a figure."""
    about = findings.focus.best or findings.focus.base or next(iter(findings.focus.drawn), None)
    rows = [row for row in findings.subgroups if row.panel_id == about and row.attribute in attributes]
    worst = [row for row in rows if row.metric == "worst_group_js_distance" and row.estimate is not None]
    absent = [row for row in rows if row.metric == "js_distance" and row.estimate is None]
    said = []
    if worst:
        worst.sort(key=lambda row: attributes.index(row.attribute))
        groups = "; ".join(
            f"{names.attribute(r.attribute)}, {names.level(r.attribute, r.level)}: {number(r.estimate)}, "
            f"floor {number(r.floor)}, {counted(r.n_h or 0, 'person', 'people')}"
            + (", small_n" if r.reason == SMALL else "")
            for r in worst
        )
        said.append(
            f"Worst groups of “{names.panel(about)}”, each beside the floor of the worst of as many groups of people, "
            f"which is higher than a group's own. {groups}."
        )
    if absent:
        groups = "; ".join(
            f"{names.attribute(r.attribute)}, {names.level(r.attribute, r.level)} ({r.reason or NONE})" for r in absent
        )
        said.append(f"No figure for: {groups}.")
    return said


def _figure(findings: Findings, attribute: str, rows: list[Subgroup], names: Names) -> Figure:
    levels = list(dict.fromkeys(row.level for row in rows))
    series = series_of(findings, findings.focus.drawn)
    data = [
        {
            "level": f"{names.level(attribute, row.level)} ({row.n_h})",
            "strategy": series[row.panel_id],
            "estimate": row.estimate,
            "low": row.ci_low,
            "high": row.ci_high,
            "floor": row.floor,
            "top": row.floor_q95,
            "small": row.reason == SMALL,
        }
        for row in rows
        if row.level in levels[:LEVELS]
    ]
    title = names.attribute(attribute)
    if len(levels) > LEVELS:
        title += f" (first {LEVELS} of {len(levels)} groups)"
    said = "; ".join(
        f"{names.level(attribute, r.level)}, {names.panel(r.panel_id)} {number(r.estimate)}" for r in rows[:60]
    )
    return Figure("dots", title, f"js_distance by {title}. {said}.", {"rows": data})
