"""What was compared, and the plain answer."""

from __future__ import annotations

from simframe.report.content import Answer, Card
from simframe.report.findings import Findings, Score
from simframe.report.labels import ALL, Names, axis_name, count, interval, listed, number
from simframe.report.words import STANDINGS, beats_chain, halved, mark, sentence, standing, use
from simframe.wording import counted

EMBEDDED = "embedded"
PILOT = "pilot"


def judged(findings: Findings) -> str | None:
    """Return the panel the answer is about: the best tuned one, else the untuned model."""
    return findings.focus.best or findings.focus.base


def subtitle(findings: Findings) -> str:
    """Return the question of the page in one sentence."""
    part = f"the {findings.reference_split} of " if findings.reference_split else ""
    if not findings.panels:
        return f"No panel has been compared with {findings.reference.label} yet."
    simulated = sum(panel.kind == "simulated" for panel in findings.panels)
    baselines = sum(panel.kind == "baseline" for panel in findings.panels)
    return (
        f"{counted(simulated, 'simulated panel')} and {counted(baselines, 'baseline')}, "
        f"each compared with {part}{findings.reference.label}."
    )


def facts(findings: Findings, names: Names) -> list[tuple[str, str]]:
    """Return what was compared, as (name, value)."""
    study, reference = findings.study, findings.reference
    pilots = sorted({panel.pilot_n for panel in findings.panels if panel.pilot_n})
    sizes = sorted({panel.n_respondents for panel in findings.panels})
    models = sorted({panel.model for panel in findings.panels if panel.model})
    asked = [item for item in study.items if item.asked]
    parts = ", ".join(f"{part.split} {count(part.respondents)}" for part in findings.parts)
    replicates = sorted({panel.replicates for panel in findings.panels if panel.replicates})
    evaluated = sum(panel.evaluation_id is not None for panel in findings.panels)
    rows = [
        ("Study", f"{study.title} ({study.study_id}, version {study.study_hash})"),
        ("People", f"{count(reference.n_respondents)} in {reference.panel_id}: {parts}"),
        ("Judged by", f"{findings.reference_split or ALL}, {counted(_judges(findings), 'person', 'people')}"),
        ("Asked items", count(len(asked))),
        ("Simulated respondents", f"{listed(map(count, sizes))} a panel" if sizes else "none yet"),
        ("Pilots", f"{listed(map(count, pilots))} people" if pilots else "none"),
        ("Models", listed(models) if models else "none"),
        (
            "Evaluated",
            f"{evaluated} of {counted(len(findings.panels), 'panel')}"
            + (f", {listed(map(count, replicates))} bootstrap replicates" if replicates else ""),
        ),
    ]
    return [(name, value) for name, value in rows if value]


def answer(findings: Findings, names: Names) -> Answer:
    """Return what the report says first."""
    panel_id = judged(findings)
    if panel_id is None:
        lead = "There is no simulated panel yet, so there is nothing to judge: run simframe simulate."
        return Answer(lead, [], "", [], [], _caveats(findings))
    scores = sorted((s for s in findings.scores if s.panel_id == panel_id), key=lambda s: s.position)
    cards = [Card(axis_name(s.axis), standing(s), _verdict(s), sentence(findings, s, names)) for s in scores]
    uses = []
    for key, (_, heading) in STANDINGS.items():
        # Not repeating the pilot is a condition of use, no use: it is listed where it is broken.
        axes = [s for s in scores if standing(s) == key and (s.axis != "memorisation" or key == "unfit")]
        if axes:
            uses.append((key, heading, [f"{use(s.axis)} ({s.verdict})" for s in axes]))
    asked = [said for said in (halved(findings), beats_chain(findings)) if said]
    about = f"Verdicts on “{names.panel(panel_id)}”"
    return Answer(_lead(findings, names), asked, about, cards, uses, _caveats(findings))


def _verdict(score: Score) -> str:
    """Return a verdict, and what it says of use where it says something."""
    said = score.fit not in (None, "undecided", score.verdict) and score.axis != "memorisation"
    return f"{mark(score)}: {score.fit}" if said else mark(score)


