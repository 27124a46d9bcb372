"""What a plan will take: tokens, time, memory; from panels that are there, or from a calibration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simframe.simulate.plans.condition import Condition, PanelSpec
from simframe.simulate.plans.grid import tune_settings
from simframe.simulate.plans.tunings import departures
from simframe.warehouse import Warehouse

THERE, TO_MAKE = "already there", "to make"
BATCH = 256
"""Respondents a forward: what the caches of a simulation are reckoned for."""


@dataclass(frozen=True)
class Rates:
    """How fast a condition's panels are made, as far as it is known; seconds."""

    origin: str
    """Where the numbers are from: a panel's id, or a calibration."""
    tokens: float | None = None
    """A respondent."""
    answering: float | None = None
    """A respondent."""
    loading: float = 0.0
    tuning: float | None = None
    """Of the whole adapter; None where there is none to tune."""
    base: float = 0.0
    """Of building the base model."""
    spend: float | None = None
    """A respondent, in the currency of an endpoint's prices."""


@dataclass(frozen=True)
class Cost:
    """What one panel of a plan takes; None where it is not known."""

    panel_id: str
    label: str
    status: str
    respondents: int
    tokens: int | None = None
    seconds: float | None = None
    memory: int | None = None
    """Bytes at most, of weights, caches and what tuning holds."""
    spend: float | None = None
    """In the currency of the endpoint's prices."""
    origin: str = ""


class Estimates:
    """The costs of a plan's panels: what several share is counted where it is made first."""

    def __init__(
        self, rates: Callable[[PanelSpec], Rates | None], shared: Callable[[PanelSpec], tuple[str, str]]
    ) -> None:
        """Take what tells the rates of a panel, and the keys of its base and of its adapter."""
        self._rates, self._shared = rates, shared
        self._made: set[str] = set()

    def of(self, spec: PanelSpec, respondents: int, *, there: bool, memory: int | None) -> Cost:
        """Return what a panel takes."""
        status = THERE if there else TO_MAKE
        rates = None if there else self._rates(spec)
        if rates is None:
            return Cost(spec.panel_id, spec.label, status, respondents, memory=None if there else memory)
        tokens = None if rates.tokens is None else round(rates.tokens * respondents)
        seconds = None if rates.answering is None else rates.answering * respondents + self._once(spec, rates)
        spend = None if rates.spend is None else rates.spend * respondents
        return Cost(spec.panel_id, spec.label, status, respondents, tokens, seconds, memory, spend, rates.origin)

    def _once(self, spec: PanelSpec, rates: Rates) -> float:
        """Return the seconds of what this panel is the first to need."""
        if spec.kind != "simulated":
            return rates.tuning or 0.0
        base, adapter = self._shared(spec)
        seconds = 0.0 if base in self._made else rates.base
        seconds += 0.0 if adapter in self._made else rates.loading + (rates.tuning or 0.0)
        self._made |= {base, adapter}
        return seconds


def totals(costs: Sequence[Cost]) -> dict[str, Any]:
    """Return what all panels take that are to be made; a sum is None where a part of it is not known."""
    wanted = [cost for cost in costs if cost.status == TO_MAKE]

    def total(name: str) -> Any:
        # Baselines read no tokens, and only endpoints take money.
        parts = [getattr(cost, name) for cost in wanted if name == "seconds" or cost.memory or cost.tokens]
        return None if any(part is None for part in parts) else sum(parts)

    return {
        "panels": len(costs),
        THERE.replace(" ", "_"): len(costs) - len(wanted),
        TO_MAKE.replace(" ", "_"): len(wanted),
        "tokens": total("tokens"),
        "seconds": total("seconds"),
        "spend": sum(spent) if (spent := [cost.spend for cost in wanted if cost.spend is not None]) else None,
        "memory": max((cost.memory for cost in wanted if cost.memory is not None), default=None),
    }


