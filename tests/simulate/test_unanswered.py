"""Questions that an endpoint never answers usably: the run says which, and of how many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from endpoint_server import serve

pytest.importorskip("httpx2")

from simframe.cli import main
from simframe.simulate.answering import unanswered
from simframe.warehouse import Warehouse

STUDY = """
[study]
id = "town"
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
id = "hours"
label = "Hours"
wording = "How many hours a week do you work?"
scale = "interval"
role = "outcome"
range = [0, 120]
[[item]]
id = "sign"
label = "Petition"
wording = "Will you sign?"
scale = "nominal"
role = "action"
options = [{ code = "yes", label = "yes" }, { code = "no", label = "no" }]
"""
PEOPLE = "side,hours,sign\n" + "n,10,yes\ns,20,no\nn,30,no\ns,40,yes\n" * 4
PLAN = """
[plan]
study = "town"
engine = "openai"
model = "tiny"
[plan.endpoint]
url = "%s"
samples = 3
[[panel]]
strategy = "base"
"""


@pytest.mark.parametrize(("said", "silent"), [("lots", True), ("38", False)])
def test_a_number_that_is_never_one_is_named_at_the_end_and_in_the_panel(tmp_path: Path, said: str, silent: bool):
    def answer(handler: Any) -> bool:
        shown = [{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -1.0}]
        closed = "logprobs" in handler.body
        message = {"role": "assistant", "content": "A" if closed else said}
        choice = {"message": message, "logprobs": {"content": [shown[0] | {"top_logprobs": shown}]} if closed else None}
        usage = {"prompt_tokens": 9, "completion_tokens": 1}
        handler.send(200, {"model": "tiny", "choices": [choice], "usage": usage})
        return True

    root = tmp_path / "w"
    for name, text in (("town.toml", STUDY), ("people.csv", PEOPLE)):
        (tmp_path / name).write_text(text, "utf-8")
    call = CliRunner().invoke
    found = call(main, ["import", str(tmp_path / "town.toml"), str(tmp_path / "people.csv"), "-w", str(root)])
    assert found.exit_code == 0, found.output
    with serve(always=answer) as served:
        (tmp_path / "plan.toml").write_text(PLAN % served.url, "utf-8")
        made = call(main, ["simulate", str(tmp_path / "plan.toml"), "--no-evaluate", "-w", str(root)])
    assert made.exit_code == 0, made.output
    panels = Warehouse.open(root).sql("SELECT label, settings FROM panels WHERE kind = 'simulated'")
    ((label, settings),) = panels.rows()
    people = PEOPLE.count("\n") - 1 - 4
    note = f"note: {label}: of {people} respondents, unanswered: hours by {people}; what was said"
    assert (note in made.stderr) is silent
    assert json.loads(settings).get("unanswered") == ({"hours": people} if silent else None)


def test_what_is_unanswered_most_comes_first():
    rows = [("a", False), ("b", True), ("c", True), ("a", True), ("b", False), ("c", True)]
    found = unanswered(pl.DataFrame(rows, schema=["item_id", "missing"], orient="row"))
    assert list(found.items()) == [("c", 2), ("a", 1), ("b", 1)]
