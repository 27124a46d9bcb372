"""A plan may name the study that it is carried out on, a built-in one or another of the warehouse."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from simframe.cli import main

STUDY = """
[study]
id = "%s"
title = "A town"
[study.split]
pilot = 4
[[item]]
id = "side"
label = "Side"
wording = "On which side do you live?"
scale = "nominal"
role = "persona"
options = [{ code = "n", label = "north" }, { code = "s", label = "south" }]
[[item]]
id = "sign"
label = "Petition"
wording = "Will you sign?"
scale = "nominal"
role = "action"
options = [{ code = "yes", label = "yes" }, { code = "no", label = "no" }]
"""
PEOPLE = "side,sign\n" + "n,yes\ns,no\nn,no\ns,yes\n" * 4


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_plan_names_a_study_of_the_warehouse(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    for name in ("town", "village"):
        (tmp_path / f"{name}.toml").write_text(STUDY % name)
        found = call("import", tmp_path / f"{name}.toml", tmp_path / "people.csv", "-w", tmp_path / "w")
        assert found.exit_code == 0, found.output
    plan = tmp_path / "plan.toml"
    plan.write_text('[plan]\nstudy = "town"\n[[panel]]\nstrategy = "item_mean"\npilot = 4\n')
    made = call("simulate", plan, "--no-evaluate", "-w", tmp_path / "w")
    assert made.exit_code == 0, made.output
    assert "town-item-mean-n4-" in made.output
    plan.write_text('[plan]\nstudy = "city"\n[[panel]]\nstrategy = "item_mean"\npilot = 4\n')
    refused = call("simulate", plan, "-w", tmp_path / "w")
    assert refused.exit_code == 1
    assert "no human panel of city" in refused.stderr
    assert "mend" in refused.stderr


def test_a_panel_of_another_study_than_the_plans_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "town.toml").write_text(STUDY % "town")
    panel = call("import", tmp_path / "town.toml", tmp_path / "people.csv", "-w", tmp_path / "w").output.split(":")[0]
    plan = tmp_path / "plan.toml"
    plan.write_text('[plan]\nstudy = "city"\n[[panel]]\nstrategy = "item_mean"\npilot = 4\n')
    for command in (("plan", "show"), ("simulate",)):
        refused = call(*command, plan, "--panel", panel, "-w", tmp_path / "w")
        assert refused.exit_code == 1
        assert f"no human panel {panel} of city" in refused.stderr


def test_showing_a_plan_puts_nobody_into_a_warehouse_of_others(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "town.toml").write_text(STUDY % "town")
    call("import", tmp_path / "town.toml", tmp_path / "people.csv", "-w", tmp_path / "w")
    before = call("ls", "-w", tmp_path / "w").output
    plan = tmp_path / "plan.toml"
    plan.write_text('[plan]\nstudy = "anes96"\n[[panel]]\nstrategy = "item_mean"\npilot = 30\n')
    shown = call("plan", "show", plan, "--no-calibrate", "-w", tmp_path / "w")
    assert shown.exit_code == 0, shown.output
    assert "1 panel, 1 to make" in shown.output
    assert call("ls", "-w", tmp_path / "w").output == before


def test_an_empty_warehouse_knows_no_panel_to_name(tmp_path: Path) -> None:
    assert call("init", "-w", tmp_path / "w").exit_code == 0
    refused = call("simulate", "--study", "town", "-w", tmp_path / "w")
    assert refused.exit_code == 1
    assert refused.stderr.rstrip().endswith("mend: simframe import STUDY DATA, then again")


def test_a_warehouse_that_is_not_there_is_the_one_named(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[plan]\nstudy = "city"\n[[panel]]\nstrategy = "item_mean"\npilot = 4\n')
    refused = call("plan", "show", plan, "-w", tmp_path / "nowhere")
    assert refused.exit_code == 1
    assert f"{tmp_path / 'nowhere'}: no human panel of city" in refused.stderr
    assert not (tmp_path / "nowhere").exists()
    plan.write_text('[plan]\nstudy = "anes96"\n[[panel]]\nstrategy = "item_mean"\npilot = 4\n')
    shown = call("plan", "show", plan, "--no-calibrate", "-w", tmp_path / "nowhere")
    assert shown.exit_code == 0, shown.output  # a built-in study brings its people


def test_a_checked_study_counts_all_that_it_asks(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    more = '[[item]]\nid = "%s"\nlabel = "%s"\nwording = "%s?"\nscale = "%s"\nrole = "outcome"\n'
    path.write_text(STUDY % "town")
    assert "2 items, 1 asked (1 closed), 0 belief-action pairs" in call("study", "check", path).output
    both = more % (("glasses",) * 3 + ("interval",)) + "range = [0, 9]\n" + more % (("why",) * 3 + ("text",))
    path.write_text(STUDY % "town" + both)
    assert "4 items, 3 asked (1 closed, 1 number, 1 text)" in call("study", "check", path).output
