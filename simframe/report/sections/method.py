"""How to read the numbers."""

from __future__ import annotations

from collections import Counter

from simframe.metrics import registry
from simframe.report.content import Block, Section, Table
from simframe.report.findings import Findings
from simframe.report.labels import NONE, Names, axis_name, count, listed, number
from simframe.report.words import STANDINGS, VERDICTS, mark, meaning, standing


def section(findings: Findings, names: Names) -> Section:
    """Return notes on intervals, floors and verdicts, generated from the evaluation, the rules and the registry."""
    replicates = sorted({panel.replicates for panel in findings.panels if panel.replicates})
    seeds = sorted({panel.evaluation_seed for panel in findings.panels if panel.evaluation_seed is not None})
    drawn = f" {listed(map(count, replicates))} replicates, seed {listed(map(str, seeds))}." if replicates else ""
    intro = [
        "Interval: 95 %, from respondents drawn anew, each with all their answers; weights, strata and clusters "
        f"respected; for regressions, from coefficients drawn from the law of both fits.{drawn} Samples differ even "
        "where populations do not, so a distance comes out too large; intervals are for the distance without that "
        "noise, and the estimate often stands at their upper end. They are about sampling alone: not about who could "
        "not be reached or did not answer, nor about the wording of questions and prompts. The table metrics of the "
        "warehouse says how each is obtained.",
        "Floor: the figure between two samples of people of the same sizes. Its mean is what a perfect simulator would "
        "score from sampling noise alone; 95 % of such samples stay below its 95 % quantile. A figure is at the floor "
        "where it is not above that quantile: nothing tells the panel from more people. It does not say that they are "
        "the same, for with few people much hides below the floor; so it is no fitness. That takes a margin that the "
        "study declares, and an interval within it.",
        "One figure in twenty of a perfect panel is expected beyond the 95 % quantile of its floor, and one p-value in "
        "twenty below 0.05: nothing here corrects for how many are read.",
        "People, split in half: the people who judge, one random half of them against the other, many times. Halves "
        "are smaller than the whole, so the floor is the stricter measure.",
        "Baselines know the same pilot (those labelled “wave too” the earlier wave as well, which the embedded model "
        "has seen) and use no language model: pilot marginals draw every answer from the pilot's shares, "
        "the logit chain draws each answer from a logit on persona and earlier answers.",
    ]
    numbers = [i.label for i in findings.study.items if i.wording and not i.asked and i.role not in ("persona", "arm")]
    if numbers:
        intro.append(
            "Questions without options stand in no mean over the asked items and in no verdict on answer shares: "
            f"{listed(numbers)}. The view alignment has their rows."
        )
    blocks = [_verdicts(findings), _thresholds(findings), _metrics(findings)]
    return Section("method", "How to read the numbers", intro, blocks, queries=["rules", "thresholds"])


def _verdicts(findings: Findings) -> Block:
    given = {score.verdict: score for score in findings.scores}
    times = Counter(score.verdict for score in findings.scores)
    found = [verdict for verdict in VERDICTS if verdict in given] + sorted(set(given) - VERDICTS.keys())
    rows = [[mark(given[v]), FIT[standing(given[v])], meaning(findings, v), str(times[v])] for v in found]
    marks = {(r, 0): standing(given[v]) for r, v in enumerate(found) if standing(given[v])}
    text = (
        "Fit: shown to be as near to people as was asked. Not fit: shown not to be. To beat a baseline, or not to, is "
        "neither. That two intervals overlap does not show that there is no difference: better than baseline asks more."
    )
    columns = ["Verdict", "Fit", "Given where", "Times"]
    return Block("Verdicts", [text], table=Table(columns, rows, "Verdicts", [], (0, 1, 2), marks))


FIT = dict.fromkeys(STANDINGS, "undecided") | {"fit": "fit", "unfit": "not fit", "": NONE}


def _thresholds(findings: Findings) -> Block:
    rows = []
    for each in findings.thresholds:
        origin = "the study" if each.declared else "default"
        if each.declared_at:
            origin += f", since {each.declared_at} UTC"
        note = "set after panels were published" if each.late else ""
        rows.append([each.name, _threshold(each.value), _threshold(each.default_value), origin, each.meaning, note])
    declared = [each.name for each in findings.thresholds if each.declared]
    text = (
        f"Declared by the study: {listed(declared)}." if declared else "The study declares none: all are the defaults."
    )
    late = [each.name for each in findings.thresholds if each.late]
    text += f" Set after the first of these panels was published: {listed(late)}." if late else ""
    columns = ["Threshold", "Value", "Default", "From", "Meaning", "Note"]
    return Block("Thresholds", [text], table=Table(columns, rows, "Thresholds", [], (0, 3, 4, 5)))


def _threshold(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


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
