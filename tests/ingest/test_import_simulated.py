"""Answers simulated elsewhere enter like people's do, know whom they are compared with, and twins have their human."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

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
    pl.read_csv(answers, infer_schema=False).head(12).with_columns(twin_of=pl.Series(some)).write_csv(path)
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
        ({"visits": "maybe"}, {}, ["simulated.csv", "visits: row 1", "'maybe'", "'visits'"]),
        ({"twin_of": "p999"}, {}, ["simulated.csv", "twin_of: row 1", "'p999'", "p000"]),
        ({}, {"reference": "park-human-0"}, ["park-human-0", "no such panel", "did you mean"]),
        ({}, {"split": "test"}, ["nobody in 'test'", "holdout"]),
        ({}, {"kind": "human"}, ["kind 'human'", "simulated or baseline"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_published(
    own_warehouse: Warehouse,
    reference: str,
    park_files: tuple[Path, Path],
    answers: Path,
    edit: dict[str, str],
    more: dict[str, str],
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
    pl.read_csv(answers, infer_schema=False).with_columns(twin_of=pl.lit(pilot)).write_csv(answers)
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
