"""Pilots: chosen among the pilot's people alone, nested where random, and refused where there are too few."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simframe.errors import PlanError
from simframe.ingest.split import assign_split
from simframe.simulate.plans import PilotChoice
from simframe.simulate.plans.pilots import available, choose
from simframe.study import Study, parse_study

TOWN = """
[study]
id = "town"
title = "A town"
split = { seed = %d, pilot = %d, rectify = %d }
[[item]]
id = "size"
label = "Size"
scale = "ordinal"
role = "persona"
options = [{ code = 1, label = "small" }, { code = 2, label = "middling" }, { code = 3, label = "large" }]
[[item]]
id = "age"
label = "Age"
scale = "interval"
role = "persona"
range = [0, 99]
bins = [{ code = "young", label = "young", max = 39 }, { code = "old", label = "old", min = 40 }]
[[item]]
id = "income"
label = "Income"
scale = "interval"
role = "persona"
range = [0, 999]
[[item]]
id = "arm"
label = "Arm"
scale = "nominal"
role = "arm"
options = [{ code = "treated", label = "treated" }, { code = "control", label = "control" }]
[[item]]
id = "sign"
label = "Sign"
scale = "nominal"
role = "action"
options = [{ code = "yes", label = "yes" }, { code = "no", label = "no" }]
"""


def town(people: int, pilot: int, rectify: int, seed: int = 0) -> tuple[Study, pl.DataFrame, pl.DataFrame]:
    """A study, its people split by simframe itself, and their answers: sizes in the ratio 6 : 3 : 1, arms by turns."""
    study = parse_study(TOWN % (seed, pilot, rectify), "town.toml")
    rows = []
    for place in range(people):
        who = f"r{place:04d}"
        size = "1" if place % 10 < 6 else "2" if place % 10 < 9 else "3"
        old = place % 3 == 0
        rows += [
            (who, "size", size, float(size), False),
            (who, "age", "old" if old else "young", 60.0 if old else 20.0, False),
            (who, "arm", "treated" if place % 2 else "control", None, False),
            (who, "sign", "yes" if place % 5 else "no", None, False),
        ]
    responses = pl.DataFrame(rows, schema=["respondent_id", "item_id", "code", "value", "missing"], orient="row")
    respondents = responses.select("respondent_id").unique(maintain_order=True).with_columns(weight=pl.lit(1.0))
    wide = respondents.select("respondent_id")
    return study, assign_split(study, respondents, wide), responses


def ids(frame: pl.DataFrame) -> set[str]:
    return set(frame["respondent_id"])


def levels(frame: pl.DataFrame, responses: pl.DataFrame, item: str) -> Counter[str]:
    return Counter(frame.join(responses.filter(item_id=item), on="respondent_id")["code"])


CHOICES = [
    PilotChoice(),
    PilotChoice("stratified", "size"),
    PilotChoice("balanced", "age"),
    PilotChoice(arm={"arm": "treated"}),
    PilotChoice("stratified", "age", {"arm": "control"}),
]


@settings(max_examples=60, deadline=None)
@given(people=st.integers(60, 120), pilot=st.integers(30, 50), rectify=st.integers(0, 9), seed=st.integers(0, 10**6))
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_no_pilot_holds_anybody_who_corrects_or_judges(
    choice: PilotChoice, people: int, pilot: int, rectify: int, seed: int
) -> None:
    study, respondents, responses = town(people, pilot, rectify, seed)
    size = min(6, available(study, respondents, responses, choice))
    chosen = choose(study, respondents, responses, size, choice)
    assert chosen.height == size == len(ids(chosen))
    assert set(chosen["split"]) == {"pilot"}
    for part in ("rectify", "holdout"):
        assert not ids(chosen) & ids(respondents.filter(split=part))
    if choice.arm:
        assert set(levels(chosen, responses, "arm")) == set(choice.arm.values())


def test_a_random_pilot_is_the_first_of_the_seeded_order_and_part_of_a_larger_one() -> None:
    study, respondents, responses = town(200, 100, 20)
    small, large = (choose(study, respondents, responses, n) for n in (30, 70))
    assert ids(small) < ids(large)
    assert ids(small) == ids(respondents.filter(pl.col("split") == "pilot", pl.col("draw") < 30))
    assert small["respondent_id"].is_sorted()
    other = town(200, 100, 20, seed=1)
    assert ids(choose(*other, 30)) != ids(small)


def test_a_stratified_pilot_has_each_level_in_proportion() -> None:
    study, respondents, responses = town(400, 200, 20)
    share = {level: n / 200 for level, n in levels(respondents.filter(split="pilot"), responses, "size").items()}
    for size in (10, 37, 100, 200):
        found = levels(
            choose(study, respondents, responses, size, PilotChoice("stratified", "size")), responses, "size"
        )
        assert sum(found.values()) == size
        for level, of in share.items():
            assert abs(found[level] - size * of) < 1
    few = levels(choose(study, respondents, responses, 3, PilotChoice("stratified", "size")), responses, "size")
    assert few == {"1": 1, "2": 1, "3": 1}


def test_people_without_an_answer_are_a_stratum_but_no_level_to_balance() -> None:
    study, respondents, responses = town(200, 100, 20)
    silent = sorted(ids(respondents.filter(split="pilot")))[:40]
    blank = pl.col("respondent_id").is_in(silent) & (pl.col("item_id") == "age")
    responses = responses.with_columns(
        code=pl.when(blank).then(None).otherwise("code"), missing=pl.when(blank).then(True).otherwise("missing")
    )
    half = choose(study, respondents, responses, 50, PilotChoice("stratified", "age"))
    assert len(ids(half) & set(silent)) == 20
    even = choose(study, respondents, responses, 20, PilotChoice("balanced", "age"))
    assert levels(even, responses, "age") == {"young": 10, "old": 10}
    assert not ids(even) & set(silent)


def test_a_balanced_pilot_has_each_level_alike() -> None:
    study, respondents, responses = town(400, 200, 20)
    choice = PilotChoice("balanced", "size")
    assert levels(choose(study, respondents, responses, 30, choice), responses, "size") == {"1": 10, "2": 10, "3": 10}
    odd = levels(choose(study, respondents, responses, 32, choice), responses, "size")
    assert sorted(odd.values()) == [10, 11, 11]
    treated = PilotChoice("balanced", "age", {"arm": "treated"})
    both = choose(study, respondents, responses, 20, treated)
    assert levels(both, responses, "age") == {"young": 10, "old": 10}
    assert levels(both, responses, "arm") == {"treated": 20}


@pytest.mark.parametrize(
    ("size", "choice", "parts"),
    [
        (1, PilotChoice(), ["pilot of 1", "use 2 to 200"]),
        (201, PilotChoice(), ["pilot of 201", "use 2 to 200"]),
        (150, PilotChoice(arm={"arm": "treated"}), ["pilot of 150", "arm 'treated'", "use 2 to"]),
        (90, PilotChoice("balanced", "size"), ["level '3' of 'size' has", "30 are needed for 90", "at most"]),
        (2, PilotChoice("stratified", "size"), ["pilot of 2", "3 levels of 'size'", "use 3 people or more"]),
        (10, PilotChoice("balanced"), ["'balanced' looks at no item", "by ="]),
        (10, PilotChoice("balanced", "sizes"), ["'sizes' is no item", "'size'"]),
        (10, PilotChoice("stratified", "income"), ["'income' has neither options nor bins"]),
        (10, PilotChoice(arm={"arm": "treat"}), ["'treat' is no answer of 'arm'", "'treated'"]),
        (10, PilotChoice(arm={"army": "treated"}), ["'army' is no item", "'arm'"]),
    ],
)
def test_what_cannot_be_chosen_is_refused(size: int, choice: PilotChoice, parts: list[str]) -> None:
    study, respondents, responses = town(400, 200, 20)
    with pytest.raises(PlanError) as caught:
        choose(study, respondents, responses, size, choice)
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.mend
