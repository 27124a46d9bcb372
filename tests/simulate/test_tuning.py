from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import scipy.stats
from engine_worlds import LONG_OPENING, answers_of, coherent_people, coherent_study, twins

pytest.importorskip("torch")

from simframe.errors import ModelError, PlanError
from simframe.simulate import models
from simframe.simulate.engine import likelihood, simulate
from simframe.simulate.tuning import TuneSettings, tune

SHORT = TuneSettings(steps=10)


def per_person(base: Path, adapter: Path | None, study, people: pl.DataFrame) -> pl.Series:
    found = likelihood(base, adapter, study, people).group_by("respondent_id").agg(pl.col("log_probability").sum())
    return found.sort("respondent_id")["log_probability"]


def test_tuning_makes_people_it_never_saw_likelier(built: Path, tuned: Path):
    study, unseen = coherent_study(), coherent_people(150, seed=99, name="u")
    base, after = (per_person(built, adapter, study, unseen) for adapter in (None, tuned))
    assert scipy.stats.ttest_rel(after, base, alternative="greater").pvalue < 1e-6
    # Trust at 0.5, 0.25, 0.25, three days alike, and an action that follows: the entropy is a floor for the truth.
    floor = scipy.stats.entropy([0.5, 0.25, 0.25]) + scipy.stats.entropy([1 / 3] * 3)
    assert -after.mean() < -base.mean()
    assert -after.mean() > floor - 3 * after.std() / len(after) ** 0.5


def test_chained_answers_are_coherent_and_independent_ones_would_not_be(built: Path, tuned: Path, tmp_path: Path):
    study, people = coherent_study(), coherent_people(400, seed=17, name="q")
    panel = simulate(built, tuned, study, people, twins(people), chunk_dir=tmp_path).responses
    wide = panel.pivot(on="item_id", index="respondent_id", values="code")
    signs, trusts_not = wide["sign"] == "yes", wide["trust"] == "1"
    against = int((signs != trusts_not).sum())
    # What the same marginals give when drawn independently of each other.
    p, q = signs.mean(), trusts_not.mean()
    independent = p * (1 - q) + q * (1 - p)
    assert scipy.stats.binomtest(against, wide.height, independent, alternative="less").pvalue < 1e-9


def test_another_architecture_takes_the_same_road(qwen: Path, tmp_path: Path):
    study = coherent_study(LONG_OPENING, days=11)
    people, unseen = coherent_people(40, seed=21, days=11), coherent_people(80, seed=22, name="u", days=11)
    seen: list[tuple[int, int]] = []
    adapter = tune(
        qwen,
        study,
        people,
        None,
        tmp_path / "a",
        settings=TuneSettings(steps=20, cross_validate=0),
        progress=lambda *at: seen.append(at),
    )
    base, after = (per_person(qwen, a, study, unseen) for a in (None, adapter))
    assert scipy.stats.ttest_rel(after, base, alternative="greater").pvalue < 1e-6
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    panel = simulate(qwen, adapter, study, unseen, twins(unseen), chunk_dir=tmp_path / "c")
    assert panel.responses.height == 80 * 3
    assert panel.responses["probabilities"].list.sum().is_between(1 - 1e-9, 1 + 1e-9).all()
    assert panel.responses.filter(item_id="days")["probabilities"].list.len().unique().to_list() == [11]
    noted = models.provenance(adapter)
    assert panel.adapter_fingerprint == noted["adapter_fingerprint"]
    assert panel.base_fingerprint == noted["base_fingerprint"] == models.fingerprint(qwen)


def test_provenance_says_what_the_adapter_came_from(built: Path, tuned: Path):
    noted = json.loads((tuned / "provenance.json").read_text())
    assert noted["pilot_n"] == 160
    assert noted["study_hash"] == coherent_study().study_hash
    steps = [step for step, _ in noted["learning_curve"]]
    assert steps[0] == 0
    assert noted["steps"] == min(noted["learning_curve"], key=lambda point: point[1])[0]
    assert not (tuned / "README.md").exists()
    assert str(built) not in (tuned / "adapter_config.json").read_text(), "a path would differ between machines"


