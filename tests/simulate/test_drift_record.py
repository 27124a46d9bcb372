"""Audits in a warehouse: found by panel or adapter, published once, read in SQL, told on the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from engine_worlds import COHERENT, coherent_people, coherent_study, make_qwen

from simframe.cli import main
from simframe.errors import ModelError, PlanError
from simframe.ingest import import_panel
from simframe.simulate.drift import AuditSettings, load_probes
from simframe.simulate.drift.record import audit
from simframe.simulate.models import fingerprint, provenance
from simframe.warehouse import Warehouse, examine

FEW = AuditSettings(people=10, replicates=100)


def silent(title: str) -> Callable[[int, int], None]:
    return lambda done, total: None


@pytest.fixture
def warehouse(built: Path, tuned: Path, tmp_path: Path) -> Warehouse:
    """People, a base and an adapter, as tuning leaves them."""
    options = ", ".join(f'{{ code = {k}, label = "{k} days" }}' for k in range(3))
    (tmp_path / "study.toml").write_text(COHERENT % ("", options) + "\n[study.split]\npilot = 20\n", "utf-8")
    people = coherent_people(60, seed=1).with_columns(
        said=pl.coalesce("code", pl.col("value").cast(pl.Int64).cast(str))
    )
    people.pivot("item_id", index="respondent_id", values="said").write_csv(tmp_path / "people.csv")
    made = Warehouse.create(tmp_path / "w")
    import_panel(made, tmp_path / "study.toml", tmp_path / "people.csv")
    shutil.copytree(built, made.layout.models / "embedded-coherent-a")
    shutil.copytree(tuned, made.layout.models / "adapter-coherent-b")
    return made


def test_an_adapter_is_audited_once_and_its_drift_is_queried(warehouse: Warehouse) -> None:
    (first,) = audit(warehouse, ["adapter-coherent-b"], settings=FEW, bars=silent)
    (again,) = audit(warehouse, ["adapter-coherent-b"], settings=FEW, bars=silent)
    assert (first.fresh, again.fresh) == (True, False)
    assert first.audit_id == again.audit_id
    (other,) = audit(warehouse, ["adapter-coherent-b"], settings=AuditSettings(people=9, replicates=100), bars=silent)
    assert other.fresh  # appended: the first stays
    warehouse.refresh()
    rows = warehouse.sql("FROM drift WHERE item_id IS NULL AND measure = 'total_variation' AND scope = 'study'")
    assert set(rows["audit_id"]) == {first.audit_id, other.audit_id}
    assert rows["n_respondents"].sort().to_list() == [9, 10]
    assert (rows["ci_low"] > 0).all()
    told = warehouse.sql("SELECT DISTINCT reason FROM drift WHERE scope = 'probes'")["reason"]
    assert told.str.contains("words of its own study").all()
    assert examine(warehouse) == []
    (warehouse.layout.drift(first.audit_id) / "drift.parquet").unlink()
    assert any("drift" in finding.where for finding in examine(warehouse))


def test_the_command_prints_a_table_and_json(warehouse: Warehouse) -> None:
    words = ["audit", "drift", "adapter-coherent-b", "-w", str(warehouse.layout.root), "--people", "10"]
    words += ["--replicates", "100"]
    table = CliRunner().invoke(main, words)
    assert table.exit_code == 0, table.output
    assert "total_variation" in table.output
    assert "words of its own study" in table.output
    found = CliRunner().invoke(main, [*words, "--json"])
    rows = json.loads(found.stdout)
    assert {row["measure"] for row in rows} > {"acquiescence", "facts", "extremity"}


def test_what_is_not_there_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no tuned panel to audit"):
        audit(warehouse, bars=silent)
    with pytest.raises(PlanError, match="is no tuned panel") as caught:
        audit(warehouse, ["adapter-coherent-c"], bars=silent)
    assert "adapter-coherent-b" in str(caught.value.mend)
    stranger = make_qwen(tmp_path / "stranger", coherent_study())
    theirs, own = fingerprint(stranger), provenance(warehouse.layout.models / "adapter-coherent-b")["base_fingerprint"]
    with pytest.raises(PlanError, match=f"fingerprint {own}, and {stranger} has {theirs}") as caught:
        audit(warehouse, ["adapter-coherent-b"], base=stranger, bars=silent)
    assert "the very model" in str(caught.value.mend)
    with pytest.raises(ModelError, match=r"has no config\.json"):
        audit(warehouse, ["adapter-coherent-b"], base=warehouse.layout.root, bars=silent)
    shutil.rmtree(warehouse.layout.models / "embedded-coherent-a")
    with pytest.raises(PlanError, match="its base is not in the warehouse"):
        audit(warehouse, ["adapter-coherent-b"], bars=silent)


def test_a_broken_folder_blocks_nothing_but_itself(warehouse: Warehouse, tuned: Path) -> None:
    folders = warehouse.layout.models
    for name in ("adapter-coherent-a", "broken"):
        shutil.copytree(tuned if name.startswith("adapter") else folders / "embedded-coherent-a", folders / name)
        (folders / name / "provenance.json").write_text("[]")
    (done,) = audit(warehouse, ["adapter-coherent-b"], settings=FEW, bars=silent)
    assert done.fresh
    with pytest.raises(ModelError, match="holds no JSON object"):
        audit(warehouse, ["adapter-coherent-a"], settings=FEW, bars=silent)


def test_a_probe_may_not_have_the_name_of_a_persona_item(built: Path, tuned: Path) -> None:
    from simframe.simulate.drift.audit import _joined

    probes = load_probes()
    clash = probes.model_copy(update={"items": (probes.items[0].model_copy(update={"id": "side"}),)})
    with pytest.raises(PlanError, match="'side' is a probe and a persona item"):
        _joined(coherent_study(), clash)