def measured(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return what the panels that are there took, newest first."""
    rows = warehouse.sql(
        """
        SELECT panel_id, strategy, model, engine, mode, prompt, fields, shots, order_average, wave, tune, pilot_n,
            n_respondents, tokens, seconds, settings
        FROM panels WHERE plan_hash IS NOT NULL ORDER BY created_at DESC, panel_id
        """
    ).to_dicts()
    found = []
    for row in rows:
        settings = json.loads(row.pop("settings") or "{}")
        took = settings.get("took")
        if took is not None or row["engine"] is None:
            found.append(row | {"took": took or {}, "spent": settings.get("spent") or None})
    return found


def from_panels(panels: Sequence[Mapping[str, Any]], like: Mapping[str, Any], tuned: Condition | None) -> Rates | None:
    """Return the rates that panels alike in some columns had; None where there is none.

    Args:
        panels: what :func:`measured` returns.
        like: the columns to agree in.
        tuned: the condition, where an adapter is to be tuned: adapters of the nearest pilot size tell how long.
    """
    alike = [panel for panel in panels if all(panel[name] == value for name, value in like.items())]
    if not alike:
        return None
    newest, tuning = alike[0], None
    if tuned is not None:
        tune = json.dumps(departures(tuned.tune), sort_keys=True)
        adapters = [panel for panel in alike if panel["strategy"] == "tuned" and panel["tune"] == tune]
        if not adapters:
            return None
        size = tuned.pilot_n or 0
        nearest = min(adapters, key=lambda p: abs(p["pilot_n"] - size))["pilot_n"]
        # Panels that share an adapter found it there: the longest tuned it.
        took = max(p["took"].get("tuning", 0.0) for p in adapters if p["pilot_n"] == nearest)
        tuning = took * work(tuned, size) / work(tuned, nearest)
    return Rates(
        origin=f"panel {newest['panel_id']}",
        tokens=None if newest["tokens"] is None else newest["tokens"] / newest["n_respondents"],
        answering=newest["took"].get("simulating", newest["seconds"]) / newest["n_respondents"],
        loading=max(p["took"].get("loading", 0.0) for p in alike),
        tuning=tuning,
        base=max(p["took"].get("base", 0.0) for p in alike),
        spend=None if newest["spent"] is None else newest["spent"] / newest["n_respondents"],
    )


def work(condition: Condition, size: int) -> int:
    """Return the respondents read while tuning on ``size`` people, at most: fits, steps, and respondents a step."""
    settings = tune_settings(condition.tune, "plan")
    fits = 1 + (min(settings.folds, size) if size < settings.cross_validate else 1)
    return fits * settings.steps * min(settings.batch, size)


def memory(folder: Path, tokens: float, *, on_gpu: bool, tuned: Condition | None = None) -> int | None:
    """Return the bytes that a model takes at most: weights, and caches of a batch or a step of tuning.

    Weights take 2 bytes each in bfloat16 on a GPU, 4 on the CPU; a token's cache two vectors a layer and key-value
    head; a step of tuning 34 bytes a token, layer and hidden unit at 16 bits (Korthikanti et al. 2022, without the
    part that grows with the square of the length, which fused attention spares). None where the files do not say.
    """
    weights = _weights(folder)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        layers, hidden, heads = (
            int(config[key]) for key in ("num_hidden_layers", "hidden_size", "num_attention_heads")
        )
        cached = int(config.get("num_key_value_heads") or heads) * int(config.get("head_dim") or hidden // heads)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None
    if not weights:
        return None
    each = 2 if on_gpu else 4
    caches = 2 * layers * cached * each * tokens * BATCH
    steps = 0.0
    if tuned is not None:
        settings = tune_settings(tuned.tune, "plan")
        steps = 17 * each * hidden * layers * tokens * min(settings.batch, tuned.pilot_n or settings.batch)
    return round(weights * each + max(caches, steps))


def _weights(folder: Path) -> int:
    """Return how many numbers a model's safetensors files hold, from their headers."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for name, tensor in header.items():
            if name != "__metadata__":
                total += _product(tensor["shape"])
    return total


def _product(shape: Sequence[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
