"""The command line as a person meets it: help, output, errors without a traceback, exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from simframe.cli import COMMANDS, main
from simframe.warehouse import Warehouse


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def refused(result: Result) -> str:
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.stderr.startswith("error: ")
    assert "mend: " in result.stderr
    return result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert COMMANDS[command]
    assert "Usage:" in result.output


def test_help_lists_every_command() -> None:
    result = call("--help")
    assert [name for name in COMMANDS if not re.search(rf"^  {name} ", result.output, re.M)] == []


def test_an_unknown_command_is_a_usage_error() -> None:
    result = call("simualte")
    assert result.exit_code == 2
    assert "no command 'simualte'; did you mean 'simulate'? known: audit" in result.output


def test_init_twice_keeps_the_warehouse(tmp_path: Path) -> None:
    assert call("init", "-w", tmp_path / "w").exit_code == 0
    again = call("init", "-w", tmp_path / "w")
    assert again.exit_code == 0
    assert call("ls", "-w", tmp_path / "w").output.startswith("no panel yet")


def test_import_is_made_once(tmp_path: Path, park_files: tuple[Path, Path]) -> None:
    study, data = park_files
    first = call("import", study, data, "-w", tmp_path / "w")
    assert "published" in first.output
    assert "12 pilot" in first.output
    again = call("import", study, data, "-w", tmp_path / "w")
    assert again.exit_code == 0
    assert "already published, nothing to do" in again.output


def test_import_of_simulated_answers(
    own_warehouse: Warehouse, park_files: tuple[Path, Path], park_people: Callable[..., pl.DataFrame]
) -> None:
    study, data = park_files
    root, reference = own_warehouse.layout.root, own_warehouse.sql("SELECT panel_id FROM panels").item()
    park_people(30, seed=4).drop("person", "wt").write_csv(data)
    words = ["import", study, data, "--kind", "simulated", "--reference", reference, "-w", root]
    first = call(*words, "--split", "holdout", "--model", "some-7b", "--pilot", 12, "--label", "elsewhere")
    assert first.exit_code == 0, first.output
    assert "published (30 simulated)" in first.output
    assert "nothing to do" in call(*words, "--split", "holdout", "--model", "some-7b", "--pilot", 12).output
    panel_id = first.output.partition(":")[0]
    shown = call("show", panel_id, "-w", root).output
    for part in ("elsewhere", "some-7b", f"compared with {reference}, holdout"):
        assert part in shown
    assert "nobody in 'later'" in refused(call(*words, "--split", "later"))


def test_a_quick_evaluation_does_not_take_the_place_of_a_careful_one(
    own_warehouse: Warehouse, park_files: tuple[Path, Path]
) -> None:
    root = own_warehouse.layout.root

    def speaks() -> list[tuple[int, int]]:
        return own_warehouse.sql("SELECT replicates, seed FROM evaluations WHERE speaks").rows()

    assert "1 of 1 panel evaluated, 0 were already" in call("evaluate", "--replicates", 120, "-w", root).stdout
    quick = call("evaluate", "--replicates", 100, "-w", root)
    assert "1 of 1 panel evaluated" in quick.stdout
    assert "keeps speaking by its evaluation with 120 replicates and seed 0" in quick.stderr
    assert speaks() == [(120, 0)]
    again = call("evaluate", "--replicates", 120, "-w", root)
    assert "0 of 1 panel evaluated, 1 were already" in again.stdout
    assert "note" not in again.stderr
    assert speaks() == [(120, 0)]
    assert "note" not in call("evaluate", "--replicates", 120, "--seed", 3, "-w", root).stderr
    assert speaks() == [(120, 3)]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["people.csv", "--kind", "simulated"], "--reference PANEL"),
        (["--kind", "baseline", "--reference", "x"], "needs DATA"),
        (["people.csv", "--split", "holdout"], "--kind simulated"),
        (["people.csv", "--reference", "x"], "--kind simulated"),
        (["people.csv", "--kind", "robot"], "robot"),
    ],
)
def test_import_options_that_do_not_go_together(tmp_path: Path, words: list[str], part: str) -> None:
    result = call("import", "park.toml", *words, "-w", tmp_path / "w")
    assert result.exit_code == 2
    assert part in result.output
    assert not (tmp_path / "w").exists()


def test_study_check_and_show(park_files: tuple[Path, Path]) -> None:
    assert "well-formed" in call("study", "check", park_files[0]).output
    shown = call("study", "show", park_files[0]).output
    assert "Likes green" in shown
    assert "visits ~ green + age + C(home)" in shown
    assert "anes96" in call("study", "ls").output


def test_study_show_says_which_answer_a_logit_is_about(tmp_path: Path) -> None:
    """The option declared last, as in the fit, whatever its value: published is the logit of a vote for Dole."""
    assert re.search(r"vote_logit +vote ~ .* \(logit of Dole\)", call("study", "show", "anes96").output)
    text = (files("simframe.study") / "builtin/anes96.toml").read_text("utf-8")
    dole = '  { code = 1, label = "Dole", value = 1 },\n'
    clinton = '  { code = 0, label = "Clinton", value = 0 },\n'
    assert clinton + dole in text
    (tmp_path / "turned.toml").write_text(text.replace(clinton + dole, dole + clinton), "utf-8")
    turned = call("study", "show", tmp_path / "turned.toml").output
    assert re.search(r"vote_logit +vote ~ .* \(logit of Clinton\)", turned)


def test_study_check_names_file_key_value_and_mend(tmp_path: Path, park_text: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(park_text.replace("implies = { 1 = 0, 3 = 1 }", "implies = { 1 = 7 }"), "utf-8")
    message = refused(call("study", "check", path))
    for part in ("odd.toml", "pair 'walk'", "'7'", "'visits'", "known: 0, 1"):
        assert part in message


def test_ls_and_show(park_warehouse: Warehouse) -> None:
    root = park_warehouse.layout.root
    listed = call("ls", "-w", root).output
    panel_id = park_warehouse.sql("SELECT panel_id FROM panels").item()
    assert panel_id in listed
    shown = call("show", panel_id, "-w", root).output
    assert "study_hash" in shown
    assert "settings.split" in shown
    assert "known: " + panel_id in refused(call("show", "nobody", "-w", root))


def test_sql_speaks_table_csv_json_and_parquet(park_warehouse: Warehouse, tmp_path: Path) -> None:
    root = park_warehouse.layout.root
    query = "SELECT split, count(*) AS n FROM respondents GROUP BY split ORDER BY split"
    expected = park_warehouse.sql(query)
    assert "rectify" in call("sql", query, "-w", root).output
    text = call("sql", query, "--format", "csv", "-w", root).output
    assert text == expected.write_csv()
    assert json.loads(call("sql", query, "--format", "json", "-w", root).output) == expected.to_dicts()
    for suffix, read in (("parquet", pl.read_parquet), ("csv", pl.read_csv), ("json", pl.read_json)):
        target = tmp_path / f"out.{suffix}"
        assert call("sql", query, "-o", target, "-w", root).exit_code == 0
        assert read(target).equals(expected)  # type: ignore[operator]
    file = tmp_path / "query.sql"
    file.write_text(query, "utf-8")
    assert call("sql", "-f", file, "--format", "csv", "-w", root).output == text


def test_nested_columns_are_json_text_in_csv(park_warehouse: Warehouse) -> None:
    query = """
        SELECT [3, 1, NULL] AS seeds, {'day': DATE '2026-01-02', 'word': 'é, "so"'} AS told, 1 AS n
        UNION ALL SELECT NULL, NULL, 2 ORDER BY n
    """
    written = call("sql", query, "--format", "csv", "-w", park_warehouse.layout.root).output
    first, second = csv.DictReader(io.StringIO(written))
    assert json.loads(first["seeds"]) == [3, 1, None]
    assert json.loads(first["told"]) == {"day": "2026-01-02", "word": 'é, "so"'}
    assert second == {"seeds": "", "told": "", "n": "2"}
    assert call("sql", "FROM sweep", "--format", "csv", "-w", park_warehouse.layout.root).exit_code == 0


def test_sql_without_a_query_lists_every_view_with_what_it_says(park_warehouse: Warehouse) -> None:
    views = json.loads(call("sql", "--format", "json", "-w", park_warehouse.layout.root).output)
    names = {view["view"] for view in views}
    assert {"alignment", "scorecard", "panels", "responses", "wide_park"} <= names
    assert all(view["what it says"] for view in views)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["sql", "SELEC 1"], "syntax error"),
        (["sql", "SELECT * FROM alignmnt"], "alignmnt"),
        (["sql", "DELETE FROM published"], "read-only"),
        (["sql", "COPY panels TO 'out.csv'"], "COPY is not for reading: COPY panels"),
        (["sql", "EXPLAIN ANALYZE COPY panels TO 'out.csv'"], "COPY is not for reading"),
        (["sql", "SELECT 1; ATTACH 'other.duckdb'"], "ATTACH is not for reading"),
        (["sql", "EXPORT DATABASE 'out'"], "the warehouse is read-only"),
        (["sql", ""], "there is no query"),
        (["sql", " -- only a remark"], 'simframe sql "FROM panels"'),
        (["sql", "SELECT 1; SELECT 2", "--format", "csv"], "2 answers do not go into one csv"),
        (["sql", "SET VARIABLE a = 1", "-o", "a.csv"], "0 answers"),
        (["sql", "-f", "nowhere.sql"], "nowhere.sql"),
        (["sql", "SELECT 1 AS a", "-o", "/dev/null/x.csv"], "cannot write"),
        (["sql", "SELECT INTERVAL 1 DAY AS a"], "cast columns of unusual types"),
        (["sql", "SELECT 'x'::BLOB AS a", "--format", "json"], "column 'a' holds bytes"),
    ],
)
def test_a_query_that_fails_says_why(
    park_warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert part in refused(call(*words, "-w", park_warehouse.layout.root))
    assert list(tmp_path.iterdir()) == []


def test_every_query_is_answered(park_warehouse: Warehouse) -> None:
    root = park_warehouse.layout.root
    query = (
        "SET VARIABLE k = 'human'; SELECT 'one' AS a; SELECT count(*) AS n FROM panels WHERE kind = getvariable('k');"
    )
    assert call("sql", query, "-w", root).output.split() == ["a", "one", "n", "1"]
    assert "published" in call("sql", "EXPLAIN FROM published", "-w", root).output
    pivoted = "SELECT count(*) AS n FROM (PIVOT (SELECT 1 AS one, 'x' AS two) ON two)"
    assert call("sql", pivoted, "-w", root).output.split() == ["n", "1"]
    assert call("sql", "PIVOT (SELECT 1 AS one, 'x' AS two) ON two USING sum(one)", "-w", root).output.split() == [
        "x",
        "1",
    ]


def test_study_thresholds_says_what_changed(own_warehouse: Warehouse, park_files: tuple[Path, Path]) -> None:
    study, root = park_files[0], own_warehouse.layout.root
    assert "nothing changed" in call("study", "thresholds", study, "-w", root).output
    text = study.read_text("utf-8")
    study.write_text(text + "\n[thresholds]\nsmall_group = 9\n", "utf-8")
    output = call("study", "thresholds", study, "-w", root).output
    assert "1 declared anew" in output
    (line,) = [line for line in output.splitlines() if line.startswith("small_group")]
    assert line.split()[:5] == ["small_group", "9", "the", "study", "30"]
    assert own_warehouse.sql("SELECT value FROM thresholds WHERE name = 'small_group'").item() == 9
    study.write_text(text.replace("Likes green", "Likes blue"), "utf-8")
    assert "no such study version here" in refused(call("study", "thresholds", study, "-w", root))


def test_the_screen_shows_text_as_it_is(park_warehouse: Warehouse) -> None:
    output = call("sql", "SELECT '[bold]x[/bold]' AS \"[red]a\"", "-w", park_warehouse.layout.root).output
    assert "[bold]x[/bold]" in output
    assert "[red]a" in output


@pytest.mark.parametrize("command", ["ls", "sql", "evaluate", "report"])
def test_no_warehouse_is_an_error_that_names_init(tmp_path: Path, command: str) -> None:
    assert "simframe init" in refused(call(command, "-w", tmp_path / "nothing"))


def test_a_moved_warehouse_asks_for_rebuild_and_answers_after_it(own_warehouse: Warehouse, tmp_path: Path) -> None:
    moved = own_warehouse.layout.root.rename(tmp_path / "elsewhere")
    assert "simframe rebuild" in refused(call("ls", "-w", moved))
    assert call("rebuild", "-w", moved).exit_code == 0
    assert "park-human" in call("ls", "-w", moved).output


def test_doctor_is_content_then_finds_a_changed_file(own_warehouse: Warehouse) -> None:
    root = own_warehouse.layout.root
    assert "all is well" in call("doctor", "-w", root).output
    file = next(root.glob("data/panel=park*/cells.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    result = call("doctor", "-w", root)
    assert result.exit_code == 1
    assert "cells.parquet is not the file that was published" in result.output


def test_simulate_names_what_is_missing(own_warehouse: Warehouse, tmp_path: Path) -> None:
    root = own_warehouse.layout.root
    assert "no human panel of moon" in refused(call("simulate", "--study", "moon", "-w", root))
    assert "no such plan file" in refused(call("simulate", tmp_path / "no.toml", "-w", root))
    empty = tmp_path / "model"
    empty.mkdir()
    (empty / "config.json").write_text("{}")
    (empty / "pytorch_model.bin").write_bytes(b"x")
    message = refused(call("simulate", "--study", "park", "--model", empty, "-w", root))
    assert "safetensors" in message


def test_a_panel_of_another_study_is_not_simulated(own_warehouse: Warehouse) -> None:
    root, panel_id = own_warehouse.layout.root, own_warehouse.sql("SELECT panel_id FROM panels").item()
    message = refused(call("simulate", "--study", "moon", "--panel", panel_id, "-w", root))
    assert f"no human panel {panel_id} of moon" in message


def test_two_runs_at_once_share_the_work(own_warehouse: Warehouse, tmp_path: Path) -> None:
    root, plan = own_warehouse.layout.root, tmp_path / "plan.toml"
    plan.write_text('[[panel]]\nstrategy = "base"\n[[panel]]\nstrategy = "pilot_marginals"\npilot = 4\n', "utf-8")
    words = [
        sys.executable,
        "-c",
        "from simframe.cli import main; main()",
        "simulate",
        plan,
        "--study",
        "park",
        "--no-evaluate",
        "-w",
        root,
    ]
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 3
    assert call("doctor", "-w", root).exit_code == 0


WITHOUT_TORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Absent())
from click.testing import CliRunner
from simframe.cli import main
for plan in sys.argv[2:]:
    result = CliRunner().invoke(main, ["simulate", plan, "--study", "park", "--no-evaluate", "-w", sys.argv[1]])
    print("exit", result.exit_code, result.stdout, result.stderr)
"""


