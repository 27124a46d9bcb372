"""How a panel enters the warehouse: checked, counted, published whole."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import polars as pl
import pyarrow as pa

from simframe import __version__
from simframe.errors import WarehouseError
from simframe.study import Study
from simframe.warehouse import aggregate
from simframe.warehouse.layout import PANEL_ID, Layout, file_record, staged, write_table
from simframe.warehouse.tables import PANEL
from simframe.warehouse.wide import derive

KINDS = ("human", "simulated", "baseline")


@dataclass(frozen=True)
class Provenance:
    """Where a panel comes from: everything that a registration form asks, and that a rerun needs."""

    panel_id: str
    kind: str
    label: str
    source: str
    strategy: str
    plan_id: str | None = None
    plan_hash: str | None = None
    reference_id: str | None = None
    reference_split: str | None = None
    pilot_n: int | None = None
    pilot_selection: str | None = None
    pilot_by: str | None = None
    pilot_arm: str | None = None
    seed: int | None = None
    model: str | None = None
    engine: str | None = None
    mode: str | None = None
    prompt: str | None = None
    fields: str | None = None
    shots: int | None = None
    item_order: str | None = None
    option_order: str | None = None
    order_average: int | None = None
    chat: str | None = None
    temperature: float | None = None
    copies: int | None = None
    wave: bool | None = None
    tune: str | None = None
    base_fingerprint: str | None = None
    adapter_fingerprint: str | None = None
    template_hash: str | None = None
    tokens: int | None = None
    seconds: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def publish_panel(
    layout: Layout, study: Study, provenance: Provenance, respondents: pl.DataFrame, responses: pl.DataFrame
) -> str:
    """Publish one panel and return its id.

    Args:
        layout: the warehouse.
        study: the instrument, already stored there.
        provenance: where the panel comes from.
        respondents: one row a respondent: respondent_id, weight, split, and what else ``tables.PANEL`` lists.
        responses: one row a respondent and item, derived items left out (they are computed here).

    Raises:
        WarehouseError: where the panel is empty, contradicts its study, is published already, or the disk refuses.
    """
    where = f"panel {provenance.panel_id}"
    _check(study, provenance, respondents, responses, where)
    respondents = respondents.sort("respondent_id")
    order = {item.id: place for place, item in enumerate(study.items)}
    responses = (
        derive(study, responses)
        .with_columns(_order=pl.col("item_id").replace_strict(order, return_dtype=pl.Int64))
        .sort("respondent_id", "_order")
        .drop("_order")
    )
    tables = {
        "respondents": respondents,
        "responses": responses,
        **aggregate.statistics(study, responses, respondents),
    }
    with staged(layout, layout.panel(provenance.panel_id)) as work:
        for name, frame in tables.items():
            schema = PANEL[name]
            write_table(work / f"{name}.parquet", schema.empty_table() if frame is None else frame, schema)
        row = asdict(provenance) | {
            "study_id": study.id,
            "study_hash": study.study_hash,
            "n_respondents": respondents.height,
            "n_responses": responses.height,
            "created_at": datetime.now(UTC),
            "simframe_version": __version__,
            "versions": json.dumps(package_versions()),
            "settings": json.dumps(provenance.settings, sort_keys=True),
            "files": json.dumps(file_record(work)),
        }
        write_table(work / "panel.parquet", pa.Table.from_pylist([row], schema=PANEL["panel"]), PANEL["panel"])
    return provenance.panel_id


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that shape a panel, loaded or not."""
    found = {"python": sys.version.split()[0]}
    for name in ("polars", "duckdb", "pyarrow", "numpy", "scipy", "statsmodels", "torch", "transformers", "peft"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _check(
    study: Study, provenance: Provenance, respondents: pl.DataFrame, responses: pl.DataFrame, where: str
) -> None:
    def refuse(message: str, mend: str) -> None:
        raise WarehouseError(message, where=where, mend=mend)

    if not PANEL_ID.fullmatch(provenance.panel_id):
        refuse("cannot be a panel id", f"match {PANEL_ID.pattern}")
    if provenance.kind not in KINDS:
        refuse(f"kind {provenance.kind!r} is unknown", f"use one of {', '.join(KINDS)}")
    if respondents.is_empty() or responses.is_empty():
        refuse("is empty", "publish at least one respondent with answers")
    ids = respondents["respondent_id"]
    if ids.null_count() or ids.n_unique() < respondents.height:
        twice = ids.filter(ids.is_duplicated())
        refuse(
            f"respondent {twice[0] if len(twice) else None!r} stands twice or has no id", "keep one row a respondent"
        )
    weight = respondents["weight"]
    if weight.null_count() or not weight.is_finite().all() or (weight < 0).any() or weight.sum() <= 0:
        refuse(
            "has a weight that is missing, infinite or negative, or no weight at all", "give weights of zero or more"
        )
    strangers = responses.join(respondents, on="respondent_id", how="anti")
    if strangers.height:
        refuse(f"answers of {strangers['respondent_id'][0]!r}, who is no respondent", "add the respondent")
    keys = responses.select("respondent_id", "item_id")
    if keys.is_duplicated().any():
        first = keys.filter(keys.is_duplicated()).row(0)
        refuse(f"respondent {first[0]!r} answers {first[1]!r} twice", "keep one answer an item")
    _check_codes(study, responses, refuse)


def _check_codes(study: Study, responses: pl.DataFrame, refuse: Any) -> None:
    known = {item.id: item for item in study.items}
    used = responses.select("item_id", "code", "missing").unique().sort("item_id", "code", "missing")
    for item_id, code, missing in used.iter_rows():
        if item_id not in known:
            refuse(f"answers item {item_id!r}, which study {study.id!r} has not", "publish it under its own study")
        item = known[item_id]
        allowed = {o.code for o in item.options if item.counts(o) != missing}
        if item.scale == "interval" and not item.valid_options and not missing:
            allowed |= {b.code for b in item.bins} | {None}  # type: ignore[arg-type]
        if item.scale == "text":
            allowed.add(None)  # type: ignore[arg-type]
        if missing:
            allowed.add(None)  # type: ignore[arg-type]
        if code not in allowed:
            kind = "missing " if missing else ""
            refuse(
                f"answers {code!r} to {item_id!r}, which is none of its {kind}options", "recode it, or add the option"
            )
