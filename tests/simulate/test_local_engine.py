"""The local engine's roads beside the plain one: orders, averages, independent questions, overflow, low mass."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from engine_worlds import LONG_OPENING, coherent_people, coherent_study, twins

pytest.importorskip("torch")

import torch

from simframe.errors import ModelError, PlanError
from simframe.simulate import scoring
from simframe.simulate.engine import SimulateSettings, simulate
from simframe.simulate.engines.base import RunSettings, run
from simframe.simulate.engines.local import LocalEngine

STUDY = coherent_study(LONG_OPENING, days=11)
PEOPLE = coherent_people(8, seed=8, days=11)


def panel(base: Path, folder: Path, **settings: object):
    return simulate(
        base, None, STUDY, PEOPLE, twins(PEOPLE), settings=SimulateSettings(seed=4, **settings), chunk_dir=folder
    )


def probabilities(responses: pl.DataFrame, item: str) -> np.ndarray:
    return np.array(responses.filter(item_id=item).sort("respondent_id")["probabilities"].to_list())


def test_orders_are_recorded_and_belong_to_respondents(qwen: Path, tmp_path: Path):
    orders = {"item_order": "random", "option_order": "random"}
    found = panel(qwen, tmp_path / "a", batch=8, **orders).responses
    asked = found.group_by("respondent_id", maintain_order=True).agg("item_id", "position")
    assert asked["item_id"].n_unique() > 1, "respondents are asked in orders of their own"
    assert all(row == [0, 1, 2] for row in asked["position"].to_list())
    shown = found.filter(item_id="trust")["shown"]
    assert shown.n_unique() > 1
    assert all(row is None or (sorted(row) == [0, 1, 2] and row != [0, 1, 2]) for row in shown.to_list())
    again = panel(qwen, tmp_path / "b", batch=3, **orders).responses
    key = ["respondent_id", "position"]
    compared = ["respondent_id", "item_id", "code", "position", "shown"]
    assert again.sort(key).select(compared).equals(found.sort(key).select(compared)), "whatever the batch"
    plain = panel(qwen, tmp_path / "c").responses
    assert plain["shown"].is_null().all()
    assert np.abs(probabilities(plain, "trust") - probabilities(found, "trust")).max() > 1e-3, "an order matters"


def test_the_average_over_all_cyclic_orders_does_not_depend_on_the_one_shown(qwen: Path, tmp_path: Path):
    """Two options have two orders, each a cyclic shift of the other: shown either way, their average is the same."""
    declared, reverse, single = (
        probabilities(
            panel(qwen, tmp_path / f"{order}{k}", mode="independent", option_order=order, order_average=k).responses,
            "sign",
        )
        for order, k in (("declared", 2), ("reversed", 2), ("reversed", 1))
    )
    np.testing.assert_allclose(declared, reverse, atol=1e-6)
    assert np.abs(declared - single).max() > 1e-3


def test_independent_answers_do_not_hear_of_each_other(qwen: Path, tmp_path: Path):
    many = pl.DataFrame({"respondent_id": [f"t{i}" for i in range(40)], "twin_of": ["p00003"] * 40})
    settings = SimulateSettings(seed=4, mode="independent")
    found = simulate(qwen, None, STUDY, PEOPLE, many, settings=settings, chunk_dir=tmp_path / "many")
    for item in ("trust", "days", "sign"):
        assert np.ptp(probabilities(found.responses, item), axis=0).max() == 0.0
    assert found.responses.filter(item_id="trust")["code"].n_unique() > 1
    one = simulate(qwen, None, STUDY, PEOPLE, many[:1], settings=settings, chunk_dir=tmp_path / "one")
    assert found.tokens == one.tokens, "one persona, read once"


def test_what_the_model_would_rather_not_say_is_counted(qwen: Path, tmp_path: Path):
    found = panel(qwen, tmp_path)
    low = (found.responses["option_mass"] < scoring.LOW_MASS).sum()
    assert found.low_mass == low > 0, "random weights know nothing of options"


def overflowing(base: Path, folder: Path) -> Path:
    """The same model, but for what passes inside: gate and up are larger, down is smaller by their product."""
    from safetensors.torch import load_file, save_file

    copied = Path(shutil.copytree(base, folder))
    weights = load_file(copied / "model.safetensors")
    for name in weights:
        if "gate_proj" in name or "up_proj" in name:
            weights[name] = weights[name] * 512
        if "down_proj" in name:
            weights[name] = weights[name] / 2**15
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    return copied


def test_a_batch_that_overflows_is_answered_in_float32(qwen: Path, tmp_path: Path):
    base = overflowing(qwen, tmp_path / "overflowing")
    whole, half = (LocalEngine.load(base, None, STUDY, dtype=torch.float32) for _ in range(2))
    half.model.network.half()
    # Rounding to half precision is not undone: both start from the rounded weights.
    whole.model.network.half().float()
    settings = RunSettings(seed=4)
    expected, found = (
        run(engine, PEOPLE, twins(PEOPLE), settings=settings, chunk_dir=tmp_path / str(k))
        for k, engine in enumerate((whole, half))
    )
    assert (expected.notes["widened"], found.notes["widened"]) == (0, 8)
    assert found.responses.equals(expected.responses)
    assert half.model.network.dtype == torch.float16, "half precision is restored"


def without_numbers(base: Path, folder: Path) -> Path:
    """The same model, but for rows of tokens that only what respondents read holds."""
    from safetensors.torch import load_file, save_file

    copied = Path(shutil.copytree(base, folder))
    weights = load_file(copied / "model.safetensors")
    weights["model.embed_tokens.weight"][400:] = float("nan")
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    return copied


def test_damaged_weights_are_not_mended_by_float32(qwen: Path, tmp_path: Path):
    base = without_numbers(qwen, tmp_path / "damaged")
    for dtype in (torch.float32, torch.float16):
        engine = LocalEngine.load(base, None, STUDY, dtype=dtype)
        with pytest.raises(ModelError, match=r"(?s)not finite.*mend: copy the model's weights anew") as caught:
            run(engine, PEOPLE, twins(PEOPLE), settings=RunSettings(seed=4), chunk_dir=tmp_path / str(dtype))
        assert "respondent" in str(caught.value.where)
        assert "run in float32" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"mode": "both"}, "mode is 'both'"), ({"order_average": 0}, "order_average is 0")],
)
def test_settings_that_make_no_sense(settings: dict[str, object], message: str):
    with pytest.raises(PlanError, match=message):
        SimulateSettings(**settings)
