"""A panel is published whole and once, or refused with a reason."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from simframe.errors import WarehouseError
from simframe.ingest import assign_split, recode
from simframe.study import Study
from simframe.warehouse import Provenance, Warehouse, wide
from simframe.warehouse.layout import Layout, interruptible, staged, write_table
from simframe.warehouse.publish import publish_panel

PROVENANCE = Provenance("made-by-hand", "human", "people", "people.csv", "survey")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "w")


@pytest.fixture(scope="module")
def frames(park: Study, park_people: Callable[..., pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    respondents, responses = recode(park, park_people())
    return assign_split(park, respondents, wide(park, responses)), responses


def nothing_published(layout: Layout) -> bool:
    """Neither a panel nor anything half-made is there."""
    return not [path for path in layout.root.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_publishing_twice_is_refused(layout: Layout, park: Study, frames: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    publish_panel(layout, park, PROVENANCE, *frames)
    before = {path: path.read_bytes() for path in layout.data.rglob("*.parquet")}
    with pytest.raises(WarehouseError, match="panel=made-by-hand: is already published") as caught:
        publish_panel(layout, park, replace(PROVENANCE, label="other"), *frames)
    assert "immutable" in str(caught.value)
    assert {path: path.read_bytes() for path in layout.data.rglob("*.parquet")} == before
    assert list(layout.staging.iterdir()) == []


def test_the_same_panel_is_the_same_bytes(
    tmp_path: Path, park: Study, frames: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    """Whatever the order of its rows: hashes of tables identify their content."""
    respondents, responses = frames
    contents = []
    for name, seed in (("a", 1), ("b", 2)):
        place = Layout(tmp_path / name)
        publish_panel(
            place,
            park,
            PROVENANCE,
            respondents.sample(fraction=1, shuffle=True, seed=seed),
            responses.sample(fraction=1, shuffle=True, seed=seed),
        )
        folder = place.panel("made-by-hand")
        contents.append({path.name: path.read_bytes() for path in folder.iterdir() if path.name != "panel.parquet"})
    assert contents[0] == contents[1]


def edit(frame: pl.DataFrame, column: str, value: Any, row: int = 0) -> pl.DataFrame:
    dtype = frame.schema[column]
    return frame.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value, dtype)).otherwise(column).alias(column)
    )


People = Callable[[pl.DataFrame, pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]
REFUSALS: list[tuple[str, People, list[str]]] = [
    ("nobody", lambda p, a: (p.clear(), a), ["is empty"]),
    ("no answers", lambda p, a: (p, a.clear()), ["is empty"]),
    ("person twice", lambda p, a: (pl.concat([p, p.head(1)]), a), ["'p000' stands twice"]),
    ("person without id", lambda p, a: (edit(p, "respondent_id", None), a), ["no id"]),
    ("negative weight", lambda p, a: (edit(p, "weight", -1.0), a), ["weight", "negative"]),
    ("missing weight", lambda p, a: (edit(p, "weight", None), a), ["weight", "missing"]),
    ("infinite weight", lambda p, a: (edit(p, "weight", math.inf), a), ["weight"]),
    ("NaN weight", lambda p, a: (edit(p, "weight", math.nan), a), ["weight"]),
    ("no weight", lambda p, a: (p.with_columns(weight=pl.lit(0.0)), a), ["no weight at all"]),
    ("stranger", lambda p, a: (p.tail(-1), a), ["answers of 'p000', who is no respondent"]),
    ("answers twice", lambda p, a: (p, pl.concat([a, a.head(1)])), ["'p000' answers 'age' twice"]),
    ("unknown item", lambda p, a: (p, edit(a, "item_id", "agee")), ["answers item 'agee', which study 'park' has not"]),
    ("unknown option", lambda p, a: (p, edit(a, "code", "tent", 60)), ["answers 'tent' to 'home'", "none of its"]),
    ("unknown bin", lambda p, a: (p, edit(a, "code", "ancient")), ["answers 'ancient' to 'age'"]),
    ("missing yet said", lambda p, a: (p, edit(edit(a, "code", "flat", 60), "missing", True, 60)), ["its missing"]),
    ("said yet missing", lambda p, a: (p, edit(edit(a, "code", "9", 120), "missing", False, 120)), ["'9' to"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "parts"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS])
def test_a_panel_that_contradicts_itself_or_its_study(
    layout: Layout, park: Study, frames: tuple[pl.DataFrame, pl.DataFrame], change: People, parts: list[str]
) -> None:
    with pytest.raises(WarehouseError) as caught:
        publish_panel(layout, park, PROVENANCE, *change(*frames))
    for part in ("panel made-by-hand: ", "mend: ", *parts):
        assert part in str(caught.value)
    assert nothing_published(layout)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("panel_id", "../up", "cannot be a panel id"),
        ("panel_id", "a/b", "cannot be a panel id"),
        ("panel_id", "Upper", "cannot be a panel id"),
        ("panel_id", "_anchor", "cannot be a panel id"),
        ("panel_id", "", "cannot be a panel id"),
        ("panel_id", "a\n", "cannot be a panel id"),
        ("panel_id", "a" * 200, "cannot be a panel id"),
        ("kind", "robot", "kind 'robot' is unknown"),
    ],
)
def test_ids_and_kinds_that_cannot_be(
    layout: Layout, park: Study, frames: tuple[pl.DataFrame, pl.DataFrame], field: str, value: str, says: str
) -> None:
    with pytest.raises(WarehouseError, match=says):
        publish_panel(layout, park, replace(PROVENANCE, **{field: value}), *frames)
    assert nothing_published(layout)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError, MemoryError])
def test_whatever_stops_it_staging_is_clean(layout: Layout, error: type[BaseException]) -> None:
    def stopped() -> None:
        with staged(layout, layout.panel("x")) as work:
            (work / "half.parquet").write_bytes(b"half")
            raise error

    with pytest.raises(error):
        stopped()
    assert list(layout.staging.iterdir()) == []
    assert not layout.panel("x").exists()
    with staged(layout, layout.panel("x")) as work:
        (work / "whole.parquet").write_bytes(b"whole")
    assert [path.name for path in layout.panel("x").iterdir()] == ["whole.parquet"]


def test_ctrl_c_while_the_tables_are_written(
    layout: Layout, park: Study, frames: tuple[pl.DataFrame, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interrupt arrives at the last file, when six are written."""
    written: list[Path] = []

    def interrupted(path: Path, frame: Any, schema: pa.Schema) -> None:
        if path.name == "panel.parquet":
            raise KeyboardInterrupt
        write_table(path, frame, schema)
        written.append(path)

    monkeypatch.setattr("simframe.warehouse.publish.write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish_panel(layout, park, PROVENANCE, *frames)
    assert len(written) == 6
    assert nothing_published(layout)


def test_ctrl_c_in_duckdb_is_a_keyboard_interrupt() -> None:
    """DuckDB's words for it, as measured; when it notices the press is its own affair."""
    with pytest.raises(KeyboardInterrupt), interruptible():
        raise RuntimeError("Query interrupted")
    with pytest.raises(RuntimeError, match="another"), interruptible():
        raise RuntimeError("another")


def test_tables_have_no_column_and_no_type_of_their_own(tmp_path: Path) -> None:
    schema = pa.schema([("name", pa.string()), ("n", pa.int64())])
    with pytest.raises(WarehouseError, match=r"unknown columns \['m'\]"):
        write_table(tmp_path / "t.parquet", pl.DataFrame({"m": [1]}), schema)
    for bad in ("many", 1.5):
        with pytest.raises(WarehouseError, match="column 'n' does not fit int64"):
            write_table(tmp_path / "t.parquet", pl.DataFrame({"n": [bad]}), schema)
    write_table(tmp_path / "t.parquet", pl.DataFrame({"n": [2.0]}), schema)
    assert pl.read_parquet(tmp_path / "t.parquet").rows() == [(None, 2)]


def test_a_warehouse_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    for root in (tmp_path / "file", tmp_path / "file" / "w"):
        with pytest.raises(WarehouseError, match="cannot make a warehouse") as caught:
            Warehouse.create(root)
        assert str(root) in str(caught.value)
        assert "mend: check that the folder" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where others may not")
def test_a_read_only_folder(layout: Layout, park: Study, frames: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    layout.root.mkdir()
    layout.root.chmod(0o500)
    try:
        with pytest.raises(WarehouseError, match="cannot write: Permission denied"):
            publish_panel(layout, park, PROVENANCE, *frames)
        with pytest.raises(WarehouseError, match="cannot make a warehouse: Permission denied"):
            Warehouse.create(layout.root)
    finally:
        layout.root.chmod(0o700)
    assert nothing_published(layout)
