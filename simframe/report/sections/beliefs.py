"""Whether panels act on their beliefs as people do."""

from __future__ import annotations

from simframe.report.content import Block, Figure, Section, Table, capped
from simframe.report.findings import Action, Findings, Pair
from simframe.report.labels import NONE, Names, by, interval, number, percent, points

PAIRS, CELLS = 6, 20
"""Pairs drawn, and beliefs or actions on one side of a map."""


def section(findings: Findings, names: Names) -> Section:
    """Return heat maps of action given belief, and the belief-action gaps."""
    title = "Beliefs and actions"
    if not findings.study.pairs:
        return Section("coherence", title, ["The study declares no pair of a belief and an action."])
    if not findings.actions:
        return Section("coherence", title, ["There are no panels to compare yet."])
    intro = [
        "Each row holds those of one belief, each column an action: darker cells and larger figures are larger shares "
        "of the row. Outlined cells are the action that the belief implies.",
    ]
    pairs, left_out = capped(findings.study.pairs, PAIRS, "pairs")
    blocks = [_block(findings, pair, names) for pair in pairs]
    return Section("coherence", title, [*intro, *left_out], blocks, queries=["actions", "coherence"])


def _block(findings: Findings, pair: Pair, names: Names) -> Block:
    actions = [row for row in findings.actions if row.pair_id == pair.pair_id]
    maps = dict(by(actions, "panel_id"))
    figures = []
    if maps:
        figures.append(_figure("People", next(iter(maps.values())), pair, names, people=True))
    for panel_id in (findings.focus.largest, findings.focus.logit_chain or findings.focus.baseline):
        if panel_id in maps:
            figures.append(_figure(names.panel(panel_id), maps[panel_id], pair, names, people=False))
    text = [f"{names.item(pair.belief)} (rows) against {names.item(pair.action)} (columns)."]
    return Block(pair.label, text, figures, _gaps(findings, pair, names))


def _figure(title: str, rows: list[Action], pair: Pair, names: Names, *, people: bool) -> Figure:
    cells = []
    for row in rows:
        if row.belief_position >= CELLS or row.action_position >= CELLS:
            continue
        held = row.belief_share_h if people else row.belief_share_s
        share = NONE if held is None else f"{held:.0%}"
        cells.append(
            {
                "belief": f"{names.option(pair.belief, row.belief_code)} ({share})",
                "action": names.option(pair.action, row.action_code),
                "share": row.p if people else row.q,
                "implied": row.implied == row.action_code,
            }
        )
    said = "; ".join(f"{c['belief']}, {c['action']} {percent(c['share'])}" for c in cells[:60])  # type: ignore[arg-type]
    return Figure(
        "heat", title, f"{pair.label}, {title}: shares of actions given the belief. {said}.", {"cells": cells}
    )


def _gaps(findings: Findings, pair: Pair, names: Names) -> Table:
    rows = []
    for panel_id in findings.focus.all:
        found = {r.metric: r for r in findings.coherence if r.pair_id == pair.pair_id and r.panel_id == panel_id}
        gap, people, panel = (found.get(f"belief_action_gap{suffix}") for suffix in ("", "_h", "_s"))
        if gap is None:
            continue
        v_h, v_s, js = (found.get(name) for name in ("cramers_v_h", "cramers_v_s", "conditional_js"))
        low, high = (None if x is None else 100 * x for x in (gap.ci_low, gap.ci_high))
        rows.append(
            [
                names.panel(panel_id),
                percent(people.estimate if people else None),
                percent(panel.estimate if panel else None),
                points(gap.estimate),
                interval(low, high, 1),
                number(v_h.estimate if v_h else None, 2),
                number(v_s.estimate if v_s else None, 2),
                number(js.estimate if js else None),
                gap.reason or (NONE if gap.estimate is None else ""),
            ]
        )
    columns = ["Panel", "Against belief, people", "Against belief, panel", "Gap", "95 % interval, points"]
    columns += ["Cramér's V, people", "Cramér's V, panel", "conditional_js", "Note"]
    return Table(columns, rows, f"Belief-action gap: {pair.label}", text=(0, 8))
