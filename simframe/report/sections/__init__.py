"""The page's sections, in the order a researcher asks: what is it fit for, how do we know, where does it come from."""

from __future__ import annotations

from simframe.report.content import Page
from simframe.report.findings import Findings
from simframe.report.labels import Names
from simframe.report.sections import (
    answer,
    answers,
    beliefs,
    curves,
    learning,
    method,
    provenance,
    regressions,
    scorecard,
    sweep,
)
from simframe.report.sections import subgroups as groups


def compose(findings: Findings) -> Page:
    """Return the whole report as plain text, tables and charts still to be drawn."""
    names = Names(findings)
    build = (scorecard, curves, sweep, answers, groups, beliefs, regressions, learning, method, provenance)
    return Page(
        title=f"What the panel is fit for: {findings.study.title}",
        subtitle=answer.subtitle(findings),
        facts=answer.facts(findings, names),
        answer=answer.answer(findings, names),
        sections=[made for part in build if (made := part.section(findings, names)) is not None],
    )
