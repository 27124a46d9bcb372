"""Answers simulated elsewhere enter like people's do, know whom they are compared with, and twins have their human."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from simframe.errors import SimframeError
from simframe.ingest import import_simulated
from simframe.warehouse import Warehouse, examine

People = Callable[..., pl.DataFrame]


@pytest.fixture
def reference(own_warehouse: Warehouse) -> str:
    return own_warehouse.sql("SELECT panel_id FROM panels").item()


@pytest.fixture
def answers(park_people: People, tmp_path: Path) -> Path:
    """Answers without any of the respondents' own columns."""
    path = tmp_path / "simulated.csv"
    park_people(40, seed=5).drop("person", "wt", "region").write_csv(path)
    return path


def twins(answers: Path, data: Path, of: list[str | None]) -> pl.DataFrame:
    """Return the first answers as those of twins of these people, whose attributes they have."""
    humans = pl.read_csv(data, infer_schema=False).select(twin_of="person", age_h="age", home_h="home")
    frame = pl.read_csv(answers, infer_schema=False).head(len(of)).with_columns(twin_of=pl.Series(of, dtype=pl.String))
    joined = frame.join(humans, on="twin_of", how="left", maintain_order="left")
    kept = [
        pl.when(pl.col("twin_of").is_null()).then(name).otherwise(f"{name}_h").alias(name) for name in ("age", "home")
    ]
    return joined.with_columns(kept).drop("age_h", "home_h")


def test_all_of_the_reference_judges_unless_a_split_is_named(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path
) -> None:
    study = park_files[0]
    whole = import_simulated(own_warehouse, study, answers, reference=reference)
    part = import_simulated(own_warehouse, study, answers, reference=reference, split="holdout", model="m-7b", pilot=12)
    assert whole.fresh
    assert part.fresh
    assert whole.splits == {"simulated": 40}
    rows = own_warehouse.sql(
        """
        SELECT panel_id, kind, label, source, strategy, reference_id, reference_split, model, pilot_n, n_respondents
        FROM panels WHERE kind <> 'human' ORDER BY model NULLS FIRST
        """
    )
    named = ("simulated", "simulated.csv", "imported", reference)
    assert [tuple(row[k] for k in (1, 3, 4, 5)) for row in rows.rows()] == [named, named]
    assert rows.row(0)[2:3] + rows.row(0)[6:] == ("simulated", None, None, None, 40)
    assert rows.row(1)[2:3] + rows.row(1)[6:] == ("m-7b", "holdout", "m-7b", 12, 40)
    humans = own_warehouse.table(reference, "respondents")
    answered = own_warehouse.table(reference, "responses").filter((pl.col("item_id") == "visits") & ~pl.col("missing"))
    judges = humans.join(answered, on="respondent_id", how="semi")
    sizes = own_warehouse.sql(
        """
        SELECT panel_id, n_h FROM alignment
        WHERE item_id = 'visits' AND family = 'divergence' AND metric = 'total_variation'
        """
    )
    assert dict(sizes.iter_rows()) == {
        whole.panel_id: judges.height,
        part.panel_id: judges.filter(pl.col("split") == "holdout").height,
    }
    assert examine(own_warehouse) == []


def test_the_same_answers_are_imported_once_under_one_condition(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path, tmp_path: Path
) -> None:
    study = park_files[0]
    first = import_simulated(own_warehouse, study, answers, reference=reference)
    parquet = tmp_path / "same.parquet"
    pl.read_csv(answers, infer_schema=False).write_parquet(parquet)
    again = import_simulated(own_warehouse, study, parquet, reference=reference, label="other words")
    assert (again.panel_id, again.fresh) == (first.panel_id, False)
    others = [{"kind": "baseline"}, {"split": "holdout"}, {"pilot": 12}, {"model": "m"}]
    ids = {import_simulated(own_warehouse, study, answers, reference=reference, **more).panel_id for more in others}
    assert len(ids | {first.panel_id}) == 5
    assert own_warehouse.sql("SELECT count(*) FROM panels WHERE kind = 'baseline'").item() == 1


