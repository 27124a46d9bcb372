"""Where every panel and every number comes from."""

from __future__ import annotations

import json

from simframe.report.content import Block, Section, Table, capped
from simframe.report.findings import Findings, Panel
from simframe.report.labels import NONE, Names, count, number

LIMIT = 60


def section(findings: Findings, names: Names) -> Section:
    """Return the table of panels, what they were made with, and how to make them and their numbers again."""
    panels, left_out = capped([findings.reference, *findings.panels], LIMIT, "panels")
    intro = [
        "Panels never change once published; an id ends in a hash of everything that decides its content.",
        *left_out,
    ]
    blocks = [
        Block("Panels", table=_panels(panels)),
        Block("What answered", table=_models(panels)),
        Block("Made with", table=_versions(findings)),
        *_plans(findings),
        Block("Ask the warehouse yourself", [_ASK], code=";\n".join(findings.prelude) + ";"),
    ]
    return Section("provenance", "Provenance", intro, blocks, queries=["panels"])


_ASK = (
    "Every number on this page is the answer to a query printed in its section. Open the catalog, for instance with "
    "duckdb -readonly simframe.duckdb, set these variables once, then paste any of the queries."
)


def _panels(panels: list[Panel]) -> Table:
    columns = ["Panel", "Kind", "Label", "Source", "Pilot", "Respondents", "Seed", "Published, UTC"]
    rows = [
        [
            panel.panel_id,
            panel.kind,
            panel.label,
            panel.source or NONE,
            count(panel.pilot_n) if panel.pilot_n else NONE,
            count(panel.n_respondents),
            NONE if panel.seed is None else str(panel.seed),
            panel.published or NONE,
        ]
        for panel in panels
    ]
    return Table(columns, rows, "Panels", text=(0, 1, 2, 3, 7))


def _models(panels: list[Panel]) -> Table:
    columns = ["Panel", "Model", "Base model", "Adapter", "Template", "Tokens", "Seconds", "simframe"]
    rows = [
        [
            panel.panel_id,
            panel.model or NONE,
            panel.base_fingerprint or NONE,
            panel.adapter_fingerprint or NONE,
            panel.template_hash or NONE,
            count(panel.tokens),
            number(panel.seconds, 1),
            panel.simframe_version,
        ]
        for panel in panels
    ]
    return Table(columns, rows, "What answered", text=(0, 1, 2, 3, 4, 7))


def _versions(findings: Findings) -> Table:
    found: dict[str, dict[str, None]] = {"simframe": {}}
    for panel in findings.panels or [findings.reference]:
        found["simframe"][panel.simframe_version] = None
        for name, version in panel.versions.items():
            found.setdefault(name, {})[str(version)] = None
    rows = [[name, ", ".join(versions)] for name, versions in found.items()]
    return Table(["Package", "Version"], rows, "Versions of packages", text=(0, 1))


def _plans(findings: Findings) -> list[Block]:
    """Return each plan that panels were made by, as it was recorded."""
    plans: dict[str, dict[str, None]] = {}
    for panel in findings.panels:
        plan = panel.settings.get("plan")
        if plan:
            plans.setdefault(json.dumps(plan, sort_keys=True), {})[panel.panel_id] = None
    text = (
        "Run simframe simulate with this plan (the default plan needs no file), the same study, data, model and "
        "package versions; panels that are there already are kept, so use an empty warehouse to compare."
    )
    shown, left_out = capped(list(plans), 3, "plans")
    return [Block("To make them again", [text, *left_out] if n == 0 else [], code=p) for n, p in enumerate(shown)]