def test_same_seed_same_bytes_and_finished_work_is_kept(built: Path, tmp_path: Path):
    study, people = coherent_study(), coherent_people(20, seed=2)
    a, b, c = (
        tune(
            built,
            study,
            people.sample(fraction=1, shuffle=True, seed=order),
            None,
            tmp_path / name,
            settings=SHORT,
            seed=s,
        )
        for order, name, s in ((0, "a", 1), (1, "b", 1), (2, "c", 2))
    )
    assert models.fingerprint(a) == models.fingerprint(b) != models.fingerprint(c)
    written = (a / "adapter_model.safetensors").stat().st_mtime_ns
    assert tune(built, study, people, None, a, settings=SHORT, seed=1) == a
    assert (a / "adapter_model.safetensors").stat().st_mtime_ns == written
    with pytest.raises(ModelError, match="another adapter"):
        tune(built, study, people, None, a, settings=SHORT, seed=2)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_weights_count_people(built: Path, tmp_path: Path):
    """Half the pilot signs whatever they believe, half never does; the half with weight zero is not learned from."""
    study, people = coherent_study(), coherent_people(80, seed=31)
    ids = people["respondent_id"].unique(maintain_order=True).to_list()
    said = {r: "yes" if k % 2 else "no" for k, r in enumerate(ids)}
    forced = people.with_columns(
        code=pl.when(pl.col("item_id") == "sign")
        .then(pl.col("respondent_id").replace_strict(said))
        .otherwise(pl.col("code"))
    )
    weights = pl.DataFrame({"respondent_id": ids, "weight": [float(said[r] == "yes") for r in ids]})
    adapter = tune(built, study, forced, weights, tmp_path / "a", settings=TuneSettings(steps=40, cross_validate=0))
    found = likelihood(built, adapter, study, forced).filter(item_id="sign")
    of = dict(found.select("respondent_id", "log_probability").iter_rows())
    yes, no = ([of[r] for r in ids if said[r] == s] for s in ("yes", "no"))
    assert scipy.stats.mannwhitneyu(yes, no, alternative="greater").pvalue < 1e-6


def test_soft_targets_take_the_place_of_answers(built: Path, tmp_path: Path):
    """Everybody says yes, but the target is one in four: the model should come to one in four."""
    study, people = coherent_study(), coherent_people(120, seed=41)
    yes = people.with_columns(code=pl.when(pl.col("item_id") == "sign").then(pl.lit("yes")).otherwise(pl.col("code")))
    ids = people["respondent_id"].unique(maintain_order=True).to_list()
    targets = pl.DataFrame({"respondent_id": ids, "item_id": ["sign"] * 120, "probabilities": [[0.25, 0.75]] * 120})
    adapter = tune(
        built, study, yes, None, tmp_path / "a", targets=targets, settings=TuneSettings(steps=60, cross_validate=0)
    )
    plain = tune(built, study, yes, None, tmp_path / "b", settings=TuneSettings(steps=60, cross_validate=0))
    soft, hard = (
        likelihood(built, a, study, yes).filter(item_id="sign")["log_probability"].exp().mean()
        for a in (adapter, plain)
    )
    assert abs(soft - 0.25) < abs(hard - 0.25)
    assert soft == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    ("weights", "targets", "match"),
    [
        ([1.0, -1.0], None, "weight is -1.0"),
        ([1.0, float("nan")], None, "weight is nan"),
        ([1.0], None, "weight is None"),
        ([0.0, 0.0], None, "everybody has weight 0"),
        (None, [[0.5, 0.6]], "no distribution"),
        (None, [[1.0]], "no distribution"),
    ],
)
def test_bad_weights_and_targets(built: Path, tmp_path: Path, weights, targets, match: str):
    people = coherent_people(2, seed=0)
    ids = ["p00000", "p00001"]
    given = None if weights is None else pl.DataFrame({"respondent_id": ids[: len(weights)], "weight": weights})
    soft = (
        None
        if targets is None
        else pl.DataFrame({"respondent_id": ids[:1], "item_id": ["sign"], "probabilities": targets})
    )
    with pytest.raises(PlanError, match=match):
        tune(built, coherent_study(), people, given, tmp_path / "a", targets=soft)
    assert list(tmp_path.iterdir()) == []


def test_a_pilot_nobody_answered(built: Path, tmp_path: Path):
    people = coherent_people(3, seed=0)
    for silent in (people.clear(), people.filter(pl.col("item_id").is_in(["age", "side"]))):
        with pytest.raises(PlanError, match="nobody answered"):
            tune(built, coherent_study(), silent, None, tmp_path / "a")
    with pytest.raises(PlanError, match="two people"):
        tune(built, coherent_study(), answers_of(people, ["p00000"]), None, tmp_path / "a")
    wrong = people.with_columns(code=pl.when(pl.col("item_id") == "sign").then(pl.lit("maybe")).otherwise("code"))
    with pytest.raises(PlanError, match="'maybe' is no valid option"):
        tune(built, coherent_study(), wrong, None, tmp_path / "a")


def test_settings_are_checked():
    with pytest.raises(PlanError, match="rank is 0"):
        TuneSettings(rank=0)
    with pytest.raises(PlanError, match="field_dropout"):
        TuneSettings(field_dropout=1.0)


@pytest.mark.parametrize(("steps", "every", "seen"), [(4, 5, [0, 4]), (12, 7, [0, 7, 12]), (10, 5, [0, 5, 10])])
def test_the_last_step_is_looked_at(built: Path, tmp_path: Path, steps: int, every: int, seen: list[int]) -> None:
    settings = TuneSettings(steps=steps, every=every, patience=100, cross_validate=0)
    adapter = tune(built, coherent_study(), coherent_people(60, seed=1), None, tmp_path / "a", settings=settings)
    noted = models.provenance(adapter)
    assert [step for step, _ in noted["learning_curve"]] == seen
    assert noted["steps"] > 0, "what can be learned in a few steps is"
