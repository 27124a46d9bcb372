"""Derived items equal the same arithmetic by numpy, over people who left gaps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from statsmodels.datasets import anes96

from simframe.errors import DataError
from simframe.ingest import builtin_data, recode
from simframe.study import Study, load_study, parse_study
from simframe.warehouse import derive, wide


def test_anes96_proximity_and_log_population() -> None:
    study = load_study("anes96")
    _, responses = recode(study, builtin_data(study))
    frame = wide(study, derive(study, responses))
    data = anes96.load_pandas().data
    prox = np.abs(data.selfLR - data.DoleLR) - np.abs(data.selfLR - data.ClinLR)
    np.testing.assert_array_equal(frame["prox"].to_numpy(), prox)
    np.testing.assert_allclose(frame["logpopul"].to_numpy(), np.log(data.popul + 0.1), rtol=1e-15)
    # statsmodels ships the same quantity with the data: an oracle that is not ours.
    np.testing.assert_allclose(frame["logpopul"].to_numpy(), data.logpopul, rtol=1e-6)
    codes = derive(study, responses).filter(pl.col("item_id") == "prox")["code"].to_numpy()
    np.testing.assert_array_equal(codes, np.select([prox < 0, prox == 0], ["dole", "same"], "clinton"))


def test_gaps_stay_gaps(park: Study, park_people: Callable[..., pl.DataFrame]) -> None:
    people = park_people(300, 4)
    _, responses = recode(park, people)
    found = derive(park, responses).filter(pl.col("item_id") == "score")
    assert found["respondent_id"].to_list() == people["person"].to_list()
    number = {"1": 1, "2": 2, "3": 3, "YES!": 3}
    green = np.array([number.get(v or "", np.nan) for v in people["q1"]], dtype=float)
    age = np.array([np.nan if v == "NA" else float(v) for v in people["age"]])
    visits = np.array([np.nan if v is None else float(v) for v in people["visits"]])
    score = np.abs(green - 2) * (age - 18) / 10 + visits
    np.testing.assert_allclose(found["value"].cast(pl.Float64).fill_null(np.nan).to_numpy(), score, rtol=1e-14)
    np.testing.assert_array_equal(found["missing"].to_numpy(), np.isnan(score))
    codes = [None if np.isnan(s) or 1 < s < 1.0001 else "low" if s <= 1 else "high" for s in score]
    assert found["code"].to_list() == codes
    assert {"low", "high", None} == set(codes)


def test_one_derived_item_may_use_another(park_text: str, park_people: Callable[..., pl.DataFrame]) -> None:
    extra = '\n[[item]]\nid = "twice"\nlabel = "x"\nscale = "interval"\nrole = "outcome"\nexpression = "2 * score"\n'
    study = parse_study(park_text.replace("\n[[structure]]", extra + "\n[[structure]]"), "park")
    frame = wide(study, derive(study, recode(study, park_people())[1]))
    assert (frame["twice"] == 2 * frame["score"]).all()
    assert frame["twice"].null_count() == frame["score"].null_count() > 0


@pytest.mark.parametrize(
    ("expression", "value"),
    [("log(visits)", "-inf"), ("1 / visits", "inf"), ("0 / visits", "nan"), ("sqrt(visits - 1)", "nan")],
)
def test_an_expression_without_a_finite_number(
    park_text: str, park_people: Callable[..., pl.DataFrame], expression: str, value: str
) -> None:
    text = park_text.replace("abs(green - 2) * (age - 18) / 10 + visits", expression)
    study = parse_study(text, "park")
    people = park_people()
    _, responses = recode(study, people)
    first = people.filter(pl.col("visits") == "0")["person"][0]
    with pytest.raises(DataError) as caught:
        derive(study, responses)
    for part in ("item 'score'", repr(expression), value.lower(), repr(first), "guard it"):
        assert part in str(caught.value).replace("NaN", "nan")
