"""What a larger pilot buys."""

from __future__ import annotations

from collections import Counter
from typing import Any

from simframe.report.content import Block, Figure, Section, Table, capped
from simframe.report.findings import Figure as Number
from simframe.report.findings import Findings, Rule
from simframe.report.labels import ALL, NONE, SPLIT_HALF, Names, by, count, interval, number, strategy_name
from simframe.report.series import legend_of_strategies

LIMIT = 6
"""Charts of one metric."""

METRICS = {
    "Answer shares and their variety": {
        ("divergence", "js_distance"): ("js_distance", "mean over the asked items; 0 is alike"),
        ("heterogeneity", "entropy_ratio"): ("entropy_ratio", "entropy of answers, panel over people; 1 is alike"),
        ("heterogeneity", "structure_ratio"): (
            "structure_ratio",
            "distinct answer patterns in equal samples, panel over people; 1 is alike",
        ),
    },
    "Worst groups": {
        ("subgroups", "worst_group_js_distance"): (
            "",
            "distance (js_distance) in the group of each attribute where it is largest; small groups have larger "
            "floors, so read it against the band",
        ),
    },
    "Beliefs and actions": {
        ("coherence", "belief_action_gap"): (
            "",
            "share acting against the belief, panel minus people; 0 is alike, and both tails are wrong",
        ),
    },
    "Regression coefficients": {
        ("recovery", "sign_f1"): ("", "sign F1 of each model: 1 is every sign and significance and no false claim"),
    },
}
"""Groups of charts: the metrics in each, what to put before a chart's own title, and what a metric says."""
CROWD = 8
"""Panels of one pilot size that are drawn with an interval each; of more, strategies are drawn."""
IDEALS = {"structure_ratio": 1.0}
"""Ideals of metrics that no verdict rule names."""


def section(findings: Findings, names: Names) -> Section:
    """Return one block a metric, one chart for each thing it is taken over."""
    each = "Each point is a panel, each bar its 95 % interval"
    if crowded(findings):
        each = (
            "There are many panels: each point is the mean of those of one strategy and pilot size, each bar reaches "
            "from the least to the most of them. Single panels and their intervals stand in the tables"
        )
    intro = [
        f"{each}; the untuned model stands at a pilot of 0 and its level "
        "is drawn on as a dotted line. The grey band is what counts as alike: two samples of people differ by less "
        "than its upper edge 95 times in 100, or, where a margin is declared, the margin around the ideal. The dashed "
        "black line is people split in half.",
    ]
    if not any(n.estimate is not None and not _is_people(findings, n) for n in findings.curves):
        return Section("pilot-size", "What a larger pilot buys", ["No panel has a figure to draw yet."])
    blocks = [block for title in METRICS if (block := _block(findings, names, title))]
    strategies = list(dict.fromkeys(panel.strategy for panel in findings.panels))
    if any(_is_people(findings, n) and n.estimate is not None for n in findings.curves):
        strategies.append(SPLIT_HALF)
    legend = legend_of_strategies(strategies)
    return Section("pilot-size", "What a larger pilot buys", intro, blocks, legend, ["curves"])


def _block(findings: Findings, names: Names, title: str) -> Block | None:
    numbers = dict(by(findings.curves, "family", "metric"))
    rules = {(rule.family, rule.metric): rule for rule in findings.rules}
    said, figures, rows, groups = [], [], [], []
    left_out: list[str] = []
    for key, (name, text) in METRICS[title].items():
        kinds = [
            (_title(name, key[0], attribute, term, names), some)
            for (attribute, term), some in by(_declared(numbers.get(key, []), names), "attribute", "term")
            if any(n.estimate is not None and not _is_people(findings, n) for n in some)
        ]
        shown, more = capped(kinds, LIMIT, f"charts of {key[1]}")
        left_out += more
        said += [f"{name}: {text}" if name else text[0].upper() + text[1:]] if shown else []
        for label, some in shown:
            figures.append(_figure(findings, names, label, some, rules.get(key)))
            rows += [_row(findings, names, n) for n in some]
            groups += [label] * len(some)
    if not figures:
        return None
    columns = ["Panel", "Pilot", "Estimate", "95 % interval", "Floor", "Floor, 95 %", "Note"]
    table = Table(columns, rows, f"{title}, by pilot size", groups, text=(0, 6))
    return Block(title, ["; ".join(said) + ".", *left_out], figures, table)


