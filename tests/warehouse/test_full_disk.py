"""A disk that fills up or takes no writes: a clear error, nothing half-published, and a rerun that works."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from simframe.errors import WarehouseError
from simframe.ingest import import_panel
from simframe.warehouse import Warehouse, examine

LIMITED = """if True:
    import json, resource, sys
    from simframe.errors import WarehouseError
    from simframe.ingest import import_panel
    from simframe.warehouse import Warehouse
    root, study, data, limit = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    try:
        import_panel(Warehouse(root), study, data)
    except WarehouseError as err:
        print(json.dumps([err.where, err.message, err.mend]))
"""


def staged_folders(warehouse: Warehouse) -> list[str]:
    return [path.name for path in warehouse.layout.staging.iterdir() if path.is_dir()]


@pytest.mark.parametrize(("limit", "published"), [(1500, 1), (100_000, 2)], ids=["tables", "catalog"])
def test_the_system_refuses_a_larger_file(
    own_warehouse: Warehouse,
    park_files: tuple[Path, Path],
    python: Callable[..., str],
    limit: int,
    published: int,
) -> None:
    """With room for small tables alone the panel is refused; with room for tables it stands, but its catalog fails."""
    study, data = park_files
    data.write_text(data.read_text("utf-8").replace("north", "west", 1), "utf-8")
    out = python(LIMITED, own_warehouse.layout.root, study, data, limit)
    where, message, mend = json.loads(out)
    assert str(own_warehouse.layout.root) in where
    assert "File too large" in message
    assert "free some space" in mend
    assert staged_folders(own_warehouse) == []
    assert len(list(own_warehouse.layout.data.glob("panel=park-*"))) == published
    assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 1, "the old catalog still answers"
    import_panel(own_warehouse, study, data)
    assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 2
    assert examine(own_warehouse) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_full(
    small_disk: Path, park_files: tuple[Path, Path], park_people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    study, data = park_files
    warehouse = Warehouse.create(small_disk / "w")
    large = tmp_path / "large.parquet"
    park_people(3000).write_parquet(large)
    ballast = small_disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass
    with pytest.raises(WarehouseError, match="No space left on device") as caught:
        import_panel(warehouse, study, large)
    assert "free some space, then run the same command again" in str(caught.value)
    assert staged_folders(warehouse) == []
    assert list(warehouse.layout.data.glob("panel=park-*")) == []
    assert warehouse.sql("SELECT count(*) FROM panels").item() == 0
    ballast.unlink()
    assert import_panel(warehouse, study, data).fresh
    assert warehouse.sql("SELECT count(*) FROM panels").item() == 1
    assert examine(warehouse) == []


def test_a_disk_that_fills_up_while_the_catalog_is_written(small_disk: Path, park_files: tuple[Path, Path]) -> None:
    """However much room is left, a rebuild either says that it failed or leaves a whole catalog."""
    warehouse = Warehouse.create(small_disk / "w")
    import_panel(warehouse, *park_files)
    failed = 0
    for room in range(0, 8_400_000, 1_200_000):
        ballast = small_disk / "ballast"
        usage = shutil.disk_usage(small_disk)
        with ballast.open("wb") as file:
            file.write(bytes(max(0, usage.free - room)))
        try:
            warehouse.rebuild()
        except WarehouseError as err:
            assert "free some space" in str(err)  # noqa: PT017 - whether it fails is what varies
            failed += 1
        ballast.unlink()
        assert warehouse.sql("SELECT count(*) FROM responses").item() == 300
        assert staged_folders(warehouse) == []
    assert 0 < failed < 7, "both outcomes were seen"


def test_a_disk_that_takes_no_writes(small_disk: Path, park_files: tuple[Path, Path]) -> None:
    """Reading goes on; everything that writes says why it cannot."""
    warehouse = Warehouse.create(small_disk / "w")
    import_panel(warehouse, *park_files)
    park_files[1].write_text(park_files[1].read_text("utf-8").replace("north", "west", 1), "utf-8")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for write in (
        lambda: import_panel(warehouse, *park_files),
        warehouse.rebuild,
        lambda: Warehouse.create(small_disk / "other"),
    ):
        with pytest.raises(WarehouseError, match="Read-only file system") as caught:
            write()
        assert "is yours to write, and is on a writable disk" in str(caught.value)
    assert Warehouse.open(small_disk / "w").sql("SELECT count(*) FROM panels").item() == 1
    assert examine(warehouse) == []
