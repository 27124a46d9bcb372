"""An import publishes a human panel once, the same whatever the file's form, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from simframe.errors import SimframeError
from simframe.ingest import import_panel
from simframe.warehouse import Warehouse


def test_the_same_people_are_imported_once(
    own_warehouse: Warehouse, park_files: tuple[Path, Path], park_people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    study, data = park_files
    parquet, shuffled = tmp_path / "people.parquet", tmp_path / "shuffled.tsv"
    park_people().write_parquet(parquet)
    park_people().sample(fraction=1, shuffle=True, seed=3).write_csv(shuffled, separator="\t")
    done = [import_panel(own_warehouse, study, file) for file in (data, parquet, shuffled)]
    assert len({one.panel_id for one in done}) == 1
    assert not any(one.fresh for one in done), "the fixture's warehouse holds them already"
    assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 1


def test_other_answers_are_another_panel(own_warehouse: Warehouse, park_files: tuple[Path, Path]) -> None:
    study, data = park_files
    changed = data.read_text("utf-8").replace("house", "flat", 1)
    data.write_text(changed, "utf-8")
    done = import_panel(own_warehouse, study, data, label="O'Hara & <b>sons</b>")
    assert done.fresh
    assert sum(done.splits.values()) == 60
    assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 2
    panel = own_warehouse.panel(done.panel_id)
    assert (panel["label"], panel["source"], panel["kind"]) == ("O'Hara & <b>sons</b>", "people.csv", "human")
    assert panel["n_respondents"] == 60


@pytest.mark.parametrize("column", ["age", "q1", "wt", "person"])
def test_refused_data_publish_nothing(own_warehouse: Warehouse, park_files: tuple[Path, Path], column: str) -> None:
    study, data = park_files
    frame = pl.read_csv(data, infer_schema=False)
    frame.with_columns(
        pl.when(pl.int_range(pl.len()) > 57).then(pl.lit("-77")).otherwise(column).alias(column)
    ).write_csv(data)
    before = sorted(str(path) for path in own_warehouse.layout.root.rglob("*"))
    with pytest.raises(SimframeError, match=r"people\.csv") as caught:
        import_panel(own_warehouse, study, data)
    assert "-77" in str(caught.value)
    assert sorted(str(path) for path in own_warehouse.layout.root.rglob("*")) == before


def test_answers_and_ids_in_any_script(tmp_path: Path, park_text: str) -> None:
    names = ["Zoë", "O'Brien", 'Say "hi"', "日本", "a\\b", "x;DROP TABLE panels;--"]
    codes = ["ja, sehr", "it's", 'a "b"', "はい", "%_", "\\"]
    options = "\n".join(f"[[item.options]]\ncode = '''{c}'''\nlabel = '''{c} <&> label'''" for c in codes)
    study = tmp_path / "words.toml"
    study.write_text(
        f'[study]\nid = "words"\ntitle = "It\'s \\"words\\""\n[data]\nrespondent_id = "who"\n'
        f'[[item]]\nid = "word"\nlabel = "O\'Word"\nscale = "nominal"\nrole = "attitude"\nsubgroup = true\n{options}\n'
        f'[[item]]\nid = "other"\nlabel = "other"\nscale = "nominal"\nrole = "attitude"\n{options}\n'
        '[[structure]]\nid = "both"\nlabel = "both"\nitems = ["word", "other"]\n',
        "utf-8",
    )
    data = tmp_path / "words.csv"
    pl.DataFrame({"who": names, "word": codes, "other": codes[::-1]}).write_csv(data)
    warehouse = Warehouse.create(tmp_path / "w")
    import_panel(warehouse, study, data)
    wide = warehouse.sql("SELECT respondent_id, word, word_label FROM wide_words")
    assert {row[0]: row[1] for row in wide.iter_rows()} == dict(zip(names, codes, strict=True))
    assert all(row[2] == f"{row[1]} <&> label" for row in wide.iter_rows())
    tuples = warehouse.sql("SELECT structure::JSON->>0 AS a, structure::JSON->>1 AS b FROM structures")
    assert set(tuples.iter_rows()) == set(zip(codes, codes[::-1], strict=True))
    levels = warehouse.sql("SELECT DISTINCT level FROM cells WHERE attribute = 'word'")["level"]
    assert set(levels) == set(codes)


def test_at_most_ten_columns_that_nothing_is_read_from_are_named(
    own_warehouse: Warehouse, park_files: tuple[Path, Path]
) -> None:
    study, data = park_files
    assert not [note for note in import_panel(own_warehouse, study, data).notes if note.startswith("not read")]
    frame = pl.read_csv(data, infer_schema=False)
    frame.with_columns(pl.lit("x").alias(f"x{place}") for place in range(12)).write_csv(data)
    assert (
        import_panel(own_warehouse, study, data)
        .notes[-1]
        .endswith("not read: x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, and 2 more")
    )


def test_items_that_nobody_answered_are_named(own_warehouse: Warehouse, park_files: tuple[Path, Path]) -> None:
    study, data = park_files
    pl.read_csv(data, infer_schema=False).with_columns(q1=pl.lit("")).write_csv(data)
    assert [note for note in import_panel(own_warehouse, study, data).notes if note.startswith("nobody answered green")]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("step = 0.5", None),
        ("step = 3", "days: 3 of 5 answers, such as 0.5, lie between the numbers .* .steps of 3 from 0.; set step"),
        ("", "days: 1 of 5 answers, such as 0.5, lie between the numbers .* .steps of 1 from 0.; set step"),
    ],
)
def test_numbers_that_nobody_simulated_can_give_are_told(
    own_warehouse: Warehouse, tmp_path: Path, step: str, told: str | None
) -> None:
    item = f'id = "days"\nlabel = "Days"\nwording = "How many days?"\nscale = "interval"\nrange = [0, 10]\n{step}\n'
    (tmp_path / "s.toml").write_text(f'[study]\nid = "s"\ntitle = "S"\n[[item]]\nrole = "outcome"\n{item}')
    (tmp_path / "p.csv").write_text("days\n0.5\n3\n1\n2\n9\n")
    notes = [n for n in import_panel(own_warehouse, tmp_path / "s.toml", tmp_path / "p.csv").notes if "days" in n]
    assert [bool(re.match(told, note)) for note in notes] == [True] if told else not notes
