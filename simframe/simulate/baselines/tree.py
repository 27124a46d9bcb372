"""Each answer from the leaf of a classification tree on persona and earlier answers: synthpop's method "cart".

J. P. Reiter (2005), Using CART to generate partially synthetic public use microdata, Journal of Official Statistics
21:441-462; B. Nowok, G. M. Raab and C. Dibben (2016), synthpop, Journal of Statistical Software 74(11).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from sklearn.tree import DecisionTreeClassifier

from simframe.simulate.baselines.asking import Array, Outcome, Task
from simframe.simulate.baselines.chain import chain, raw

LEAF = 5
"""Fewest pilot respondents in a leaf, as in synthpop."""


def tree_chain(task: Task) -> pl.DataFrame:
    """Answer each question as somebody of the pilot in the same leaf of a tree grown on persona and earlier answers.

    Drawing one of the leaf's people by their weights is drawing from the leaf's weighted shares, which are the
    probabilities told. Missing predictors go down the branch that fits the pilot best.
    """

    def learn(outcome: Outcome, train: Array, new: Array) -> Array:
        tree = DecisionTreeClassifier(min_samples_leaf=LEAF, random_state=task.seed % 2**32)  # of equal splits, one
        tree.fit(train, outcome.target, sample_weight=outcome.weights[outcome.seen])
        full = np.zeros((len(new), int(outcome.classes.max()) + 1))
        full[:, tree.classes_] = tree.predict_proba(new)
        return full

    return chain(task, learn, raw)
