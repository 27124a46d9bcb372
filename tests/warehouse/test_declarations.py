"""Thresholds: the latest declaration counts, and every one stays visible with its time."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from simframe.errors import WarehouseError
from simframe.ingest import import_panel
from simframe.study import Thresholds, parse_study
from simframe.warehouse import Warehouse, examine
from simframe.warehouse.declarations import Change, declarations, declare
from simframe.warehouse.layout import write_table
from simframe.warehouse.tables import DECLARATION

LATEST = "SELECT name, value, declared FROM thresholds WHERE value IS DISTINCT FROM default_value ORDER BY name"


def with_thresholds(text: str, **values: float) -> str:
    return text + "\n[thresholds]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


def test_defaults_count_where_nothing_is_declared(park_warehouse: Warehouse) -> None:
    rows = park_warehouse.sql(
        "SELECT name, value, default_value, declared, declared_at FROM thresholds ORDER BY position"
    )
    assert list(rows.select("name", "value", "default_value", "declared").iter_rows()) == Thresholds().rows()
    assert rows["declared_at"].null_count() == rows.height
    assert park_warehouse.sql("FROM threshold_history").is_empty()
    assert list(park_warehouse.layout.data.glob("thresholds=park*")) == []


def test_an_import_declares_what_the_file_says(own_warehouse: Warehouse, park_files: tuple[Path, Path]) -> None:
    study, data = park_files
    text = study.read_text("utf-8")
    study.write_text(with_thresholds(text, small_group=5, marginals_margin=0.2), "utf-8")
    assert not import_panel(own_warehouse, study, data).fresh, "thresholds make no other panel"
    changed = [("marginals_margin", 0.2, True), ("small_group", 5.0, True)]
    assert own_warehouse.sql(LATEST).rows() == changed
    # A file that is silent leaves the declared ones; so does the study as the warehouse stores it.
    study.write_text(text, "utf-8")
    import_panel(own_warehouse, study, data)
    assert own_warehouse.sql(LATEST).rows() == changed
    assert own_warehouse.sql("SELECT count(DISTINCT place) FROM threshold_history").item() == 1
    own_warehouse.rebuild()
    assert own_warehouse.sql(LATEST).rows() == changed
    assert examine(own_warehouse) == []


def test_a_new_study_is_declared_before_its_panel(tmp_path: Path, park_files: tuple[Path, Path]) -> None:
    study, data = park_files
    study.write_text(with_thresholds(study.read_text("utf-8"), sign_f1=0.5), "utf-8")
    warehouse = Warehouse.create(tmp_path / "w")
    import_panel(warehouse, study, data)
    early = "SELECT max(t.declared_at) <= min(p.created_at) FROM thresholds AS t, panels AS p"
    assert warehouse.sql(early).item()


def test_the_last_declaration_counts_and_earlier_ones_stay(own_warehouse: Warehouse, park_text: str) -> None:
    first = parse_study(with_thresholds(park_text, small_group=5), "x")
    assert own_warehouse.declare(first) == [Change("small_group", 30, 5, False, True)]
    assert own_warehouse.declare(first) == []
    second = parse_study(with_thresholds(park_text, small_group=5, individuals_r=0), "x")
    assert own_warehouse.declare(second) == [Change("individuals_r", 0, 0, False, True)]
    silent = parse_study(park_text, "x")
    back = [Change("small_group", 5, 30, True, False), Change("individuals_r", 0, 0, True, False)]
    assert own_warehouse.declare(silent) == back
    assert own_warehouse.sql(LATEST).is_empty()
    told = own_warehouse.sql("""
        SELECT place, value, declared FROM threshold_history WHERE name = 'small_group' ORDER BY place
    """)
    assert told.rows() == [(1, 5.0, True), (2, 5.0, True), (3, 30.0, False)]
    # Since when each counts: declared again is no change, a default that was never left has counted from the start.
    since = dict(own_warehouse.sql("SELECT name, declared_at FROM thresholds").iter_rows())
    third = own_warehouse.sql("SELECT max(declared_at) FROM threshold_history").item()
    assert since["small_group"] == since["individuals_r"] == third
    assert since["sign_f1"] is None
    own_warehouse.declare(parse_study(with_thresholds(park_text, sign_f1=0.5), "x"))
    own_warehouse.declare(parse_study(with_thresholds(park_text, sign_f1=0.5, small_group=4), "x"))
    since = dict(own_warehouse.sql("SELECT name, declared_at FROM thresholds").iter_rows())
    assert third == since["individuals_r"] < since["sign_f1"] < since["small_group"]
    times = own_warehouse.sql("SELECT DISTINCT declared_at FROM threshold_history ORDER BY place")["declared_at"]
    assert times.is_sorted()
    assert times.n_unique() == 5
    assert examine(own_warehouse) == []


def test_two_at_once_are_one_after_the_other(own_warehouse: Warehouse, park_text: str) -> None:
    studies = [parse_study(with_thresholds(park_text, small_group=size), "x") for size in range(2, 10)]
    with ThreadPoolExecutor(4) as pool:
        changed = list(pool.map(lambda study: declare(own_warehouse.layout, study), studies))
    assert all(len(changes) == 1 for changes in changed)
    own_warehouse.rebuild()
    history = own_warehouse.sql("SELECT place, value FROM threshold_history WHERE name = 'small_group' ORDER BY place")
    assert history["place"].to_list() == list(range(1, 9))
    assert sorted(history["value"]) == list(range(2, 10))


def test_a_declaration_that_was_changed_is_found_and_not_built_on(own_warehouse: Warehouse, park_text: str) -> None:
    study = parse_study(with_thresholds(park_text, small_group=5), "x")
    own_warehouse.declare(study)
    (name,) = declarations(own_warehouse.layout, study.id, study.study_hash)
    folder = own_warehouse.layout.declaration(name)
    path = folder / "thresholds.parquet"
    rows = pl.read_parquet(path, hive_partitioning=False).with_columns(value=pl.lit(1.0))
    write_table(path, rows, DECLARATION["thresholds"])
    (finding,) = examine(own_warehouse)
    assert (finding.where, finding.problem) == (f"thresholds {name}", "thresholds are not those that were declared")
    with pytest.raises(WarehouseError, match="not those that were declared"):
        own_warehouse.declare(parse_study(park_text, "x"))
    path.unlink()
    assert "cannot be read" in examine(own_warehouse)[0].problem
    shutil.rmtree(folder)
    assert [finding.where for finding in examine(own_warehouse)] == ["catalog"]
    own_warehouse.refresh()
    assert own_warehouse.sql(LATEST).is_empty()
    assert examine(own_warehouse) == []
