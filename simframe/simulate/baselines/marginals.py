"""Every answer drawn from the pilot's shares: the floor for margins, with no coherence at all."""

from __future__ import annotations

import polars as pl

from simframe.simulate.baselines.asking import Task, ask, spread


def pilot_marginals(task: Task) -> pl.DataFrame:
    """Answer every question from the pilot's weighted shares, whoever is asked."""
    return ask(task, lambda outcome, _: spread(outcome.shares, len(task.ids)))
