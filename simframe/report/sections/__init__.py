"""The page's sections, in the order a researcher asks: what is it fit for, how do we know, where does it come from."""

from __future__ import annotations

from simframe.report.content import Page
from simframe.report.findings import Findings
from simframe.report.labels import Names
from simframe.report.sections import answer, answers, beliefs, curves, method, provenance, regressions, scorecard
from simframe.report.sections import subgroups as groups


def compose(findings: Findings) -> Page:
    """Return the whole report as plain text, tables and charts still to be drawn."""
    names = Names(findings)
    build = (scorecard, curves, answers, groups, beliefs, regressions, method, provenance)
    return Page(
        title=f"What the panel is fit for: {findings.study.title}",
        subtitle=answer.subtitle(findings),
        facts=answer.facts(findings, names),
        answer=answer.answer(findings, names),
        sections=[part.section(findings, names) for part in build],
    )
