"""People made up to teach the embedded model: of one trait, or drawn from a logit chain fitted to an earlier wave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from simframe.simulate.baselines import logit_chain
from simframe.simulate.engines.base import RESPONSES

if TYPE_CHECKING:
    from simframe.study import Item, Study

COLUMNS = ("respondent_id", "item_id", "code", "value", "missing")


def drawn_people(study: Study, wave: pl.DataFrame, n: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return ``n`` people with personas of the wave, drawn anew, and the answers that a logit chain gives them.

    Some hundred people teach a network much that is theirs alone. A chain of penalised logits sees what is smooth in
    them, and tells it of as many people as wanted, with its probabilities and not an answer alone (distillation: Hinton
    et al. 2015). Questions that nobody of the wave answered are left out: of them it knows nothing.

    Returns:
        Long frame of answers; and soft targets: respondent_id, item_id, probabilities (one a valid option).
    """
    ids = wave["respondent_id"].unique().sort()
    chosen = np.random.Generator(np.random.Philox(seed)).integers(len(ids), size=n)
    who = pl.DataFrame({"made_up": [f"drawn-{index:05d}" for index in range(n)], "respondent_id": ids[chosen.tolist()]})
    given = wave.filter(pl.col("item_id").is_in([item.id for item in study.persona]))
    personas = who.join(given, on="respondent_id").drop("respondent_id").rename({"made_up": "respondent_id"})
    answers, _ = logit_chain.simulate(
        study, wave, np.ones(len(ids)), personas, seed=seed, people=who["made_up"].to_list()
    )
    answered = wave.filter(~pl.col("missing"))["item_id"].unique()
    answers = answers.filter(pl.col("item_id").is_in(answered.to_list()))
    people = pl.concat([personas.select(COLUMNS), answers.select(COLUMNS)])
    return people, answers.drop_nulls("probabilities").select("respondent_id", "item_id", "probabilities")


def synthetic_people(study: Study, n: int, seed: int) -> pl.DataFrame:
    """Return ``n`` people who have one trait and nothing else, as a long frame of answers.

    Each ordered item is the trait, blurred, cut at the quantiles of its options; a nominal item's options are put in a
    random order first. It teaches a model what a scale is: that neighbours are alike and that answers hang together.
    """
    random = np.random.Generator(np.random.Philox(seed))
    trait = random.standard_normal(n)
    ids = [f"synthetic-{index:05d}" for index in range(n)]
    frames = []
    for item in (*study.persona, *study.simulated):
        if item.answered_with == "text":
            continue
        strength = random.uniform(0.3, 0.9)
        seen = strength * trait + np.sqrt(1 - strength**2) * random.standard_normal(n)
        rank = (seen.argsort().argsort() + 0.5) / n
        frames.append(_synthetic_item(item, ids, rank, random))
    return pl.concat(frames)


def _synthetic_item(item: Item, ids: list[str], rank: np.ndarray, random: np.random.Generator) -> pl.DataFrame:
    codes: list[str | None]
    values: list[float | None]
    if item.valid_options:  # a range with special codes has options, none of them valid
        options = list(item.valid_options)
        if item.scale == "nominal":
            options = [options[place] for place in random.permutation(len(options))]
        chosen = [options[int(place)] for place in rank * len(options)]
        codes, values = [option.code for option in chosen], [option.value for option in chosen]
    else:
        low, high = item.range or (0.0, 100.0)
        codes, values = [None] * len(ids), [float(round(low + (high - low) * r)) for r in rank]
    n = len(ids)
    columns = (ids, [item.id] * n, codes, values, [False] * n)
    return pl.DataFrame(list(columns), schema={name: RESPONSES[name] for name in COLUMNS})