def test_own_columns_of_the_file_count_where_it_has_them(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], park_people: People, tmp_path: Path
) -> None:
    path = tmp_path / "weighted.csv"
    given = park_people(20, seed=8).with_columns(person=pl.lit("s") + pl.col("person"))
    given.write_csv(path)
    done = import_simulated(own_warehouse, park_files[0], path, reference=reference)
    found = own_warehouse.table(done.panel_id, "respondents")
    assert found.select("respondent_id", pl.col("weight").round(3), "stratum").rows() == [
        (who, float(weight), region) for who, weight, region in given.select("person", "wt", "region").iter_rows()
    ]
    settings = json.loads(own_warehouse.panel(done.panel_id)["settings"])
    assert settings == {
        "columns": {"respondent_id": "person", "weight": "wt", "stratum": "region", "cluster": None},
        "twins": 0,
    }


def test_a_twin_has_its_humans_weight_design_and_split(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path, tmp_path: Path
) -> None:
    people = own_warehouse.table(reference, "respondents")
    humans = people.filter(pl.col("split") == "holdout")
    some = [*humans["respondent_id"].head(10), None, None]
    path = tmp_path / "twins.csv"
    twins(answers, park_files[1], some).write_csv(path)
    done = import_simulated(own_warehouse, park_files[0], path, reference=reference, split="holdout")
    found = own_warehouse.table(done.panel_id, "respondents")
    own = ("weight", "split", "draw", "stratum", "cluster")
    expected = humans.head(10).select(pl.col("respondent_id").alias("twin_of"), *own)
    assert found.head(10).select("twin_of", *own).equals(expected)
    assert found.tail(2).select("twin_of", *own).rows() == [(None, 1.0, None, None, None, None)] * 2
    pairs = own_warehouse.sql(
        "SELECT max(n_h) FROM fidelity WHERE panel_id = ? AND metric = 'exact_match_rate'", [done.panel_id]
    ).item()
    assert 0 < pairs <= 10


def test_the_humans_themselves_are_at_no_distance_and_all_match(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], tmp_path: Path
) -> None:
    study, data = park_files
    path = tmp_path / "copy.csv"
    copy = pl.read_csv(data, infer_schema=False)
    copy.with_columns(twin_of="person", person=pl.col("person") + ".twin").drop("wt", "region").write_csv(path)
    done = import_simulated(own_warehouse, study, path, reference=reference)
    zero = own_warehouse.sql(
        """
        SELECT DISTINCT metric, round(estimate, 12) FROM alignment WHERE panel_id = ? AND estimate IS NOT NULL
            AND metric IN ('total_variation', 'wasserstein', 'mean_shift', 'exact_match_rate') AND attribute = 'all'
        ORDER BY 1
        """,
        [done.panel_id],
    )
    assert zero.rows() == [("exact_match_rate", 1.0), ("mean_shift", 0), ("total_variation", 0), ("wasserstein", 0)]


