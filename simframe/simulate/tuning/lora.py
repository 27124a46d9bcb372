"""Tuning: a LoRA adapter on every linear layer, fitted to a pilot of a few dozen to a few hundred people.

The number of steps is chosen on people held out of the pilot, then the adapter is fitted anew to all of them for that
many steps. Nobody outside the pilot is looked at.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError, PlanError
from simframe.simulate import models
from simframe.simulate.chunks import digest
from simframe.simulate.embedded import fresh_directory, people_hash
from simframe.simulate.prompts import Template, compile_script
from simframe.simulate.tuning.checkpoints import EVERY, Checkpoints
from simframe.simulate.tuning.curves import write_curves
from simframe.simulate.tuning.examples import Example, examples
from simframe.simulate.tuning.fitting import Fit, Meter
from simframe.simulate.tuning.groups import groups_of, subsampled, weighted
from simframe.simulate.tuning.loss import check_lengths
from simframe.simulate.tuning.settings import TuneSettings
from simframe.warehouse.layout import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from simframe.study import Study
    from simframe.warehouse.layout import Layout


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
    checkpoint: Path | None = None,
    checkpoint_every: float = EVERY,
) -> Path:
    """Tune an adapter, or return the one that is there.

    Args:
        base_dir: a local Hugging Face model.
        study: what is asked.
        pilot: long frame of the pilot's answers (respondent_id, item_id, code, value, missing).
        weights: respondent_id, weight; everybody counts 1 where None.
        out_dir: adapter in safetensors with ``provenance.json`` and its learning curve; appears by one rename.
        settings: shape, pace, objective.
        seed: shapes initial weights, folds, order and dropout. Same seed and machine, same bytes.
        targets: soft targets: respondent_id, item_id, probabilities (one a valid option).
        template: the one that the base names where left out.
        progress: called with (steps done, total steps); the total shrinks when learning ends early.
        checkpoint: file that keeps the state of a long tuning; removed in the end.
        checkpoint_every: seconds between two writings of it.

    Raises:
        PlanError: where the pilot cannot be tuned on.
        ModelError: where the base cannot be used, or ``out_dir`` holds another adapter.
    """
    settings = settings or TuneSettings()
    made_of = recipe(base_dir, study, pilot, weights, settings=settings, seed=seed, targets=targets, template=template)
    settings, key = replace(settings, rate=made_of["settings"]["rate"]), digest(made_of)
    if out_dir.exists():
        if models.provenance(out_dir).get("key") == key:
            return out_dir
        mend = "tune into another directory, or remove this one"
        raise ModelError("holds another adapter than the one asked for", where=str(out_dir), mend=mend)
    model = models.load(base_dir, template=Template.from_dict(made_of["template"]), four_bit=settings.four_bit)
    script = compile_script(study, model.template, model.tokenizer)
    weight_of = None if weights is None else dict(weights.select("respondent_id", "weight").iter_rows())
    people = _chosen(study, pilot, examples(script, pilot, weight_of, targets), settings, seed)
    check_lengths(model, script, people, alone=settings.objective == "aggregate")
    checkpoints = Checkpoints(checkpoint, key, checkpoint_every)
    with models.threads(model.network):
        fit = Fit(model, script, study, pilot, people, settings, seed, checkpoints, Meter(progress, settings.steps))
        adapter, curves = fit.carry_out()
    with fresh_directory(out_dir) as staging:
        adapter.save(staging, str(made_of["base_fingerprint"]))
        noted = {"steps": curves.steps, "rate": curves.rate, "learning_curve": curves.mean, "folds": len(curves.folds)}
        noted |= {"key": key, "pilot_n": len(people), "versions": models.versions()}
        noted |= {"adapter_fingerprint": models.fingerprint(staging)}
        write_curves(
            staging,
            curves.folds,
            curves.mean,
            curves.refit,
            adapter_id=out_dir.name,
            adapter_fingerprint=noted["adapter_fingerprint"],
            base_fingerprint=made_of["base_fingerprint"],
            study_id=study.id,
            study_hash=study.study_hash,
            pilot_n=len(people),
            seed=seed,
            steps=curves.steps,
        )
        models.write_provenance(staging, made_of | noted)
    checkpoints.clear()
    return out_dir


def tune_in(
    layout: Layout,
    base_dir: Path,
    study: Study,
    pilot: pl.DataFrame,
    weights: pl.DataFrame | None,
    *,
    settings: TuneSettings | None = None,
    seed: int = 0,
    template: Template | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Tune an adapter in a warehouse, or return the one that is there; a killed tuning is gone on with.

    Its folder is named by all that shapes it, so panels that differ in something else share it.

    Args:
        layout: of the warehouse.
        base_dir: as of ``tune``, like all that follows.
        study: what is asked.
        pilot: long frame of the pilot's answers.
        weights: respondent_id, weight.
        settings: shape, pace, objective.
        seed: shapes initial weights, folds, order and dropout.
        template: the one that the base names where left out.
        progress: called with (steps done, total steps).
    """
    settings = settings or TuneSettings()
    key = digest(recipe(base_dir, study, pilot, weights, settings=settings, seed=seed, template=template))
    name = f"adapter-{study.id}-n{pilot['respondent_id'].n_unique()}-{key[:12]}"
    with locked(layout, name):  # another process may be making it
        kept = layout.chunks(name)
        made = tune(
            base_dir,
            study,
            pilot,
            weights,
            layout.models / name,
            settings=settings,
            seed=seed,
            template=template,
            progress=progress,
            checkpoint=kept / "state.safetensors",
        )
        shutil.rmtree(kept, ignore_errors=True)
    return made


def recipe(
    base_dir: Path,
    study: Study,
    pilot: pl.DataFrame,
    weights: pl.DataFrame | None,
    *,
    settings: TuneSettings,
    seed: int,
    targets: pl.DataFrame | None = None,
    template: Template | None = None,
) -> dict[str, Any]:
    """Return all that decides an adapter's bytes; its digest is known before anything is tuned."""
    models.check_base(base_dir)
    base = models.provenance(base_dir)
    template = template or models.noted_template(base_dir) or Template()
    return {
        "kind": "adapter",
        "base_fingerprint": models.fingerprint(base_dir),
        "template_hash": template.template_hash,
        "template": template.content(),
        "study_id": study.id,
        "study_hash": study.study_hash,
        "pilot_ids_sha256": digest(sorted(pilot["respondent_id"].unique())),
        "pilot_sha256": people_hash(pilot),
        "weights_sha256": None if weights is None else digest(weights.sort("respondent_id").rows()),
        "targets_sha256": None if targets is None else digest(targets.sort("respondent_id", "item_id").rows()),
        "settings": asdict(settings) | {"rate": settings.rate or base.get("tuning_rate")},
        "seed": seed,
    }


def _chosen(
    study: Study, pilot: pl.DataFrame, people: list[Example], settings: TuneSettings, seed: int
) -> list[Example]:
    """Return the people learned from, as often as they count."""
    if settings.subsample is not None:
        people = subsampled(people, groups_of(study, pilot, people, settings.subsample), seed)
    if settings.weights:
        by = str(settings.weights["by"])
        people = weighted(study, people, groups_of(study, pilot, people, by), settings.weights)
    if len(people) < 2:
        raise PlanError(f"the pilot has {len(people)} person who answered", mend="tune on two people at least")
    return people
