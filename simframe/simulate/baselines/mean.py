"""Everybody gives the same answer: the floor of heterogeneity."""

from __future__ import annotations

import numpy as np
import polars as pl

from simframe.simulate.baselines.asking import Array, Outcome, Task, ask, spread


def item_mean(task: Task) -> pl.DataFrame:
    """Answer every ordered question nearest to the pilot's weighted mean, every nominal one with its modal answer.

    Of two answers equally near, or equally frequent, the first declared. The probability of that answer is one.
    """
    return ask(task, lambda outcome, _: spread(_certain(outcome), len(task.ids)))


def _certain(outcome: Outcome) -> Array:
    p = np.zeros(len(outcome.codes))
    values = np.array([np.nan if value is None else value for value in outcome.values])
    ordered = ~np.isnan(values) & (outcome.item.scale != "nominal")  # "don't know" counted as an answer has no value
    counts = np.where(ordered, outcome.counts, 0.0)
    if counts.sum() > 0:
        distance = np.abs(values - np.nansum(values * counts) / counts.sum())
        p[np.nanargmin(distance)] = 1.0
    else:
        p[np.argmax(outcome.counts)] = 1.0
    return p
