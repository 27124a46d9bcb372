"""A warehouse published before a column was added opens as it is: the column reads null."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from simframe.errors import WarehouseError
from simframe.warehouse import Warehouse, catalog, examine
from simframe.warehouse.layout import sha256

PLAN_COLUMNS = [
    *("pilot_selection", "pilot_by", "pilot_arm", "engine", "mode", "prompt", "fields", "shots", "item_order"),
    *("option_order", "order_average", "chat", "temperature", "copies", "wave", "tune"),
]


@pytest.fixture
def older(own_warehouse: Warehouse) -> Warehouse:
    """The park's warehouse as it stood before plans had settings in columns and answers had an order of options."""
    layout = own_warehouse.layout
    for folder in layout.data.glob("panel=*"):
        answers = folder / "responses.parquet"
        pq.write_table(pq.read_table(answers, partitioning=None).drop_columns(["shown"]), answers)
        head = pq.read_table(folder / "panel.parquet", partitioning=None).drop_columns(PLAN_COLUMNS)
        rows = head.to_pylist()
        for row in rows:
            files = json.loads(row["files"])
            files["responses.parquet"]["sha256"] = sha256(answers)
            row["files"] = json.dumps(files)
        pq.write_table(pa.Table.from_pylist(rows, head.schema), folder / "panel.parquet")
    with duckdb.connect(str(layout.catalog)) as con:
        con.execute("ALTER TABLE warehouse DROP COLUMN views")
    return Warehouse(layout.root)


def test_it_opens_with_the_new_columns_null_and_is_sound(older: Warehouse) -> None:
    opened = Warehouse.open(older.layout.root)
    row = opened.sql("SELECT * FROM panels").row(0, named=True)
    assert {name: row[name] for name in PLAN_COLUMNS} == dict.fromkeys(PLAN_COLUMNS)
    assert row["n_respondents"] == 60
    assert opened.sql("SELECT count(*), count(shown) FROM responses").row(0) == (300, 0)
    assert examine(opened) == []


@pytest.fixture
def without_groups(own_warehouse: Warehouse) -> Warehouse:
    """The park's warehouse as it stood before structures and strata were counted in subgroups."""
    layout = own_warehouse.layout
    for folder in layout.data.glob("panel=park-*"):
        (folder / "memberships.parquet").unlink()
        tables = {
            name: pq.read_table(folder / f"{name}.parquet", partitioning=None) for name in ("structures", "crosstabs")
        }
        everybody = tables["structures"].filter(pc.field("attribute") == "all")
        pq.write_table(everybody.drop_columns(["attribute", "level"]), folder / "structures.parquet")
        pq.write_table(tables["crosstabs"].drop_columns(["stratum"]), folder / "crosstabs.parquet")
        (row,) = pq.read_table(folder / "panel.parquet", partitioning=None).to_pylist()
        files = json.loads(row["files"])
        del files["memberships.parquet"]
        for name in tables:
            path = folder / f"{name}.parquet"
            files[path.name] = {"sha256": sha256(path), "rows": pq.read_metadata(path).num_rows}
        row["files"] = json.dumps(files)
        schema = pq.read_schema(folder / "panel.parquet")
        pq.write_table(pa.Table.from_pylist([row], schema), folder / "panel.parquet")
    return Warehouse(layout.root)


def test_panels_without_counts_by_group_keep_what_they_say_of_everybody(without_groups: Warehouse) -> None:
    without_groups.rebuild()
    opened = Warehouse.open(without_groups.layout.root)
    assert examine(opened) == []
    kinds = opened.sql("SELECT DISTINCT attribute, level FROM structures").rows()
    assert kinds == [("all", "all")]
    assert opened.sql("SELECT count(*) FROM memberships").item() == 0


def test_where_the_folder_cannot_be_written_it_keeps_the_views_of_its_time(
    older: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(root: Path, **_: bool) -> None:
        raise WarehouseError("cannot be written", where=str(root))

    monkeypatch.setattr(catalog, "rebuild", refuse)
    before = older.layout.catalog.stat().st_mtime_ns
    assert Warehouse.open(older.layout.root).sql("SELECT count(*) FROM panels").item() == 1
    assert older.layout.catalog.stat().st_mtime_ns == before
