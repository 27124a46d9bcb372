"""Whether conclusions from regressions survive."""

from __future__ import annotations

from simframe.report.content import Block, Figure, Section, Table, capped
from simframe.report.findings import Coefficient, Findings, Recovery, Regression
from simframe.report.labels import NONE, Names, by, interval, listed, number, strategy_name
from simframe.report.series import legend_of, series_of

MODELS, TERMS = 8, 40
COUNTED = ("tp", "fp", "fn", "tn", "sign_f1", "false_positive_rate", "coefficient_coverage")
LIMIT = 12.0
"""Widest reach of the axis, in standard errors of the people's coefficient."""


def section(findings: Findings, names: Names) -> Section:
    """Return forest plots of coefficients, and counts of what was recovered."""
    title = "Regression coefficients"
    if not findings.study.regressions:
        return Section("inference", title, ["The study declares no regression."])
    if not findings.panels:
        return Section("inference", title, ["There are no panels to compare yet."])
    if not findings.evaluated:
        return Section("inference", title, ["Regressions have not been fitted: run simframe evaluate."])
    intro = [
        "The same model fitted on people and on each panel. Coefficients and 95 % intervals are drawn in units of the "
        "people's standard error, so that terms share one axis; arrows mark what lies beyond it. TP: significant on "
        "both sides with the same sign. FP: claimed by the panel, not shown by people. FN: shown by people, missed. "
        "TN: significant on neither side. A reversed sign is both FP and FN. Intercepts and thresholds are left out.",
    ]
    blocks = [_counts(findings, names), _coefficients(findings, names)]
    legend = {"survey": strategy_name("survey")}
    legend |= legend_of(findings, series_of(findings, _drawn(findings)), names)
    return Section("inference", title, intro, blocks, legend, ["recovery", "coefficients"])


def _drawn(findings: Findings) -> list[str]:
    focus = findings.focus
    chosen = (focus.largest or focus.base, focus.logit_chain or focus.baseline)
    return list(dict.fromkeys(panel_id for panel_id in chosen if panel_id))


def _counts(findings: Findings, names: Names) -> Block:
    rows, groups = [], []
    for regression_id, some in by(findings.recovery, "regression_id"):
        panels = dict(by(some, "panel_id"))
        for panel_id in findings.focus.all:
            found = {row.metric: row for row in panels.get(panel_id, [])}
            if not found:
                continue
            cells = [number(_estimate(found, name), 0) for name in COUNTED[:4]]
            cells += [number(_estimate(found, name)) for name in COUNTED[4:]]
            shown = [found[name] for name in COUNTED if name in found]
            reason = next((row.reason for row in shown if row.estimate is None and row.reason), None)
            rows.append([names.panel(panel_id), *cells, reason or ""])
            groups.append(names.term("recovery", regression_id))
    columns = ["Panel", "TP", "FP", "FN", "TN", "Sign F1", "False-positive rate", "Coverage", "Note"]
    text = "Coverage is the share of coefficients whose estimate among people lies in the panel's interval."
    return Block("What was recovered", [text], table=Table(columns, rows, "Recovery", groups, text=(0, 8)))


def _estimate(found: dict[str, Recovery], name: str) -> float | None:
    return found[name].estimate if name in found else None


def _coefficients(findings: Findings, names: Names) -> Block:
    models, left_out = capped(findings.study.regressions, MODELS, "regressions")
    text, figures, rows, groups = [], [], [], []
    for model in models:
        text.append(_described(findings, model, names))
        found = [
            c
            for c in findings.coefficients
            if c.regression_id == model.regression_id and c.panel_id in _drawn(findings)
        ]
        shown, more = capped(list(dict.fromkeys(c.term for c in found)), TERMS, f"coefficients of {model.label}")
        left_out += more
        found = [c for c in found if c.term in set(shown)]
        if found:
            figures.append(_figure(findings, model, found, names))
            rows += _rows(found, names)
            groups += [model.label] * len(found)
    columns = ["Term", "Panel", "People", "95 % interval", "Panel's", "95 % interval, panel", "Class", "Note"]
    table = Table(columns, rows, "Coefficients", groups, text=(0, 1, 6, 7))
    return Block("Coefficients", [*text, *left_out], figures, table)


def _described(findings: Findings, model: Regression, names: Names) -> str:
    """Return how a model was specified, and why a panel has no coefficients of it."""
    how = f"{model.family}{', weighted' if model.weighted else ''}, {model.covariance} covariance"
    missing = {
        row.panel_id: row.reason
        for row in findings.recovery
        if row.regression_id == model.regression_id and row.metric == "tp" and row.estimate is None
    }
    absent = [f" {names.panel(i)}: {missing[i] or 'no coefficients'}." for i in _drawn(findings) if i in missing]
    return f"{model.label}: {model.formula} ({how}).{''.join(absent)}"


def _figure(findings: Findings, model: Regression, found: list[Coefficient], names: Names) -> Figure:
    rows, seen = [], set()
    series = series_of(findings, _drawn(findings))
    for c in found:
        if not c.se_h:
            continue
        sides = [(series[c.panel_id], c.estimate_s, c.ci_low_s, c.ci_high_s)]
        if c.term not in seen:
            seen.add(c.term)
            sides.insert(0, ("survey", c.estimate_h, c.ci_low_h, c.ci_high_h))
        for strategy, estimate, low, high in sides:
            if estimate is not None:
                scaled = {"estimate": estimate / c.se_h, "low": _over(low, c.se_h), "high": _over(high, c.se_h)}
                rows.append({"term": c.term, "strategy": strategy, **scaled})
    reach = min(LIMIT, max((abs(row["estimate"]) for row in rows), default=1.0) + 3)  # type: ignore[arg-type]
    said = "; ".join(
        f"{c.term}: people {number(c.estimate_h)}, {names.panel(c.panel_id)} {number(c.estimate_s)}" for c in found[:60]
    )
    who = listed(["people", *(names.panel(panel_id) for panel_id in _drawn(findings))])
    alt = f"Coefficients of {model.label}, {who}. {said}."
    return Figure("forest", model.label, alt, {"rows": rows, "reach": reach})


def _over(x: float | None, se: float) -> float | None:
    return None if x is None else x / se


def _rows(found: list[Coefficient], names: Names) -> list[list[str]]:
    order = {term: place for place, term in enumerate(dict.fromkeys(c.term for c in found))}
    return [
        [
            c.term,
            names.panel(c.panel_id),
            number(c.estimate_h),
            interval(c.ci_low_h, c.ci_high_h),
            number(c.estimate_s),
            interval(c.ci_low_s, c.ci_high_s),
            recovered(c),
            c.reason or "",
        ]
        for c in sorted(found, key=lambda c: order[c.term])
    ]


def recovered(c: Coefficient) -> str:
    """Return TP, FP, FN, TN, or FP and FN for a reversed sign; a dash where one side has no class."""
    if c.class_h is None or c.class_s is None:
        return NONE
    if c.class_h == c.class_s:
        return "TP" if c.class_h else "TN"
    return " ".join(word for word, holds in (("FP", c.class_s), ("FN", c.class_h)) if holds)
