"""How long and how fast to learn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn."""

    steps: int
    rate: float
    batch: int = 64
    warmup: int = 10
    field_dropout: float = 0.15
    """Chance that a persona field is left out of a prompt, so that answers do not hang on one field."""
    every: int = 5
    """Steps between looks at the people held out."""
    patience: int = 4
    """Looks without gain after which learning ends."""
    whole_vocabulary: bool = False
    """Normalise over all words rather than the question's options: teaches a fresh model to answer with an option."""
    average: float = 0.0
    """How much of the average of its weights a model keeps at a step; that average is what is looked at and kept in the
    end. 0: the weights themselves. Of few people, it is the steadier one."""
