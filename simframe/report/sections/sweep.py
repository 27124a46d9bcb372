"""What the settings of a plan's grid change, and how far seeds alone spread."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from simframe.report.content import Block, Figure, Section, Table, capped
from simframe.report.findings import Findings, Rule
from simframe.report.labels import NONE, Names, by, count, number, strategy_name
from simframe.report.records.sweep import Condition
from simframe.report.series import legend_of_strategies

LIMIT = 8
"""Charts of one metric."""
BASELINES = 2
"""Baselines drawn beside a condition: the nearest to the ideal at the largest pilot."""

METRICS = {
    ("divergence", "js_distance"): "Mean over the asked items; 0 is alike",
    ("heterogeneity", "entropy_ratio"): "Entropy of answers, panel over people, mean over the asked items; 1 is alike",
    ("coherence", "belief_action_gap"): "Share acting against the belief, panel minus people; 0 is alike",
    ("recovery", "sign_f1"): "1 is every sign and significance of the regression, and no false claim",
}

SETTINGS: dict[str, Callable[[Any], str]] = {
    "model": str,
    "base_fingerprint": "weights {:.8}".format,
    "engine": str,
    "mode": str,
    "prompt": "prompt {}".format,
    "template_hash": "template {:.8}".format,
    "fields": lambda text: f"shown {' '.join(json.loads(text)) or 'no persona'}",
    "shots": "{} shots".format,
    "item_order": "{} items".format,
    "option_order": "{} options".format,
    "order_average": "{} orders averaged".format,
    "chat": "chat {}".format,
    "temperature": "temperature {:g}".format,
    "copies": "{} copies".format,
    "tune": lambda text: " ".join(f"{key} {value}" for key, value in json.loads(text).items()) or "tuned by default",
    "pilot_selection": "{} pilot".format,
    "pilot_by": "by {}".format,
    "pilot_arm": lambda text: " ".join(f"{key}={value}" for key, value in json.loads(text).items()),
}
"""How each setting is said; the first that tells conditions apart is the slowest to vary."""
OF_TUNING = ("tune", "pilot_selection", "pilot_by", "pilot_arm")
"""Settings that an untuned model has none of: it stands beside every way of tuning it."""
OF_PILOTS = ("fields", "pilot_selection", "pilot_by", "pilot_arm")
"""Settings that a baseline shares with a model."""
Key = tuple[Any, ...]


def section(findings: Findings, names: Names) -> Section | None:
    """Return one chart a condition and metric; None where no condition has seeds or settings beside it."""
    rows = [row for row in findings.sweep if row.mean is not None]
    simulated = [row for row in rows if row.kind == "simulated"]
    conditions = list(dict.fromkeys(_key(row) for row in simulated if row.strategy != "base"))
    if not conditions or (len(conditions) < 2 and all(row.panels < 2 for row in rows)):
        return None
    varying = [name for place, name in enumerate(SETTINGS) if len({key[place] for key in conditions}) > 1]
    if "prompt" in varying and "template_hash" in varying:
        varying.remove("template_hash")
    conditions.sort(key=lambda key: [str(dict(zip(SETTINGS, key, strict=True))[name]) for name in varying])
    titles = {key: _title(key, varying) for key in conditions}
    blocks = [
        _block(findings, names, some, titles)
        for family, metric in METRICS
        if (some := [row for row in rows if (row.family, row.metric) == (family, metric)])
    ]
    seeds = max(row.panels for row in rows)
    intro = [
        "One chart a condition: all that the plan sets, but pilot size and seed. Each point is the mean over seeds, "
        f"each bar reaches from the least to the most of them ({seeds} at most): what tuning and drawing anew change, "
        "the people being the same. It is no interval; the section before has those. Baselines on the same pilots "
        "stand beside, those nearest to the ideal at the largest pilot. The grey band is what counts as alike.",
        f"Conditions differ in: {', '.join(name.replace('_', ' ') for name in varying)}." if varying else "",
    ]
    legend = legend_of_strategies(point for block in blocks for figure in block.figures for point in _drawn(figure))
    return Section("sweep", "What the plan's settings change", [t for t in intro if t], blocks, legend, ["sweep"])


def _drawn(figure: Figure) -> list[str]:
    return [point["strategy"] for point in figure.data["points"]]


def _key(row: Condition) -> Key:
    return tuple(getattr(row, name) for name in SETTINGS)


def _title(key: Key, varying: list[str]) -> str:
    told = dict(zip(SETTINGS, key, strict=True))
    return ", ".join(SETTINGS[name](told[name]) for name in varying if told[name] is not None) or "tuned"


def _block(findings: Findings, names: Names, rows: list[Condition], titles: dict[Key, str]) -> Block:
    family, metric = rows[0].family, rows[0].metric
    rule = next((r for r in findings.rules if (r.family, r.metric) == (family, metric)), None)
    charts = []
    for term, some in by(rows, "term"):
        for key, title in titles.items():
            drawn = _beside(some, key, rule)
            if any(row.kind == "simulated" and row.strategy != "base" for row in drawn):
                about = names.term(family, term) if term else ""
                charts.append((": ".join(part for part in (about, title) if part), drawn))
    shown, left_out = capped(charts, LIMIT, f"charts of {metric}")
    reach = [x for _, drawn in shown for row in drawn for x in (row.least, row.most, row.mean) if x is not None]
    span = [min(reach), max(reach)] if reach else None
    figures = [_figure(title, drawn, rule, span) for title, drawn in shown]
    cells = [(title, _cells(row)) for title, drawn in shown for row in drawn]
    columns = ["Condition", "Pilot", "Seeds", "Mean", "SD over seeds", "Least", "Most", "Floor"]
    table = Table(columns, [row for _, row in cells], f"{metric} by condition", [title for title, _ in cells])
    return Block(metric, [f"{METRICS[family, metric]}.", *left_out], figures, table)


def _beside(rows: list[Condition], key: Key, rule: Rule | None) -> list[Condition]:
    """Return the rows of one chart: a condition, the same model untuned, and the best baselines on the same pilots."""
    told = dict(zip(SETTINGS, key, strict=True))

    def agrees(row: Condition, settings: list[str]) -> bool:
        return all(getattr(row, name) == told[name] for name in settings)

    own = [row for row in rows if row.kind == "simulated" and row.strategy != "base" and _key(row) == key]
    base = [row for row in rows if row.strategy == "base" and agrees(row, [s for s in SETTINGS if s not in OF_TUNING])]
    others = [row for row in rows if row.kind == "baseline" and agrees(row, list(OF_PILOTS))]
    ideal = rule.ideal if rule else 1.0
    largest = max((row.pilot_n for row in others), default=0)
    ranked = sorted((row for row in others if row.pilot_n == largest), key=lambda row: abs((row.mean or 0.0) - ideal))
    best = [row.strategy for row in ranked[:BASELINES]]
    return [*own, *base, *(row for row in others if row.strategy in best)]


def _figure(title: str, rows: list[Condition], rule: Rule | None, span: list[float] | None) -> Figure:
    points = [
        {
            "strategy": row.strategy,
            "line": row.strategy,
            "pilot": row.pilot_n if row.strategy != "base" else 0,
            "estimate": row.mean,
            "low": row.least if row.panels > 1 else None,
            "high": row.most if row.panels > 1 else None,
        }
        for row in rows
    ]
    band = None
    tops = [row.floor_q95 for row in rows if row.floor_q95 is not None]
    if rule and rule.margin is not None:
        band = [rule.ideal - rule.margin, rule.ideal + rule.margin]
    elif rule and rule.ideal == 0 and rule.floored and tops:
        band = [0.0, sum(tops) / len(tops)]
    said = "; ".join(f"{strategy_name(row.strategy)} on {row.pilot_n}: {number(row.mean)}" for row in rows)
    alt = f"{rows[0].metric} against pilot size, {title}, means over seeds. {said}."
    data = {"points": points, "ideal": rule.ideal if rule else 1.0, "band": band, "people": None, "span": span}
    return Figure("curve", title, alt, data)


def _cells(row: Condition) -> list[str]:
    pilot = count(row.pilot_n) if row.pilot_n else NONE
    spread = [number(row.sd), number(row.least), number(row.most)] if row.panels > 1 else [NONE] * 3
    return [strategy_name(row.strategy), pilot, count(row.panels), number(row.mean), *spread, number(row.floor)]
