"""The plain words behind verdicts: what each means for use, and one sentence an axis with its numbers."""

from __future__ import annotations

from collections.abc import Callable

from simframe.report.findings import Findings, Panel, Score
from simframe.report.labels import NONE, Names, axis_name, interval, number, percent, points
from simframe.wording import counted

STANDINGS = {
    "fit": ("✓", "Fit for, by the thresholds that count here"),
    "alike": ("≈", "Not told apart from people, nor shown to be near enough: that takes a declared margin"),
    "gain": ("△", "Nearer to people than the baseline, but not yet as near as people are to one another"),
    "level": ("=", "No better shown than a baseline that needs no language model"),
    "open": ("○", "Not known"),
    "unfit": ("✗", "Not fit for"),
}
"""What a verdict means for use: its mark, and the heading of a list of such uses."""

VERDICTS = {
    "within the margin": "the whole interval is within the margin around the ideal",
    "no more than coincidence": "repeats pilot respondents no more than people do by coincidence",
    "recovers the coefficients": "every declared regression reaches sign F1 {sign_f1}, false-positive rate "
    "{false_positive_rate} or less, and coverage {coefficient_coverage}",
    "individuals told apart": "the whole interval of the correlation with one's own human is above {individuals_r}",
    "at the floor": "not told apart from people: no farther than 95 % of samples of people of that size are. That does "
    "not show that it is near enough; an interval within a declared margin would",
    "better than baseline": "the whole interval is nearer the ideal than that of the best baseline",
    "no better than baseline": "its interval and the best baseline's overlap: the model adds nothing shown",
    "no baseline": "no evaluated baseline on the same pilot to compare with",
    "differs from people": "the whole interval is beyond what samples of people reach, and beyond any margin",
    "undecided": "the numbers allow neither verdict",
    "too few respondents": "those behind the figure are worth fewer than {small_group} respondents of equal weight",
    "not evaluated": "the figure or its interval is missing until the panel is evaluated",
    "undefined": "evaluated, and the figure or its interval is undefined; the note says why",
    "worse than baseline": "the whole interval is farther from the ideal than that of the best baseline",
    "not fit for inference": "some declared regression misses sign F1 {sign_f1}, false-positive rate "
    "{false_positive_rate} or coverage {coefficient_coverage}",
    "individuals not told apart": "the interval of the correlation with one's own human reaches {individuals_r}",
    "repeats the pilot": "repeats pilot respondents more than people do by coincidence",
    "people against people": "two halves of the people who judge: what a panel of people would score",
}
"""What every verdict of the view ``scorecard`` means; names in braces are thresholds."""
UNDECIDED = {"at the floor": "alike", "better than baseline": "gain", "no better than baseline": "level"}
"""Standings of verdicts that say neither fit nor not fit, where they are not simply open."""

USES = {
    "marginals": "estimating how many people give each answer",
    "heterogeneity": "studying how varied answers are",
    "subgroups": "estimates for single subgroups",
    "coherence": "studying how actions follow from beliefs",
    "inference": "regression coefficients, their signs and their significance",
    "individuals": "saying what a single person would answer",
    "memorisation": "answers of its own, rather than those of the pilot",
}


def standing(score: Score) -> str:
    """Return a key of ``STANDINGS``, from what the scorecard says of use; empty for people split in half."""
    if score.fit is None:
        return ""
    return UNDECIDED.get(score.verdict, "open") if score.fit == "undecided" else "fit" if fits(score) else "unfit"


def fits(score: Score) -> bool:
    """Whether the scorecard calls a panel fit on an axis."""
    return (score.fit or "").startswith("fit")


def mark(score: Score) -> str:
    """Return a verdict with its mark in front: it reads without colour."""
    sign = STANDINGS[standing(score)][0] if standing(score) else ""
    return f"{sign} {score.verdict}".strip()


def meaning(findings: Findings, verdict: str) -> str:
    """Return what a verdict means, with the thresholds of the study."""
    known = {each.name: NONE if each.value is None else f"{each.value:g}" for each in findings.thresholds}
    return VERDICTS.get(verdict, "see 90_verdicts.sql").format_map(known)


def use(axis: str) -> str:
    """Return what a panel could be used for on an axis."""
    return USES.get(axis, axis_name(axis).lower())


