"""How tuning went: why it ended where it did."""

from __future__ import annotations

from simframe.report.content import Block, Figure, Section, Table, capped
from simframe.report.findings import Findings
from simframe.report.labels import Names, by, count, number
from simframe.report.records.sweep import Look

LIMIT = 6
"""Charts."""


def section(findings: Findings, names: Names) -> Section | None:
    """Return one chart an adapter; None where no panel has one that was tuned here."""
    adapters = [some for _, some in by(findings.learning, "panel_id")]
    if not adapters:
        return None
    intro = [
        "Loss is the negative log likelihood of an answer, in nats. The number of steps is where the loss of people "
        "held out of the pilot is least (the dotted line); then the adapter is tuned anew on all of the pilot for that "
        "many. Where the loss of people tuned on falls far below, the pilot is being learned by heart."
    ]
    shown, left_out = capped(adapters, LIMIT, "adapters")
    figures = [_figure(names, looks) for looks in shown]
    rows = [_row(names, looks) for looks in adapters]
    columns = ["Panel", "Pilot", "Seed", "Steps", "Loss, held out, at the start", "Loss, held out, at the end"]
    table = Table(columns, rows, "Adapters")
    return Section(
        "tuning", "How tuning went", intro, [Block("Learning curves", left_out, figures, table)], queries=["learning"]
    )


def _held(looks: list[Look]) -> list[Look]:
    return [look for look in looks if look.fit == "mean of folds" and look.held_loss is not None]


def _row(names: Names, looks: list[Look]) -> list[str]:
    first, held = looks[0], _held(looks)
    chosen = [look.held_loss for look in held if look.step == first.steps]
    cells = [names.panel(first.panel_id), count(first.pilot_n), str(first.seed), count(first.steps)]
    return [*cells, number(held[0].held_loss if held else None), number(chosen[0] if chosen else None)]


def _figure(names: Names, looks: list[Look]) -> Figure:
    first = looks[0]
    refit = [look for look in looks if look.fit == "refit" and look.train_loss is not None]
    lines = [("people held out", look.step, look.held_loss) for look in _held(looks)]
    lines += [("people tuned on", look.step, look.train_loss) for look in refit]
    rows = [{"line": line, "step": step, "loss": loss} for line, step, loss in lines]
    title = names.panel(first.panel_id)
    ends = [f"{line} {number(loss)} at step {step}" for line, step, loss in (*lines[:1], *lines[-1:])]
    alt = f"Loss against steps of tuning, {title}; {first.steps} steps were chosen. {'; '.join(ends)}."
    return Figure("learning", title, alt, {"rows": rows, "steps": first.steps})
