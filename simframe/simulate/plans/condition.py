"""One panel's complete settings, the panel they make, and what people call it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from simframe.simulate.plans.schema import Endpoint, Engine, ItemOrder, Mode, OptionOrder
from simframe.simulate.plans.strategies import STRATEGIES, Strategy
from simframe.simulate.plans.tunings import departures


@dataclass(frozen=True)
class PilotChoice:
    """How the people to tune on are chosen among the pilot."""

    selection: str = "random"
    by: str | None = None
    arm: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """One panel's complete settings, one field a key of the plan file."""

    strategy: str
    pilot_n: int | None = None
    """People tuned on or fitted to, or shown; None where nobody is."""
    seed: int = 1
    temperature: float = 1.0
    model: str = "embedded"
    engine: Engine = "transformers"
    mode: Mode = "chained"
    prompt: str = "auto"
    fields: tuple[str, ...] | None = None
    shots: int = 0
    item_order: ItemOrder = "declared"
    option_order: OptionOrder = "declared"
    order_average: int = 1
    chat: bool | str = "auto"
    copies: int = 1
    wave: bool = False
    """Whether a baseline is fitted to people of the earlier wave as well, whom the embedded model has seen too."""
    tune: Mapping[str, Any] = field(default_factory=dict)
    """What the plan sets of ``tuning.TuneSettings``."""
    pilot: PilotChoice = PilotChoice()
    endpoint: Endpoint = field(default_factory=Endpoint)
    where: str = field(default="", compare=False)
    """Where in the plan it stands: what errors say, and shapes nothing."""

    @property
    def about(self) -> Strategy:
        """What is known of the strategy."""
        return STRATEGIES[self.strategy]

    @property
    def relevant(self) -> frozenset[str]:
        """The keys that can change a number of this panel."""
        keys = {"strategy", "seed", "copies"}
        if self.about.uses_model:
            keys |= {"temperature", "model", "engine", "mode", "prompt", "fields", "shots", "item_order"}
            keys |= {"option_order", "order_average", "chat"}
            keys |= {"endpoint"} if self.engine == "openai" else set()
        else:
            keys |= {"wave"}
        if self.about.personas:
            keys |= {"fields"}
        if self.strategy == "tuned":
            keys |= {"tune"}
        if self.strategy != "base" or self.shots:
            keys |= {"pilot_n", "pilot"}
        return frozenset(keys)

    def given(self) -> dict[str, Any]:
        """Return the relevant keys that are not the default, as JSON content."""
        bare = Condition(self.strategy)
        found = {name: getattr(self, name) for name in sorted(self.relevant)}
        if "tune" in found:
            found["tune"] = departures(self.tune)
        return {name: _plain(value) for name, value in found.items() if value != getattr(bare, name)}

    def narrowed(self) -> Condition:
        """Return the condition with every irrelevant key at its default: equal where no number can differ."""
        return replace(Condition(self.strategy), **{name: getattr(self, name) for name in (*self.relevant, "where")})


def _plain(value: Any) -> Any:
    if isinstance(value, Endpoint):  # pace and price change no answer
        return {"url": value.url, "samples": value.samples}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: v for name, v in dataclasses.asdict(value).items() if v}
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class PanelSpec:
    """One panel to make."""

    panel_id: str
    plan_hash: str
    condition: Condition
    model_name: str = "model"
    """What people call the model."""

    @property
    def kind(self) -> str:
        """Kind of the panel: simulated or baseline."""
        return self.condition.about.kind

    @property
    def strategy(self) -> str:
        """Name of the strategy."""
        return self.condition.strategy

    @property
    def pilot_n(self) -> int | None:
        """People tuned on, fitted to or shown."""
        return self.condition.pilot_n

    @property
    def seed(self) -> int:
        """Seed of everything random in it."""
        return self.condition.seed

    @property
    def label(self) -> str:
        """What people call the panel: the strategy, and what departs from the defaults."""
        text = self.condition.about.label.format(model=self.model_name, n=self.pilot_n)
        return ", ".join([text, *_departures(self.condition)])


SAID: dict[str, Callable[[Any], str]] = {
    "engine": "{}".format,
    "mode": "{}".format,
    "prompt": lambda prompt: f"prompt {PurePath(*PurePath(prompt).parts[-2:])}",
    "fields": lambda names: f"shown {' '.join(names) or 'no persona'}",
    "shots": "{} shots".format,
    "item_order": "{} items".format,
    "option_order": "{} options".format,
    "order_average": "{} orders averaged".format,
    "chat": lambda chat: "chat" if chat else "no chat",
    "temperature": "temperature {:g}".format,
    "copies": "{} copies".format,
    "wave": lambda _: "wave too",
    "tune": lambda tune: ", ".join(_tuning(name, value) for name, value in sorted(tune.items())),
    "pilot": lambda choice: " ".join(_people(**choice)),
    "seed": "seed {}".format,
}
"""How a label says what is given of each key."""


def _tuning(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{name} " + ", ".join(_tuning(*pair) for pair in sorted(value.items(), key=lambda p: (p[0] != "by", p)))
    return name if value is True else f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def _people(selection: str, by: str | None = None, arm: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    chosen = [] if selection == "random" else [f"{selection} by {by}"]
    return [*chosen, *(f"{item_id}={code}" for item_id, code in sorted(arm.items()))]


def _departures(condition: Condition) -> list[str]:
    departs = condition.given()
    return [say(departs[name]) for name, say in SAID.items() if name in departs]