def sentence(findings: Findings, score: Score, names: Names) -> str:
    """Return what a score says, with its numbers."""
    if score.estimate is None:
        default = "not evaluated: run simframe evaluate" if score.verdict == "not evaluated" else "undefined"
        return f"No figure: {score.reason or default}."
    text = SENTENCES.get(score.axis, _plain)(findings, score, names)
    if score.verdict == "not evaluated":
        missing = "its interval has not been computed" if score.ci_low is None else "its floor has not been computed"
        text += f" Without a verdict: {missing}."
    elif score.verdict == "undefined":
        text += " Without a verdict: no interval can be had of it."
    if score.reason:
        text += f" Note: {score.reason}."
    return text


def _bracket(score: Score) -> str:
    return f" (95 % interval {interval(score.ci_low, score.ci_high)})" if score.ci_low is not None else ""


def _plain(_: Findings, score: Score, __: Names) -> str:
    return f"{score.metric} is {number(score.estimate)}{_bracket(score)}."


def _marginals(findings: Findings, score: Score, names: Names) -> str:
    asked = sum(item.asked for item in findings.study.items)
    text = f"Mean js_distance over {asked} asked items: {number(score.estimate)}{_bracket(score)}."
    if score.floor is not None:
        text += f" Two samples of people: {number(score.floor)}, 95 % of them below {number(score.floor_q95)}."
    return text + _rival(score, names)


def _heterogeneity(_: Findings, score: Score, __: Names) -> str:
    return f"Answers carry {number(score.estimate)} times the entropy of people's{_bracket(score)}; 1 is ideal."


def _subgroups(_: Findings, score: Score, names: Names) -> str:
    group = f"{names.attribute(score.attribute or '')}: {names.level(score.attribute or '', score.level or '')}"
    people = counted(score.n_h or 0, "person", "people")
    text = f"Worst group, {group} ({people}): js_distance {number(score.estimate)}{_bracket(score)}"
    if score.floor is None:
        return text + "."
    floor = f"{number(score.floor)}, 95 % of them below {number(score.floor_q95)}"
    return f"{text}. Two samples of people of that size: {floor}."


def _coherence(findings: Findings, score: Score, names: Names) -> str:
    rows = {
        row.metric: row.estimate
        for row in findings.coherence
        if row.panel_id == score.panel_id and row.pair_id == score.term
    }
    sides = ""
    if "belief_action_gap_h" in rows:
        people, panel = percent(rows["belief_action_gap_h"]), percent(rows.get("belief_action_gap_s"))
        sides = f"{people} of people act against the belief, {panel} of the panel: "
    low, high = (None if x is None else 100 * x for x in (score.ci_low, score.ci_high))
    bracket = f" (95 % interval {interval(low, high, 1)})" if low is not None else ""
    return f"Worst pair, {names.term('coherence', score.term)}. {sides}{points(score.estimate)}{bracket}."


def _inference(findings: Findings, score: Score, names: Names) -> str:
    rows = {
        row.metric: row.estimate
        for row in findings.recovery
        if row.panel_id == score.panel_id and row.regression_id == score.term
    }
    text = f"Worst regression, {names.term('recovery', score.term)}: sign F1 {number(score.estimate)}."
    counts = [rows.get(name) for name in ("tp", "fp", "fn")]
    if any(n is None for n in counts):
        return text
    tp, fp, fn = (int(n or 0) for n in counts)
    among = counted(tp + fn, "coefficient")
    return f"{text} Of {among} significant among people it finds {tp}, and it claims {fp} of its own."


def _individuals(_: Findings, score: Score, __: Names) -> str:
    within = " within treatment arms" if score.metric == "demeaned_r" else ""
    text = f"Answers of a simulated twin and of its own human correlate at {number(score.estimate)}{within}"
    return f"{text}{_bracket(score)}; 0 is chance."


def _memorisation(_: Findings, score: Score, __: Names) -> str:
    text = f"{percent(score.estimate)} of the panel repeat all answers of some pilot respondent"
    return text + (f"; by coincidence, so do {percent(score.floor)} of the people." if score.floor is not None else ".")


def _rival(score: Score, names: Names) -> str:
    if score.baseline_estimate is None:
        return ""
    return f" Best baseline, {names.panel(score.baseline_panel_id)}: {number(score.baseline_estimate)}."