@pytest.mark.parametrize(
    ("edit", "more", "parts"),
    [
        ({"visits": "maybe"}, {}, ["simulated.csv", "visits: line 2 (row 1 of the data)", "'maybe'", "'visits'"]),
        ({"twin_of": "p999"}, {}, ["simulated.csv", "twin_of: line 2 (row 1 of the data)", "'p999'", "p000"]),
        ({}, {"reference": "park-human-0"}, ["park-human-0", "no such panel", "did you mean"]),
        ({}, {"split": "test"}, ["nobody in 'test'", "holdout"]),
        ({}, {"pilot": 13}, ["pilot 13", "park-human", "has 12 people", "tuned on others"]),
        ({}, {"kind": "human"}, ["kind 'human'", "simulated or baseline"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_published(
    own_warehouse: Warehouse,
    reference: str,
    park_files: tuple[Path, Path],
    answers: Path,
    edit: dict[str, str],
    more: dict[str, Any],
    parts: list[str],
) -> None:
    frame = pl.read_csv(answers, infer_schema=False)
    frame.with_columns(pl.lit(text).alias(name) for name, text in edit.items()).write_csv(answers)
    before = sorted(str(path) for path in own_warehouse.layout.root.rglob("*"))
    with pytest.raises(SimframeError) as caught:
        import_simulated(own_warehouse, park_files[0], answers, **({"reference": reference} | more))
    for part in ("mend: ", *parts):
        assert part in str(caught.value)
    assert sorted(str(path) for path in own_warehouse.layout.root.rglob("*")) == before


def test_a_twin_of_the_pilot_is_not_judged_by_the_holdout(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path
) -> None:
    people = own_warehouse.table(reference, "respondents")
    pilot = people.filter(pl.col("split") == "pilot")["respondent_id"][0]
    twins(answers, park_files[1], [pilot] * 40).write_csv(answers)
    with pytest.raises(SimframeError, match=f"'{pilot}' is nobody of the people compared with"):
        import_simulated(own_warehouse, park_files[0], answers, reference=reference, split="holdout")
    assert import_simulated(own_warehouse, park_files[0], answers, reference=reference).fresh


def test_only_people_who_answered_the_same_version_are_a_reference(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path
) -> None:
    study = park_files[0]
    panel = import_simulated(own_warehouse, study, answers, reference=reference).panel_id
    with pytest.raises(SimframeError, match="is a simulated panel") as caught:
        import_simulated(own_warehouse, study, answers, reference=panel)
    assert reference in str(caught.value)
    study.write_text(study.read_text("utf-8").replace("Likes green", "Loves green"), "utf-8")
    with pytest.raises(SimframeError, match="that the reference was imported with"):
        import_simulated(own_warehouse, study, answers, reference=reference)


@pytest.mark.parametrize(
    ("column", "others", "said"),
    [
        (
            "home",
            {"flat": "house", "apartment": "house", "house": "flat"},
            "has home '{own}', and its human '{id}' has",
        ),
        ("age", {}, "has age '{own}', and its human '{id}' has"),
    ],
)
def test_a_twin_that_is_not_like_its_human_is_refused(
    own_warehouse: Warehouse,
    reference: str,
    park_files: tuple[Path, Path],
    answers: Path,
    column: str,
    others: dict[str, str],
    said: str,
) -> None:
    """A number within the bin of the human's is another number all the same."""
    people = pl.read_csv(park_files[1], infer_schema=False).filter(
        pl.col("age").is_in(["NA", "39", "59", "79"]).not_() & pl.col("home").is_not_null()
    )
    ids = people["person"].to_list()[:10]
    given = twins(answers, park_files[1], ids)
    theirs = given[column][3]
    own = others.get(theirs) or str(int(theirs) + 1)
    wrong = pl.when(pl.int_range(10) >= 3).then(pl.lit(own)).otherwise(column)
    given.with_columns(wrong.alias(column)).write_csv(answers)
    before = sorted(str(path) for path in own_warehouse.layout.root.rglob("*"))
    with pytest.raises(SimframeError) as caught:
        import_simulated(own_warehouse, park_files[0], answers, reference=reference)
    text = str(caught.value)
    human = {"apartment": "flat"}.get(theirs, theirs)
    for part in ("simulated.csv", "line 5 (row 4 of the data)", "'r04'", said.format(own=own, id=ids[3]), f"'{human}'"):
        assert part in text
    assert "mend: give twins the attributes of their human" in text
    assert "of 10 twins contradict" in text
    assert sorted(str(path) for path in own_warehouse.layout.root.rglob("*")) == before
    given.write_csv(answers)
    assert import_simulated(own_warehouse, park_files[0], answers, reference=reference).fresh


def test_what_either_side_leaves_blank_contradicts_nothing(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path
) -> None:
    people = pl.read_csv(park_files[1], infer_schema=False)
    silent = people.filter(pl.col("home").is_null() | (pl.col("age") == "NA"))["person"].to_list()
    talking = people.filter(~pl.col("person").is_in(silent))["person"].to_list()[:5]
    given = twins(answers, park_files[1], [*silent, *talking])
    told = given.with_columns(pl.col("home").fill_null("flat"), age=pl.col("age").replace("NA", "33"))
    blank = pl.when(pl.col("twin_of").is_in(talking)).then(None).otherwise(pl.col("home"))
    told.with_columns(home=blank).write_csv(answers)
    assert import_simulated(own_warehouse, park_files[0], answers, reference=reference).fresh


def test_who_is_judged_by_its_own_pilot_is_told(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path
) -> None:
    def notes(**more: object) -> str:
        return " ".join(import_simulated(own_warehouse, park_files[0], answers, reference=reference, **more).notes)  # type: ignore[arg-type]

    assert "all 60" in notes()
    assert "the pilot of 12 among them" in notes()
    assert "--split holdout" in notes()
    assert "7 of them the pilot that it was tuned on: its figures flatter it" in notes(pilot=7)
    assert "12 of them the pilot" in notes(pilot=12, split="pilot")
    assert "the pilot of park-human" in notes(split="pilot")
    assert "if it was tuned on any of those, its figures flatter it" in notes(split="pilot")
    assert notes(split="holdout") == notes(split="holdout", pilot=12) == notes(split="rectify") == ""


def test_what_few_or_silent_respondents_cannot_do_is_told(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path
) -> None:
    frame = pl.read_csv(answers, infer_schema=False)
    frame.with_columns(q1=pl.lit(None, pl.String)).head(1).write_csv(answers)
    few, silent = import_simulated(own_warehouse, park_files[0], answers, reference=reference, split="holdout").notes
    assert few == "1 respondent: no verdict with fewer than 30 (small_group)"
    assert silent.startswith("nobody answered green, score: no figure")


def test_columns_that_nothing_is_read_from_are_named(
    own_warehouse: Warehouse, reference: str, park_files: tuple[Path, Path], answers: Path
) -> None:
    frame = pl.read_csv(answers, infer_schema=False)
    wrong = frame.with_columns(twinof=pl.lit("p001"), colour=pl.lit("red"), twt=pl.lit("1"))
    wrong.write_csv(answers)
    (note,) = import_simulated(own_warehouse, park_files[0], answers, reference=reference, split="holdout").notes
    assert note == "not read: twinof (did you mean twin_of?), colour, twt (did you mean wt?)"
    frame.with_columns(twin_of=pl.lit(None, pl.String)).write_csv(answers)
    assert import_simulated(own_warehouse, park_files[0], answers, reference=reference, split="holdout").notes == ()


def test_who_weighs_nothing_is_counted_and_moves_nothing(
    own_warehouse: Warehouse,
    reference: str,
    park_files: tuple[Path, Path],
    park_people: People,
    tmp_path: Path,
) -> None:
    """The rule of ``n_s``: respondents who answered, whatever their weight. Estimates are those without them."""
    path = tmp_path / "some.csv"
    everybody = park_people(40, seed=8).with_columns(person=pl.lit("s") + pl.col("person"))
    nothing = pl.int_range(40) % 4 == 0
    found = {}
    for name, frame in (
        ("weightless", everybody.with_columns(wt=pl.when(nothing).then(pl.lit("0")).otherwise("wt"))),
        ("gone", everybody.filter(~nothing)),
    ):
        frame.write_csv(path)
        done = import_simulated(own_warehouse, park_files[0], path, reference=reference, model=name)
        found[name] = own_warehouse.sql(
            """
            SELECT metric, item_id, term, estimate, n_s FROM alignment
            WHERE panel_id = ? AND attribute = 'all' AND estimate IS NOT NULL AND item_id IS NOT NULL
                AND metric IN ('js_distance', 'wasserstein', 'entropy_ratio', 'cramers_v_s', 'belief_action_gap')
            """,
            [done.panel_id],
        )
    both = found["weightless"].join(found["gone"], on=["metric", "item_id", "term"], nulls_equal=True, suffix="_gone")
    assert both.height == found["gone"].height > 8
    assert both["estimate"].to_list() == pytest.approx(both["estimate_gone"].to_list())
    assert (both["n_s"] > both["n_s_gone"]).all()
    visits = both.filter(metric="js_distance", item_id="visits")["n_s"].item()
    assert visits == everybody["visits"].drop_nulls().len()
