"""The warehouse is read by SQL alone: from another folder, without simframe, at any path, while others write."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from simframe.errors import WarehouseError
from simframe.ingest import import_panel
from simframe.warehouse import Warehouse, examine

COUNTS = "SELECT count(*), count(DISTINCT respondent_id), round(sum(value), 6) FROM responses"


def test_the_plain_duckdb_client_reads_it_from_elsewhere(
    park_warehouse: Warehouse, python: Callable[..., str], tmp_path: Path
) -> None:
    code = f"""if True:
        import sys, duckdb
        sys.path = [entry for entry in sys.path if "site-packages" in entry or "lib" in entry]
        con = duckdb.connect(sys.argv[1], read_only=True)
        print(con.sql("{COUNTS}").fetchall())
        views = con.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        for (name,) in views:
            con.sql(f'SELECT * FROM "{{name}}" LIMIT 3').fetchall()
        print(sum(1 for (name,) in views if name == "wide_park"))
        assert "simframe" not in sys.modules and "polars" not in sys.modules
    """
    out = python(code, park_warehouse.layout.catalog, cwd=tmp_path, simframe_on_path=False)
    assert out.splitlines() == [str(park_warehouse.sql(COUNTS).rows()), "1"]


def test_wide_view_equals_the_answers(park_warehouse: Warehouse, park_people: Callable[..., pl.DataFrame]) -> None:
    wide = park_warehouse.sql("SELECT * FROM wide_park ORDER BY respondent_id")
    people = park_people().sort("person")
    assert wide["respondent_id"].to_list() == people["person"].to_list()
    ages = [None if age == "NA" else float(age) for age in people["age"]]
    assert wide["age"].to_list() == ages
    labels = {"1": "no", "2": "somewhat", "3": "yes", "YES!": "yes"}
    assert wide["green_label"].to_list() == [labels.get(code or "") for code in people["q1"]]
    homes = {"flat": "flat", "apartment": "flat", "house": "house"}
    assert wide["home"].to_list() == [homes.get(code or "") for code in people["home"]]
    assert wide["weight"].to_list() == [float(w) for w in people["wt"]]


def test_clients_of_duckdb_1_5_can_open_the_catalog(park_warehouse: Warehouse) -> None:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{park_warehouse.layout.catalog}' AS wh (READ_ONLY)")
        (tags,) = con.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'wh'").fetchone()  # type: ignore[misc]
    assert "v1.5.0" in tags["storage_version"]


def test_a_moved_warehouse_says_what_to_run_and_works_after(park_warehouse: Warehouse, tmp_path: Path) -> None:
    root = tmp_path / "moved"
    shutil.copytree(park_warehouse.layout.root, root)
    with pytest.raises(WarehouseError, match="was moved") as caught:
        Warehouse.open(root)
    assert f"simframe rebuild -w {root}" in str(caught.value)
    assert str(park_warehouse.layout.root) in str(caught.value)
    (finding,) = examine(Warehouse(root))
    assert "was moved" in finding.problem
    Warehouse(root).rebuild()
    moved = Warehouse.open(root)
    assert moved.sql(COUNTS).rows() == park_warehouse.sql(COUNTS).rows()
    reads = "SELECT count(*) FROM duckdb_views() WHERE contains(sql, ?)"
    assert moved.sql(reads, [f"{park_warehouse.layout.root}/data"]).item() == 0
    assert moved.sql(reads, [f"{root}/data"]).item() > 0


@pytest.mark.parametrize("name", ['it\'s a "Küche" 厨房', "glob [1] a*b {c,d}"])
def test_a_root_with_any_letters(park_warehouse: Warehouse, tmp_path: Path, name: str) -> None:
    root = tmp_path / name / "ware house"
    shutil.copytree(park_warehouse.layout.root, root)
    Warehouse(root).rebuild()
    assert Warehouse.open(root).sql(COUNTS).rows() == park_warehouse.sql(COUNTS).rows()


@pytest.mark.parametrize("name", ["panel=x", "back\\slash", "what?"])
def test_a_root_that_duckdb_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WarehouseError, match="cannot stand in folder") as caught:
        Warehouse.create(tmp_path / name / "w")
    assert "choose a path without" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


READER = """if True:
    import sys, duckdb
    con = duckdb.connect(sys.argv[1], read_only=True)
    print("open", flush=True)
    for line in sys.stdin:
        print(con.sql("SELECT count(*), count(DISTINCT panel_id) FROM responses").fetchall(), flush=True)
