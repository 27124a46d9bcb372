"""What stands in a warehouse's ``models`` folder: bases and adapters, where they come from, which panels they made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError, did_you_mean
from simframe.simulate.models.files import fingerprint, provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

COLUMNS = (
    "model_id",
    "kind",
    "base",
    "study_id",
    "pilot_n",
    "seed",
    "steps",
    "held_loss",
    "bytes",
    "panels",
    "problem",
)


def inventory(models: Path, panels: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return one row a base or adapter, bases first.

    Args:
        models: the ``models`` folder of a warehouse.
        panels: rows with panel_id, base_fingerprint, adapter_fingerprint.

    Returns:
        ``COLUMNS`` and ``provenance``. ``held_loss`` is the loss an answer of people held out at the steps chosen, in
        nats; ``problem`` says why a folder cannot be used.
    """
    made = list(panels)
    found = [_row(folder, made) for folder in sorted(models.glob("[!._]*")) if _holds_model(folder)]
    names = {row["fingerprint"]: row["model_id"] for row in found if row["kind"] != "adapter" and not row["problem"]}
    for row in found:
        row["base"] = names.get(row["base"], row["base"]) if row["kind"] == "adapter" else None
    return sorted(found, key=lambda row: (row["kind"] == "adapter", row["model_id"]))


def described(models: Path, model_id: str, panels: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return the row of one base or adapter.

    Raises:
        ModelError: where there is none of this name.
    """
    rows = {row["model_id"]: row for row in inventory(models, panels)}
    if model_id not in rows:
        mend = did_you_mean(model_id, rows) if rows else "make one: simframe tune, or simframe simulate"
        raise ModelError(f"no model {model_id!r}", where=str(models), mend=mend)
    return rows[model_id]


def _holds_model(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).exists() for name in ("config.json", "adapter_config.json"))


def _row(folder: Path, panels: list[Mapping[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"model_id": folder.name, "problem": None, "provenance": {}}
    kind = "adapter" if (folder / "adapter_config.json").exists() else "base"
    try:
        noted, own = provenance(folder), fingerprint(folder)
    except (ModelError, OSError) as err:
        noted, own, row["problem"] = {}, "", str(err).splitlines()[0]
    key = "adapter_fingerprint" if kind == "adapter" else "base_fingerprint"
    if noted and noted.get(key) != own:
        row["problem"] = "its files are not those that its provenance names"
    row |= {"kind": kind, "fingerprint": own, "provenance": noted, "base": noted.get("base_fingerprint")}
    row |= {name: noted.get(name) for name in ("study_id", "study_hash", "pilot_n", "seed", "steps")}
    try:
        losses = dict(map(tuple, noted.get("learning_curve") or ()))
        row["held_loss"] = losses.get(noted.get("steps"), min(losses.values(), default=None))
    except (TypeError, ValueError):
        row["held_loss"], row["problem"] = None, "its provenance holds no learning curve"
    row["bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    row["panels"] = sorted(panel["panel_id"] for panel in panels if own and panel[key] == own)
    return row
