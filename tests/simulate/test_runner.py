"""A plan carried out: what is loaded once, what is published, what stays, and what a forecast says of the rest."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from simframe.errors import ModelError, PlanError, SimframeError
from simframe.simulate.forecast import forecast
from simframe.simulate.humans import find_humans
from simframe.simulate.plans import load_plan
from simframe.simulate.prompts.shots import choose_shots
from simframe.simulate.runner import Run
from simframe.warehouse import Warehouse, examine

pytest.importorskip("torch")
from simframe.simulate import models

PLAN = """
[plan]
id = "trial"
temperature = [0.5, 1.0]
tune = { steps = 10 }
[[panel]]
strategy = "tuned"
pilot = [8, 1.0]
[[panel]]
strategy = "base"
copies = 2
mode = "independent"
[[panel]]
strategy = "pilot_marginals"
pilot = 8
fields = ["age"]
"""


def run(warehouse: Warehouse, folder: Path, text: str) -> Run:
    path = folder / "plan.toml"
    path.write_text(text, "utf-8")
    return Run(warehouse, load_plan(path), find_humans(warehouse, "park"), lambda _: lambda done, total: None)


@pytest.fixture(scope="module")
def copied(park_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A copy of the park's warehouse, for this module."""
    root = tmp_path_factory.mktemp("runner") / "warehouse"
    shutil.copytree(park_warehouse.layout.root, root)
    warehouse = Warehouse(root)
    warehouse.rebuild()
    return warehouse


@pytest.fixture(scope="module")
def loads() -> list[tuple[Any, ...]]:
    """What was loaded while the plan was carried out."""
    return []


@pytest.fixture(scope="module")
def carried_out(copied: Warehouse, tmp_path_factory: pytest.TempPathFactory, loads: list[tuple[Any, ...]]) -> Run:
    """The plan, carried out by real parts; loading is watched."""
    load = models.load

    def watched(*args: Any, **kwargs: Any) -> Any:
        loads.append(args)
        return load(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "load", watched, raising=False)
        done = run(copied, tmp_path_factory.mktemp("plan"), PLAN)
        made = done.carry_out()
    assert [m.fresh for m in made] == [True] * 7
    return done


def test_panels_that_share_a_network_load_it_once(carried_out: Run, loads: list[tuple[Any, ...]]) -> None:
    """Two temperatures each of two pilots and of the base: three networks to answer, two bases to tune."""
    answering = [args for args in loads if len(args) == 2]
    assert len(answering) == len(set(answering)) == 3
    assert len(loads) == 5
    assert len(list(carried_out.warehouse.layout.models.glob("adapter-park-*"))) == 2
    told = carried_out.warehouse.sql("SELECT pilot_n, adapter_fingerprint FROM panels WHERE strategy = 'tuned'")
    assert told.group_by("pilot_n").agg(pl.col("adapter_fingerprint").n_unique())["adapter_fingerprint"].to_list() == [
        1,
        1,
    ]


