"""Every answer drawn from the pilot's shares: the floor for margins, with no coherence at all."""

from __future__ import annotations

import polars as pl

from simframe.simulate.baselines.asking import Array, ask, place, shares, spread
from simframe.study import Study


def pilot_marginals(
    study: Study, pilot: pl.DataFrame, weights: Array, personas: pl.DataFrame, *, seed: int
) -> pl.DataFrame:
    """Answer every question from the pilot's weighted shares.

    Args:
        study: the instrument.
        pilot: responses of the pilot, long.
        weights: one a pilot respondent, in the order of their ids.
        personas: responses of those to simulate, long; only their ids are used.
        seed: of the draws.

    Returns:
        responses, long, with probabilities.
    """
    ids = personas["respondent_id"].unique().sort()
    return ask(study, ids, seed, lambda item, _: spread(shares(item, place(item, pilot), weights), len(ids)))
