"""Numbers, open texts and treatment texts in a study file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from simframe.errors import StudyError
from simframe.inference import evaluate_panels
from simframe.ingest import import_panel
from simframe.ingest.simulated import import_simulated
from simframe.study import parse_study
from simframe.warehouse import Warehouse

OPEN = """
[study]
id = "open"
title = "Open questions"
[study.split]
pilot = 2
[[item]]
id = "arm"
label = "Letter"
scale = "nominal"
role = "arm"
options = [{ code = "a", label = "letter", text = "You get a letter." }, { code = "b", label = "none" }]
[[item]]
id = "hours"
label = "Hours"
scale = "interval"
role = "outcome"
range = [0, 24]
bins = [{ code = "few", label = "few", max = 8 }, { code = "many", label = "many", min = 8.5 }]
[[item]]
id = "why"
label = "Why"
wording = "Why so many?"
scale = "text"
role = "outcome"
[[item]]
id = "again"
label = "Again"
scale = "nominal"
role = "action"
options = [{ code = "y", label = "yes" }, { code = "n", label = "no" }]
"""


def test_what_is_simulated_and_what_means_are_about() -> None:
    study = parse_study(OPEN, "open.toml")
    assert [item.id for item in study.simulated] == ["hours", "why", "again"]
    assert [item.id for item in study.questions] == ["again"]
    assert [item.answered_with for item in study.items] == [None, "number", "text", "option"]
    assert not study.item("why").numeric


def test_a_step_and_a_treatments_text_are_part_of_what_was_asked() -> None:
    before = parse_study(OPEN, "open.toml").study_hash
    for old, new in (("range = [0, 24]", "range = [0, 24]\nstep = 0.5"), ("You get a letter.", "You get two letters.")):
        assert parse_study(OPEN.replace(old, new), "open.toml").study_hash != before


def test_a_regression_on_a_text_is_refused() -> None:
    regression = '[[regression]]\nid = "r"\nlabel = "r"\nformula = "hours ~ why"\nfamily = "ols"\n'
    with pytest.raises(StudyError, match="uses 'why', which is a text"):
        parse_study(OPEN + regression, "open.toml")


def test_texts_of_people_are_kept_and_no_metric_looks_at_them(tmp_path: Path) -> None:
    (tmp_path / "open.toml").write_text(OPEN)
    rows = {"arm": ["a", "b"] * 4, "hours": [3, 9, 12, 0, 24, 8, 1, 2], "again": ["y", "n"] * 4}
    texts = ["for <b>fun</b>", None, "10", "I'd, say", "", "line\nbreak", "Grüße", "y"]
    pl.DataFrame(rows | {"why": texts}).write_csv(tmp_path / "people.csv")
    warehouse = Warehouse.create(tmp_path / "w")
    made = import_panel(warehouse, tmp_path / "open.toml", tmp_path / "people.csv")
    why = warehouse.table(made.panel_id, "responses").filter(item_id="why").sort("respondent_id")
    assert why["text"].to_list() == [text or None for text in texts]
    assert why["missing"].to_list() == [not text for text in texts]
    assert why["code"].null_count() == why["value"].null_count() == 8
    assert warehouse.sql("SELECT why FROM wide_open ORDER BY respondent_id")["why"].to_list() == why["text"].to_list()
    import_simulated(warehouse, tmp_path / "open.toml", tmp_path / "people.csv", reference=made.panel_id)
    measured = warehouse.sql("SELECT DISTINCT item_id FROM item_groups WHERE reference_id = ?", [made.panel_id])
    assert set(measured["item_id"]) == {"arm", "hours", "again"}
    evaluate_panels(warehouse, None, lambda done, total: None, replicates=50)
    judged = warehouse.sql("SELECT DISTINCT item_id FROM alignment WHERE item_id IS NOT NULL")["item_id"]
    assert "hours" in set(judged)
    assert "why" not in set(judged)
