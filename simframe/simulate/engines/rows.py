"""What respondents said in tokens, as rows of a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from simframe.simulate.engines.base import RESPONSES, Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simframe.simulate.prompts import Script
    from simframe.simulate.scoring import Said


def frame(script: Script, people: Sequence[Asked], said: Sequence[Sequence[Said]]) -> pl.DataFrame:
    """Return the answers of respondents, each with theirs in the order asked, in the columns of ``RESPONSES``."""
    columns: dict[str, list[Any]] = {name: [] for name in RESPONSES}
    for who, answers in zip(people, said, strict=True):
        for position, one in enumerate(answers):
            row = {"respondent_id": who.respondent_id, "item_id": one.question.item.id, "position": position}
            row |= _content(script, one)
            for name, column in columns.items():
                column.append(row.get(name))
    return pl.DataFrame(columns, schema=RESPONSES)


def _content(script: Script, said: Said) -> dict[str, Any]:
    question, item = said.question, said.question.item
    content: dict[str, Any] = {"missing": False, "option_mass": said.mass}
    if said.text is not None:
        return content | {"text": script.text(said.text)}
    assert said.choice is not None
    if question.numbers is not None:
        number = question.numbers[said.choice]
        return content | {"value": number, "code": item.bin_of(number) if item.bins else None}
    option = item.valid_options[said.choice]
    assert said.probabilities is not None
    content |= {"code": option.code, "value": option.value, "probabilities": said.probabilities.tolist()}
    declared = tuple(range(len(item.valid_options)))
    return content | {"shown": list(question.order) if question.order not in ((), declared) else None}
