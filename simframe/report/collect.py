"""From a warehouse to :class:`~simframe.report.findings.Findings`: one connection, one query a section."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from simframe import __version__
from simframe.errors import ReportError, did_you_mean
from simframe.report import findings as f
from simframe.report import queries, sweep
from simframe.report.findings import SCHEMA_VERSION, Findings, Focus, Panel, Study
from simframe.warehouse import Warehouse
from simframe.warehouse.tables import ALL

Row = TypeVar("Row")


def collect(
    root: str | Path, study: str | None = None, reference: str | None = None, split: str | None = None
) -> Findings:
    """Read what the report says about one study, and one part of its people that judges.

    Args:
        root: the warehouse.
        study: study id; may be left out where the warehouse holds panels of one study alone.
        reference: human panel that judges; that of the newest judged panel where left out.
        split: part of it that judges, ``all`` for all of it; the one that judges most panels where left out.

    Raises:
        WarehouseError: where there is no warehouse, or it was moved.
        ReportError: where it holds no human panel, no such study, or several and none is named; where nobody is
            judged by those asked for.
    """
    warehouse = Warehouse.open(root)
    with warehouse.connect() as con:
        reader = _Reader(con, str(warehouse.layout.root))
        try:
            return reader.read(study, reference, split)
        except duckdb.Error as err:
            mend = "simframe rebuild; where that does not help, simframe doctor finds the broken table"
            raise ReportError(f"a query of the report fails: {err}", where=reader.root, mend=mend) from err


class _Reader:
    def __init__(self, con: duckdb.DuckDBPyConnection, root: str) -> None:
        self.con = con
        self.root = root

    def rows(self, query: str, kind: type[Row]) -> list[Row]:
        """Return the rows of a query, each as a ``kind``."""
        return [kind(**row) for row in self.dicts(query)]

    def dicts(self, query: str) -> list[dict[str, Any]]:
        found = self.con.execute(query)
        names = [column[0] for column in found.description or []]
        return [{n: _finite(v) for n, v in zip(names, row, strict=True)} for row in found.fetchall()]

    def set(self, **given: Any) -> list[str]:
        statements = queries.prelude(**given)
        for statement in statements:
            self.con.execute(statement)
        return statements

    def read(self, asked: str | None, people: str | None, part: str | None) -> Findings:
        study_id = self.choose_study(asked)
        self.set(study=study_id, version="", reference=None, split=None, panels=[], focus=[])
        references = self.dicts(queries.REFERENCES)
        if not references:
            mend = f"import the people that panels of {study_id} are judged by: simframe import {study_id} DATA"
            raise ReportError(f"no human panel of study {study_id!r}", where=self.root, mend=mend)
        chosen = self.choose_judges(references, people, part)
        reference, split, version = chosen["panel_id"], chosen["reference_split"], chosen["study_hash"]
        judges = {"study": study_id, "version": version, "reference": reference, "split": split}
        self.set(**judges, panels=[], focus=[])
        about = judges | {"panels": [row["panel_id"] for row in self.dicts(queries.JUDGED)]}
        self.set(**about, focus=[])
        # The view costs seconds, and every query below reads it. A temporary table of its name comes first in
        # DuckDB's search path, so that the queries stand as a reader would type them.
        self.con.execute(
            "CREATE TEMP TABLE alignment AS FROM alignment"
            " WHERE list_contains(getvariable('panels'), panel_id) OR panel_id = getvariable('reference')"
        )
        everyone = [_panel(row) for row in self.dicts(queries.PANELS)]
        panels = [panel for panel in everyone if panel.panel_id != reference]
        scores = self.rows(queries.SCORES, f.Score)
        focus = choose_focus(panels, scores)
        statements = self.set(**about, focus=focus.all)
        lists = {name: self.rows(query, kind) for name, (query, kind) in LISTS.items()}
        return Findings(
            schema_version=SCHEMA_VERSION,
            simframe_version=__version__,
            study=self.study(),
            reference=next(panel for panel in everyone if panel.panel_id == reference),
            reference_split=split,
            panels=panels,
            elsewhere=sum(other["panels"] for other in references if other is not chosen),
            comparisons=[f.Comparison(**other, chosen=other is chosen) for other in references if other["panels"]],
            focus=focus,
            scores=scores,
            prelude=statements,
            queries={"panels": queries.PANELS.strip(), "scores": queries.SCORES.strip()}
            | {name: query.strip() for name, (query, _) in LISTS.items()},
            **lists,
        )

    def choose_study(self, asked: str | None) -> str:
        known = [row["study_id"] for row in self.dicts(queries.STUDIES)]
        if not known:
            mend = "publish one: simframe import STUDY DATA, or simframe simulate"
            raise ReportError("the warehouse holds no panel yet", where=self.root, mend=mend)
        if asked is None and len(known) > 1:
            mend = f"name one: --study {known[0]}"
            raise ReportError(f"the warehouse holds several studies: {', '.join(known)}", where=self.root, mend=mend)
        if asked is not None and asked not in known:
            raise ReportError(f"no panel of study {asked!r}", where=self.root, mend=did_you_mean(asked, known))
        return asked or str(known[0])

    def choose_judges(self, references: list[dict[str, Any]], people: str | None, part: str | None) -> dict[str, Any]:
        """Return the first of ``references`` of these people and this part."""
        known = [each["panel_id"] for each in references]
        if people is not None and people not in known:
            mend = did_you_mean(people, known)
            raise ReportError(f"{people!r} is no human panel of the study", where=self.root, mend=mend)
        own = [each for each in references if people in (None, each["panel_id"])]
        found = [each for each in own if part in (None, each["reference_split"] or ALL)]
        if not found:
            parts = [each["reference_split"] or ALL for each in own if each["panels"]]
            raise ReportError(f"no panel is judged by {part!r}", where=self.root, mend=did_you_mean(part or "", parts))
        return found[0]

    def study(self) -> Study:
        parts: dict[str, Any] = {name: self.rows(query, kind) for name, (query, kind) in STUDY_LISTS.items()}
        return Study(**self.dicts(queries.STUDY)[0], **parts)


STUDY_LISTS: dict[str, tuple[str, type[Any]]] = {
    "items": (queries.ITEMS, f.Item),
    "options": (queries.OPTIONS, f.Option),
    "levels": (queries.LEVELS, f.Level),
    "blocks": (queries.BLOCKS, f.Block),
    "pairs": (queries.PAIRS, f.Pair),
    "regressions": (queries.REGRESSIONS, f.Regression),
}
LISTS: dict[str, tuple[str, type[Any]]] = {
    "parts": (queries.PARTS, f.Part),
    "rules": (queries.RULES, f.Rule),
    "thresholds": (queries.THRESHOLDS, f.Threshold),
    "versions": (queries.VERSIONS, f.Version),
    "curves": (queries.CURVES, f.Figure),
    "shares": (queries.SHARES, f.Share),
    "item_distances": (queries.ITEM_DISTANCES, f.ItemDistance),
    "structures": (queries.STRUCTURES, f.Structures),
    "subgroups": (queries.SUBGROUPS, f.Subgroup),
    "coherence": (queries.COHERENCE, f.Coherence),
    "actions": (queries.ACTIONS, f.Action),
    "recovery": (queries.RECOVERY, f.Recovery),
    "coefficients": (queries.COEFFICIENTS, f.Coefficient),
    "sweep": (sweep.SWEEP, f.Condition),
    "learning": (sweep.LEARNING, f.Look),
}
"""Fields of :class:`Findings`: the query that fills each, and what a row of it is."""


def choose_focus(panels: list[Panel], scores: list[f.Score]) -> Focus:
    """Choose the panels to draw in detail.

    Distances only decide between panels of one kind; ties go to the larger pilot, then to the panel published last. A
    mean over fewer items than were asked is none to choose by where another has them all.
    """
    distance = {s.panel_id: s.estimate for s in scores if s.axis == "marginals" and s.estimate is not None}
    partial = {s.panel_id for s in scores if s.axis == "marginals" and "asked items" in (s.reason or "")}

    def nearest(panel: Panel) -> tuple[bool, float, int, str]:
        away = -distance.get(panel.panel_id, math.inf)
        return (panel.panel_id not in partial, away, panel.pilot_n, panel.published or "")

    def recent(panel: Panel) -> tuple[int, str, str]:
        return (panel.pilot_n, panel.published or "", panel.panel_id)

    def pick(candidates: list[Panel], key: Any) -> Panel | None:
        return max(candidates, key=key, default=None)

    tuned = [p for p in panels if p.kind == "simulated" and p.strategy != "base"]
    largest = pick(tuned, recent)
    bases = [p for p in panels if p.kind == "simulated" and p.strategy == "base"]
    own = [
        p
        for p in bases
        if largest and p.base_fingerprint and (p.base_fingerprint, p.way) == (largest.base_fingerprint, largest.way)
    ]
    baselines = [p for p in panels if p.kind == "baseline"]
    size = largest.pilot_n if largest else max((p.pilot_n for p in baselines), default=0)
    rivals = [p for p in baselines if p.pilot_n == size]

    def alike(panel: Panel) -> tuple[bool, tuple[int, str, str]]:
        return (largest is not None and panel.seed == largest.seed, recent(panel))

    chosen = (
        pick(tuned, nearest),
        largest,
        pick(own if largest else bases, recent),
        pick([p for p in rivals if p.strategy == "logit_chain" and not p.wave], alike),
        pick(rivals, nearest),
    )
    return Focus(*(panel.panel_id if panel else None for panel in chosen))


def _panel(row: dict[str, Any]) -> Panel:
    def parsed(text: str | None) -> Any:
        return json.loads(text or "{}", parse_constant=lambda _: None)

    return Panel(**row | {name: parsed(row[name]) for name in ("versions", "settings")})


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
