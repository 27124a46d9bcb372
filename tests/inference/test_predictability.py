"""Predictability of actions: scikit-learn's own cross-validation on the same folds, and planted truths."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from planted import make_panel
from scipy import stats
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from simframe.inference import Panel
from simframe.inference.families.prediction import prediction_rows
from simframe.metrics.crossfit import folds
from simframe.study import parse_study

FIVE = ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(1, 6))
ABC = ", ".join(f'{{ code = "{k}", label = "{k}" }}' for k in "abc")


def study_of(action: str):
    belief = '[[item]]\nid = "{0}"\nlabel = "{0}"\nscale = "{1}"\nrole = "belief"\noptions = [{2}]\n'
    parts = [belief.format("mood", "ordinal", FIVE), belief.format("trust", "ordinal", FIVE)]
    parts.append(belief.format("party", "nominal", ABC))
    parts.append(f'[[item]]\nid = "act"\nlabel = "act"\nrole = "action"\n{action}\n')
    first = "1" if "ordinal" in action else "a"
    parts.append(f'[[pair]]\nid = "p"\nlabel = "p"\nbelief = "mood"\naction = "act"\nimplies = {{ 1 = "{first}" }}')
    return parse_study('[study]\nid = "t"\ntitle = "t"\n' + "".join(parts), "test")


SCALED, NOMINAL = (
    study_of(f'scale = "{scale}"\noptions = [{options}]') for scale, options in (("ordinal", FIVE), ("nominal", ABC))
)


def answers(n: int, seed: int, study=SCALED, effect: float = 0.8) -> dict[str, list]:
    rng = np.random.default_rng(seed)
    mood, trust = rng.integers(1, 6, (2, n))
    party = rng.choice(list("abc"), n, p=[0.5, 0.3, 0.2])
    drive = effect * (mood - 3) - 0.4 * effect * (trust - 3) + 0.5 * (party == "c")
    if study is SCALED:
        act = np.clip(np.round(3 + drive + rng.normal(size=n)), 1, 5).astype(int)
    else:
        utility = np.stack([np.zeros(n), drive, -drive], axis=1) + rng.gumbel(size=(n, 3))
        act = np.array(list("abc"))[utility.argmax(axis=1)]
    return {"mood": mood.tolist(), "trust": trust.tolist(), "party": party.tolist(), "act": act.tolist()}


def panels(study, h: dict, s: dict, **more) -> tuple[Panel, Panel]:
    return make_panel(study, h, panel_id="h", kind="human", **more), make_panel(study, s, panel_id="s")


def rows(study, pair, replicates: int = 300) -> dict[str, SimpleNamespace]:
    nothing = dict.fromkeys(("estimate", "ci_low", "ci_high", "floor", "floor_q95", "p_value", "reason"))
    found = prediction_rows(study, *pair, replicates, 0)
    return {row["metric"].removeprefix("predictability"): SimpleNamespace(**nothing | row) for row in found}


def design(given: dict) -> np.ndarray:
    party = np.array(given["party"])
    x = np.column_stack([given["mood"], given["trust"], party == "b", party == "c"]).astype(float)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def split_of(panel: Panel) -> PredefinedSplit:
    ids = panel.respondents["respondent_id"].to_list()
    order, edges = folds(ids)
    fold = np.empty(len(ids), dtype=int)
    for k in range(5):
        fold[order[edges[k] : edges[k + 1]]] = k
    return PredefinedSplit(fold)


@pytest.mark.parametrize("weighted", [False, True])
def test_r2_is_scikit_learns(weighted):
    given = answers(90, 1)
    weight = np.random.default_rng(2).gamma(3, 1 / 3, 90) if weighted else np.ones(90)
    pair = panels(SCALED, given, answers(80, 3), weight=weight)
    y, split, fit = np.array(given["act"], float), split_of(pair[0]), {"sample_weight": weight}
    model, null = (
        cross_val_predict(m, design(given), y, cv=split, params=fit) for m in (LinearRegression(), DummyRegressor())
    )
    wanted = 1 - weight @ (y - model) ** 2 / (weight @ (y - null) ** 2)
    assert rows(SCALED, pair, 20)["_h"].estimate == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("options", ["abc", "ab"])
def test_mcfadden_is_scikit_learns(options):
    given = answers(120, 4, NOMINAL)
    given["act"] = [a if a in options else "a" for a in given["act"]]
    pair = panels(NOMINAL, given, answers(80, 3, NOMINAL))
    y, split = np.array(given["act"]), split_of(pair[0])
    losses = []
    for model in (LogisticRegression(max_iter=1000, tol=1e-6), DummyClassifier(strategy="prior")):
        share = cross_val_predict(model, design(given), y, cv=split, method="predict_proba")
        # Half a respondent an option of the three declared, as the registry says of smoothed shares.
        fitted = np.array([(split.test_fold != k).sum() for k in split.test_fold])
        own = share[np.arange(120), np.searchsorted(sorted(options), y)]
        losses.append(-np.log((own * fitted + 0.5) / (fitted + 1.5)).sum())
    assert rows(NOMINAL, pair, 20)["_h"].estimate == pytest.approx(1 - losses[0] / losses[1], abs=1e-4)


def test_planted_r2():
    """Of a line through beliefs with known noise: what is foretold is the share of variance that is not noise."""
    study = parse_study(
        '[study]\nid = "t"\ntitle = "t"\n'
        + "".join(
            f'[[item]]\nid = "{name}"\nlabel = "{name}"\nscale = "interval"\nrole = "{role}"\nrange = [-99, 99]\n'
            'bins = [{ code = "low", label = "l", max = 0 }, { code = "high", label = "h", min = 0.0000001 }]\n'
            for name, role in (("mood", "belief"), ("act", "action"))
        )
        + '[[pair]]\nid = "p"\nlabel = "p"\nbelief = "mood"\naction = "act"\nimplies = { low = "low" }',
        "test",
    )
    rng = np.random.default_rng(6)

    def given(n: int, noise: float) -> dict:
        mood = rng.normal(size=n)
        return {"mood": mood.tolist(), "act": (mood + noise * rng.normal(size=n)).tolist()}

    got = rows(study, panels(study, given(4000, 1.0), given(4000, 0.5)), 200)
    assert got["_h"].estimate == pytest.approx(1 / 2, abs=0.03)
    assert got["_s"].estimate == pytest.approx(1 / 1.25, abs=0.03)
    assert got["_inflation"].ci_low < 0.3 < got["_inflation"].ci_high
    assert got["_inflation_ratio"].ci_low < 1.6 < got["_inflation_ratio"].ci_high
    assert got["_inflation"].p_value < 0.01
    assert got["_inflation"].p_value == got["_inflation_ratio"].p_value
    assert got["_inflation"].floor == pytest.approx(0, abs=0.01)
    assert got["_inflation_ratio"].floor == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("study", [SCALED, NOMINAL], ids=["scaled", "nominal"])
def test_one_newton_step_is_nearly_a_new_fit(study):
    """Fitting anew to the very same draw of respondents: what the step saves, it hardly loses."""
    from simframe.inference.families.foretelling import foretelling
    from simframe.inference.panels.roster import EVERYBODY

    given = answers(300, 7, study)
    panel = make_panel(study, given, panel_id="h")
    side = foretelling(study, panel, "act")[EVERYBODY]
    rng = np.random.default_rng(8)
    times = rng.multinomial(300, np.full(300, 1 / 300), 8).T.astype(float)
    moved = side.predictability(times)
    for draw, ours in zip(times.T, moved, strict=True):
        weight = pl.DataFrame({"respondent_id": side.ids, "weight": draw})
        people = panel.respondents.drop("weight").join(weight, on="respondent_id")
        # Weights of nought leave the sample, so next to nought stands in for them: folds stay what they are.
        people = people.with_columns(pl.col("weight").clip(1e-9))
        anew = foretelling(study, Panel("h", "human", people, panel.responses), "act")[EVERYBODY]
        assert ours == pytest.approx(anew.observed(), abs=0.02)


def test_the_same_people_are_told_apart_one_time_in_twenty_at_most():
    rejected, covered, worlds = 0, 0, 50
    for world in range(worlds):
        got = rows(NOMINAL, panels(NOMINAL, answers(120, 2 * world), answers(120, 2 * world + 1)), 150)
        rejected += got["_inflation"].p_value <= 0.05
        covered += got["_inflation"].ci_low <= 0 <= got["_inflation"].ci_high
    assert rejected <= stats.binom.ppf(0.999, worlds, 0.05)
    assert covered >= stats.binom.ppf(0.001, worlds, 0.95)


def test_folds_depend_on_ids_alone():
    ids = [f"p{k}" for k in range(23)]
    order, edges = folds(ids)
    turned, _ = folds(ids[::-1])
    assert [ids[k] for k in order] == [ids[::-1][k] for k in turned]
    assert sorted(np.diff(edges)) == [4, 4, 5, 5, 5]


def test_order_of_rows_does_not_matter():
    pair = panels(SCALED, answers(40, 1), answers(30, 2))
    turned = [Panel(p.panel_id, p.kind, p.respondents.reverse(), p.responses.reverse()) for p in pair]
    assert prediction_rows(SCALED, *turned, 50, 0) == prediction_rows(SCALED, *pair, 50, 0)


def test_what_is_undefined_says_why():
    constant = answers(40, 2) | {"act": [3] * 40}
    got = rows(SCALED, panels(SCALED, answers(40, 1), constant))
    assert got["_s"].estimate is None
    assert got["_s"].reason == got["_inflation"].reason == "panel: the action does not vary"
    assert got["_h"].ci_low < got["_h"].estimate < got["_h"].ci_high
    got = rows(SCALED, panels(SCALED, answers(9, 1), answers(40, 1)))
    assert {got[suffix].reason for suffix in ("_h", "_inflation", "_inflation_ratio")} == {
        "reference: fewer than 10 complete answers"
    }
    missing = answers(40, 2) | {"trust": [None] * 40}
    assert rows(SCALED, panels(SCALED, answers(40, 1), missing))["_s"].reason == "panel: fewer than 10 complete answers"


def test_beliefs_that_say_nothing_have_no_ratio():
    given = answers(200, 1)
    given["act"] = np.random.default_rng(9).permutation(given["act"]).tolist()
    got = rows(SCALED, panels(SCALED, given, answers(100, 3)))
    assert got["_h"].estimate < 0
    assert got["_inflation_ratio"].reason == "beliefs do not foretell the action in people"
    alike = answers(60, 1) | {"mood": [3] * 60, "trust": [2] * 60, "party": ["a"] * 60}
    assert rows(SCALED, panels(SCALED, answers(60, 1), alike))["_s"].estimate == 0


def test_without_pairs_there_is_nothing_to_foretell():
    study = parse_study('[study]\nid = "t"\ntitle = "t"\n[[item]]\nid = "mood"\nlabel = "m"\nscale = "ordinal"\n'
                        f'role = "belief"\noptions = [{FIVE}]', "test")  # fmt: skip
    pair = (make_panel(study, {"mood": [1, 2, 3]}), make_panel(study, {"mood": [1, 2, 3]}))
    assert prediction_rows(study, *pair, 10, 0) == []