def test_without_the_language_model_libraries_baselines_are_made_and_panels_name_the_extra(
    own_warehouse: Warehouse, tmp_path: Path, python: Callable[..., str]
) -> None:
    baseline, model = tmp_path / "baseline.toml", tmp_path / "model.toml"
    baseline.write_text('[[panel]]\nstrategy = "logit_chain"\npilot = 12\n', "utf-8")
    model.write_text('[[panel]]\nstrategy = "base"\n', "utf-8")
    _, made, refusal = python(WITHOUT_TORCH, own_warehouse.layout.root, baseline, model).split("exit ")
    assert made.startswith("0")
    assert "1 of 1 panel made" in made
    assert refusal.startswith("1")
    assert "pip install '.[llm]'" in refusal


SMALL_PLAN = """
[plan]
id = "small"
[[panel]]
strategy = "pilot_marginals"
pilot = [4, 1.0]
[[panel]]
strategy = "logit_chain"
pilot = 4
"""


def test_a_plan_is_shown_before_it_runs_and_what_is_there_afterwards(own_warehouse: Warehouse, tmp_path: Path) -> None:
    root, plan = own_warehouse.layout.root, tmp_path / "plan.toml"
    plan.write_text(SMALL_PLAN, "utf-8")
    words = (plan, "--study", "park", "-w", root)
    table = call("plan", "show", *words)
    assert table.exit_code == 0, table.output
    assert "3 panels, 3 to make" in table.output
    assert "calibration on" in table.output
    assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 1
    shown = json.loads(call("plan", "show", *words, "--format", "json").output)
    call("simulate", *words, "--no-evaluate")
    made = own_warehouse.sql("SELECT panel_id FROM panels WHERE plan_id = 'small'")["panel_id"]
    assert {panel["panel_id"] for panel in shown["panels"]} == set(made)
    assert [(p["condition"]["strategy"], p["condition"]["pilot_n"], p["status"]) for p in shown["panels"]] == [
        ("pilot_marginals", 4, "to make"),
        ("pilot_marginals", 12, "to make"),
        ("logit_chain", 4, "to make"),
    ]
    assert shown["total"]["to_make"] == 3
    again = call("plan", "show", *words, "--no-calibrate")
    assert "3 panels, 0 to make" in again.output