SENTENCES: dict[str, Callable[[Findings, Score, Names], str]] = {
    "marginals": _marginals,
    "heterogeneity": _heterogeneity,
    "subgroups": _subgroups,
    "coherence": _coherence,
    "inference": _inference,
    "individuals": _individuals,
    "memorisation": _memorisation,
}


def halved(findings: Findings) -> tuple[str, str] | None:
    """Say whether the largest-pilot tuned panel halved the untuned model's mean js_distance: (question, answer)."""
    found = _two(findings, findings.focus.largest, findings.focus.base)
    if found is None or not found[2].estimate:
        return None
    panel, tuned, base = found
    ratio = (tuned.estimate or 0) / (base.estimate or 1)
    question = f"Did tuning on {panel.pilot_n} people halve the untuned model's mean js_distance?"
    text = f"{number(base.estimate)} untuned, {number(tuned.estimate)} tuned, {number(ratio, 2)} times as much"
    side = "by the estimate it did" if ratio <= 0.5 else "by the estimate it did not"
    bounds = (tuned.ci_low, tuned.ci_high, base.ci_low, base.ci_high)
    if any(x is None for x in bounds):
        return question, f"{side.capitalize()}: {text}. {UNSETTLED}"
    low, high, base_low, base_high = (x or 0.0 for x in bounds)
    if high <= base_low / 2 or low > base_high / 2:
        answer = "Yes" if high <= base_low / 2 else "No"
        return question, f"{answer}: {text}, and the 95 % intervals leave no doubt about it."
    half = interval(base_low / 2, base_high / 2)
    overlap = f"the 95 % interval, {interval(low, high)}, overlaps half the other, {half}"
    return question, f"Not shown either way: {text}; {side}, and {overlap}."


def beats_chain(findings: Findings) -> tuple[str, str] | None:
    """Say whether the largest-pilot tuned panel beat the logit chain on the same pilot: (question, answer)."""
    found = _two(findings, findings.focus.largest, findings.focus.logit_chain)
    if found is None:
        return None
    panel, tuned, chain = found
    question = f"Did it beat the logit chain on the same pilot of {panel.pilot_n}, which uses no language model?"
    text = f"mean js_distance {number(tuned.estimate)} against {number(chain.estimate)}"
    nearer = (tuned.estimate or 0) < (chain.estimate or 0)
    bounds = (tuned.ci_low, tuned.ci_high, chain.ci_low, chain.ci_high)
    low, high, chain_low, chain_high = (x or 0.0 for x in bounds)
    if any(x is None for x in bounds):
        answer = f"{'By the estimate' if nearer else 'No'}: {text}. {UNSETTLED}"
    elif high < chain_low:
        answer = f"Yes: {text}, and the 95 % intervals do not overlap."
    elif low > chain_high:
        answer = f"No, it is worse: {text}, and the 95 % intervals do not overlap."
    else:
        side = "it is nearer by the estimate alone" if nearer else "it is not nearer even by the estimate"
        answer = f"Not shown: {text}; {side}, and the 95 % intervals overlap."
    return question, answer + _wave_seen(findings, panel)


def _wave_seen(findings: Findings, panel: Panel) -> str:
    """Say that the embedded model has seen the earlier wave, and how a chain does that has seen it too."""
    wave = next((part.respondents for part in findings.parts if part.split == "wave"), 0)
    if panel.model != "embedded" or not wave:
        return ""
    people = counted(wave, "person", "people")
    text = f" The embedded model has seen {people} of an earlier wave as well, which that chain has not"
    chains = [
        (p.seed == panel.seed, score.estimate)
        for p in findings.panels
        if (p.strategy, p.wave, p.pilot_n) == ("logit_chain", True, panel.pilot_n)
        and (score := findings.score(p.panel_id, "marginals")) is not None
        and score.estimate is not None
    ]
    return f"{text}; the chain that has is {number(max(chains)[1])} away." if chains else f"{text}."


UNSETTLED = "Without intervals this is not settled: run simframe evaluate."


def _two(findings: Findings, one: str | None, other: str | None) -> tuple[Panel, Score, Score] | None:
    """Return a panel, its score on answer shares and another panel's, or None where one has no figure."""
    a, b = findings.score(one, "marginals"), findings.score(other, "marginals")
    if one is None or a is None or b is None or a.estimate is None or b.estimate is None:
        return None
    return findings.panel(one), a, b
