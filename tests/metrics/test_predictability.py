"""Predictability as an expression: scikit-learn's cross-validation on the same folds, in every context."""

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

import simframe.metrics as m
from simframe.errors import MetricError
from simframe.metrics.crossfit import folds

from .contexts import per_group


def people(n: int = 240, seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    mood, party = rng.integers(1, 6, n), rng.choice(list("abc"), n, p=[0.5, 0.3, 0.2])
    drive = 0.8 * (mood - 3) + 0.6 * (party == "c")
    utility = np.stack([np.zeros(n), drive, -drive], axis=1) + rng.gumbel(size=(n, 3))
    return pl.DataFrame(
        {
            "g": rng.integers(0, 3, n),
            "id": [f"r{k:03d}" for k in range(n)],
            "mood": mood,
            "party": party,
            "weight": rng.gamma(3, 1 / 3, n),
            "hours": drive + rng.normal(size=n),
            "vote": np.array(["no", "so", "yes"])[utility.argmax(axis=1)],
        }
    )


PEOPLE = people()
BELIEFS = ["mood", "party"]
HOURS, VOTE = m.predictability("hours", BELIEFS, "id", "weight"), m.predictability("vote", BELIEFS, "id", options=4)


def predictors(frame: pl.DataFrame) -> np.ndarray:
    party = frame["party"].to_numpy()
    x = np.column_stack([frame["mood"], party == "b", party == "c"]).astype(float)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def split_of(frame: pl.DataFrame) -> PredefinedSplit:
    order, edges = folds(frame["id"].to_list())
    fold = np.empty(frame.height, dtype=int)
    for k in range(5):
        fold[order[edges[k] : edges[k + 1]]] = k
    return PredefinedSplit(fold)


def test_r2_is_scikit_learns_in_every_context():
    found = per_group(PEOPLE, HOURS)
    for g, frame in PEOPLE.group_by("g"):
        y, weight = frame["hours"].to_numpy(), frame["weight"].to_numpy()
        model, null = (
            cross_val_predict(each, predictors(frame), y, cv=split_of(frame), params={"sample_weight": weight})
            for each in (LinearRegression(), DummyRegressor())
        )
        wanted = 1 - weight @ (y - model) ** 2 / (weight @ (y - null) ** 2)
        assert found[g[0]] == pytest.approx(wanted, abs=1e-9)


def test_mcfadden_is_scikit_learns_in_every_context():
    found = per_group(PEOPLE, VOTE)
    for g, frame in PEOPLE.group_by("g"):
        y, split, losses = frame["vote"].to_numpy(), split_of(frame), []
        for model in (LogisticRegression(max_iter=1000, tol=1e-6), DummyClassifier(strategy="prior")):
            share = cross_val_predict(model, predictors(frame), y, cv=split, method="predict_proba")
            fitted = np.array([(split.test_fold != k).sum() for k in split.test_fold])
            own = share[np.arange(len(y)), np.searchsorted(["no", "so", "yes"], y)]
            losses.append(-np.log((own * fitted + 0.5) / (fitted + 2)).sum())
        assert found[g[0]] == pytest.approx(1 - losses[0] / losses[1], abs=1e-4)


@pytest.mark.parametrize("expr", [HOURS, VOTE], ids=["hours", "vote"])
def test_neither_the_order_of_rows_nor_their_chunks_matter(expr):
    wanted = PEOPLE.select(expr).item()
    assert PEOPLE.sample(fraction=1, shuffle=True, seed=1).select(expr).item() == wanted
    assert pl.concat([PEOPLE[100:], PEOPLE[:100]], rechunk=False).select(expr).item() == wanted
    named = PEOPLE.with_columns(pl.col("party").cast(pl.Categorical), pl.col("vote").cast(pl.Enum(["yes", "so", "no"])))
    assert named.select(expr).item() == wanted


def test_rows_with_a_gap_or_without_weight_are_set_aside():
    gaps = PEOPLE.with_columns(
        mood=pl.when(pl.int_range(240) % 7 != 0).then("mood"),
        hours=pl.when(pl.int_range(240) % 11 != 0).then("hours"),
        weight=pl.when(pl.int_range(240) % 5 == 0).then(0.0).otherwise("weight"),
    )
    assert gaps.select(HOURS).item() == gaps.drop_nulls().filter(pl.col("weight") > 0).select(HOURS).item()


@pytest.mark.parametrize(
    "changes",
    [
        {"hours": pl.lit(3.0)},
        {"hours": pl.when(pl.int_range(240) == 5).then(float("inf")).otherwise("hours")},
        {"mood": pl.when(pl.int_range(240) == 5).then(float("nan")).otherwise("mood")},
        {"mood": pl.when(pl.int_range(240) == 5).then(1e308).otherwise(-1e308)},
        {"weight": pl.when(pl.int_range(240) == 5).then(-1.0).otherwise("weight")},
        {"weight": pl.when(pl.int_range(240) != 5).then("weight")},
        {"hours": pl.when(pl.int_range(240) < 9).then("hours")},
        {"hours": pl.lit(None)},
    ],
    ids=["constant", "infinite", "nan", "too large", "negative weight", "weight missing", "nine answers", "none"],
)
def test_what_is_undefined_is_null(changes):
    assert PEOPLE.with_columns(**changes).select(HOURS).item() is None
    assert PEOPLE.clear().select(HOURS).item() is None


def test_beliefs_that_say_nothing():
    said = PEOPLE.with_columns(mood=1, party=pl.lit("a"))
    assert said.select(HOURS).item() == said.select(VOTE).item() == 0


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (m.predictability("hours", [pl.col("mood").cast(pl.Date)], "id"), "'mood' holds Date, where numbers or text"),
        (m.predictability(pl.col("mood").implode().over("id"), BELIEFS, "id"), "'mood' holds List"),
        (m.predictability("hours", BELIEFS, "id", "party"), "'party' holds String, where numbers"),
        (m.predictability("hours", BELIEFS, "g"), "key 'g' has a value twice"),
        (m.predictability("hours", BELIEFS, pl.when(pl.col("g") > 0).then("id").alias("id")), "key 'id' has nulls"),
        (m.predictability("vote", BELIEFS, "id", options=2), "'vote' holds 3 options, more than 2"),
        (m.predictability("hours", BELIEFS, "id", 1.0), "'literal' has 1 rows where '[a-z]+' has 240"),
        (m.predictability("hours", BELIEFS, "id", pl.col("weight").mean()), "'weight' has 1 rows where"),
        (m.predictability("hours", BELIEFS, pl.lit("one")), "'literal' has 1 rows where '[a-z]+' has 240"),
        (m.predictability(pl.lit(None), BELIEFS, "id"), "'literal' has 1 rows where '[a-z]+' has 240"),
        (m.predictability("hours", ["mood", pl.lit(1)], "id"), "'literal' has 1 rows where '[a-z]+' has 240"),
        (m.predictability("hours", ["mood", "party", "mood"], "id"), "'mood' stands twice"),
        (m.predictability("hours", [pl.col("mood", "party"), "mood"], "id"), "'mood' stands twice"),
        (m.predictability("hours", ["mood", "hours"], "id"), "'hours' stands twice"),
        (m.predictability("hours", BELIEFS, pl.concat_list("id")), "key 'id' holds List"),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_what_cannot_be_is_an_error_with_the_columns_name(expr, message, streaming):
    with pytest.raises(pl.exceptions.ComputeError, match=message):
        PEOPLE.lazy().select(expr).collect(engine="streaming" if streaming else "in-memory")


def test_arguments():
    for beliefs in ("mood", [], pl.col("mood"), None, 3, PEOPLE["mood"]):
        with pytest.raises(MetricError, match="needs a list of beliefs"):
            m.predictability("hours", beliefs, "id")
    for options in (1, 2.5, 3.0, True, "3", float("nan")):
        with pytest.raises(MetricError, match=r"options=.* is out of range"):
            m.predictability("vote", BELIEFS, "id", options=options)
    several = m.predictability("hours", [pl.col("mood", "party")], "id", "weight")
    assert PEOPLE.select(several).item() == PEOPLE.select(HOURS).item()
