from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from simframe.errors import ModelError
from simframe.simulate.chunks import Chunks, ranges

FRAME = pl.DataFrame({"a": [1, 2, 3], "p": [[0.1, 0.9], [0.5, 0.5], [1.0, 0.0]]})


def test_ranges_part_everybody_once():
    assert [list(part) for part in ranges(5, 2)] == [[0, 1], [2, 3], [4]]
    assert ranges(0, 2) == []


def test_a_finished_chunk_is_kept(tmp_path: Path):
    chunks = Chunks(tmp_path / "run", "k")
    assert chunks.read(0) is None
    chunks.write(0, FRAME, {"tokens": 4})
    kept = Chunks(tmp_path / "run", "k").read(0)
    assert kept is not None
    assert kept[0].equals(FRAME)
    assert kept[1] == {"tokens": 4}
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["chunk-000000.json", "chunk-000000.parquet"]


@pytest.mark.parametrize("harm", ["torn", "altered", "foreign", "no_receipt", "torn_receipt", "no_data"])
def test_a_harmed_chunk_is_made_again(tmp_path: Path, harm: str):
    chunks = Chunks(tmp_path, "k")
    chunks.write(0, FRAME, {})
    data, receipt = tmp_path / "chunk-000000.parquet", tmp_path / "chunk-000000.json"
    if harm == "torn":
        data.write_bytes(data.read_bytes()[:100])
    elif harm == "altered":
        FRAME.with_columns(a=pl.lit(9)).write_parquet(data)
    elif harm == "foreign":
        chunks = Chunks(tmp_path, "another run")
    elif harm == "no_receipt":
        receipt.unlink()
    elif harm == "torn_receipt":
        receipt.write_text(receipt.read_text()[:20])
    else:
        data.unlink()
    assert chunks.read(0) is None
    chunks.write(0, FRAME, {})
    assert chunks.read(0) is not None


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"(?s)file.*finished chunks are kept"):
        Chunks(tmp_path / "file" / "run", "k")
