"""How to read the numbers."""

from __future__ import annotations

from simframe.metrics import registry
from simframe.report.content import Block, Section, Table
from simframe.report.findings import Findings
from simframe.report.labels import NONE, Names, axis_name, count, listed, number
from simframe.report.words import STANDINGS, VERDICTS, standing


def section(findings: Findings, names: Names) -> Section:
    """Return notes on intervals, floors and verdicts, generated from the evaluation, the rules and the registry."""
    replicates = sorted({panel.replicates for panel in findings.panels if panel.replicates})
    seeds = sorted({panel.evaluation_seed for panel in findings.panels if panel.evaluation_seed is not None})
    drawn = f" {listed(map(count, replicates))} replicates, seed {listed(map(str, seeds))}." if replicates else ""
    intro = [
        "Interval: 95 %, from a bootstrap of respondents, each drawn with all their answers; weights, strata and "
        f"clusters respected.{drawn} Samples differ even where populations do not, so a distance comes out too large; "
        "intervals are for the distance without that noise, and the estimate often stands at their upper end.",
        "Floor: the figure between two samples of people of the same sizes. Its mean is what a perfect simulator would "
        "score from sampling noise alone; 95 % of such samples stay below its 95 % quantile. A figure is at the floor "
        "where it is not above that quantile: nothing tells the panel from more people. It does not say that they are "
        "the same: with few people, much hides below the floor.",
        "Baselines know the same pilot and use no language model: pilot marginals draw every answer from the pilot's "
        "shares, the logit chain draws each answer from a logit on persona and earlier answers.",
    ]
    return Section("method", "How to read the numbers", intro, [_verdicts(findings), _metrics(findings)], [], ["rules"])


def _verdicts(findings: Findings) -> Block:
    given = [score.verdict for score in findings.scores]
    found = [verdict for verdict in VERDICTS if verdict in given] + sorted(set(given) - VERDICTS.keys())
    rows = [
        [f"{STANDINGS[standing(v)][0]} {v}", VERDICTS.get(v, ("", "see 90_verdicts.sql"))[1], str(given.count(v))]
        for v in found
    ]
    marks = {(r, 0): standing(v) for r, v in enumerate(found)}
    return Block("Verdicts", table=Table(["Verdict", "Given where", "Times"], rows, "Verdicts", [], (0, 1), marks))


def _metrics(findings: Findings) -> Block:
    rows = []
    for rule in findings.rules:
        known = registry.METRICS.get(rule.metric)
        margin = NONE if rule.margin is None else f"± {number(rule.margin, 2)}"
        definition = [known.formula, known.source] if known else [NONE, NONE]
        rows.append([axis_name(rule.axis), rule.metric, number(rule.ideal, 0), margin, *definition])
    columns = ["Axis", "Metric", "Ideal", "Margin", "Definition", "Source"]
    text = "p and q are the shares of people (H) and of the panel (S) over the declared answers."
    return Block("Headline metrics", [text], table=Table(columns, rows, "Headline metrics", [], (0, 1, 4, 5)))
