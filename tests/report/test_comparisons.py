"""A report is about the panels that the same people judge; which, is chosen openly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from simframe.cli import main
from simframe.errors import ReportError
from simframe.ingest import import_simulated
from simframe.report import collect
from simframe.report.sections import compose
from simframe.warehouse import Warehouse


@pytest.fixture
def judged(
    own_warehouse: Warehouse, park_files: tuple[Path, Path], park_people: Callable[..., pl.DataFrame]
) -> tuple[Warehouse, str]:
    """Two panels judged by the holdout, and a later one by everybody, its own pilot among them."""
    reference = own_warehouse.sql("SELECT panel_id FROM panels").item()
    for seed, more in ((4, {"split": "holdout"}), (5, {"split": "holdout"}), (6, {"pilot": 12})):
        path = park_files[0].with_name(f"m{seed}.csv")
        park_people(30, seed).drop("person", "wt", "region").write_csv(path)
        import_simulated(own_warehouse, park_files[0], path, reference=reference, **more)  # type: ignore[arg-type]
    return own_warehouse, reference


def labels(root: Path, **asked: str) -> set[str]:
    return {panel.label for panel in collect(root, **asked).panels}


def test_one_panel_judged_otherwise_does_not_take_the_page_over(judged: tuple[Warehouse, str]) -> None:
    root = judged[0].layout.root
    assert labels(root) == {"m4", "m5"}
    assert labels(root, split="all") == {"m6"}
    assert labels(root, split="holdout", reference=judged[1]) == {"m4", "m5"}
    found = collect(root)
    assert found.elsewhere == 1
    assert [(each.reference_split, each.panels, each.chosen) for each in found.comparisons] == [
        ("holdout", 2, True),
        (None, 1, False),
    ]
    assert any("simframe report --split all" in text for text in compose(found).answer.caveats)


def test_a_panel_judged_by_its_own_pilot_is_said_to_be(judged: tuple[Warehouse, str]) -> None:
    root = judged[0].layout.root
    said = compose(collect(root, split="all")).answer.caveats
    assert any("1 panel is judged by people among whom is the pilot it was tuned" in text for text in said)
    assert not any("flatter" in text for text in compose(collect(root)).answer.caveats)


@pytest.mark.parametrize(
    ("asked", "parts"),
    [({"split": "pilot"}, ["'pilot'", "known: all, holdout"]), ({"reference": "nobody"}, ["'nobody'", "known: park-"])],
)
def test_who_judges_nobody_is_refused(judged: tuple[Warehouse, str], asked: dict[str, str], parts: list[str]) -> None:
    with pytest.raises(ReportError) as caught:
        collect(judged[0].layout.root, **asked)
    for part in ("mend: ", *parts):
        assert part in str(caught.value)


def test_the_command_line_chooses_too(judged: tuple[Warehouse, str], tmp_path: Path) -> None:
    out = tmp_path / "all.md"
    words = ["report", "--split", "all", "--reference", judged[1], "-o", str(out), "-w", str(judged[0].layout.root)]
    assert CliRunner().invoke(main, words).exit_code == 0
    assert "1 simulated panel and 0 baselines, each compared with people." in out.read_text("utf-8")
