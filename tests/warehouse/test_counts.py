"""Stored counts equal a fresh count of the answers by DuckDB, and add up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from simframe.warehouse import Warehouse
from simframe.warehouse.tables import PANEL, STUDY


@pytest.fixture(scope="module")
def folder(park_warehouse: Warehouse) -> Path:
    (found,) = park_warehouse.layout.data.glob("panel=park-*")
    return found


@pytest.fixture(scope="module")
def con(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB over the panel's files, with who is in which group told again by hand for the park study."""
    con = duckdb.connect()
    for name in PANEL:
        con.execute(f"CREATE TABLE {name} AS FROM read_parquet('{folder}/{name}.parquet', hive_partitioning = false)")
    con.execute("""
        CREATE TABLE age AS SELECT respondent_id, CASE WHEN value < 40 THEN 'young' ELSE 'old' END AS level
            FROM responses WHERE item_id = 'age' AND value IS NOT NULL;
        CREATE TABLE home AS SELECT respondent_id, code AS level FROM responses WHERE item_id = 'home' AND NOT missing;
        CREATE TABLE groups AS
            SELECT respondent_id, 'all' AS attribute, 'all' AS level FROM respondents
            UNION ALL SELECT respondent_id, 'age', level FROM age
            UNION ALL SELECT respondent_id, 'home', level FROM home
            UNION ALL SELECT respondent_id, 'age*home', a.level || '*' || h.level
                FROM age a JOIN home h USING (respondent_id);
    """)
    return con


def same(con: duckdb.DuckDBPyConnection, stored: str, fresh: str, keys: list[str]) -> None:
    """Compare the counts of a stored table with those of a query, row by row."""
    left = con.sql(f"SELECT {', '.join(keys)}, COLUMNS('^(n|w|w2)$') FROM {stored}").pl()
    right = con.sql(fresh).pl()
    assert left.height == right.height > 0
    joined = left.join(right, on=keys, suffix="_fresh", nulls_equal=True)
    assert joined.height == left.height
    for name in set(left.columns) - set(keys):
        assert joined.select(((pl.col(name) - pl.col(f"{name}_fresh")).abs() < 1e-9).all()).item(), name


CELL = ["item_id", "split", "attribute", "level", "code", "value", "missing"]
SUMS = "count(*) AS n, sum(weight) AS w, sum(weight * weight) AS w2"


def test_cells_equal_a_fresh_count(con: duckdb.DuckDBPyConnection) -> None:
    fresh = f"""SELECT {", ".join(CELL)}, {SUMS} FROM responses JOIN respondents USING (respondent_id)
        JOIN groups USING (respondent_id) GROUP BY ALL"""
    same(con, "cells", fresh, CELL)


def test_crosstabs_equal_a_fresh_count(con: duckdb.DuckDBPyConnection) -> None:
    keys = ["pair_id", "split", "attribute", "level", "belief_code", "action_code"]
    fresh = f"""SELECT 'walk' AS pair_id, split, attribute, level, b.code AS belief_code, a.code AS action_code, {SUMS}
        FROM responses b JOIN responses a USING (respondent_id) JOIN respondents USING (respondent_id)
        JOIN groups USING (respondent_id)
        WHERE b.item_id = 'green' AND a.item_id = 'visits' AND NOT b.missing AND NOT a.missing GROUP BY ALL"""
    same(con, "crosstabs", fresh, keys)


def test_structures_equal_a_fresh_count(con: duckdb.DuckDBPyConnection) -> None:
    answers: dict[str, dict[str, str]] = {}
    for who, item, code, missing in con.sql("SELECT respondent_id, item_id, code, missing FROM responses").fetchall():
        if not missing:
            answers.setdefault(who, {})[item] = code
    part = dict(con.sql("SELECT respondent_id, split FROM respondents").fetchall())
    fresh = Counter(
        (part[who], f'["{own["green"]}","{own["visits"]}"]')
        for who, own in answers.items()
        if {"green", "visits"} <= own.keys()
    )
    stored = con.sql("""SELECT split, structure, n FROM structures
        WHERE structure_id = 'both' AND attribute = 'all' AND level = 'all'""").fetchall()
    assert {(split, structure): n for split, structure, n in stored} == fresh
    assert len(stored) == len(fresh)
    held = con.sql("SELECT respondent_id, attribute, level FROM groups").fetchall()
    within = Counter(
        (part[who], attribute, level, f'["{answers[who]["green"]}","{answers[who]["visits"]}"]')
        for who, attribute, level in held
        if {"green", "visits"} <= answers.get(who, {}).keys()
    )
    every = con.sql("SELECT split, attribute, level, structure, n FROM structures WHERE structure_id = 'both'")
    assert {tuple(row[:4]): row[4] for row in every.fetchall()} == within


