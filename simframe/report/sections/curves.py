"""What a larger pilot buys."""

from __future__ import annotations

from simframe.report.content import Block, Figure, Section, Table, capped
from simframe.report.findings import Figure as Number
from simframe.report.findings import Findings, Rule
from simframe.report.labels import ALL, Names, by, count, interval, number, strategy_name

LIMIT = 6
"""Charts of one metric."""

METRICS = {
    ("divergence", "js_distance"): ("Answer shares", "Mean js_distance over the asked items; 0 is alike."),
    ("coherence", "belief_action_gap"): (
        "Beliefs and actions",
        "Share acting against the belief, panel minus people; 0 is as people do, and both tails are wrong.",
    ),
    ("subgroups", "worst_group_js_distance"): (
        "Worst group",
        "js_distance in the group where it is largest. Small groups have larger floors: read it against the band.",
    ),
    ("heterogeneity", "structure_ratio"): (
        "Distinct answer patterns",
        "Distinct answer tuples in equal samples, panel over people; 1 is as varied as people.",
    ),
    ("heterogeneity", "entropy_ratio"): ("Variety of answers", "Mean entropy of answers, panel over people."),
    ("recovery", "sign_f1"): (
        "Regression coefficients",
        "Sign F1: signs and significance recovered; 1 is all of them and no false claim.",
    ),
}
IDEALS = {"structure_ratio": 1.0}
"""Ideals of metrics that no verdict rule names."""


def section(findings: Findings, names: Names) -> Section:
    """Return one block a metric, one chart for each thing it is taken over."""
    intro = [
        "Each point is a panel, each bar its 95 % interval; the untuned model stands at a pilot of 0 and its level "
        "is drawn on as a dotted line. The grey band is what counts as alike: two samples of people differ by less "
        "than its upper edge 95 times in 100, or, where a margin is declared, the margin around the ideal.",
    ]
    if not any(n.estimate is not None for n in findings.curves):
        return Section("pilot-size", "What a larger pilot buys", ["No panel has a figure to draw yet."])
    groups = dict(by(findings.curves, "family", "metric"))
    rules = {(rule.family, rule.metric): rule for rule in findings.rules}
    blocks = [
        _block(findings, groups[key], title, text, rules.get(key), names)
        for key, (title, text) in METRICS.items()
        if any(n.estimate is not None for n in groups.get(key, []))
    ]
    legend = list(dict.fromkeys(panel.strategy for panel in findings.panels))
    return Section("pilot-size", "What a larger pilot buys", intro, blocks, legend, ["curves"])


def _block(findings: Findings, numbers: list[Number], title: str, text: str, rule: Rule | None, names: Names) -> Block:
    family = numbers[0].family
    kinds = [
        (_title(family, attribute, term, names), some)
        for (attribute, term), some in by(numbers, "attribute", "term")
        if any(n.estimate is not None for n in some)
    ]
    shown, left_out = capped(kinds, LIMIT, "charts")
    figures = [_figure(findings, label or title, some, rule, names) for label, some in shown]
    columns = ["Panel", "Pilot", "Estimate", "95 % interval", "Floor", "Floor, 95 %", "Note"]
    rows, groups = [], []
    for label, some in shown:
        for n in some:
            row = [names.panel(n.panel_id), count(findings.panel(n.panel_id).pilot_n), number(n.estimate)]
            row += [interval(n.ci_low, n.ci_high), number(n.floor), number(n.floor_q95), n.reason or ""]
            rows.append(row)
            groups.append(label or title)
    table = Table(columns, rows, f"{numbers[0].metric} by pilot size", groups, text=(0, 6))
    return Block(title, [text, *left_out], figures, table)


def _title(family: str, attribute: str, term: str | None, names: Names) -> str:
    if attribute != ALL:
        return names.attribute(attribute)
    return names.term(family, term) if term else ""


def _figure(findings: Findings, title: str, numbers: list[Number], rule: Rule | None, names: Names) -> Figure:
    metric = numbers[0].metric
    points = []
    for n in numbers:
        if n.estimate is None:
            continue
        panel = findings.panel(n.panel_id)
        points.append(
            {
                "strategy": panel.strategy,
                # One line a model and settings; panels of one condition and several seeds share it.
                "line": f"{panel.strategy} {panel.model or ''} {panel.plan_id or ''}",
                "pilot": panel.pilot_n,
                "estimate": n.estimate,
                "low": n.ci_low,
                "high": n.ci_high,
            }
        )
    ideal = rule.ideal if rule else IDEALS.get(metric)
    band = None
    if rule and rule.margin is not None:
        band = [rule.ideal - rule.margin, rule.ideal + rule.margin]
    elif ideal == 0:
        tops = [n.floor_q95 for n in numbers if n.floor_q95 is not None]
        band = [0.0, sum(tops) / len(tops)] if tops else None
    said = "; ".join(f"{names.panel(n.panel_id)} {number(n.estimate)}" for n in numbers[:20] if n.estimate is not None)
    alt = f"{metric} against pilot size, {title}, by {_series(points)}. {said}."
    return Figure("curve", title, alt, {"points": points, "ideal": ideal, "band": band})


def _series(points: list[dict[str, object]]) -> str:
    return ", ".join(strategy_name(str(s)) for s in dict.fromkeys(p["strategy"] for p in points))
