"""The embedded model: built alike each time, and good enough on real voters to be worth the name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from engine_worlds import coherent_people, coherent_study, long_frame

pytest.importorskip("torch")

from simframe.errors import ModelError, PlanError
from simframe.simulate import models
from simframe.simulate.embedded import TUNING_RATE, build_embedded
from simframe.simulate.engine import likelihood
from simframe.simulate.made_up import drawn_people
from simframe.simulate.tuning import tune
from simframe.study import load_study


def test_same_seed_same_bytes(built: Path, tmp_path: Path):
    again = build_embedded(coherent_study(), None, tmp_path / "again", seed=3)
    for name in ("model.safetensors", "tokenizer.json", "config.json", "provenance.json"):
        assert (again / name).read_bytes() == (built / name).read_bytes(), name


def test_a_finished_model_is_returned_and_another_is_not_overwritten(built: Path):
    before = (built / "model.safetensors").stat().st_mtime_ns
    assert build_embedded(coherent_study(), None, built, seed=3) == built
    assert (built / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(ModelError, match="another model"):
        build_embedded(coherent_study(), coherent_people(5, seed=0), built, seed=3)


def test_an_interrupted_build_leaves_nothing(tmp_path: Path):
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_embedded(coherent_study(), None, tmp_path / "base", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_any_transformers_user_can_open_it(built: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(built)
    network = AutoModelForCausalLM.from_pretrained(built)
    assert "[UNK]" not in tokenizer.convert_ids_to_tokens(tokenizer("age.4 trust? trust.2 sign?")["input_ids"])
    assert network.get_output_embeddings().weight.shape[0] == len(tokenizer)
    assert models.provenance(built)["base_fingerprint"] == models.fingerprint(built)


def test_a_wave_of_one_is_refused(tmp_path: Path):
    with pytest.raises(PlanError, match="one person"):
        build_embedded(coherent_study(), coherent_people(1, seed=0), tmp_path / "base")


def test_people_drawn_from_a_wave_answer_as_it_does_and_only_what_it_was_asked():
    study, wave = coherent_study(), coherent_people(200, seed=1).filter(pl.col("item_id") != "days")
    people, targets = drawn_people(study, wave, 1000, seed=2)
    assert people["respondent_id"].n_unique() == 1000
    assert set(people["item_id"]) == {"age", "side", "trust", "sign"}
    assert set(targets["item_id"]) == {"trust", "sign"}
    assert targets["probabilities"].list.sum().to_numpy() == pytest.approx(1)
    answers = people.pivot(on="item_id", index="respondent_id", values="code")
    assert ((answers["trust"] == "1") == (answers["sign"] == "yes")).mean() > 0.95
    lived = wave.pivot(on="item_id", index="respondent_id", values="value").select("age").to_series()
    assert set(people.filter(item_id="age")["value"]) <= set(lived)
    again = drawn_people(study, wave.sample(fraction=1, shuffle=True, seed=3), 1000, seed=2)
    for one, other in zip((people, targets), again, strict=True):
        order = ["respondent_id", "item_id"]
        assert one.sort(order).equals(other.sort(order))


def anes() -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """The voters that statsmodels ships: long answers, ids of those in places of 50,000 and more, ids of the rest."""
    import statsmodels.api as sm

    study, data = load_study("anes96"), sm.datasets.anes96.load_pandas().data
    rows: list[tuple[str, str, str | None, float | None, bool]] = []
    for index, record in enumerate(data.to_dict("records")):
        for item in (*study.persona, *study.questions):
            value = float(record[item.id])
            rows.append((f"v{index:04d}", item.id, str(int(value)) if item.options else None, value, False))
    ids = np.array([f"v{index:04d}" for index in range(len(data))])
    city = (data["popul"] >= 50).to_numpy()
    return long_frame(rows), ids[city], ids[~city]


def test_on_real_voters_it_beats_the_pilots_marginals(tmp_path: Path, record_property):
    study, (people, city, rest) = load_study("anes96"), anes()
    order = np.random.default_rng(study.split.seed).permutation(rest)

    def of(ids: np.ndarray) -> pl.DataFrame:
        return people.filter(pl.col("respondent_id").is_in(list(ids)))

    pilot, holdout = of(order[:300]), of(order[300:])
    base = build_embedded(study, of(city), tmp_path / "base", seed=1)
    adapter = tune(base, study, pilot, None, tmp_path / "adapter", seed=1)
    assert models.provenance(adapter)["rate"] == models.provenance(base)["tuning_rate"] == TUNING_RATE
    losses = {
        name: -float(likelihood(base, a, study, holdout)["log_probability"].mean())
        for name, a in (("wave", None), ("tuned on 300", adapter))
    }
    marginal = []
    for item in study.questions:
        seen = dict(pilot.filter(item_id=item.id)["code"].value_counts().iter_rows())
        count = {option.code: seen.get(option.code, 0) + 0.5 for option in item.valid_options}
        marginal += [np.log(count[c] / sum(count.values())) for c in holdout.filter(item_id=item.id)["code"]]
    losses["pilot marginals"] = -float(np.mean(marginal))
    record_property("nll_per_answer", losses)
    print("NLL an answer:", {name: round(loss, 3) for name, loss in losses.items()})
    assert losses["tuned on 300"] < losses["pilot marginals"]
    assert losses["tuned on 300"] < losses["wave"]
