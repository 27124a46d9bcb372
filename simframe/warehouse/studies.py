"""A study as tables: what SQL needs to know of the instrument."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from simframe.errors import WarehouseError
from simframe.study import Study, parse_study
from simframe.study.item import Item
from simframe.warehouse.layout import Layout, staged, write_table
from simframe.warehouse.tables import ALL, CROSS, STUDY


def study_tables(study: Study) -> dict[str, pa.Table]:
    """Return every table of a study version, by name."""
    key = {"study_id": study.id, "study_hash": study.study_hash}
    rows: dict[str, list[dict[str, Any]]] = {
        "study": [{"title": study.title, "description": study.description}],
        "items": [_item(item, place) for place, item in enumerate(study.items)],
        "options": [row for item in study.items for row in _options(item)],
        "levels": _levels(study),
        "blocks": [{"structure_id": s.id, "label": s.label, "items": list(s.items)} for s in study.structures],
        "pairs": [
            {"pair_id": p.id, "label": p.label, "belief": p.belief, "action": p.action, "controls": list(p.controls)}
            for p in study.pairs
        ],
        "implications": [
            {"pair_id": pair.id, "belief_code": belief, "action_code": action}
            for pair in study.pairs
            for belief, action in pair.implies.items()
        ],
        "regressions": [
            {
                "regression_id": r.id,
                "label": r.label,
                "formula": r.formula,
                "family": r.family,
                "weighted": r.weighted,
                "covariance": r.covariance,
            }
            for r in study.regressions
        ],
    }
    return {name: pa.Table.from_pylist([key | row for row in rows[name]], schema=STUDY[name]) for name in STUDY}


def add_study(layout: Layout, study: Study, text: str) -> None:
    """Store a study version beside earlier ones; a version that is there already stays as it is."""
    target = layout.study(study.id, study.study_hash)
    if target.exists():
        return
    try:
        with staged(layout, target) as work:
            (work / "study.toml").write_text(text, "utf-8")
            for name, table in study_tables(study).items():
                write_table(work / f"{name}.parquet", table, STUDY[name])
    except WarehouseError:
        if not target.exists():  # else another process stored the same version first: it is what we would have written
            raise


def _item(item: Item, place: int) -> dict[str, Any]:
    values = [option.value for option in item.valid_options if option.value is not None]
    low, high = item.range or ((min(values), max(values)) if values else (None, None))
    return {
        "item_id": item.id,
        "position": place,
        "label": item.label,
        "wording": item.wording,
        "scale": item.scale,
        "role": item.role,
        "unit": item.unit,
        "low": low,
        "high": high,
        "derived": item.expression is not None,
        "subgroup": item.subgroup,
        "asked": item.answerable,
    }


def _options(item: Item) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "item_id": item.id,
            "code": o.code,
            "label": o.label,
            "value": o.value,
            "missing": not item.counts(o),
            "kind": "category" if o.missing and item.counts(o) else "option",
        }
        for o in item.options
    ]
    if not item.valid_options:
        rows += [
            {"item_id": item.id, "code": b.code, "label": b.label, "value": None, "missing": False, "kind": "bin"}
            for b in item.bins
        ]
    return [row | {"position": place} for place, row in enumerate(rows)]


def _levels(study: Study) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"attribute": ALL, "level": ALL, "label": "Everybody", "crossing": False}]
    for attributes in study.attributes:
        combined = [("", "")]
        for name in attributes:
            combined = [
                (code + CROSS * bool(code) + level, label + ", " * bool(label) + own)
                for code, label in combined
                for level, own in study.item(name).levels
            ]
        rows += [
            {"attribute": CROSS.join(attributes), "level": level, "label": label, "crossing": len(attributes) > 1}
            for level, label in combined
        ]
    return [row | {"position": place} for place, row in enumerate(rows)]


def stored_study(layout: Layout, study_id: str, study_hash: str) -> Study:
    """Load a study version as the warehouse stores it.

    Raises:
        WarehouseError: where the warehouse has no such version, or its file was changed.
    """
    path = layout.study(study_id, study_hash) / "study.toml"
    if not path.is_file():
        raise WarehouseError("no such study version", where=f"{study_id}/{study_hash}", mend="import the study again")
    study = parse_study(path.read_text("utf-8"), str(path))
    if study.study_hash != study_hash:
        mend = "restore the file: a stored version never changes; import the changed study as a new one"
        raise WarehouseError(f"its content is that of version {study.study_hash}", where=str(path), mend=mend)
    return study
