"""All panels on all axes."""

from __future__ import annotations

from simframe.report.content import Block, Section, Table, capped
from simframe.report.findings import Findings, Panel, Score
from simframe.report.labels import ALL, NONE, Names, axis_name, interval, number
from simframe.report.words import mark, standing

LIMIT = 40
"""Panels shown."""


def section(findings: Findings, names: Names) -> Section:
    """Return the overview of verdicts, and the figures behind each axis."""
    queries = ["scores"]
    if not findings.scores:
        intro = ["No panel has been compared with people yet: run simframe simulate."]
        return Section("scorecard", "Scorecard", intro, queries=queries)
    panels, left_out = capped(_ranked(findings), LIMIT, "panels")
    panels = [*panels, *([findings.reference] if findings.score(findings.reference.panel_id, "marginals") else [])]
    changed = next((score.thresholds for score in findings.scores if score.thresholds), None)
    intro = [
        "One row a panel. Each cell is the verdict on one axis, and the figure that speaks for it with its 95 % "
        "interval: where an axis has several, the worst. The tables below say which figure that is, and set its "
        "floor, the untuned model and the best baseline on the same pilot beside it.",
        *([f"Thresholds of this study that are not the defaults: {changed}."] if changed else []),
        *left_out,
    ]
    blocks = [Block("Verdicts", table=_overview(findings, panels, names))]
    blocks += [
        Block(f"Figures behind: {axis_name(axis)}", table=_axis(findings, panels, axis, names))
        for axis in _axes(findings)
    ]
    return Section("scorecard", "Scorecard", intro, blocks, queries=queries)


def _ranked(findings: Findings) -> list[Panel]:
    """Return the panels in their order, those drawn in detail before any that a limit may leave out."""
    if len(findings.panels) <= LIMIT:
        return findings.panels
    first = [findings.panel(panel_id) for panel_id in findings.focus.all]
    return first + [panel for panel in findings.panels if panel not in first]


def _axes(findings: Findings) -> list[str]:
    return list(dict.fromkeys(score.axis for score in sorted(findings.scores, key=lambda s: s.position)))


def _overview(findings: Findings, panels: list[Panel], names: Names) -> Table:
    axes = _axes(findings)
    rows, marks = [], {}
    for r, panel in enumerate(panels):
        cells = [names.compared(panel.panel_id)]
        for c, axis in enumerate(axes, 1):
            score = findings.score(panel.panel_id, axis)
            cells.append(f"{mark(score)}\n{_estimate(score)}" if score else NONE)
            if score and standing(score):
                marks[r, c] = standing(score)
        rows.append(cells)
    columns = ["Panel", *map(axis_name, axes)]
    return Table(columns, rows, "Verdicts, all panels and axes", text=tuple(range(len(columns))), marks=marks)


def _estimate(score: Score) -> str:
    if score.ci_low is None:
        return number(score.estimate)
    return f"{number(score.estimate)} ({interval(score.ci_low, score.ci_high)})"


def _axis(findings: Findings, panels: list[Panel], axis: str, names: Names) -> Table:
    columns = ["Panel", "Figure", "Estimate", "95 % interval", "Floor", "Floor, 95 %", "Untuned", "Best baseline"]
    columns += ["n people", "n panel", "Fit", "Verdict"]
    rows: list[list[str]] = []
    marks = {}
    for panel in panels:
        score = findings.score(panel.panel_id, axis)
        if score is None:
            continue
        if standing(score):
            marks[len(rows), len(columns) - 1] = standing(score)
        baseline = NONE
        if score.baseline_estimate is not None:
            baseline = f"{number(score.baseline_estimate)}, {names.panel(score.baseline_panel_id)}"
        rows.append(
            [
                names.compared(panel.panel_id),
                _figure(score, names),
                number(score.estimate),
                interval(score.ci_low, score.ci_high),
                number(score.floor),
                number(score.floor_q95),
                number(score.base_estimate),
                baseline,
                NONE if score.n_h is None else str(score.n_h),
                NONE if score.n_s is None else str(score.n_s),
                score.fit or NONE,
                mark(score) + (f" ({score.reason})" if score.reason else ""),
            ]
        )
    return Table(columns, rows, f"{axis_name(axis)}: figures behind the verdicts", text=(0, 1, 10, 11), marks=marks)


def _figure(score: Score, names: Names) -> str:
    """Return which figure speaks for the axis."""
    if score.metric is None:
        return NONE
    about = []
    if score.attribute not in (None, ALL):
        level = names.level(score.attribute or "", score.level or "")
        about.append(f"{names.attribute(score.attribute or '')}: {level}")
    if score.term:
        family = "coherence" if score.item_id_2 else "recovery" if score.axis == "inference" else "heterogeneity"
        about.append(names.term(family, score.term))
    return f"{score.metric}, {', '.join(about)}" if about else score.metric
