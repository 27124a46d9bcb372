"""Tuning: a LoRA adapter on every linear layer, fitted to a pilot of a few dozen to a few hundred people.

The number of steps is chosen on people held out of the pilot, then the adapter is fitted anew to all of them for that
many steps. Nobody outside the pilot is looked at.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from simframe.errors import ModelError, PlanError
from simframe.simulate import models
from simframe.simulate.chunks import digest
from simframe.simulate.embedded import fresh_directory, people_hash
from simframe.simulate.prompts import Script, Template, compile_script
from simframe.simulate.tuning import learning
from simframe.simulate.tuning.settings import TuneSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import polars as pl

    from simframe.study import Study


def tune(
    base_dir: Path,
    study: Study,
    pilot: pl.DataFrame,
    weights: pl.DataFrame | None,
    out_dir: Path,
    *,
    settings: TuneSettings | None = None,
    seed: int = 0,
    targets: pl.DataFrame | None = None,
    template: Template | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Tune an adapter, or return the one that is there.

    Args:
        base_dir: a local Hugging Face model.
        study: what is asked.
        pilot: long frame of the pilot's answers (respondent_id, item_id, code, value, missing).
        weights: respondent_id, weight; everybody counts 1 where None.
        out_dir: adapter in safetensors with ``provenance.json``; appears by one rename.
        settings: shape and pace.
        seed: shapes initial weights, folds, order and dropout. Same seed and machine, same bytes.
        targets: soft targets: respondent_id, item_id, probabilities (one a valid option).
        template: the one that the base names where left out.
        progress: called with (steps done, total steps); the total shrinks when learning ends early.

    Raises:
        PlanError: where the pilot cannot be tuned on.
        ModelError: where the base cannot be used, or ``out_dir`` holds another adapter.
    """
    settings = settings or TuneSettings()
    models.check_base(base_dir)
    noted = models.provenance(base_dir).get("template")
    template = template or (Template.from_dict(noted) if noted else Template())
    made_of = {
        "kind": "adapter",
        "base_fingerprint": models.fingerprint(base_dir),
        "template_hash": template.template_hash,
        "template": asdict(template),
        "study_id": study.id,
        "study_hash": study.study_hash,
        "pilot_ids_sha256": digest(sorted(pilot["respondent_id"].unique())),
        "pilot_sha256": people_hash(pilot),
        "weights_sha256": None if weights is None else digest(weights.sort("respondent_id").rows()),
        "targets_sha256": None if targets is None else digest(targets.sort("respondent_id", "item_id").rows()),
        "settings": asdict(settings),
        "seed": seed,
    }
    key = digest(made_of)
    if out_dir.exists():
        if models.provenance(out_dir).get("key") == key:
            return out_dir
        mend = "tune into another directory, or remove this one"
        raise ModelError("holds another adapter than the one asked for", where=str(out_dir), mend=mend)
    model = models.load(base_dir, template=template)
    script = compile_script(study, template, model.tokenizer)
    weight_of = None if weights is None else dict(weights.select("respondent_id", "weight").iter_rows())
    people = learning.examples(script, pilot, weight_of, targets)
    with models.threads(model.network):
        peft, fitted = _fit(model, script, people, settings, seed=seed, progress=progress)
    with fresh_directory(out_dir) as staging:
        _save(peft, staging, str(made_of["base_fingerprint"]))
        made_of |= fitted | {"key": key, "pilot_n": len(people), "versions": models.versions()}
        models.write_provenance(staging, made_of | {"adapter_fingerprint": models.fingerprint(staging)})
    return out_dir


class _Meter:
    """Steps done over several fits; the total shrinks where one ends early."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def step(self, step: int) -> None:
        if self.progress is not None:
            self.progress(self.done + step, self.total)

    def end(self, steps: int, planned: int) -> None:
        self.done += steps
        self.total -= planned - steps
        self.step(0)


def _fit(
    model: models.Model,
    script: Script,
    people: Sequence[learning.Example],
    settings: TuneSettings,
    *,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Any, dict[str, Any]]:
    """Choose the number of steps on people held out, then fit all; return the peft model and what was learned of it."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", task_type="CAUSAL_LM", lora_dropout=0.0
    )
    with torch.random.fork_rng(), models.quiet():
        torch.manual_seed(seed)
        peft = get_peft_model(model.network, config)
    trained = [weight for weight in model.network.parameters() if weight.requires_grad]
    start = [weight.detach().clone() for weight in trained]
    schedule = settings.schedule(models.is_tiny(model.network))
    folds = _folds(len(people), settings, seed)
    meter = _Meter(progress, (len(folds) + 1) * settings.steps)
    curves = []
    for fold in folds:
        kept = [example for place, example in enumerate(people) if place not in fold]
        held = [people[place] for place in sorted(fold)]
        curves.append(learning.learn(model, script, kept, schedule, seed=seed, held=held, step_done=meter.step))
        _restore(trained, start)
        meter.end(curves[-1][-1][0], settings.steps)
    steps, curve = _best(curves, [sum(people[i].weight * len(people[i].answers) for i in fold) for fold in folds])
    learning.learn(model, script, people, replace(schedule, steps=steps), seed=seed, step_done=meter.step)
    meter.end(steps, settings.steps)
    return peft, {"steps": steps, "rate": schedule.rate, "learning_curve": curve, "folds": len(folds)}


def _restore(weights: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.data.copy_(value)


def _folds(people: int, settings: TuneSettings, seed: int) -> list[set[int]]:
    if people < 2:
        raise PlanError(f"the pilot has {people} person who answered", mend="tune on two people at least")
    order = np.random.Generator(np.random.Philox(seed)).permutation(people).tolist()
    parts = min(settings.folds, people)
    folds = [set(order[part::parts]) for part in range(parts)]
    return folds if people < settings.cross_validate else folds[:1]


def _best(curves: list[list[tuple[int, float]]], weights: list[float]) -> tuple[int, list[tuple[int, float]]]:
    """Return the steps of the least mean loss over folds, and that mean curve.

    A fold that ended early keeps its last loss: leaving it out would favour late steps, where only slow folds are left.
    """
    at = sorted({step for curve in curves for step, _ in curve})
    mean = []
    for step in at:
        losses = [next(loss for seen, loss in reversed(curve) if seen <= step) for curve in curves]
        mean.append((step, float(np.average(losses, weights=weights if sum(weights) > 0 else None))))
    return min(mean, key=lambda point: (point[1], point[0]))[0], mean


def _save(peft: Any, directory: Path, base: str) -> None:
    # The base is named by its fingerprint: a path would differ between machines and tell where people keep files.
    peft.peft_config["default"].base_model_name_or_path = base
    with models.quiet():
        peft.save_pretrained(str(directory), safe_serialization=True, save_embedding_layers=False)
    (directory / "README.md").unlink(missing_ok=True)
