"""A warehouse published before a column was added opens as it is: the column reads null."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simframe.errors import WarehouseError
from simframe.warehouse import Warehouse, catalog, examine
from simframe.warehouse.layout import sha256

PLAN_COLUMNS = [
    *("pilot_selection", "pilot_by", "pilot_arm", "engine", "mode", "prompt", "fields", "shots", "item_order"),
    *("option_order", "order_average", "chat", "temperature", "copies", "tune"),
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


def test_where_the_folder_cannot_be_written_it_keeps_the_views_of_its_time(
    older: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(root: Path) -> None:
        raise WarehouseError("cannot be written", where=str(root))

    monkeypatch.setattr(catalog, "rebuild", refuse)
    before = older.layout.catalog.stat().st_mtime_ns
    assert Warehouse.open(older.layout.root).sql("SELECT count(*) FROM panels").item() == 1
    assert older.layout.catalog.stat().st_mtime_ns == before
