"""Exact option scoring: what a model thinks of every option at each answer position, no text generated for it.

- ``chained``: earlier answers condition later ones, one key-value cache a respondent;
- ``tree``: questions that do not hear of each other, one tree-masked forward a persona;
- ``options``, ``numbers``, ``text``: the three kinds of answers;
- ``network``, ``cache``: what is scored, and what it has read.

Nothing here needs more than torch, transformers and NumPy.
"""

from simframe.simulate.draws import balanced
from simframe.simulate.scoring.chained import answer
from simframe.simulate.scoring.options import LOW_MASS, NotFiniteError
from simframe.simulate.scoring.said import Answers, Said, is_closed
from simframe.simulate.scoring.tree import answer_independent, check_tree

__all__ = [
    "LOW_MASS",
    "Answers",
    "NotFiniteError",
    "Said",
    "answer",
    "answer_independent",
    "balanced",
    "check_tree",
    "is_closed",
]