def test_showing_a_plan_makes_no_warehouse(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(SMALL_PLAN.replace("[plan]", '[plan]\nstudy = "anes96"'), "utf-8")
    result = call("plan", "show", plan, "--no-calibrate", "-w", tmp_path / "none")
    assert result.exit_code == 0, result.output
    assert "3 panels, 3 to make" in result.output
    assert not (tmp_path / "none").exists()


def test_a_plan_that_cannot_be_is_refused_before_anything_runs(own_warehouse: Warehouse, tmp_path: Path) -> None:
    root, plan = own_warehouse.layout.root, tmp_path / "plan.toml"
    for text, said in (
        ('[[panel]]\nstrategy = "tuned"\npilot = 40\n', "pilot of 40 people"),
        ('[[panel]]\nstrategy = "tuned"\npilot = { size = 4, split = "holdout" }\n', "only the pilot is tuned on"),
        ('[plan]\nmodel = "no/where"\n[[panel]]\nstrategy = "base"\n', "model: 'no/where' is no folder"),
        ('[plan]\nfields = ["agee"]\n[[panel]]\nstrategy = "base"\n', "'agee' is no persona item"),
        ('[plan]\nprompt = "first_persn"\n[[panel]]\nstrategy = "base"\n', "first_persn"),
    ):
        plan.write_text(text, "utf-8")
        for command in (("plan", "show"), ("simulate",)):
            assert said in refused(call(*command, plan, "--study", "park", "-w", root))
    assert own_warehouse.sql("SELECT count(*) FROM panels").item() == 1
