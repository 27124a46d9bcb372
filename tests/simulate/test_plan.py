"""Plans: every error names key, value and mend; ids depend on what shapes a panel, and on nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from simframe.errors import PlanError
from simframe.simulate.plans import Condition, Plan, fit_to, load_plan, specify
from simframe.study import Study

ONE = '[[panel]]\nstrategy = "logit_chain"\npilot = [4, 8]\n'


def known(condition: Condition) -> dict[str, str]:
    return {"model": condition.model}


def written(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.toml"
    path.write_text(text, "utf-8")
    return load_plan(path)


def test_the_default_plan_has_the_base_three_tuned_panels_and_two_baselines_on_the_same_pilots(park: Study) -> None:
    specs = specify(load_plan(), park, "people", 300, identify=known)
    assert [(s.strategy, s.pilot_n) for s in specs] == [
        ("base", None),
        *(("tuned", n) for n in (30, 100, 300)),
        *(("pilot_marginals", n) for n in (30, 100, 300)),
        *(("logit_chain", n) for n in (30, 100, 300)),
    ]
    assert len({s.panel_id for s in specs}) == 10


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["panel", "is missing"]),
        ("panel = 3", ["panel", "3"]),
        ("[plan]\nid = 'Ö'\n" + ONE, ["id", "'Ö'", "mend"]),
        ("[plan]\ntemperature = 0\n" + ONE, ["temperature", "0"]),
        ("[[panel]]\nstrategy = 'tunde'", ["panel[1].strategy", "'tunde'", "'tuned'"]),
        ("[[panel]]\nstrategy = 'tuned'\npilots = [3]", ["pilots", "unknown key"]),
        ("[plan.tune]\nrnak = 3\n" + ONE, ["tune.rnak", "unknown key", "'rank'"]),
        ("[plan.tune]\nrank = 0\n" + ONE, ["tune.rank", "0"]),
        ("[plan.tune]\nrank = 100000000\n" + ONE, ["tune.rank", "1024"]),
        ("[plan]\nseed = -1\n" + ONE, ["seed", "-1"]),
        (f"[plan]\nseed = {2**63}\n" + ONE, ["seed", "less than"]),
        ("plan = 'x'\n" + ONE, ["plan: 'x' is no table", "[plan]"]),
        ("seed = 2\n[plan]\nseed = 1\n" + ONE, ["seed: stands both"]),
        (
            "[[panel]]\nstrategy = 'tuned'\npilot = [30, 100, 30]",
            ["panel[1].pilot.size: 30 stands twice", "once"],
        ),
        (ONE + ONE, ["panel 'logit_chain' on a pilot of 4 stands twice"]),
        ("[[panel]]\nstrategy = 'base'\n[[panel]]\nstrategy = 'base'", ["panel 'base' stands twice"]),
        ("[plan", ["not valid TOML", "plan.toml"]),
    ],
)
def test_a_bad_plan_is_refused_with_key_value_and_mend(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(PlanError) as refused:
        written(tmp_path, text)
    for part in parts:
        assert part in str(refused.value)


def test_an_absent_plan_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"nowhere\.toml: no such plan file"):
        load_plan(tmp_path / "nowhere.toml")


def test_a_plan_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9\n")
    with pytest.raises(PlanError, match="not UTF-8 text at byte 5"):
        load_plan(latin)
    with pytest.raises(PlanError, match="mend: give the path of a plan"):
        load_plan("x" * 5000)


@pytest.mark.parametrize("people", [0, 1])
def test_a_panel_of_hardly_anybody_has_no_pilot(people: int, park: Study) -> None:
    with pytest.raises(PlanError, match=f"people has {people} people to tune on\n  mend: import more"):
        specify(fit_to(load_plan(), people), park, "people", people, identify=known)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('strategy = "tuned"', "no pilot size"),
        ('strategy = "base"\npilot = [3]', "takes no pilot"),
        ('strategy = "tuned"\npilot = [13]', "pilot of 13 people"),
        ('strategy = "tuned"\npilot = [1]', "pilot of 1 people"),
    ],
)
def test_a_pilot_that_is_not_there_is_refused(tmp_path: Path, park: Study, rule: str, message: str) -> None:
    plan = written(tmp_path, f"[[panel]]\n{rule}\n")
    with pytest.raises(PlanError, match=message):
        specify(plan, park, "people", 12, identify=known)


def test_ids_change_with_seed_reference_and_model_but_a_baseline_knows_no_model(tmp_path: Path, park: Study) -> None:
    text = '[[panel]]\nstrategy = "tuned"\npilot = 4\n' + ONE
    plan, reseeded = written(tmp_path, text), written(tmp_path, "[plan]\nseed = 2\n" + text)

    def ids(plan: Plan, reference: str, model: str) -> list[str]:
        return [spec.panel_id for spec in specify(plan, park, reference, 12, identify=lambda _: {"model": model})]

    first = ids(plan, "people", "a")
    assert first == ids(plan, "people", "a")
    assert all(a != b for a, b in zip(first, ids(reseeded, "people", "a"), strict=True))
    assert all(a != b for a, b in zip(first, ids(plan, "others", "a"), strict=True))
    other_model = ids(plan, "people", "b")
    assert first[0] != other_model[0]
    assert first[1:] == other_model[1:]


def test_the_default_plan_shrinks_to_a_small_pilot() -> None:
    sizes = {rule.strategy: rule.pilot.size for rule in fit_to(load_plan(), 50).panels}
    assert sizes["tuned"] == (30, 50)
    assert sizes["base"] is None
