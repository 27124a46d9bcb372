"""JSON, Markdown, the command and its refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from click.testing import CliRunner

from simframe.cli import main
from simframe.errors import ReportError, SimframeError
from simframe.ingest import import_panel
from simframe.report import SCHEMA_VERSION, collect, json_schema, write_report
from simframe.report.findings import Findings
from simframe.report.markdown import markdown
from simframe.report.write import format_of
from simframe.warehouse import Warehouse


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_json_is_strict_fits_its_schema_and_says_what_sql_says(scorecard: pl.DataFrame, findings: Findings) -> None:
    data = json.loads(findings.to_json(), parse_constant=no_constant)
    jsonschema.validate(data, json_schema())
    assert data["schema_version"] == SCHEMA_VERSION
    shown = {(row["panel_id"], row["axis"]): row for row in data["scores"]}
    assert len(shown) == scorecard.height
    for row in scorecard.to_dicts():
        found = shown[row["panel_id"], row["axis"]]
        assert found["verdict"] == row["verdict"]
        for name in ("estimate", "ci_low", "floor_q95"):
            assert found[name] == pytest.approx(row[name])
    broken = data | {"scores": [{**data["scores"][0], "estimate": "much"}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json_schema())


def test_markdown_has_the_same_tables_and_no_markup(findings: Findings, page: str) -> None:
    text = markdown(findings)
    outside = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "<" not in outside
    assert "&lt;script&gt;" in outside
    tables = re.findall(r"(?:^\|.*\|$\n?)+", outside, flags=re.MULTILINE)
    assert len(tables) > 10
    for table in tables:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.strip().splitlines()}
        assert len(cells) == 1, table
    score = next(s for s in findings.scores if s.panel_id == findings.focus.best and s.axis == "marginals")
    for part in (f"{score.estimate:.3f}", "## Scorecard", "## Regression coefficients", score.verdict):
        assert part in text
        assert part.removeprefix("## ") in page


def test_command_writes_the_page(planted: Warehouse, tmp_path: Path, page: str) -> None:
    out = tmp_path / "r.html"
    done = CliRunner().invoke(main, ["report", "-w", str(planted.layout.root), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "r.html" in done.output
    assert out.read_text("utf-8") == page, "the same warehouse gives the same page"
    assert [file.name for file in tmp_path.iterdir()] == ["r.html"]


@pytest.mark.parametrize(("name", "found"), [("r.html", "html"), ("r.HTM", "html"), ("r.json", "json"), ("r.md", "md")])
def test_suffix_tells_the_format(name: str, found: str) -> None:
    assert format_of(Path(name)) == found
    assert format_of(Path(name), "md") == "md"


def test_format_wins_over_suffix_and_study_may_be_named(planted: Warehouse, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    args = ["report", "-w", str(planted.layout.root), "-o", str(out), "--format", "json", "--study", "park"]
    assert CliRunner().invoke(main, args).exit_code == 0
    assert json.loads(out.read_text("utf-8"))["study"]["study_id"] == "park"


def test_refusals_name_thing_and_mend(planted: Warehouse, tmp_path: Path) -> None:
    root = planted.layout.root
    missing = tmp_path / "no" / "report.html"
    cases: list[tuple[Callable[[], object], str, str]] = [
        (lambda: write_report(root, tmp_path / "report.doc"), "report.doc", ".html"),
        (lambda: write_report(root, tmp_path / "report.html", format="pdf"), "pdf", "known"),
        (lambda: write_report(root, tmp_path), str(tmp_path), "name a file"),
        (lambda: write_report(root, missing), str(missing), "make the folder"),
        (lambda: write_report(root, tmp_path / "report.json", study="pork"), "pork", "park"),
        (lambda: write_report(tmp_path / "nowhere", tmp_path / "report.md"), "nowhere", "init"),
    ]
    for act, thing, mend in cases:
        with pytest.raises(SimframeError) as caught:
            act()
        assert thing in str(caught.value)
        assert mend in str(caught.value.mend)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_target(planted: Warehouse) -> None:
    target = Path("/proc/simframe-report.json")
    if not target.parent.is_dir():
        pytest.skip("no /proc, where nobody may make a file")
    with pytest.raises(ReportError, match="cannot be written") as caught:
        write_report(planted.layout.root, target)
    assert caught.value.mend


def test_a_failure_keeps_the_old_report(planted: Warehouse, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    out.write_text("old", "utf-8")
    with pytest.raises(ReportError):
        write_report(planted.layout.root, out, study="other")
    assert out.read_text("utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_empty_warehouse(tmp_path: Path) -> None:
    Warehouse.create(tmp_path / "empty")
    with pytest.raises(ReportError, match="no panel yet") as caught:
        collect(tmp_path / "empty")
    assert "simframe import" in str(caught.value)


def test_several_studies_need_a_name(
    own_warehouse: Warehouse, park_text: str, park_people: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    (tmp_path / "garden.toml").write_text(park_text.replace('id = "park"', 'id = "garden"'), "utf-8")
    park_people().write_csv(tmp_path / "garden.csv")
    import_panel(own_warehouse, tmp_path / "garden.toml", tmp_path / "garden.csv")
    with pytest.raises(ReportError, match="garden, park") as caught:
        collect(own_warehouse.layout.root)
    assert "--study" in str(caught.value.mend)
    assert collect(own_warehouse.layout.root, "garden").study.study_id == "garden"