def test_a_panel_tells_its_condition_in_columns(carried_out: Run) -> None:
    rows = carried_out.warehouse.sql("SELECT * FROM panels WHERE plan_id = 'trial' ORDER BY panel_id").to_dicts()
    told = {
        (r["strategy"], r["pilot_n"], r["temperature"], r["mode"], r["copies"], r["fields"], r["pilot_selection"])
        for r in rows
    }
    assert told == {
        *(("tuned", n, t, "chained", 1, None, "random") for n in (8, 12) for t in (0.5, 1.0)),
        *(("base", None, t, "independent", 2, None, None) for t in (0.5, 1.0)),
        ("pilot_marginals", 8, None, None, 1, None, "random"),
    }
    tuned = next(row for row in rows if row["strategy"] == "tuned")
    assert (tuned["engine"], tuned["prompt"], tuned["shots"], tuned["chat"], json.loads(tuned["tune"])) == (
        *("transformers", "compact", 0, "auto"),
        {"steps": 10},
    )
    assert {row["chat"] for row in rows if row["strategy"] == "pilot_marginals"} == {None}
    assert examine(carried_out.warehouse) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('pilot = 8\ntune = { subsample = "hom" }', "tune.subsample: 'hom' is no item of study 'park'"),
        (
            'pilot = { size = 4, selection = "balanced", by = "home", arm = { home = "flat" } }',
            "pilot.selection balanced: level 'house' of 'home' has 0 people",
        ),
        ('pilot = { size = 2, selection = "stratified", by = "green" }', "pilot of 2 people cannot hold one of each"),
        ("pilot = 8\ntune = { four_bit = true }", "tune settings: four_bit needs a CUDA device"),
        ('pilot = 8\nengine = "vllm"', "engine 'vllm' needs vLLM"),
        ('pilot = 8\nprompt = "first_person"', "prompt 'first_person': item green: the tokenizer has no ordinary"),
    ],
)
def test_a_panel_that_cannot_be_made_stops_the_others_before_they_are(
    copied: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    first = '[plan]\nseed = 77\n[[panel]]\nstrategy = "pilot_marginals"\npilot = 8\n'
    before = copied.sql("SELECT count(*) FROM panels").item()
    for look in (Run.carry_out, lambda done: forecast(done, calibrate=False)):
        with pytest.raises(SimframeError) as refused:
            look(run(copied, tmp_path, f'{first}[[panel]]\nstrategy = "tuned"\n{line}\n'))
        assert str(refused.value).startswith(f"{tmp_path / 'plan.toml'}: panel[2] 'tuned': {said}")
    assert copied.sql("SELECT count(*) FROM panels").item() == before


def test_who_is_shown_is_not_tuned_on(carried_out: Run, tmp_path: Path) -> None:
    done = run(
        carried_out.warehouse, tmp_path, '[[panel]]\nstrategy = "tuned"\npilot = 8\nshots = 3\ntune = { steps = 5 }\n'
    )
    (spec,) = done.specs
    humans, condition = done.humans, spec.condition
    people, answers = humans.tuned_on(condition)
    pilot, given = humans.pilot(8, condition.pilot)
    shown = set(pilot["respondent_id"]) - set(people["respondent_id"])
    assert (len(shown), people.height) == (3, 5)
    assert set(answers["respondent_id"]) <= set(people["respondent_id"])
    # Whoever is shown is left out, by the text itself: the examples of those three alone are the same.
    three = pilot.filter(pl.col("respondent_id").is_in(shown))
    template = done.answering.template(condition)
    alone = choose_shots(humans.study, template, three, given, k=3, seed=condition.seed)
    assert template.shots == alone
    assert models.provenance(done.answering.adapter(spec))["pilot_n"] == 5


def test_a_person_has_as_many_twins_as_copies_who_answer_for_themselves(carried_out: Run) -> None:
    spec = next(spec for spec in carried_out.specs if spec.strategy == "base" and spec.condition.temperature == 1.0)
    people = carried_out.humans.part("holdout")[0]["respondent_id"]
    respondents = carried_out.warehouse.table(spec.panel_id, "respondents")
    assert respondents["twin_of"].value_counts()["count"].to_list() == [2] * len(people)
    assert set(respondents["twin_of"]) == set(people)
    answers = carried_out.warehouse.table(spec.panel_id, "responses").filter(pl.col("position").is_not_null())
    both = answers.join(respondents.select("respondent_id", "twin_of"), on="respondent_id")
    # Asked one by one, twins have the same persona, so the same distribution: and draws of their own.
    pairs = both.group_by("twin_of", "item_id").agg(pl.col("probabilities").n_unique(), pl.col("code").n_unique())
    assert pairs["probabilities"].to_list() == [1] * pairs.height
    assert pairs["code"].max() == 2


def test_a_rerun_makes_nothing_and_a_larger_plan_what_it_adds(carried_out: Run, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in carried_out.warehouse.layout.data.rglob("*.parquet")}
    again = run(carried_out.warehouse, tmp_path, PLAN).carry_out()
    assert [m.fresh for m in again] == [False] * 7
    assert before == {path: path.stat().st_mtime_ns for path in carried_out.warehouse.layout.data.rglob("*.parquet")}
    larger = run(carried_out.warehouse, tmp_path, PLAN + '[[panel]]\nstrategy = "item_mean"\npilot = 8\n')
    assert [m.fresh for m in larger.carry_out()] == [False] * 7 + [True]


def test_what_breaks_midway_keeps_what_is_finished(
    carried_out: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = PLAN.replace("[0.5, 1.0]", "[0.25, 0.75]")
    breaking = run(carried_out.warehouse, tmp_path, text)
    answer, asked = breaking.answering.answer, []

    def fails(spec: Any, *args: Any) -> Any:
        asked.append(spec.panel_id)
        if len(asked) == 3:
            raise ModelError("the power went")
        return answer(spec, *args)

    monkeypatch.setattr(breaking.answering, "answer", fails)
    with pytest.raises(ModelError, match="the power went"):
        breaking.carry_out()
    known = set(carried_out.warehouse.sql("SELECT panel_id FROM panels")["panel_id"])
    assert set(asked) & known == set(asked[:2])
    fresh = {m.panel_id for m in run(carried_out.warehouse, tmp_path, text).carry_out() if m.fresh}
    assert not fresh & set(asked[:2])
    assert asked[2] in fresh


def test_a_forecast_from_panels_that_are_there_is_what_comes_about(carried_out: Run, tmp_path: Path) -> None:
    """Another temperature reads the same tokens; and what is there already takes nothing."""
    asked = run(carried_out.warehouse, tmp_path, PLAN.replace("[0.5, 1.0]", "[0.5, 0.9]"))
    costs = forecast(asked, calibrate=False)
    assert [cost.status for cost in costs] == [
        *("already there", "already there", "to make", "to make", "already there", "to make", "already there")
    ]
    there = carried_out.warehouse.sql("SELECT panel_id FROM panels")["panel_id"]
    for cost in costs:
        if cost.status == "to make":
            assert cost.origin.removeprefix("panel ") in set(there)
            assert cost.seconds is not None
        else:
            assert (cost.tokens, cost.seconds) == (None, None)
    asked.carry_out()
    made = dict(carried_out.warehouse.sql("SELECT panel_id, tokens FROM panels").iter_rows())
    assert {cost.panel_id: cost.tokens for cost in costs if cost.tokens} == {
        cost.panel_id: made[cost.panel_id] for cost in costs if cost.status == "to make"
    }


def test_without_a_panel_like_it_a_calibration_says_so_and_leaves_nothing(
    park_warehouse: Warehouse, tmp_path: Path
) -> None:
    before = sorted(path for path in park_warehouse.layout.root.rglob("*") if "locks" not in path.parts)
    asked = run(park_warehouse, tmp_path, PLAN)
    costs = forecast(asked)
    assert {cost.origin for cost in costs} == {f"calibration on {asked.humans.part('holdout')[0].height} people"}
    assert all(cost.seconds is not None and cost.seconds > 0 for cost in costs)
    simulated = [cost for spec, cost in zip(asked.specs, costs, strict=True) if spec.kind == "simulated"]
    assert all(cost.tokens and cost.memory for cost in simulated)
    # Two temperatures share base and adapter: they are made once, and counted once.
    first, second = (c for c in simulated if "tuned on 8" in c.label)
    assert second.seconds < first.seconds
    assert before == sorted(path for path in park_warehouse.layout.root.rglob("*") if "locks" not in path.parts)
    assert [cost.seconds for cost in forecast(asked, calibrate=False)] == [None] * 7


def test_a_baseline_is_fitted_to_the_wave_too_where_the_plan_says_so(copied: Warehouse, tmp_path: Path) -> None:
    text = '[[panel]]\nstrategy = "pilot_marginals"\npilot = 12\nwave = true'
    plan = run(copied, tmp_path, text)
    (made,) = plan.carry_out()
    given = copied.sql(
        """
        SELECT probabilities, shares FROM (
            SELECT item_id, any_value(probabilities) AS probabilities FROM responses
            WHERE panel_id = ? AND probabilities IS NOT NULL GROUP BY ALL
        ) JOIN (
            -- One answer more, spread evenly over the options.
            SELECT item_id, list((n / total * heads + 1 / k) / (heads + 1) ORDER BY position) AS shares
            FROM (
                SELECT item_id, position, sum(coalesce(weight, 0)) AS n, sum(n) OVER w AS total, count(*) OVER w AS k,
                    sum(count(weight)) OVER w AS heads
                FROM options LEFT JOIN (
                    SELECT r.item_id, r.code, p.weight FROM responses AS r
                    JOIN respondents AS p USING (panel_id, respondent_id)
                    WHERE panel_id = ? AND p.split IN ('pilot', 'wave') AND NOT r.missing
                ) AS a USING (item_id, code)
                WHERE study_id = 'park' AND NOT options.missing GROUP BY item_id, position
                WINDOW w AS (PARTITION BY item_id)
            ) GROUP BY item_id
        ) USING (item_id)
        """,
        [made.panel_id, plan.humans.panel_id],
    )
    assert given.height > 0
    for found, expected in given.iter_rows():
        assert found == pytest.approx(expected, abs=1e-9)
    assert copied.sql("SELECT wave FROM panels WHERE panel_id = ?", [made.panel_id]).item() is True
    alone = replace(plan.humans, respondents=plan.humans.respondents.filter(pl.col("split") != "wave"))
    with pytest.raises(PlanError, match=r"wave = true, and .* has none"):
        _ = replace(plan, humans=alone).specs