def _lead(findings: Findings, names: Names) -> str:
    focus = findings.focus
    if focus.best is None:
        return "No panel was tuned yet; the verdicts below are about the untuned model."
    score = findings.score(focus.best, "marginals")
    tuned = findings.panel(focus.best).strategy == "tuned"
    text = f"The {'tuned' if tuned else 'simulated'} panel nearest to people is “{names.panel(focus.best)}”"
    if score is not None and score.estimate is not None:
        where = f" (95 % interval {interval(score.ci_low, score.ci_high)})" if score.ci_low is not None else ""
        text += f". Its answer shares are a mean js_distance of {number(score.estimate)}{where} from those of people"
    whose = f" in the {findings.reference_split}" if findings.reference_split else ""
    # Of a panel simulated elsewhere nothing is known but what its importer says.
    text += f"{whose}, none of whom it was tuned on." if whose and tuned else f"{whose}."
    if focus.largest and findings.panel(focus.largest).pilot_n > findings.panel(focus.best).pilot_n:
        text += f" It was chosen by that distance; the largest pilot is that of “{names.panel(focus.largest)}”."
    return text


def _caveats(findings: Findings) -> list[str]:
    found = []
    if findings.panels and not findings.evaluated:
        found.append(
            "Not evaluated: run simframe evaluate. Until then most figures have no interval, floor or verdict."
        )
    elif waiting := [panel for panel in findings.panels if panel.evaluation_id is None]:
        verb = "is" if len(waiting) == 1 else "are"
        found.append(f"{counted(len(waiting), 'panel')} {verb} not evaluated yet: run simframe evaluate.")
    if any(panel.model == EMBEDDED for panel in findings.panels):
        found.append(
            "The embedded model is tiny and built on the spot from this study, so that the road can be travelled "
            "without a download. Its verdicts show how to read this page, not what language models can do. "
            "For an answer about a real model, run simframe simulate with --model."
        )
    found += [*_flattered(findings), *_elsewhere(findings)]
    for version in findings.versions:
        if version.newer and not version.panels:
            found.append(
                f"The study was changed: version {version.study_hash}, imported {version.imported} UTC, has no panel "
                f"to compare yet. This page is about version {findings.study.study_hash}; the two are never mixed."
            )
    late = [each.name for each in findings.thresholds if each.late]
    if late:
        found.append(
            f"Set after panels were published: {listed(late)}. Whoever set a threshold then may have seen what it "
            "decides; see “How to read the numbers”."
        )
    return found


def _flattered(findings: Findings) -> list[str]:
    """Name the panels that are judged by people they were made from."""
    if findings.reference_split not in (None, PILOT) or not any(part.split == PILOT for part in findings.parts):
        return []
    own = [panel for panel in findings.panels if panel.pilot_n]
    if not own:
        return []
    who = (
        "is judged by people among whom is the pilot it was"
        if len(own) == 1
        else ("are judged by people among whom are the pilots they were")
    )
    return [
        f"{counted(len(own), 'panel')} {who} tuned or fitted on: the figures flatter. Import such answers with "
        "--split holdout to judge them by others."
    ]


def _elsewhere(findings: Findings) -> list[str]:
    """Say which panels are judged by others, and how to read about them."""
    said = []
    for other in findings.comparisons:
        if other.chosen:
            continue
        who = f"{other.reference_split or 'all'} of {other.panel_id}"
        if other.study_hash != findings.study.study_hash:
            who += f" (version {other.study_hash} of the study)"
        words = f"--split {other.reference_split or ALL}"
        if other.panel_id != findings.reference.panel_id:
            words = f"--reference {other.panel_id} {words}"
        verb = "is" if other.panels == 1 else "are"
        said.append(
            f"{counted(other.panels, 'panel')} {verb} judged by {who} and not on this page: simframe report {words}"
        )
    return said


def _judges(findings: Findings) -> int:
    if findings.reference_split is None:
        return findings.reference.n_respondents
    return sum(part.respondents for part in findings.parts if part.split == findings.reference_split)