"""


def test_a_reader_keeps_reading_while_another_process_publishes(
    own_warehouse: Warehouse, park_files: tuple[Path, Path]
) -> None:
    study, data = park_files
    catalog = str(own_warehouse.layout.catalog)
    with subprocess.Popen([sys.executable, "-c", READER, catalog], stdin=-1, stdout=-1, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None

        def ask() -> str:
            print("go", file=reader.stdin, flush=True)
            return str(reader.stdout.readline().strip())  # type: ignore[union-attr]

        assert reader.stdout.readline().strip() == "open"
        assert ask() == "[(300, 1)]"
        data.write_text(data.read_text("utf-8").replace("north", "west", 1), "utf-8")
        import_panel(own_warehouse, study, data)
        assert ask() == "[(300, 1)]", "an open reader keeps its snapshot"
        assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 2
        reader.stdin.close()
    assert reader.returncode == 0


def test_sql_takes_parameters_and_reports_what_fails(park_warehouse: Warehouse) -> None:
    assert park_warehouse.sql("SELECT ? AS x", ["it's"]).item() == "it's"
    with pytest.raises(WarehouseError, match=r"the query fails: .*responses_") as caught:
        park_warehouse.sql("SELECT * FROM responses_")
    assert "simframe sql" in str(caught.value)
    with pytest.raises(WarehouseError, match="the query fails: Parser Error"):
        park_warehouse.sql("SELEC 1")


@pytest.mark.parametrize("query", ["CREATE TABLE x (y INT)", "DROP VIEW responses", "DELETE FROM published"])
def test_reading_never_writes(park_warehouse: Warehouse, query: str) -> None:
    with pytest.raises(WarehouseError, match="read-only"):
        park_warehouse.sql(query)
    assert park_warehouse.sql("SELECT count(*) FROM panels").item() == 1


def test_an_empty_query_has_no_rows(park_warehouse: Warehouse) -> None:
    assert park_warehouse.sql("").is_empty()


def test_no_warehouse_here(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="no warehouse catalog here") as caught:
        Warehouse.open(tmp_path)
    assert "simframe init" in str(caught.value)
    with pytest.raises(WarehouseError, match="no warehouse here"):
        Warehouse(tmp_path).rebuild()


def test_a_catalog_that_is_none(own_warehouse: Warehouse) -> None:
    own_warehouse.layout.catalog.write_bytes(b"hello" * 1000)
    with pytest.raises(WarehouseError, match="cannot be opened") as caught:
        Warehouse.open(own_warehouse.layout.root)
    assert "simframe rebuild" in str(caught.value)
    own_warehouse.layout.catalog.unlink()
    with pytest.raises(WarehouseError, match="no warehouse catalog here") as caught:
        Warehouse.open(own_warehouse.layout.root)
    assert "simframe rebuild" in str(caught.value)
    assert Warehouse.create(own_warehouse.layout.root).sql(COUNTS).height == 1, "create makes the catalog again"


def test_unknown_panel_and_table(park_warehouse: Warehouse) -> None:
    (panel_id,) = park_warehouse.sql("SELECT panel_id FROM panels").row(0)
    with pytest.raises(WarehouseError, match="no such panel") as caught:
        park_warehouse.panel(panel_id[:-1])
    assert f"did you mean {panel_id!r}" in str(caught.value)
    with pytest.raises(WarehouseError, match="panel has no answers"):
        park_warehouse.table(panel_id, "answers")


def test_a_long_query_writes_nothing_but_its_rows(park_warehouse: Warehouse, python: Callable[..., str]) -> None:
    """DuckDB shows a progress bar on standard output after two seconds; at once, where it is told to."""
    code = """if True:
        import sys
        from simframe.warehouse import Warehouse
        with Warehouse(sys.argv[1]).connect() as con:
            con.execute("SET progress_bar_time = 0")
            con.execute("SELECT sum(a.range * b.range) FROM range(30000) a, range(30000) b").fetchall()
    """
    assert python(code, park_warehouse.layout.root) == ""


@pytest.mark.parametrize("file", ["cells.parquet", "responses.parquet", "panel.parquet"])
def test_a_file_that_is_gone_is_missed(own_warehouse: Warehouse, file: str) -> None:
    """Views over a pattern would answer without it."""
    (folder,) = own_warehouse.layout.data.glob("panel=park-*")
    (folder / file).unlink()
    with pytest.raises(WarehouseError, match=f"{file} is missing") as caught:
        Warehouse.open(own_warehouse.layout.root)
    assert folder.name.partition("=")[2] in str(caught.value)
    assert "mend: restore it" in str(caught.value)


def test_a_panel_that_is_gone_is_missed_until_the_list_is_made_again(own_warehouse: Warehouse) -> None:
    (folder,) = own_warehouse.layout.data.glob("panel=park-*")
    shutil.rmtree(folder)
    with pytest.raises(WarehouseError, match="its folder is gone"):
        Warehouse.open(own_warehouse.layout.root)
    own_warehouse.rebuild()
    assert Warehouse.open(own_warehouse.layout.root).sql("FROM panels").is_empty()
