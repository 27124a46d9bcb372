"""Each baseline against planted truths and against what others wrote: scipy, statsmodels, pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from baseline_worlds import hard_people, hard_study, ordinal_people, ordinal_study, table
from scipy import stats
from scipy.optimize import approx_fprime
from scipy.spatial.distance import cdist
from statsmodels.miscmodels.ordinal_model import OrderedModel

from simframe.simulate.baselines import BASELINES, donors, ordered
from simframe.simulate.baselines.asking import Task
from simframe.study import Study

WEIRD = np.array([1, 0, 0, 1])
"""Who acts, by belief: a rule that no slope follows."""


def rule(n: int, seed: int, name: str = "p", says: np.ndarray = WEIRD) -> pl.DataFrame:
    """People whose belief is anything and whose action their belief determines."""
    rng = np.random.default_rng(seed)
    belief = rng.integers(len(says), size=n)
    return ordinal_people({"x": rng.integers(3, size=n), "belief": belief, "action": says[belief]}, name)


@pytest.fixture(scope="module")
def study() -> Study:
    return ordinal_study({"x": 3}, {"belief": 4, "action": 2})


def kept(study: Study, name: str, says: np.ndarray) -> float:
    """The share of simulated respondents who keep the rule."""
    personas = rule(1000, 2, "q").filter(item_id="x")
    panel = BASELINES[name](study, rule(400, 1, says=says), np.ones(400), personas, seed=3)
    wide = panel.pivot("item_id", index="respondent_id", values="value")
    return float((says[wide["belief"].to_numpy().astype(int)] == wide["action"].to_numpy()).mean())


def test_a_donor_keeps_every_rule(study: Study) -> None:
    assert kept(study, "hot_deck", WEIRD) == 1.0


def test_a_tree_keeps_a_rule_that_no_slope_follows(study: Study) -> None:
    # Leaves are pure; one respondent's answer spread evenly over 2 options among 400 leaves 1 in 802 to chance.
    assert kept(study, "tree_chain", WEIRD) >= 1 - 1 / 802 - 4 * np.sqrt(1 / 802 / 1000)


@pytest.mark.parametrize("name", ["logit_chain", "ordered_logit_chain", "gaussian_copula"])
def test_slopes_keep_a_rule_that_rises_and_lose_one_that_does_not(study: Study, name: str) -> None:
    if name == "gaussian_copula":
        pytest.importorskip("pyvinecopulib")
    assert kept(study, name, np.array([0, 0, 1, 1])) > 0.9
    assert kept(study, name, WEIRD) < 0.6


def test_marginals_keep_no_rule(study: Study) -> None:
    # Belief and action are drawn apart, each half and half: agreement is a coin's.
    assert abs(kept(study, "pilot_marginals", WEIRD) - 0.5) < 4 * np.sqrt(0.25 / 1000) + 0.02


def test_one_answer_for_all_is_the_nearest_to_the_mean_or_the_mode() -> None:
    study, pilot = hard_study(), hard_people(60, 1)
    weights = np.random.default_rng(2).uniform(0.5, 2, 60)
    panel = BASELINES["item_mean"](study, pilot, weights, hard_people(5, 3, name="q"), seed=1)
    said = dict(panel.filter(item_id="trust").select("item_id", "value").iter_rows())
    answers = pilot.filter(item_id="trust").sort("respondent_id").with_columns(w=pl.Series(weights)).drop_nulls("value")
    assert said["trust"] == round(float(np.average(answers["value"], weights=answers["w"])))
    party = pilot.filter(item_id="party").sort("respondent_id").with_columns(w=pl.Series(weights))
    mode = party.drop_nulls("code").group_by("code").agg(pl.sum("w")).sort("w").row(-1)[0]
    assert set(panel.filter(item_id="party")["code"]) == {mode}
    assert panel.group_by("item_id").agg(pl.struct("code", "value").n_unique())["code"].to_list() == [1] * 5


def test_leaves_of_a_tree_hold_the_shares_of_a_cross_table(study: Study) -> None:
    rng = np.random.default_rng(4)
    x = rng.integers(3, size=900)
    belief = np.array(
        [rng.choice(4, p=p) for p in np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1], [0.25] * 4])[x]]
    )
    weights = rng.uniform(0.5, 2, 900)
    pilot = ordinal_people({"x": x, "belief": belief, "action": belief // 2})
    personas = ordinal_people({"x": np.arange(3)}, "q")
    panel = BASELINES["tree_chain"](study, pilot, weights, personas, seed=1)
    p = np.array(panel.filter(item_id="belief").sort("respondent_id")["probabilities"].to_list())
    shares = pd.crosstab(x, belief, values=weights, aggfunc="sum", normalize="index").to_numpy()
    np.testing.assert_allclose(p, (shares * 900 + 1 / 4) / 901, rtol=1e-12)


# --- hot deck ------------------------------------------------------------------------------------------------------


def test_a_respondent_is_one_person_of_the_pilot() -> None:
    pilot, study = hard_people(40, 5), hard_study()
    panel = BASELINES["hot_deck"](study, pilot, np.ones(40), hard_people(60, 6, name="q"), seed=7)
    asked = [item.id for item in study.simulated]

    def whole(answers: pl.DataFrame) -> set[tuple[object, ...]]:
        rows = (
            answers.filter(pl.col("item_id").is_in(asked))
            .group_by("respondent_id")
            .agg(pl.struct("item_id", "code", "value", "text", "missing").sort_by("item_id"))
        )
        return {tuple(tuple(cell.values()) for cell in row[1]) for row in rows.iter_rows()}

    assert whole(panel) <= whole(pilot)
    assert panel.filter(item_id="why")["text"].drop_nulls().unique().to_list() == ["because why"]


def test_gower_counts_places_of_ordered_items_and_differences_of_nominal_ones() -> None:
    study, people = hard_study(), hard_people(30, 8)
    full = people.with_columns(missing=pl.lit(value=False))
    task = Task(study, full.drop_nulls("item_id"), np.ones(30), hard_people(7, 9, name="q"), seed=1)
    both = task.answers.drop_nulls(["age", "region"])
    age, region = study.item("age"), study.item("region")
    names = both["region"].to_numpy().astype(str)
    codes = np.unique(names, return_inverse=True)[1][:, None]
    nominal = donors.gower(both, both, (region,), np.ones(len(both)))
    np.testing.assert_allclose(nominal, cdist(codes, codes, "hamming"))
    ranks = stats.rankdata(both["age"].to_numpy())
    places = ((ranks - ranks.min()) / np.ptp(ranks))[:, None]
    ordinal = donors.gower(both, both, (age,), np.ones(len(both)))
    np.testing.assert_allclose(ordinal, cdist(places, places, "cityblock"), atol=1e-12)
    np.testing.assert_allclose(donors.gower(both, both, (age, region), np.ones(len(both))), (nominal + ordinal) / 2)


def test_of_persona_answers_those_that_both_gave_count() -> None:
    study = hard_study()
    frame = pl.DataFrame({"age": [20.0, 40.0, None], "region": ["n", None, None]})
    distance = donors.gower(frame, frame, study.persona[:2], np.ones(3))
    np.testing.assert_allclose(distance, [[0, 1, 1], [1, 0, 1], [1, 1, 1]])


def test_donors_equally_near_are_drawn_by_weight() -> None:
    study = ordinal_study({"x": 2}, {"y": 8})
    pilot = ordinal_people({"x": np.zeros(8, dtype=int), "y": np.arange(8)})
    weights = np.arange(1.0, 9.0)
    personas = ordinal_people({"x": np.zeros(4000, dtype=int)}, "q")
    panel = BASELINES["hot_deck"](study, pilot, weights, personas, seed=11)
    found = np.bincount(panel["value"].to_numpy().astype(int), minlength=8)
    assert stats.chisquare(found, 4000 * weights / weights.sum()).pvalue > 1e-4


def test_donors_are_the_five_nearest() -> None:
    study = ordinal_study({"x": 100}, {"y": 100})
    places = np.arange(0, 100, 5)
    pilot = ordinal_people({"x": places, "y": places})
    panel = BASELINES["hot_deck"](study, pilot, np.ones(20), ordinal_people({"x": np.full(300, 50)}, "q"), seed=1)
    assert set(panel["value"]) == {40.0, 45.0, 50.0, 55.0, 60.0}


# --- ordered logit -------------------------------------------------------------------------------------------------


def logit_world(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    latent = x @ [1.0, -0.5, 0.0] + rng.logistic(size=n)
    return x, np.digitize(latent, [-1.5, 0.0, 1.0])


def test_without_a_penalty_the_ordered_logit_is_statsmodels() -> None:
    x, y = logit_world(300, 1)
    fitted = OrderedModel(y, x, distr="logit").fit(method="bfgs", disp=False, maxiter=500)
    p = ordered.predict(x, y, np.ones(300), x, options=4, strength=1e9)
    np.testing.assert_allclose(p, fitted.model.predict(fitted.params, exog=x), atol=1e-4)


def test_a_weight_of_three_is_three_people() -> None:
    x, y = logit_world(200, 2)
    times = np.random.default_rng(3).integers(1, 4, 200)
    threefold = OrderedModel(np.repeat(y, times), np.repeat(x, times, axis=0), distr="logit")
    fitted = threefold.fit(method="bfgs", disp=False, maxiter=500)
    p = ordered.predict(x, y, times.astype(float), x, options=4, strength=1e9)
    np.testing.assert_allclose(p, threefold.predict(fitted.params, exog=x), atol=1e-4)


def test_its_score_is_the_slope_of_its_likelihood() -> None:
    x, y = logit_world(80, 4)
    model = ordered.PenalisedLogit(y, x, np.random.default_rng(5).uniform(0.5, 2, 80), 0.1)
    for seed in range(3):
        at = np.random.default_rng(seed).normal(scale=0.5, size=6)
        np.testing.assert_allclose(model.score(at), approx_fprime(at, model.loglike), rtol=1e-4, atol=1e-4)


def test_answers_that_a_predictor_separates_still_have_an_ordered_logit() -> None:
    x = np.linspace(-2, 2, 30)[:, None]
    y = np.digitize(x[:, 0], [-0.5, 0.5])
    p = ordered.predict(x, y, np.ones(30), x, options=3, strength=1.0)
    assert (p.argmax(axis=1) == y).mean() > 0.9


def test_what_has_no_order_or_no_fit_goes_to_the_multinomial_logit_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study, pilot, weights = hard_study(), hard_people(60, 1), np.ones(60)
    personas = hard_people(20, 2, name="q")
    _, notes = BASELINES["ordered_logit_chain"].simulate(study, pilot, weights, personas, seed=1)
    expected = {"trust": "an answer stands outside the scale", "party": "nominal", "act": "nominal"}
    assert notes == {"multinomial": expected}
    monkeypatch.setattr(ordered, "ITERATIONS", 1)
    x, belief = np.arange(90) % 3, np.arange(90) % 4
    plain, people = ordinal_study({"x": 3}, {"y": 4}), ordinal_people({"x": x, "y": (belief + x) % 4})
    asked = (plain, people, np.ones(90), people.filter(item_id="x"))
    panel, notes = BASELINES["ordered_logit_chain"].simulate(*asked, seed=1)
    assert notes == {"multinomial": {"y": "the fit did not converge in 1 steps"}}
    assert panel.equals(BASELINES["logit_chain"](*asked, seed=1))


# --- copula --------------------------------------------------------------------------------------------------------

R = np.array([[1.0, 0.6, 0.3], [0.6, 1.0, -0.4], [0.3, -0.4, 1.0]])
CUTS = {"x": [-0.8, 0.0, 0.8], "y": [-0.5, 0.7], "z": [0.3]}


def normal_people(n: int, seed: int, name: str = "p") -> pl.DataFrame:
    z = np.random.default_rng(seed).multivariate_normal(np.zeros(3), R, size=n)
    return ordinal_people({item: np.digitize(z[:, k], cuts) for k, (item, cuts) in enumerate(CUTS.items())}, name)


def test_the_copula_recovers_the_correlations_behind_ordered_answers() -> None:
    pytest.importorskip("pyvinecopulib")
    study, n = ordinal_study({"x": 4}, {"y": 3, "z": 2}), 4000
    personas = normal_people(n, 2, "q").filter(item_id="x")
    panel = BASELINES["gaussian_copula"](study, normal_people(n, 1), np.ones(n), personas, seed=3)
    together = pl.concat([personas, panel], how="diagonal")
    names = list(CUTS)
    for first, second in (("x", "y"), ("x", "z"), ("y", "z")):
        a, b = names.index(first), names.index(second)
        law = stats.multivariate_normal([0, 0], [[1, R[a, b]], [R[a, b], 1]])
        edges = [np.array([-9, *CUTS[name], 9]) for name in (first, second)]
        below = np.array([[law.cdf([u, v]) for v in edges[1]] for u in edges[0]])
        truth = np.diff(np.diff(below, axis=0), axis=1)
        # Shares of 4,000 simulated by margins and copula of a pilot of 4,000: four standard errors of their difference.
        error = np.abs(table(together, first, second) - truth)
        assert (error < 4 * np.sqrt(2 * truth * (1 - truth) / n)).all(), (first, second)


def test_a_nominal_item_is_put_in_the_order_of_what_it_goes_with() -> None:
    pytest.importorskip("pyvinecopulib")
    study = hard_study()
    pilot = hard_people(600, 1).filter(~pl.col("item_id").is_in(["party", "region"]))
    rng = np.random.default_rng(2)
    trust = dict(pilot.filter(item_id="trust").select("respondent_id", "code").iter_rows())
    # Those of little trust are of party b, the middle of c, the others of a: as declared, that is no order.
    party = [{"1": "b", "2": "c", None: str(rng.choice(list("abc")))}.get(trust[who], "a") for who in sorted(trust)]
    rows = pl.DataFrame({"respondent_id": sorted(trust), "item_id": "party", "code": party, "missing": False})
    people = pl.concat([pilot, rows], how="diagonal")
    panel = BASELINES["gaussian_copula"](study, people, np.ones(600), hard_people(2000, 3, name="q"), seed=4)
    wide = panel.pivot("item_id", index="respondent_id", values="code").drop_nulls(["trust", "party"])
    shares = wide.group_by("trust").agg((pl.col("party") == p).mean().alias(p) for p in "abc").sort("trust")
    assert shares["b"][0] > 0.75
    assert shares["a"][2] > 0.75
    assert shares["c"][1] > 0.75


def test_a_missing_persona_answer_leaves_the_others_to_tell() -> None:
    pytest.importorskip("pyvinecopulib")
    study, n = ordinal_study({"w": 3, "x": 4}, {"y": 3, "z": 2}), 2000
    pilot = normal_people(n, 1)
    w = np.random.default_rng(3).integers(3, size=n)
    people = pl.concat([pilot, ordinal_people({"w": w})])
    lost = normal_people(n, 2, "q").filter(item_id="x")  # and nobody's w is known
    panel = BASELINES["gaussian_copula"](study, people, np.ones(n), lost, seed=4)
    found = table(pl.concat([lost, panel], how="diagonal"), "x", "y")
    expected = table(normal_people(n, 2, "q"), "x", "y")
    assert np.abs(found - expected).sum() / 2 < 0.06  # twelve cells of two samples of 2,000: 0.04 by chance


def test_without_its_library_the_copula_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from simframe.errors import PlanError

    monkeypatch.setitem(__import__("sys").modules, "pyvinecopulib", None)
    with pytest.raises(PlanError, match="pyvinecopulib") as caught:
        BASELINES["gaussian_copula"](hard_study(), hard_people(30, 1), np.ones(30), hard_people(5, 2), seed=1)
    assert "pip install '.[copula]'" in str(caught.value.mend)
