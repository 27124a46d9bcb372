"""Exact option scoring: what a model thinks of every option at each answer position, no text generated."""

from simframe.simulate.scoring.chained import Answers, NotFiniteError, answer

__all__ = ["Answers", "NotFiniteError", "answer"]
