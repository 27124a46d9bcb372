"""What shapes an adapter beside its base, its pilot and its seed. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass

from simframe.errors import PlanError
from simframe.simulate.tuning.schedule import Schedule


@dataclass(frozen=True)
class TuneSettings:
    """What shapes an adapter beside its base, its pilot and its seed."""

    rank: int = 8
    alpha: int = 16
    rate: float | None = None
    """Where left out, 2e-3 for a network that is tiny and 2e-4 for any other."""
    steps: int = 200
    """The most that are tried."""
    batch: int = 32
    every: int = 5
    patience: int = 4
    field_dropout: float = 0.15
    folds: int = 3
    """Parts of the pilot held out in turn; under ``cross_validate`` people all of them, else the first alone."""
    cross_validate: int = 150

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

    def __post_init__(self) -> None:
        for name, least in (("rank", 1), ("steps", 1), ("batch", 1), ("every", 1), ("patience", 1), ("folds", 2)):
            if getattr(self, name) < least:
                raise PlanError(f"{name} is {getattr(self, name)}", where="tune settings", mend=f"at least {least}")
        if (self.rate is not None and not self.rate > 0) or not 0 <= self.field_dropout < 1:
            mend = "rate above 0, field_dropout in [0, 1)"
            raise PlanError(f"rate {self.rate}, field_dropout {self.field_dropout}", where="tune settings", mend=mend)
