"""How to read the numbers: what stands in no verdict is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simframe.report.findings import Findings, Item
from simframe.report.sections import compose

HOURS = Item("hours", "Hours <b>worked</b>", "How many hours did you work?", "interval", "outcome", "hours", False)


def _notes(findings: Findings, *more: Item) -> str:
    study = replace(findings.study, items=[*findings.study.items, *more])
    (method,) = [part for part in compose(replace(findings, study=study)).sections if part.id == "method"]
    return " ".join(method.intro)


def test_a_question_without_options_is_named(findings: Findings) -> None:
    assert "no mean over the asked items" in _notes(findings, HOURS)
    assert HOURS.label in _notes(findings, HOURS)


@pytest.mark.parametrize("change", [{"asked": True}, {"role": "persona"}, {"role": "arm"}, {"wording": ""}])
def test_other_items_are_not(findings: Findings, change: dict[str, object]) -> None:
    assert HOURS.label not in _notes(findings, replace(HOURS, **change))  # type: ignore[arg-type]
