"""``simframe tune`` and ``simframe models``: an adapter without a panel, found again, and told of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simframe.cli import main
from simframe.warehouse import Warehouse

pytest.importorskip("torch")


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of the built-in study with an adapter on thirty people."""
    root = tmp_path_factory.mktemp("tuned") / "w"
    found = call("tune", "anes96", "--pilot", 30, "--set", "steps=5", "--set", "targets=ordinal", "-w", root)
    assert found.exit_code == 0, found.output
    return root


def copy(root: Path, folder: Path) -> Path:
    """A copy that a test may change."""
    made = Path(shutil.copytree(root, folder / "w"))
    assert call("rebuild", "-w", made).exit_code == 0
    return made


def listed(root: Path) -> list[dict[str, object]]:
    return list(json.loads(call("models", "ls", "--format", "json", "-w", root).output))


def test_an_adapter_is_tuned_once_and_no_panel_made(tuned: Path) -> None:
    base, adapter = listed(tuned)
    assert [base["kind"], adapter["kind"]] == ["base", "adapter"]
    assert adapter["base"] == base["model_id"]
    assert (adapter["study_id"], adapter["pilot_n"], adapter["seed"]) == ("anes96", 30, 1)
    assert adapter["held_loss"] > 0
    assert adapter["steps"] in (0, 5)
    folder = tuned / "models" / str(adapter["model_id"])
    assert adapter["bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert adapter["panels"] == []
    before = (folder / "adapter_model.safetensors").stat().st_mtime_ns
    again = call("tune", "anes96", "--pilot", 30, "--set", "steps=5", "--set", "targets=ordinal", "-w", tuned)
    assert again.exit_code == 0
    assert str(adapter["model_id"]) in again.output
    assert (folder / "adapter_model.safetensors").stat().st_mtime_ns == before
    assert Warehouse.open(tuned).sql("SELECT DISTINCT kind FROM panels")["kind"].to_list() == ["human"]
    assert not Warehouse.open(tuned).sql("FROM learning_curves").is_empty()


def test_a_plan_with_the_same_settings_finds_the_adapter(tuned: Path, tmp_path: Path) -> None:
    root = copy(tuned, tmp_path)
    before = [row["model_id"] for row in listed(root)]
    plan = tmp_path / "plan.toml"
    plan.write_text('[plan.tune]\nsteps = 5\ntargets = "ordinal"\n[[panel]]\nstrategy = "tuned"\npilot = 30\n')
    made = call("simulate", plan, "--study", "anes96", "--no-evaluate", "-w", root)
    assert made.exit_code == 0, made.output
    after = listed(root)
    assert [row["model_id"] for row in after] == before
    (panel,) = Warehouse.open(root).sql("SELECT panel_id FROM panels WHERE kind = 'simulated'")["panel_id"]
    assert [row["panels"] for row in after] == [[panel], [panel]]


def test_models_are_shown_with_all_that_they_were_made_of(tuned: Path) -> None:
    name = str(listed(tuned)[1]["model_id"])
    shown = call("models", "show", name, "-w", tuned)
    assert shown.exit_code == 0
    for part in ("settings.targets", "ordinal", "base_fingerprint", "versions.torch", "learning_curve"):
        assert part in shown.output
    told = json.loads(call("models", "show", name, "--format", "json", "-w", tuned).output)
    assert told["provenance"]["settings"]["steps"] == 5
    assert told["provenance"]["adapter_fingerprint"] == told["fingerprint"]
    table = call("models", "ls", "-w", tuned).output
    assert name in table
    assert "problem" not in table
    wrong = call("models", "show", name[:-1] + "x", "-w", tuned)
    assert wrong.exit_code == 1
    assert name in wrong.stderr


def test_what_is_broken_is_listed_as_broken(tuned: Path, tmp_path: Path) -> None:
    root = copy(tuned, tmp_path)
    name = str(listed(root)[1]["model_id"])
    weights = root / "models" / name / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    torn = root / "models" / "adapter-torn"
    shutil.copytree(root / "models" / name, torn)
    (torn / "provenance.json").write_text("{")
    rows = {row["model_id"]: row["problem"] for row in listed(root)}
    assert "not those that its provenance names" in str(rows[name])
    assert "provenance.json" in str(rows["adapter-torn"])
    assert "problem" in call("models", "ls", "-w", root).output


def test_an_empty_warehouse_has_no_models(tmp_path: Path) -> None:
    call("init", "-w", tmp_path / "w")
    assert "no model yet" in call("models", "ls", "-w", tmp_path / "w").output
    assert listed(tmp_path / "w") == []


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--pilot", "many"), 2, "write people"),
        (("--pilot", 1), 1, "pilot of 1"),
        (("--pilot", 5000), 1, "5000"),
        (("--pilot", "1.5"), 1, "1.5"),
        (("--pilot", 30, "--set", "rnak=3"), 1, "'rank'"),
        (("--pilot", 30, "--set", "rank=0"), 1, "rank is 0"),
        (("--pilot", 30, "--set", "rank"), 2, "KEY=VALUE"),
        (("--pilot", 30, "--selection", "balanced"), 1, "by"),
        (("--pilot", 30, "--selection", "stratified", "--by", "edu"), 1, "'educ'"),
        (("--pilot", 30, "--by", "educ"), 1, "selection 'random' looks at no item"),
        (("--pilot", 30, "--arm", "educ"), 2, "ITEM=CODE"),
        (("--pilot", 30, "--arm", "educ=1", "--arm", "educ=2"), 2, "educ stands twice"),
        (("--pilot", 30, "--model", "nowhere"), 1, "nowhere"),
        (("--pilot", 30, "--set", "dro={by='edu'}"), 1, "'educ'"),
        (("--pilot", 30, "--set", "pissa=true", "--set", "dora=true"), 1, "pissa"),
    ],
)
def test_what_cannot_be_tuned_is_refused(tuned: Path, words: tuple[object, ...], code: int, part: str) -> None:
    before = sorted(path.name for path in (tuned / "models").iterdir())
    found = call("tune", "anes96", *words, "-w", tuned)
    assert found.exit_code == code, found.output
    assert part in found.stderr
    assert "Traceback" not in found.output
    assert sorted(path.name for path in (tuned / "models").iterdir()) == before
