"""What shapes an adapter beside its base, its pilot and its seed. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

from simframe.errors import PlanError, did_you_mean
from simframe.simulate.tuning.schedule import Schedule

DRO_STEP = 0.1
"""Step of the exponentiated gradient over groups, where none is named."""
Order = Literal["declared", "random"]
CHOICES: dict[str, tuple[str, ...]] = {
    "objective": ("answers", "aggregate"),
    "targets": ("one_hot", "ordinal", "group"),
    "item_order": ("declared", "random"),
    "option_order": ("declared", "random"),
}
BOUNDS: dict[str, tuple[float, float]] = {
    "rank": (1, 1024),
    "alpha": (1, 65536),
    "steps": (1, 1_000_000),
    "batch": (1, 65536),
    "every": (1, 1_000_000),
    "patience": (1, 1_000_000),
    "folds": (2, 100),
    "cross_validate": (0, float("inf")),
    "mixup": (0, 100),
}
"""Least and most of each number."""


@dataclass(frozen=True)
class TuneSettings:
    """What shapes an adapter beside its base, its pilot and its seed."""

    rank: int = 8
    alpha: int = 16
    rate: float | None = None
    """Where left out, the one that the base names; else 2e-3 for a network that is tiny and 2e-4 for any other."""
    dora: bool = False
    """Magnitude and direction apart (Liu et al. 2024)."""
    pissa: bool = False
    """Begin at the base's principal components (Meng et al. 2024); saved as a plain adapter of twice the rank."""
    rslora: bool = False
    """Scale by alpha / sqrt(rank) (Kalajdzievski 2023)."""
    four_bit: bool = False
    """Hold the base in 4 bits while tuning (Dettmers et al. 2023): needs CUDA and bitsandbytes."""
    steps: int = 200
    """The most that are tried."""
    batch: int = 32
    every: int = 5
    patience: int = 4
    field_dropout: float = 0.15
    folds: int = 3
    """Parts of the pilot held out in turn; under ``cross_validate`` people all of them, else the first alone."""
    cross_validate: int = 150
    item_order: Order = "declared"
    """``random``: another order of questions each time that a respondent is read."""
    option_order: Order = "declared"
    """``random``: another order of options each time that a question is read."""
    objective: Literal["answers", "aggregate"] = "answers"
    """``aggregate``: learn the histograms of the groups of ``by`` alone, never what one person said."""
    targets: Literal["one_hot", "ordinal", "group"] = "one_hot"
    """What the model should think at an answer: that answer; its neighbours too; or its group's histogram."""
    width: float = 1.0
    """Of ordinal targets: the spread over neighbouring options, in options."""
    by: str | None = None
    """Item whose levels are the groups of ``targets = "group"`` and ``objective = "aggregate"``; else everybody."""
    weights: Mapping[str, Any] = field(default_factory=dict)
    """``{by = item}``: every level counts alike; ``{by = item, "code" = 2.0}``: levels count so many times."""
    dro: Mapping[str, Any] = field(default_factory=dict)
    """``{by = item, step = 0.1}``: lower the worst level's loss (Sagawa et al. 2020)."""
    subsample: str | None = None
    """Item whose larger levels lose people, at random, until all levels are as small as the smallest."""
    mixup: float = 0.0
    """Both parameters of the Beta distribution that two respondents are mixed by (Zhang et al. 2018); 0: not at all."""

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise _wrong(name, value, did_you_mean(str(value), allowed))
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise _wrong(name, value, f"at least {least}" + (f", at most {most}" if isfinite(most) else ""))
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise _wrong("rate", self.rate, "a number above 0")
        if not 0 <= self.field_dropout < 1:
            raise _wrong("field_dropout", self.field_dropout, "0 or more, and less than 1")
        if not 0 < self.width < float("inf"):
            raise _wrong("width", self.width, 'a number above 0; targets = "one_hot" spreads nothing')
        self._check_tables()
        self._check_together()

    def _check_tables(self) -> None:
        for name in ("weights", "dro"):
            table = getattr(self, name)
            if table and not isinstance(table.get("by"), str):
                raise _wrong(name, dict(table), 'name the item: { by = "item_id" }')
            for key, value in table.items():
                if key != "by" and not (_is_number(value) and 0 <= value < float("inf")):
                    raise _wrong(f"{name}.{key}", value, "a number of 0 or more")
        unknown = set(self.dro) - {"by", "step"}
        if unknown:
            raise _wrong("dro", dict(self.dro), did_you_mean(min(unknown), ("by", "step")))
        if self.dro and not self.dro_step > 0:
            raise _wrong("dro.step", self.dro["step"], "a number above 0")

    def _check_together(self) -> None:
        if self.pissa and (self.dora or self.four_bit):
            other = "dora" if self.dora else "four_bit"
            mend = "choose one: it is converted to a plain adapter of the base as it was, which the other has none of"
            raise _wrong("pissa", f"True beside {other}", mend)
        if self.by is not None and self.objective == "answers" and self.targets != "group":
            raise _wrong("by", self.by, 'say what groups are for: targets = "group" or objective = "aggregate"')
        if self.objective == "aggregate":
            for name in ("targets", "dro", "mixup", "item_order"):
                if getattr(self, name) != getattr(TuneSettings, name, {}):
                    mend = 'leave it out, or objective = "answers": one person\'s answers are not looked at'
                    raise _wrong(name, getattr(self, name), mend)

    @property
    def dro_step(self) -> float:
        """Step of the exponentiated gradient over groups."""
        return float(self.dro.get("step", DRO_STEP))

    def schedule(self, tiny: bool) -> Schedule:
        """How long and how fast to learn, at most."""
        return Schedule(
            steps=self.steps,
            rate=self.rate or (2e-3 if tiny else 2e-4),
            batch=self.batch,
            field_dropout=self.field_dropout,
            every=self.every,
            patience=self.patience,
        )


PLAIN = TuneSettings()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(name: str, value: Any, mend: str) -> PlanError:
    return PlanError(f"{name} is {value!r}", where="tune settings", mend=mend)
