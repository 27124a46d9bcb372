"""The strategies a plan may name: what each is called, and which of a plan's keys shape it."""

from __future__ import annotations

from dataclasses import dataclass

from simframe.simulate.baselines.registry import BASELINES


@dataclass(frozen=True)
class Strategy:
    """One way to answer for people."""

    kind: str
    """simulated (a language model answers) or baseline."""
    label: str
    """What people call a panel of it; ``{model}`` and ``{n}`` are filled in."""
    personas: bool = True
    """Whether answers depend on the persona that a respondent is given."""

    @property
    def uses_model(self) -> bool:
        """Whether a language model answers."""
        return self.kind == "simulated"


STRATEGIES = {
    "base": Strategy("simulated", "{model}, untuned"),
    "tuned": Strategy("simulated", "{model}, tuned on {n}"),
    **{name: Strategy("baseline", each.label + ", {n}", personas=each.personas) for name, each in BASELINES.items()},
}
"""The model untuned and tuned, and every baseline of ``baselines.registry``."""
