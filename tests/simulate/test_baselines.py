"""Baselines against planted populations: their probabilities must approach the truth that made the pilot."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from simframe.simulate.baselines import logit_chain, pilot_marginals
from simframe.study import Study, parse_study

STUDY = """
[study]
id = "planted"
title = "Planted"

[[item]]
id = "x"
label = "x"
scale = "interval"
role = "persona"
range = [-9, 9]

[[item]]
id = "belief"
label = "belief"
scale = "nominal"
role = "belief"
options = [{ code = "no", label = "no" }, { code = "yes", label = "yes" }, { code = "never", label = "never chosen" }]

[[item]]
id = "action"
label = "action"
scale = "nominal"
role = "action"
options = [{ code = 0, label = "no", value = 0 }, { code = 1, label = "yes", value = 1 }]
"""


@pytest.fixture(scope="module")
def study() -> Study:
    return parse_study(STUDY, "planted.toml")


def population(n: int, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """People whose belief follows x by a logit, and whose action follows their belief 9 times in 10."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    believes = rng.random(n) < expit(1.5 * x)
    acts = np.where(rng.random(n) < 0.9, believes, ~believes)
    ids = [f"p{i:05d}" for i in range(n)]
    columns = {
        "x": ([None] * n, x.tolist()),
        "belief": (np.where(believes, "yes", "no").tolist(), [None] * n),
        "action": (acts.astype(int).astype(str).tolist(), acts.astype(float).tolist()),
    }
    frames = [
        pl.DataFrame(
            {"respondent_id": ids, "item_id": [item] * n, "code": codes, "value": values, "missing": [False] * n},
            schema_overrides={"code": pl.String, "value": pl.Float64},
        )
        for item, (codes, values) in columns.items()
    ]
    return pl.concat(frames), x


def probabilities(panel: pl.DataFrame, item: str) -> np.ndarray:
    return np.array(panel.filter(pl.col("item_id") == item).sort("respondent_id")["probabilities"].to_list())


def test_marginals_are_the_pilots_weighted_shares_with_one_respondent_spread_evenly(study: Study) -> None:
    pilot, _ = population(50, 1)
    weights = np.random.default_rng(2).uniform(0.5, 2, 50)
    panel = pilot_marginals(study, pilot, weights, pilot.filter(item_id="x"), seed=3)
    said_yes = (pilot.filter(item_id="belief").sort("respondent_id")["code"] == "yes").to_numpy()
    share = np.average(said_yes, weights=weights)
    p = probabilities(panel, "belief")
    np.testing.assert_allclose(
        p, np.tile([(50 * (1 - share) + 1 / 3) / 51, (50 * share + 1 / 3) / 51, 1 / 3 / 51], (50, 1))
    )


def test_answers_are_drawn_from_their_probabilities(study: Study) -> None:
    pilot, _ = population(100, 4)
    many, _ = population(4000, 5)
    panel = pilot_marginals(study, pilot, np.ones(100), many.filter(item_id="x"), seed=6)
    p = probabilities(panel, "action")[0, 1]
    drawn = panel.filter(item_id="action")["value"].mean()
    assert abs(drawn - p) < 4 * np.sqrt(p * (1 - p) / 4000)  # four standard errors of a binomial share


def test_the_chain_approaches_the_planted_probabilities_and_keeps_belief_and_action_together(study: Study) -> None:
    pilot, _ = population(3000, 7)
    holdout, x = population(2000, 8)
    panel = logit_chain(study, pilot, np.ones(3000), holdout.filter(item_id="x"), seed=9)
    error = np.abs(probabilities(panel, "belief")[:, 1] - expit(1.5 * x)).mean()
    # The standard error of a logit's fitted probability, sqrt(x' V x) p(1-p), averages 0.008 at n = 3,000.
    assert error < 0.03
    wide = panel.pivot("item_id", index="respondent_id", values="code")
    agree = ((wide["belief"] == "yes") == (wide["action"] == "1")).mean()
    assert abs(agree - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 2000) + 0.01


def test_marginals_break_the_tie_that_the_chain_keeps(study: Study) -> None:
    pilot, _ = population(500, 10)
    panel = pilot_marginals(study, pilot, np.ones(500), pilot.filter(item_id="x"), seed=11)
    wide = panel.pivot("item_id", index="respondent_id", values="code")
    agree = ((wide["belief"] == "yes") == (wide["action"] == "1")).mean()
    assert agree < 0.6


@pytest.mark.parametrize("baseline", [pilot_marginals, logit_chain])
def test_draws_belong_to_respondents_not_to_rows(study: Study, baseline: object) -> None:
    pilot, _ = population(60, 12)
    personas = population(80, 13)[0].filter(item_id="x")
    first = baseline(study, pilot, np.ones(60), personas, seed=14)  # type: ignore[operator]
    mixed = baseline(study, pilot, np.ones(60), personas.sample(fraction=1, shuffle=True, seed=1), seed=14)  # type: ignore[operator]
    assert first.sort("respondent_id", "item_id").equals(mixed.sort("respondent_id", "item_id"))


def test_a_pilot_that_never_varies_still_gives_every_option_a_chance(study: Study) -> None:
    pilot, _ = population(30, 15)
    pilot = pilot.with_columns(
        code=pl.when(pl.col("item_id") == "belief").then(pl.lit("no")).otherwise("code"),
    )
    panel = logit_chain(study, pilot, np.ones(30), pilot.filter(item_id="x"), seed=16)
    p = probabilities(panel, "belief")
    assert (p > 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
