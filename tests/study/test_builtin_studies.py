"""The studies that ship with simframe load, and say what their sources say."""

from __future__ import annotations

import polars as pl
import pytest
from statsmodels.datasets import anes96

from simframe.errors import StudyError
from simframe.study import builtin_names, load_study, parse_study, study_text


@pytest.mark.parametrize("name", builtin_names())
def test_every_builtin_study_loads_under_its_own_name(name: str) -> None:
    assert load_study(name).id == name
    assert parse_study(study_text(name), "copy").study_hash == load_study(name).study_hash


def test_anes96_declares_every_answer_of_the_data_that_statsmodels_ships() -> None:
    study, data = load_study("anes96"), pl.DataFrame(anes96.load_pandas().data.to_dict("list"))
    for item in study.items:
        if item.expression is None and item.valid_options:
            assert set(data[item.id].unique()) <= {option.value for option in item.valid_options}, item.id
        elif item.expression is None:
            assert item.range is not None
            assert item.range[0] <= data[item.id].min() <= data[item.id].max() <= item.range[1]  # type: ignore[operator]


def test_anes96_groups_roles_and_derived_items() -> None:
    study = load_study("anes96")
    assert [item.id for item in study.persona] == ["age", "educ", "income", "popul"]
    assert [item.id for item in study.questions] == ["TVnews", "selfLR", "ClinLR", "DoleLR", "PID", "vote"]
    assert [item.id for item in study.derived] == ["logpopul", "prox"]
    assert study.attributes == (("age",), ("educ",), ("income",), ("popul",), ("age", "educ"))
    assert [study.item("prox").bin_of(v) for v in (-3, 0, 2, 0.5)] == ["dole", "same", "clinton", None]


def test_an_unknown_study_names_the_known_ones() -> None:
    with pytest.raises(StudyError, match="no such study file") as caught:
        load_study("anes69")
    assert "did you mean 'anes96'?" in str(caught.value)


def test_an_item_that_the_study_lacks_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_study("anes96").item("height")
