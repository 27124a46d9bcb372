"""``examine`` finds what is wrong with a warehouse, and nothing where nothing is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from simframe.ingest import import_panel, import_simulated
from simframe.warehouse import Finding, Warehouse, examine
from simframe.warehouse.layout import file_record, write_table
from simframe.warehouse.tables import PANEL


@pytest.fixture
def copied(park_warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy whose catalog is not made anew: for findings that need no catalog."""
    shutil.copytree(park_warehouse.layout.root, tmp_path / "w")
    return Warehouse(tmp_path / "w")


def panel_folder(warehouse: Warehouse) -> Path:
    (found,) = warehouse.layout.data.glob("panel=park-*")
    return found


def findings(warehouse: Warehouse) -> list[Finding]:
    """Everything but that the catalog reads the place it was copied from."""
    return [finding for finding in examine(warehouse) if finding.where != "catalog"]


def record_again(folder: Path) -> None:
    """Make the hashes of a panel fit its files, as a forger would."""
    row = pl.read_parquet(folder / "panel.parquet").to_dicts()[0]
    (folder / "panel.parquet").unlink()
    row["files"] = json.dumps(file_record(folder))
    write_table(folder / "panel.parquet", pa.Table.from_pylist([row], schema=PANEL["panel"]), PANEL["panel"])


def test_a_clean_warehouse(park_warehouse: Warehouse) -> None:
    assert examine(park_warehouse) == []


def test_an_empty_warehouse(tmp_path: Path) -> None:
    assert examine(Warehouse.create(tmp_path)) == []


@pytest.mark.parametrize("name", ["respondents", "responses", "cells", "crosstabs", "structures"])
def test_one_changed_byte(copied: Warehouse, name: str) -> None:
    path = panel_folder(copied) / f"{name}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (finding,) = findings(copied)
    assert finding.where == f"panel {path.parent.name.removeprefix('panel=')}"
    assert finding.problem == f"{name}.parquet is not the file that was published (SHA-256 differs)"
    assert str(path.parent) in finding.mend


def test_a_deleted_file(copied: Warehouse) -> None:
    (panel_folder(copied) / "cells.parquet").unlink()
    assert [finding.problem for finding in findings(copied)] == ["cells.parquet is missing"]


@pytest.mark.parametrize("content", [b"", b"PAR1", None])
def test_a_panel_without_its_own_row(copied: Warehouse, content: bytes | None) -> None:
    path = panel_folder(copied) / "panel.parquet"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    (finding,) = findings(copied)
    assert "panel.parquet cannot be read" in finding.problem


def test_a_panel_whose_study_is_gone(copied: Warehouse) -> None:
    shutil.rmtree(copied.layout.studies / "park")
    (finding,) = findings(copied)
    assert "its study park/" in finding.problem


def change(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(n=pl.when(pl.int_range(pl.len()) == 2).then(pl.col("n") + 1).otherwise("n"))


@pytest.mark.parametrize(
    ("name", "forge"),
    [
        ("cells", change),
        ("crosstabs", change),
        ("structures", change),
        ("cells", lambda frame: frame.head(-1)),
        ("cells", lambda frame: frame.with_columns(w=pl.col("w") * 1.001)),
        ("crosstabs", lambda frame: frame.clear()),
    ],
)
def test_counts_that_contradict_the_answers(
    copied: Warehouse, name: str, forge: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    folder = panel_folder(copied)
    write_table(folder / f"{name}.parquet", forge(pl.read_parquet(folder / f"{name}.parquet")), PANEL[name])
    record_again(folder)
    (finding,) = findings(copied)
    assert finding.problem == f"{name} are not the counts of its responses"


def test_people_that_are_gone(
    own_warehouse: Warehouse, park_files: tuple[Path, Path], park_people: Callable[..., pl.DataFrame]
) -> None:
    study, data = park_files
    people = panel_folder(own_warehouse)
    reference = people.name.removeprefix("panel=")
    park_people(20, seed=4).drop("person", "wt").write_csv(data)
    done = import_simulated(own_warehouse, study, data, reference=reference)
    shutil.rmtree(people)
    (finding,) = findings(own_warehouse)
    assert finding.where == f"panel {done.panel_id}"
    assert reference in finding.problem


def test_answers_taken_out(copied: Warehouse) -> None:
    folder = panel_folder(copied)
    responses = pl.read_parquet(folder / "responses.parquet").filter(pl.col("item_id") != "green")
    write_table(folder / "responses.parquet", responses, PANEL["responses"])
    record_again(folder)
    problems = {finding.problem for finding in findings(copied)}
    assert "counts other respondents or answers than it recorded" in problems
    assert "cells are not the counts of its responses" in problems


def test_other_columns_than_tables_py(copied: Warehouse) -> None:
    folder = panel_folder(copied)
    pl.read_parquet(folder / "cells.parquet").with_columns(n=pl.col("n").cast(pl.String)).write_parquet(
        folder / "cells.parquet"
    )
    record_again(folder)
    assert [f.problem for f in findings(copied)] == ["cells.parquet has other columns or rows than recorded"]


def test_what_an_interrupted_run_left(copied: Warehouse) -> None:
    old, new, chunks = (copied.layout.staging / name for name in ("old.1", "new.2", "chunks"))
    for folder in (old, new, chunks):
        folder.mkdir(exist_ok=True)
    os.utime(old, (1, 1))
    os.utime(chunks, (1, 1))
    (finding,) = findings(copied)
    assert (finding.where, finding.problem) == ("_staging/old.1", "left behind by an interrupted run")
    assert str(old) in finding.mend
    assert len([f for f in examine(copied, orphan_age=-1) if f.where.startswith("_staging")]) == 2


def test_a_catalog_that_does_not_list_a_panel(own_warehouse: Warehouse, park_files: tuple[Path, Path]) -> None:
    """A crash between publishing and the rebuild: found, and healed by importing again."""
    folder = panel_folder(own_warehouse)
    twin = folder.with_name("panel=park-human-copied")
    shutil.copytree(folder, twin)
    (finding,) = examine(own_warehouse)
    assert (finding.where, finding.problem) == ("catalog", "does not list what is published")
    assert "simframe rebuild" in finding.mend
    import_panel(own_warehouse, *park_files)
    assert examine(own_warehouse) == []
    assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 2
    shutil.rmtree(twin)
    assert [finding.where for finding in examine(own_warehouse)] == ["catalog"]
    Warehouse.create(own_warehouse.layout.root)
    assert examine(own_warehouse) == []


def test_a_warehouse_without_catalog(copied: Warehouse) -> None:
    copied.layout.catalog.unlink()
    (finding,) = examine(copied)
    assert (finding.where, finding.problem) == ("catalog", "no warehouse catalog here")
    assert "simframe rebuild" in finding.mend


def test_a_file_from_before_a_column_was_added(copied: Warehouse) -> None:
    folder = panel_folder(copied)
    path = folder / "responses.parquet"
    table = pl.read_parquet(path, hive_partitioning=False).to_arrow()
    kept = [name for name in PANEL["responses"].names if name != "position"]
    older = pa.schema([PANEL["responses"].field(name) for name in kept])
    write_table(path, table.select(kept), older)
    record_again(folder)
    assert findings(copied) == []
    turned = pa.schema([older.field(name) for name in reversed(kept)])
    write_table(path, table.select(kept), turned)
    record_again(folder)
    (finding,) = findings(copied)
    assert finding.problem == "responses.parquet has other columns or rows than recorded"