def test_memberships_are_who_stands_in_which_group(con: duckdb.DuckDBPyConnection) -> None:
    told = con.sql("SELECT * FROM groups WHERE attribute <> 'all' ORDER BY ALL").fetchall()
    assert con.sql("SELECT respondent_id, attribute, level FROM memberships ORDER BY ALL").fetchall() == told
    assert told


def test_every_item_counts_everybody_once(con: duckdb.DuckDBPyConnection) -> None:
    found = con.sql("""SELECT item_id, sum(n)::INT, sum(w) FROM cells WHERE attribute = 'all' GROUP BY item_id""")
    ((weight,),) = con.sql("SELECT sum(weight) FROM respondents").fetchall()
    rows = found.fetchall()
    assert {item for item, _, _ in rows} == {"age", "home", "green", "visits", "score"}
    for _, n, w in rows:
        assert n == 60
        assert w == pytest.approx(weight)


def test_splits_and_levels_add_up(con: duckdb.DuckDBPyConnection) -> None:
    """Counts over all splits are those of the panel; those of a crossing are those of its parts, gaps left out."""
    crossed = con.sql("""
        SELECT item_id, code, value, missing, split_part(level, '*', 2) AS home, sum(n) AS n FROM cells
        WHERE attribute = 'age*home' GROUP BY ALL ORDER BY ALL""").fetchall()
    fresh = con.sql("""
        SELECT r.item_id, r.code, r.value, r.missing, h.code AS home, count(*) AS n FROM responses r
        JOIN responses h USING (respondent_id) JOIN responses a USING (respondent_id)
        WHERE h.item_id = 'home' AND a.item_id = 'age' AND NOT h.missing AND NOT a.missing
        GROUP BY ALL ORDER BY ALL""").fetchall()
    assert crossed == fresh


def test_files_have_exactly_the_columns_of_tables(folder: Path, park_warehouse: Warehouse) -> None:
    assert {path.name for path in folder.iterdir()} == {f"{name}.parquet" for name in PANEL}
    for name, schema in PANEL.items():
        assert pq.read_schema(folder / f"{name}.parquet").equals(schema), name
    (study,) = (park_warehouse.layout.studies / "park").iterdir()
    assert {path.name for path in study.iterdir()} == {"study.toml", *(f"{name}.parquet" for name in STUDY)}
    for name, schema in STUDY.items():
        assert pq.read_schema(study / f"{name}.parquet").equals(schema), name


def test_the_study_stands_as_tables(park_warehouse: Warehouse) -> None:
    (study,) = (park_warehouse.layout.studies / "park").iterdir()

    def read(name: str) -> pl.DataFrame:
        return pl.read_parquet(study / f"{name}.parquet").drop("study_id", "study_hash")

    options = read("options").filter(pl.col("item_id") == "green")
    assert options.select("code", "value", "missing", "position", "kind").rows() == [
        ("1", 1.0, False, 0, "option"),
        ("2", 2.0, False, 1, "option"),
        ("3", 3.0, False, 2, "option"),
        ("9", None, True, 3, "option"),
    ]
    age = read("options").filter(pl.col("item_id") == "age").select("code", "missing", "kind").rows()
    assert age == [("NA", True, "option"), ("young", False, "bin"), ("old", False, "bin")]
    crossing = read("levels").filter(pl.col("attribute") == "age*home")
    assert crossing["level"].to_list() == ["young*flat", "young*house", "old*flat", "old*house"]
    assert crossing["label"][0] == "Under 40, a flat"
    assert read("implications").rows() == [("walk", "1", "0"), ("walk", "3", "1")]
    items = read("items").select("item_id", "low", "high", "derived", "asked").rows()
    assert items == [
        ("age", 18.0, 99.0, False, False),
        ("home", None, None, False, False),
        ("green", 1.0, 3.0, False, True),
        ("visits", 0.0, 1.0, False, True),
        ("score", None, None, True, False),
    ]


def test_provenance_is_recorded(park_warehouse: Warehouse, folder: Path) -> None:
    panel = park_warehouse.panel(folder.name.removeprefix("panel="))
    assert (panel["n_respondents"], panel["n_responses"], panel["seed"]) == (60, 300, 7)
    assert panel["study_hash"] == park_warehouse.study_of(panel["panel_id"]).study_hash
    assert '"polars"' in panel["versions"]
