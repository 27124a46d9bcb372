"""What respondents said, and what a caller may give beside the questionnaire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from simframe.simulate.prompts import Question
    from simframe.simulate.scoring.network import Tokens

Others = Callable[[Any], Sequence[Any]]
"""Question -> the same question under further orders of its options."""
Words = Callable[[int, Any], Any]
"""Respondent's place, question -> one draw in [0, 1) for each token that an open answer may have."""


@dataclass(frozen=True)
class Said:
    """One answer of one respondent."""

    question: Question
    choice: int | None = None
    """Place of the answer among those of the question, in declared order; None where it is open."""
    probabilities: np.ndarray | None = None
    """Of the valid options, float64, in declared order, at the temperature asked for; None where there are none."""
    mass: float | None = None
    """Probability of all options together under the full vocabulary at temperature 1, in the order shown."""
    text: Tokens | None = None
    """An open answer, in tokens."""
    cut: bool = False
    """Whether an open answer reached the limit before it ended."""


@dataclass
class Answers:
    """What a batch answered."""

    said: list[list[Said]] = field(default_factory=list)
    """For each respondent, their answers in the order asked."""
    tokens: int = 0
    """Tokens that went through the model."""


def is_closed(question: Question) -> bool:
    """Whether a question's answers are few enough to score each."""
    return question.numbers is None and question.stop is None