def _declared(numbers: list[Number], names: Names) -> list[Number]:
    """Return figures in the order the study declares their subgroups."""
    first = {attribute: place for (attribute, _), place in reversed(names.places.items())}
    return sorted(numbers, key=lambda n: first.get(n.attribute, 0))


def _row(findings: Findings, names: Names, n: Number) -> list[str]:
    pilot = NONE if _is_people(findings, n) else count(findings.panel(n.panel_id).pilot_n)
    cells = [names.compared(n.panel_id), pilot, number(n.estimate)]
    return [*cells, interval(n.ci_low, n.ci_high), number(n.floor), number(n.floor_q95), n.reason or ""]


def _title(name: str, family: str, attribute: str, term: str | None, names: Names) -> str:
    about = names.attribute(attribute) if attribute != ALL else names.term(family, term) if term else ""
    return ": ".join(part for part in (name, about) if part)


def _figure(findings: Findings, names: Names, title: str, numbers: list[Number], rule: Rule | None) -> Figure:
    metric = numbers[0].metric
    points = []
    for n in numbers:
        if n.estimate is None or _is_people(findings, n):
            continue
        panel = findings.panel(n.panel_id)
        if panel.wave:  # it has more people than its pilot, against which this is drawn
            continue
        points.append(
            {
                "strategy": panel.strategy,
                # One line a model and settings; panels of one condition and several seeds share it.
                "line": f"{panel.strategy} {panel.condition}",
                "pilot": panel.pilot_n,
                "estimate": n.estimate,
                "low": n.ci_low,
                "high": n.ci_high,
            }
        )
    people = next((n.estimate for n in numbers if _is_people(findings, n)), None)
    ideal = rule.ideal if rule else IDEALS.get(metric)
    band = None
    if rule and rule.margin is not None:
        band = [rule.ideal - rule.margin, rule.ideal + rule.margin]
    elif ideal == 0:
        tops = [n.floor_q95 for n in numbers if n.floor_q95 is not None]
        band = [0.0, sum(tops) / len(tops)] if tops else None
    said = "; ".join(
        f"{names.compared(n.panel_id)} {number(n.estimate)}" for n in numbers[:20] if n.estimate is not None
    )
    alt = f"{metric} against pilot size, {title}, by {_series(points)}. {said}."
    drawn = _by_strategy(points) if crowded(findings) else points
    return Figure("curve", title, alt, {"points": drawn, "ideal": ideal, "band": band, "people": people})


def crowded(findings: Findings) -> bool:
    """Whether some pilot size has more panels than can be told apart in a chart."""
    return max(Counter(panel.pilot_n for panel in findings.panels).values(), default=0) > CROWD


def _by_strategy(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one point a strategy and pilot size: the mean of its panels, and how far they reach."""
    found: dict[tuple[str, int], list[float]] = {}
    for point in points:
        found.setdefault((point["strategy"], point["pilot"]), []).append(point["estimate"])
    return [
        # What was simulated elsewhere has nothing in common but that: no line joins it.
        {
            "strategy": strategy,
            "line": f"{strategy} {pilot}" if strategy == "imported" else strategy,
            "pilot": pilot,
            "estimate": sum(all_of) / len(all_of),
        }
        | ({"low": min(all_of), "high": max(all_of)} if len(all_of) > 1 else {"low": None, "high": None})
        for (strategy, pilot), all_of in found.items()
    ]


def _is_people(findings: Findings, n: Number) -> bool:
    """Whether a figure is of the people who judge, split in half."""
    return n.panel_id == findings.reference.panel_id


def _series(points: list[dict[str, Any]]) -> str:
    return ", ".join(strategy_name(str(s)) for s in dict.fromkeys(p["strategy"] for p in points))
