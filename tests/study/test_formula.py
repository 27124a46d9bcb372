"""A formula is read whole: its sides, its items, and the base of every category, whatever the base's code holds."""

from __future__ import annotations

import pytest

from simframe.study import parse_study
from simframe.study.formula import parse


def test_bases_are_noted_and_left_out_of_the_terms() -> None:
    found = parse("vote ~ age + C(educ, \"college\") * bin(age , 'young') + C(home) - 1")
    assert (found.outcome, found.terms) == ("vote", "age + C(educ) * bin(age) + C(home) - 1")
    assert found.variables == ("vote", "age", "educ", "home")
    assert found.plain == ("age",)
    assert found.binned == ("age",)
    assert found.bases == {("C", "educ"): "college", ("bin", "age"): "young", ("C", "home"): None}


@pytest.mark.parametrize("code", ["5:10", "a ~ b", "x, 'y'", "(", "$50,000 - $99,999", "0", "日本", ""])
def test_a_base_may_hold_any_signs(code: str) -> None:
    found = parse(f'y ~ C(x, "{code}") + z')
    assert found.bases == {("C", "x"): code}
    assert found.terms == "C(x) + z"


def test_a_formula_may_stand_in_several_lines() -> None:
    found = parse('\ny ~ a\n  + C(x,\n "two  words")\n\t* b\n')
    assert (found.outcome, found.terms) == ("y", "a + C(x) * b")
    assert found.bases == {("C", "x"): "two  words"}


def test_a_comparison_is_an_outcome_for_a_logit(park_text: str) -> None:
    derived = """
        [[item]]
        id = "keen"
        label = "Very green"
        scale = "interval"
        role = "outcome"
        expression = "green == 3"

        [[regression]]
        id = "keenness"
        label = "Very green"
        formula = "keen ~ bin(age, 'old') + C(home, 'house')"
        family = "logit"
    """
    study = parse_study(park_text + derived, "park.toml")
    assert study.regressions[-1].id == "keenness"
