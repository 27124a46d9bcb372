"""People as they are learned from: persona fields in tokens, the questions they answered, how much they count."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simframe.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import polars as pl

    from simframe.simulate.prompts import Question, Script, Tokens


@dataclass(frozen=True)
class Answer:
    """One answered question."""

    question: int
    choice: int
    """Place of the option among the valid ones: what later questions read."""
    target: tuple[float, ...] | None = None
    """What the model should think of the options; the choice alone where None."""


@dataclass(frozen=True)
class Example:
    """One respondent: persona fields in tokens, the questions they answered, and how much they count."""

    respondent_id: str
    fields: tuple[Tokens, ...]
    answers: tuple[Answer, ...]
    weight: float = 1.0
    treatments: tuple[int, ...] = ()
    """Places of the fields that tell a treatment: never left out."""

    def dropped(self, chance: float, random: np.random.Generator) -> list[Tokens]:
        """Return the fields, each of the persona left out by chance."""
        kept = random.random(len(self.fields)) >= chance
        kept[list(self.treatments)] = True
        return [field for field, keep in zip(self.fields, kept, strict=True) if keep]


def examples(
    script: Script,
    people: pl.DataFrame,
    weights: Mapping[str, float] | None = None,
    targets: pl.DataFrame | None = None,
) -> list[Example]:
    """Return one example a respondent who answered anything and counts, in order of their ids.

    Args:
        script: the study in tokens.
        people: long frame of persona and question answers.
        weights: respondent_id -> weight; everybody counts 1 where left out.
        targets: soft targets, respondent_id, item_id, probabilities (one a valid option): they take the place of
            the answer in the loss, not in what later questions read.

    Raises:
        PlanError: where nobody answered, a weight is negative or missing, or a soft target is no distribution.
    """
    place = {question.item.id: index for index, question in enumerate(script.questions) if question.stop is None}
    soft = {} if targets is None else {(r, i): p for r, i, p in _rows(targets, "probabilities")}
    answered: dict[str, dict[int, Answer]] = defaultdict(dict)
    asked = people.filter(people["item_id"].is_in(list(place)) & ~people["missing"])
    coded = {index: _places(script.questions[index]) for index in place.values()}
    for respondent_id, item_id, code, value in asked.select("respondent_id", "item_id", "code", "value").iter_rows():
        question = place[item_id]
        numbers = script.questions[question].numbers
        choice = coded[question].get(code) if numbers is None else _nearest(numbers, value)
        where = f"respondent {respondent_id}, item {item_id}"
        if choice is None:
            said = code if numbers is None else value
            raise PlanError(f"{said!r} is no valid option", where=where, mend="code the answers by the study first")
        target = soft.get((respondent_id, item_id))
        if target is not None:
            _check_target(target, len(coded[question]), where)
        answered[respondent_id][question] = Answer(question, choice, None if target is None else tuple(target))
    if not answered:
        raise PlanError("nobody answered any question of the study", mend="tune on people who did")
    ids = sorted(answered)
    result = []
    for respondent_id, told in zip(ids, script.told(people, ids), strict=True):
        weight = 1.0 if weights is None else weights.get(respondent_id)
        if weight is None or not 0 <= weight < float("inf"):
            where = f"respondent {respondent_id}"
            raise PlanError(f"weight is {weight}", where=where, mend="give everybody a weight of 0 or more")
        answers = tuple(answered[respondent_id][question] for question in sorted(answered[respondent_id]))
        if weight > 0:
            fields = tuple(field for _, field in told)
            treatments = tuple(place for place, (item, _) in enumerate(told) if item.role == "arm")
            result.append(Example(respondent_id, fields, answers, float(weight), treatments))
    if not result:
        raise PlanError("everybody has weight 0", where="weights", mend="give somebody a weight above 0")
    return result


def _places(question: Question) -> dict[str, int]:
    return {option.code: place for place, option in enumerate(question.item.valid_options)}


def _nearest(numbers: Sequence[float], value: float | None) -> int | None:
    """Return the place of the number that is nearest to a value; the lower of two."""
    if value is None:
        return None
    above = min(bisect_left(numbers, value), len(numbers) - 1)
    return above - 1 if above and value - numbers[above - 1] <= numbers[above] - value else above


def _rows(frame: pl.DataFrame, last: str) -> Iterator[tuple[str, str, Any]]:
    return frame.select("respondent_id", "item_id", last).iter_rows()


def _check_target(target: Sequence[float], options: int, where: str) -> None:
    # Written so that NaN fails too.
    if len(target) != options or not min(target) >= 0 or not abs(sum(target) - 1) <= 1e-6:
        mend = f"give {options} probabilities that sum to one"
        raise PlanError(f"soft target {list(target)} is no distribution over the options", where=where, mend=mend)
