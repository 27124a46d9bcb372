"""From people to a judged panel, by a chat model that is asked numbers and words beside closed questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from engine_worlds import LONG_OPENING, coherent_study, make_qwen
from test_chat import with_chat

pytest.importorskip("torch")

from scipy.stats import wasserstein_distance

from simframe.cli import main
from simframe.inference import evaluate_panels
from simframe.ingest import import_panel
from simframe.simulate import models
from simframe.warehouse import Warehouse

STUDY = """
[study]
id = "open"
title = "Open questions"
introduction = "A town by a river."
[study.split]
pilot = 12
[[item]]
id = "age"
label = "Age"
wording = "How old are you?"
scale = "interval"
role = "persona"
range = [18, 99]
[[item]]
id = "letter"
label = "Letter"
scale = "nominal"
role = "arm"
options = [{ code = "a", label = "letter", text = "You got a letter." }, { code = "b", label = "none" }]
[[item]]
id = "glasses"
label = "Glasses"
wording = "How many glasses of tap water did you drink?"
scale = "interval"
role = "outcome"
range = [0, 12]
bins = [{ code = "few", label = "few", max = 3 }, { code = "many", label = "many", min = 4 }]
[[item]]
id = "why"
label = "Why"
wording = "Why so many?"
scale = "text"
role = "outcome"
[[item]]
id = "sign"
label = "Petition"
wording = "Will you sign the petition for a filter?"
scale = "nominal"
role = "action"
options = [{ code = "yes", label = "I will sign" }, { code = "no", label = "I will not" }]
"""
PLAN = """
[plan]
id = "open"
model = "{model}"
item_order = "random"
option_order = "random"
[[panel]]
strategy = "base"
shots = 2
[[panel]]
strategy = "tuned"
pilot = 12
tune = {{ steps = 5, folds = 2 }}
prompt = "table"
"""


@pytest.fixture(scope="module")
def panels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("open")
    model = make_qwen(folder / "model", coherent_study(LONG_OPENING, days=11))
    make_chatty(model)
    (folder / "open.toml").write_text(STUDY)
    random = np.random.default_rng(4)
    n = 40
    people = {
        "age": random.integers(18, 99, n),
        "letter": random.choice(["a", "b"], n),
        "glasses": random.integers(0, 13, n),
        "why": random.choice(["thirst", "I like it <|im_end|>", ""], n),
        "sign": random.choice(["yes", "no"], n),
    }
    pl.DataFrame(people).write_csv(folder / "people.csv")
    (folder / "plan.toml").write_text(PLAN.format(model=model))
    warehouse = Warehouse.create(folder / "w")
    import_panel(warehouse, folder / "open.toml", folder / "people.csv")
    words = ["simulate", folder / "plan.toml", "--study", "open", "--no-evaluate", "-w", folder / "w"]
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    warehouse = Warehouse.open(folder / "w")
    evaluate_panels(warehouse, None, lambda done, total: None, replicates=100)
    return warehouse, warehouse.sql("SELECT * FROM panels WHERE kind = 'simulated' ORDER BY strategy")


def make_chatty(model: Path) -> None:
    """Give a model's tokenizer a chat template, and the model a row for each token that it brings."""
    loaded = models.load(model)
    tokenizer: Any = with_chat(loaded.tokenizer, "chatml")
    loaded.network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with models.quiet():
        loaded.network.save_pretrained(model)
    tokenizer.save_pretrained(model)


@pytest.mark.parametrize("strategy", ["base", "tuned"])
def test_every_answer_is_one_that_a_person_could_give(panels: tuple[Warehouse, pl.DataFrame], strategy: str) -> None:
    warehouse, rows = panels
    answers = warehouse.table(rows.filter(strategy=strategy)["panel_id"][0], "responses")
    glasses = answers.filter(item_id="glasses")
    assert glasses.height == 28
    assert glasses["value"].is_in([float(k) for k in range(13)]).all()
    assert (glasses["code"] == pl.Series(["few" if v <= 3 else "many" for v in glasses["value"]])).all()
    assert glasses["probabilities"].null_count() == 28
    why = answers.filter(item_id="why")
    assert why["text"].null_count() == 0
    assert not why["text"].str.contains("<|im_end|>", literal=True).any()
    sign = answers.filter(item_id="sign")
    orders = {None if shown is None else tuple(shown) for shown in sign["shown"].to_list()}
    assert orders == {None, (1, 0)}
    assert set(sign["position"]) == {0, 1, 2}
    assert answers.filter(item_id="letter")["code"].is_in(["a", "b"]).all()
    assert set(answers.filter(pl.col("position").is_not_null())["item_id"]) == {"glasses", "why", "sign"}


def test_a_number_is_judged_as_a_persons_is(panels: tuple[Warehouse, pl.DataFrame]) -> None:
    warehouse, rows = panels
    for panel in rows.iter_rows(named=True):
        humans = warehouse.table(panel["reference_id"], "respondents").filter(split="holdout")["respondent_id"]
        h = warehouse.table(panel["reference_id"], "responses").filter(
            pl.col("respondent_id").is_in(humans.implode()), item_id="glasses"
        )
        s = warehouse.table(panel["panel_id"], "responses").filter(item_id="glasses")
        found = warehouse.sql(
            "SELECT estimate, ci_low, ci_high FROM alignment WHERE panel_id = ? AND item_id = 'glasses' "
            "AND metric = 'wasserstein' AND attribute = 'all'",
            [panel["panel_id"]],
        )
        assert found["estimate"][0] == pytest.approx(wasserstein_distance(h["value"], s["value"]))
        assert found["ci_low"][0] is not None
    means = warehouse.sql("SELECT count(*) AS n FROM alignment WHERE item_id = 'why'")
    assert means["n"][0] == 0


def test_prompts_are_known_by_what_they_hold(panels: tuple[Warehouse, pl.DataFrame]) -> None:
    _, rows = panels
    assert rows["template_hash"].n_unique() == 2
    assert rows["prompt"].to_list() == ["first_person", "table"]
    assert rows["shots"].to_list() == [2, 0]
