"""A study that changes gets another version; the old one stays, and a stored one never changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from simframe.errors import WarehouseError
from simframe.ingest import import_panel
from simframe.warehouse import Warehouse, examine


def test_two_versions_stand_side_by_side(own_warehouse: Warehouse, park_files: tuple[Path, Path]) -> None:
    study, data = park_files
    (old,) = own_warehouse.sql("SELECT study_hash FROM panels").row(0)
    study.write_text(study.read_text("utf-8").replace('label = "somewhat"', 'label = "a little"'), "utf-8")
    done = import_panel(own_warehouse, study, data)
    assert done.fresh, "the same answers under another study are another panel"
    new = own_warehouse.study_of(done.panel_id).study_hash
    assert new != old
    views = set(own_warehouse.sql("SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'wide%'")["view_name"])
    assert views == {"wide_park", f"wide_park_{old}"}
    for view, label, count in (("wide_park", "a little", 60), (f"wide_park_{old}", "somewhat", 60)):
        found = own_warehouse.sql(f"SELECT green_label FROM {view}")["green_label"]
        assert len(found) == count
        assert {"a little", "somewhat"} & set(found) == {label}
    assert examine(own_warehouse) == []


def test_a_stored_study_that_was_changed_is_refused(own_warehouse: Warehouse) -> None:
    (panel_id,) = own_warehouse.sql("SELECT panel_id FROM panels").row(0)
    study = own_warehouse.study_of(panel_id)
    path = own_warehouse.layout.study(study.id, study.study_hash) / "study.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("somewhat", "a little"), "utf-8")
    for action in (own_warehouse.rebuild, lambda: own_warehouse.study_of(panel_id)):
        with pytest.raises(WarehouseError, match="its content is that of version") as caught:
            action()
        assert str(path) in str(caught.value)
        assert "a stored version never changes" in str(caught.value)
    assert {finding.where for finding in examine(own_warehouse)} >= {f"study park/{study.study_hash}"}
    path.unlink()
    with pytest.raises(WarehouseError, match="no such study version"):
        own_warehouse.rebuild()
    path.write_text("# only the layout differs\n" + text, "utf-8")
    own_warehouse.rebuild()
    assert examine(own_warehouse) == []


def test_tables_of_a_study_that_were_changed_are_found(own_warehouse: Warehouse) -> None:
    (study,) = (own_warehouse.layout.studies / "park").iterdir()
    (study / "items.parquet").write_bytes((study / "pairs.parquet").read_bytes())
    (study / "levels.parquet").unlink()
    found = {finding.problem for finding in examine(own_warehouse) if finding.where.startswith("study park/")}
    assert found == {
        "items.parquet does not say what study.toml says",
        "levels.parquet does not say what study.toml says",
    }
