"""What every baseline owes: whole answers to hard pilots, draws that belong to respondents, weights that count."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from baseline_worlds import hard_people, hard_study, ordinal_people, ordinal_study

from simframe.simulate.baselines import BASELINES, Baseline
from simframe.simulate.plans import STRATEGIES

EVERY = pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES.keys())
PROBABILISTIC = [baseline for baseline in BASELINES.values() if baseline.name != "hot_deck"]


def persona(people: pl.DataFrame) -> pl.DataFrame:
    return people.filter(pl.col("item_id").is_in(["age", "region"]))


def hard_panel(baseline: Baseline, **given: object) -> pl.DataFrame:
    if baseline.name == "gaussian_copula":
        pytest.importorskip("pyvinecopulib")
    pilot, others = hard_people(30, 1), hard_people(50, 2, regions="nesw", name="q")
    weights = np.random.default_rng(3).uniform(0, 2, 30)
    weights[:2] = 0
    settings = {"personas": persona(others), "seed": 4} | given
    return baseline.simulate(hard_study(), pilot, weights, **settings)[0]  # type: ignore[arg-type]


def test_a_plan_may_name_every_baseline() -> None:
    assert {name for name, strategy in STRATEGIES.items() if strategy.kind == "baseline"} == set(BASELINES)
    assert all(baseline.sentence.endswith(".") and baseline.label for baseline in BASELINES.values())


@EVERY
def test_thirty_people_with_every_gap_still_give_whole_answers(baseline: Baseline) -> None:
    study, panel = hard_study(), hard_panel(baseline)
    asked = study.simulated if baseline.name == "hot_deck" else [i for i in study.simulated if i.scale != "text"]
    assert panel.group_by("item_id").len().sort("item_id").rows() == sorted((item.id, 50) for item in asked)
    assert dict(panel.select("item_id", "position").unique().iter_rows()) == {
        item.id: place for place, item in enumerate(study.simulated) if item in asked
    }
    for item in study.questions:
        answers = panel.filter(item_id=item.id)
        known = {code: value for code, _, value in item.grid}
        given = answers.filter(~pl.col("missing"))
        assert {(c, v) for c, v in given.select("code", "value").iter_rows()} <= set(known.items())
        if baseline.name == "hot_deck":
            assert answers["probabilities"].null_count() == 50
        else:
            assert not answers["missing"].any()
            p = np.array(answers["probabilities"].to_list())
            assert p.shape == (50, len(item.valid_options))
            np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
            assert (p > 0).all() or (baseline.name == "item_mean" and set(np.unique(p)) == {0.0, 1.0})
    spent, pilot = panel.filter(item_id="spent"), hard_people(30, 1).filter(item_id="spent")
    assert set(spent["value"].drop_nulls()) <= set(pilot["value"].drop_nulls())
    assert spent["probabilities"].null_count() == 50
    assert spent.filter((pl.col("value") > 100) != (pl.col("code") == "much")).is_empty()


@EVERY
def test_draws_belong_to_respondents_whoever_else_is_asked(baseline: Baseline) -> None:
    others = persona(hard_people(50, 2, regions="nesw", name="q"))
    everybody = hard_panel(baseline).sort("respondent_id", "item_id")
    shuffled = hard_panel(baseline, personas=others.sample(fraction=1, shuffle=True, seed=1))
    assert shuffled.sort("respondent_id", "item_id").equals(everybody)
    some = others["respondent_id"].unique().sort()[10:20]
    few = hard_panel(baseline, personas=others.filter(pl.col("respondent_id").is_in(some)))
    expected = everybody.filter(pl.col("respondent_id").is_in(some))
    columns = ["respondent_id", "item_id", "code", "value"]  # probabilities may differ in their last bit
    assert few.sort("respondent_id", "item_id").select(columns).equals(expected.select(columns))


@EVERY
def test_who_has_no_persona_is_answered_for_too(baseline: Baseline) -> None:
    panel = hard_panel(baseline, people=["q00001", "nobody"])
    assert set(panel["respondent_id"]) == {"q00001", "nobody"}
    without = hard_panel(baseline, fields=[])
    if baseline.name != "hot_deck":
        first = without.filter(item_id="flat")["probabilities"].to_list()
        assert first == [first[0]] * 50


@EVERY
def test_weights_say_whom_the_pilot_stands_for(baseline: Baseline) -> None:
    """Of two populations that answer the other way round, the one that weighs a millionth leaves no trace."""
    if baseline.name == "gaussian_copula":
        pytest.importorskip("pyvinecopulib")
    study = ordinal_study({"x": 4}, {"belief": 3, "action": 2})
    rng = np.random.default_rng(5)
    x = rng.integers(4, size=400)
    counts = np.arange(400) % 2 == 0
    belief = np.where(counts, np.minimum(x, 2), 2 - np.minimum(x, 2))
    pilot = ordinal_people({"x": x, "belief": belief, "action": np.where(counts, belief == 2, belief != 2).astype(int)})
    personas = ordinal_people({"x": np.repeat(np.arange(4), 500)}, "q")
    panel = baseline(study, pilot, np.where(counts, 1.0, 1e-6), personas, seed=6)
    drawn = panel.filter(item_id="action")["value"].mean()
    told = np.average((x >= 2)[counts])  # of those who count, the upper half of x acts
    assert isinstance(drawn, float)
    if baseline.name == "item_mean":
        assert drawn == round(told)
    elif baseline.personas:  # the personas are half and half
        assert drawn == pytest.approx(0.5, abs=0.03)
    else:
        assert drawn == pytest.approx(told, abs=4 * np.sqrt(0.25 / 2000) + 1 / 200)


@pytest.mark.parametrize("baseline", PROBABILISTIC, ids=lambda baseline: baseline.name)
def test_the_likelihood_of_its_own_answers_is_what_it_drew_them_by(baseline: Baseline) -> None:
    if baseline.name == "gaussian_copula":
        pytest.importorskip("pyvinecopulib")
    study, pilot = hard_study(), hard_people(40, 1)
    personas = persona(hard_people(30, 2, name="q"))
    panel = baseline(study, pilot, np.ones(40), personas, seed=4)
    found = baseline.likelihood(study, pilot, np.ones(40), pl.concat([personas, panel], how="diagonal"), seed=4)
    closed = [item.id for item in study.questions]
    expected = {
        (who, item): np.log(p[[code for code, _, _ in study.item(item).grid].index(code)])
        for who, item, code, p in panel.filter(pl.col("item_id").is_in(closed))
        .select("respondent_id", "item_id", "code", "probabilities")
        .iter_rows()
    }
    got = {(who, item): gain for who, item, gain in found.iter_rows()}
    assert got == pytest.approx(expected, abs=1e-12)


def test_a_donor_has_no_likelihood_to_tell() -> None:
    pilot = hard_people(40, 1)
    assert BASELINES["hot_deck"].likelihood(hard_study(), pilot, np.ones(40), hard_people(9, 2)).is_empty()
