"""Who is tuned on and who judges: disjoint, stable, nested, and never nobody."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simframe.errors import DataError
from simframe.ingest import assign_split
from simframe.study import Study, parse_study


def respondents(ids: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"respondent_id": ids, "weight": [1.0] * len(ids)})


def ages(ids: list[str], wave: set[str] = frozenset()) -> pl.DataFrame:  # type: ignore[assignment]
    return pl.DataFrame(
        {"respondent_id": ids, "age": [70.0 if name in wave else 30.0 for name in ids]},
        schema_overrides={"age": pl.Float64},
    )


def split(study: Study, ids: list[str], wave: set[str] = frozenset()) -> dict[str, tuple[str, int]]:  # type: ignore[assignment]
    done = assign_split(study, respondents(ids), ages(ids, wave))
    assert done["respondent_id"].to_list() == ids, "the order of respondents does not change"
    return {row["respondent_id"]: (row["split"], row["draw"]) for row in done.iter_rows(named=True)}


IDS = [f"p{i}" for i in range(50)]
WAVE = set(IDS[::5])


def variant(park_text: str, **rules: int | None) -> Study:
    lines = "\n".join(f"{key} = {value}" for key, value in rules.items() if value is not None)
    head, _, rest = park_text.partition("seed = 7")
    tail = rest.split("rectify = 6", 1)[1]
    return parse_study(f'{head}wave = "age >= 60"\n{lines}{tail}', "park")


def test_parts_have_their_sizes_and_share_nobody(park: Study) -> None:
    done = split(park, IDS, WAVE)
    by_part: dict[str, list[str]] = {}
    for name, (part, _) in done.items():
        by_part.setdefault(part, []).append(name)
    assert {part: len(names) for part, names in by_part.items()} == {
        "wave": 10,
        "pilot": 12,
        "rectify": 6,
        "holdout": 22,
    }
    assert set(by_part["wave"]) == WAVE


def test_a_part_of_weight_nought_is_refused(park: Study) -> None:
    parts = split(park, IDS, WAVE)
    weights = [0.0 if parts[name][0] == "holdout" else 1.0 for name in IDS]
    with pytest.raises(DataError, match="every weight in the holdout part is zero"):
        assign_split(park, respondents(IDS).with_columns(weight=pl.Series(weights)), ages(IDS, WAVE))


def test_draw_counts_every_part_from_zero(park: Study) -> None:
    done = split(park, IDS, WAVE)
    for part in ("wave", "pilot", "rectify", "holdout"):
        draws = sorted(draw for own, draw in done.values() if own == part)
        assert draws == list(range(len(draws)))


def test_a_smaller_pilot_is_the_beginning_of_a_larger_one(park_text: str) -> None:
    large = split(variant(park_text, seed=7, pilot=30), IDS, WAVE)
    small = split(variant(park_text, seed=7, pilot=8), IDS, WAVE)
    first = {name for name, (part, draw) in large.items() if part == "pilot" and draw < 8}
    assert first == {name for name, (part, _) in small.items() if part == "pilot"}


@settings(deadline=None, max_examples=20)
@given(st.permutations(IDS))
def test_sorting_the_file_changes_nothing(park: Study, ids: list[str]) -> None:
    assert split(park, ids, WAVE) == split(park, IDS, WAVE)


def test_added_respondents_keep_the_order_of_the_others(park: Study, park_text: str) -> None:
    """Nobody who was asked before moves toward the pilot: who is in it after was in it, or is new."""
    before, after = split(park, IDS, WAVE), split(park, [*IDS, *(f"new{i}" for i in range(20))], WAVE)
    old_pilot = [name for name in IDS if before[name][0] == "pilot"]
    kept = [name for name in IDS if after[name][0] == "pilot"]
    assert set(kept) <= set(old_pilot)
    assert sorted(kept, key=lambda name: before[name][1]) == sorted(kept, key=lambda name: after[name][1])


def test_another_seed_is_another_pilot(park_text: str) -> None:
    pilots = [
        frozenset(name for name, (part, _) in done.items() if part == "pilot")
        for done in (split(variant(park_text, seed=seed, pilot=12), IDS, WAVE) for seed in range(20))
    ]
    assert len(set(pilots)) == 20


def test_the_pilot_is_half_of_those_asked_where_left_out_but_at_most_300(park_text: str) -> None:
    def sizes(n: int) -> int:
        ids = [f"p{i}" for i in range(n)]
        done = split(variant(park_text, seed=1), ids, set())
        return sum(part == "pilot" for part, _ in done.values())

    assert [sizes(n) for n in (1, 2, 41, 600, 700)] == [0, 1, 20, 300, 300]


@pytest.mark.parametrize(("n", "rules"), [(18, {}), (5, {}), (40, {"pilot": 40}), (40, {"pilot": 30, "rectify": 10})])
def test_a_pilot_that_leaves_nobody_to_judge_by(park: Study, park_text: str, n: int, rules: dict[str, int]) -> None:
    study = variant(park_text, **rules) if rules else park
    with pytest.raises(DataError, match=f"of {n} respondents and leaves no holdout") as caught:
        split(study, IDS[:n])
    assert "lower split.pilot" in str(caught.value)


def test_everybody_in_the_wave_leaves_nobody(park_text: str) -> None:
    with pytest.raises(DataError, match="of 0 respondents"):
        split(variant(park_text, seed=1), IDS, set(IDS))


def test_a_missing_answer_is_not_the_wave(park: Study) -> None:
    wide = ages(IDS).with_columns(age=pl.when(pl.col("respondent_id") != "p0").then("age"))
    done = assign_split(park, respondents(IDS), wide)
    assert "wave" not in done["split"].to_list()


def test_the_pilot_is_no_function_of_the_order_of_the_file(
    park_text: str, park_people: Callable[..., pl.DataFrame]
) -> None:
    """Over 40 seeds the mean row number of a pilot is that of everybody."""
    ids = park_people(200)["person"].to_list()
    means = []
    for seed in range(40):
        done = split(variant(park_text, seed=seed, pilot=100), ids, set())
        means.append(sum(ids.index(name) for name, (part, _) in done.items() if part == "pilot") / 100)
    # Mean of 100 of 0..199 without replacement: 99.5, sd 4.09; the mean of 40 such: sd 0.65; five of them are allowed.
    assert abs(sum(means) / 40 - 99.5) < 5 * 0.65
