"""What a plan's grid comes to, and how adapters were tuned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """One figure of one condition: mean and spread over its seeds. ``pilot_n`` is 0 where there was no pilot."""

    kind: str
    strategy: str
    model: str | None
    base_fingerprint: str | None
    engine: str | None
    mode: str | None
    prompt: str | None
    template_hash: str | None
    fields: str | None
    shots: int | None
    item_order: str | None
    option_order: str | None
    order_average: int | None
    chat: str | None
    temperature: float | None
    copies: int | None
    tune: str | None
    pilot_selection: str | None
    pilot_by: str | None
    pilot_arm: str | None
    pilot_n: int
    family: str
    metric: str
    attribute: str
    term: str | None
    panels: int
    seeds: list[int | None]
    mean: float | None
    sd: float | None
    least: float | None
    most: float | None
    floor: float | None
    floor_q95: float | None


@dataclass(frozen=True)
class Look:
    """One look at an adapter while it was tuned; losses in nats an answer."""

    panel_id: str
    """The panel that it answered for, of several the one of the shortest name."""
    adapter_fingerprint: str
    pilot_n: int
    seed: int
    steps: int
    fit: str
    step: int
    held_loss: float | None
    train_loss: float | None
