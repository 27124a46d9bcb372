"""Who is tuned on: people chosen among the pilot of a human panel, and among nobody else.

People are taken in the order of ``draw``, which is seeded by the study and fixed at import: a random pilot of 30 is
part of the one of 100, and whoever corrects estimates (rectify) or judges (holdout) is never in one.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from simframe.errors import PlanError, did_you_mean
from simframe.simulate.plans.condition import PilotChoice
from simframe.simulate.tuning.groups import NO_ANSWER, levels_of
from simframe.study import Study
from simframe.warehouse.aggregate import crossed

RANDOM = PilotChoice()


def check_choice(study: Study, choice: PilotChoice) -> None:
    """Refuse a choice by what the study lacks.

    Raises:
        PlanError: where it lacks an item or a level, or an item has neither options nor bins.
    """
    for item_id, code in choice.arm.items():
        levels = levels_of(study, item_id, "pilot.arm")
        if code not in levels:
            raise PlanError(f"{code!r} is no answer of {item_id!r}", where="pilot.arm", mend=did_you_mean(code, levels))
    if choice.selection != "random":
        _by(study, choice)


def candidates(
    study: Study, respondents: pl.DataFrame, responses: pl.DataFrame, choice: PilotChoice = RANDOM
) -> pl.DataFrame:
    """Return the people whom a pilot may be chosen among, in the order that they are taken.

    Args:
        study: what was asked.
        respondents: of one human panel: respondent_id, split, draw and more.
        responses: of the same panel: respondent_id, item_id, code, missing.
        choice: only its ``arm`` matters here, and ``by`` where people without an answer cannot be balanced.

    Raises:
        PlanError: where the study lacks an item, or an item has neither options nor bins.
    """
    check_choice(study, choice)
    people = respondents.filter(pl.col("split") == "pilot").sort("draw")
    for item_id, code in choice.arm.items():
        people = people.join(_coded(study, responses, item_id).filter(level=code), on="respondent_id", how="semi")
    if choice.selection == "balanced":
        by = _by(study, choice)
        people = people.join(_coded(study, responses, by), on="respondent_id", how="semi")
    return people.sort("draw")


def available(study: Study, respondents: pl.DataFrame, responses: pl.DataFrame, choice: PilotChoice = RANDOM) -> int:
    """Return how many people a pilot may be chosen among; what a share of the pilot is a share of."""
    return candidates(study, respondents, responses, choice).height


def choose(
    study: Study, respondents: pl.DataFrame, responses: pl.DataFrame, size: int, choice: PilotChoice = RANDOM
) -> pl.DataFrame:
    """Return the people of one pilot, in order of their ids.

    ``random`` takes the first of the seeded order; ``stratified`` as many of each stratum as its share of the pilot
    says (largest remainders, at least one); ``balanced`` equally many of each level, what is left over going to the
    first levels that have people to spare.

    Args:
        study: what was asked.
        respondents: of one human panel: respondent_id, split, draw and more.
        responses: of the same panel: respondent_id, item_id, code, missing.
        size: how many.
        choice: selection, item and arm.

    Raises:
        PlanError: where there are too few, naming the stratum, or the study lacks an item.
    """
    people = candidates(study, respondents, responses, choice)
    if not 2 <= size <= people.height:
        among = "".join(f", {item_id} {code!r}" for item_id, code in choice.arm.items())
        mend = f"use 2 to {people.height}; study.split.pilot sets how many people may be tuned on"
        raise PlanError(f"pilot of {size} among {people.height} people of the pilot{among}", mend=mend)
    if choice.selection == "random":
        return people.head(size).sort("respondent_id")
    by = _by(study, choice)
    level = pl.col("level").fill_null(NO_ANSWER)
    strata = people.join(_coded(study, responses, by), on="respondent_id", how="left", maintain_order="left")
    strata = strata.with_columns(level, place=pl.int_range(pl.len()).over(level))
    counts = dict(strata.group_by("level").len().iter_rows())
    order = [name for name in (*levels_of(study, by, "pilot.by"), NO_ANSWER) if name in counts]
    held = {name: counts[name] for name in order}
    taken = _proportional(held, size, by) if choice.selection == "stratified" else _equal(study, held, size, by)
    quota = pl.col("level").replace_strict(taken, return_dtype=pl.Int64)
    return strata.filter(pl.col("place") < quota).drop("level", "place").sort("respondent_id")


def _proportional(held: Mapping[str, int], size: int, by: str) -> dict[str, int]:
    """Return people a stratum: its share of all, whole by the largest remainders, and one at least."""
    if size < len(held):
        mend = f"use {len(held)} people or more, or selection = 'random'"
        raise PlanError(f"pilot of {size} people cannot hold one of each of {len(held)} levels of {by!r}", mend=mend)
    total = sum(held.values())
    taken = {name: max(1, size * n // total) for name, n in held.items()}
    while (left := size - sum(taken.values())) != 0:
        owed = {name: size * n / total - taken[name] for name, n in held.items()}
        if left > 0:
            name = max((n for n in held if taken[n] < held[n]), key=owed.__getitem__)
            taken[name] += 1
        else:
            name = min((n for n in held if taken[n] > 1), key=owed.__getitem__)
            taken[name] -= 1
    return taken


def _equal(study: Study, held: Mapping[str, int], size: int, by: str) -> dict[str, int]:
    """Return people a level, equally many of each that the item has."""
    levels = levels_of(study, by, "pilot.by")
    each, left = divmod(size, len(levels))
    for level in levels:
        has = held.get(level, 0)
        if has < max(each, 1):
            most = len(levels) * min(held.get(name, 0) for name in levels)
            mend = f"use at most {most} people, or selection = 'stratified'" if most else "use selection = 'stratified'"
            message = f"level {level!r} of {by!r} has {has} people, {max(each, 1)} are needed for {size}"
            raise PlanError(message, where="pilot.selection balanced", mend=mend)
    taken = dict.fromkeys(levels, each)
    for level in [level for level in levels if held[level] > each][:left]:
        taken[level] += 1
    if sum(taken.values()) < size:
        mend = f"use {size - size % len(levels)} people, or selection = 'stratified'"
        message = f"{size} people cannot be {len(levels)} equal parts of {by!r}, and too few levels have one to spare"
        raise PlanError(message, where="pilot.selection balanced", mend=mend)
    return taken


def _by(study: Study, choice: PilotChoice) -> str:
    if choice.by is None:
        mend = 'add by = "item_id"'
        raise PlanError(f"selection {choice.selection!r} looks at no item", where="pilot.by", mend=mend)
    levels_of(study, choice.by, "pilot.by")
    return choice.by


def _coded(study: Study, responses: pl.DataFrame, item_id: str) -> pl.DataFrame:
    """Return respondent_id, level of the people who stand in a level of an item."""
    return crossed(study, responses, [item_id]).select("respondent_id", "level")
