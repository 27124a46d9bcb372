"""A tiny base model that needs no download: built on the spot from a study and, where there is one, an earlier wave.

A two-layer Llama whose words are the study's own (``vocabulary``), taught by people ``made_up``, then by those
of the earlier wave. It is saved as any other Hugging Face model and takes the same road from there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from simframe.errors import ModelError, PlanError, SimframeError
from simframe.simulate.chunks import digest
from simframe.simulate.made_up import drawn_people, synthetic_people
from simframe.simulate.models.files import write_provenance
from simframe.simulate.prompts import COMPACT, compile_script
from simframe.simulate.vocabulary import BEND, OFF, SPREAD, lay_out, make_tokenizer
from simframe.warehouse.layout import is_full, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simframe.simulate.models import Model
    from simframe.simulate.prompts import Script
    from simframe.study import Study

SYNTHETIC_PEOPLE = 2048
SYNTHETIC: dict[str, Any] = {"steps": 150, "rate": 1e-3, "whole_vocabulary": True}
DRAWN_PEOPLE = 2048
DRAWN: dict[str, Any] = {"steps": 100, "rate": 2e-3, "batch": 48, "average": 0.9, "whole_vocabulary": True}
WAVE: dict[str, Any] = {"steps": 300, "rate": 2e-3, "patience": 6, "average": 0.9, "whole_vocabulary": True}
WAVE_HELD = 0.15
"""Share of the wave held out, to see when learning from it should end; then all of it is learned from, for as long."""
WAVE_ENOUGH = 40
"""People of a wave from which on those made up are drawn from a logit chain fitted to it, and not of one trait."""
TUNING_RATE = 5e-4
"""What a model that a wave taught is tuned at, where nothing else is said: it has less to unlearn than others."""
SHAPE = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 192}


def build_embedded(
    study: Study,
    wave: pl.DataFrame | None,
    out_dir: Path,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Build the embedded base model, or return the one that is there.

    Args:
        study: what is asked.
        wave: long frame of an earlier wave's answers (respondent_id, item_id, code, value, missing), nobody of whom is
            judged; None leaves the model with synthetic priming alone.
        out_dir: a model directory as ``save_pretrained`` writes it, with ``provenance.json``; appears by one rename.
        seed: shapes initial weights, synthetic people, order and dropout. Same seed and machine, same bytes.
        progress: called with (steps done, total steps).

    Raises:
        ModelError: where ``out_dir`` holds something else.
    """
    from simframe.simulate import models

    made_of = recipe(study, wave, seed)
    key = digest(made_of)
    if out_dir.exists():
        if models.provenance(out_dir).get("key") == key:
            return out_dir
        mend = "build into another directory, or remove this one"
        raise ModelError("holds another model than the one asked for", where=str(out_dir), mend=mend)
    with fresh_directory(out_dir) as staging:
        curve = _build(study, wave, staging, seed, progress or (lambda done, total: None))
        noted = made_of | {"key": key, "learning_curve": curve, "versions": models.versions()}
        models.write_provenance(staging, noted | {"base_fingerprint": models.fingerprint(staging)})
    return out_dir


def recipe(study: Study, wave: pl.DataFrame | None, seed: int) -> dict[str, Any]:
    """Return all that decides the embedded model's bytes; its digest is known before anything is built."""
    people = 0 if wave is None else wave["respondent_id"].n_unique()
    return {
        "kind": "embedded",
        "tuning_rate": TUNING_RATE if people >= WAVE_ENOUGH else None,
        "study_id": study.id,
        "study_hash": study.study_hash,
        "template": COMPACT.content(),
        "seed": seed,
        "wave_sha256": None if wave is None else people_hash(wave),
        "settings": {
            "shape": SHAPE,
            "synthetic_people": SYNTHETIC_PEOPLE,
            "synthetic": SYNTHETIC,
            "drawn_people": DRAWN_PEOPLE,
            "drawn": DRAWN,
            "wave": WAVE,
            "wave_held": WAVE_HELD,
            "wave_enough": WAVE_ENOUGH,
            "words": {"spread": SPREAD, "off": OFF, "bend": BEND},
        },
    }


def most_steps(wave: int) -> tuple[int, int]:
    """Return the most steps that are learned: on people made up, and on an earlier wave of so many."""
    made_up = DRAWN if wave >= WAVE_ENOUGH else SYNTHETIC
    return int(made_up["steps"]), 2 * int(WAVE["steps"]) if wave else 0


def people_hash(people: pl.DataFrame) -> str:
    """Return the SHA-256 of people's answers, whatever the order of rows."""
    columns = ["respondent_id", "item_id", "code", "value", "missing"]
    return digest(people.select(columns).sort("respondent_id", "item_id").rows())


@contextlib.contextmanager
def fresh_directory(target: Path) -> Iterator[Path]:
    """Prepare a directory beside its target and rename it into place once it is whole.

    What a killed process left of the same target is removed: a lock on each tells whether somebody still works there.

    Raises:
        ModelError: where the disk is full or the directory cannot be written.
    """
    staging: Path = target
    lock = contextlib.ExitStack()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{target.name}-"
        for left in target.parent.iterdir():
            if left.name.startswith(prefix):
                with contextlib.suppress(OSError), _locked(left):
                    shutil.rmtree(left, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
        lock.enter_context(_locked(staging))
        yield staging
        for file in staging.rglob("*"):
            sync(file)
        staging.chmod(0o755)
        staging.rename(target)
    except Exception as err:
        # What writes weights says of a full disk in errors of its own.
        if isinstance(err, SimframeError) or not (isinstance(err, OSError) or is_full(err)):
            raise
        mend = "free space, or choose a directory that can be written"
        said = getattr(err, "strerror", None) or str(err)
        raise ModelError(f"cannot be written: {said}", where=str(target), mend=mend) from err
    finally:
        lock.close()
        if staging != target:
            shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold a directory; OSError where another process does."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def sketch(study: Study, out_dir: Path, *, seed: int = 0) -> Path:
    """Write the model as it is before it learned anything: of the same size and speed, to be timed and not used."""
    model = _untrained(study, seed)
    with fresh_directory(out_dir) as staging:
        _save(model, staging)
        write_provenance(staging, {"kind": "sketch", "template": COMPACT.content()})
    return out_dir


def _untrained(study: Study, seed: int) -> Model:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from simframe.simulate import models

    tokenizer = make_tokenizer(study)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        num_key_value_heads=SHAPE["num_attention_heads"],
        max_position_embeddings=4096,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=None,
        tie_word_embeddings=False,
        attn_implementation="sdpa",
        **SHAPE,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = LlamaForCausalLM(config).eval()
    lay_out(network, tokenizer, study, seed)
    device, _ = models.choose_device()
    return models.Model(network.to(device), tokenizer, COMPACT, "", None)


def _save(model: Model, directory: Path) -> None:
    from simframe.simulate import models

    with models.quiet():
        model.network.to("cpu").save_pretrained(directory, safe_serialization=True)
        model.tokenizer.save_pretrained(directory)


def _build(
    study: Study, wave: pl.DataFrame | None, staging: Path, seed: int, progress: Callable[[int, int], None]
) -> list[tuple[int, float]]:
    from simframe.simulate import models

    model = _untrained(study, seed)
    with models.threads(model.network):
        curve = _prime(model, compile_script(study, COMPACT, model.tokenizer), wave, seed, progress)
    _save(model, staging)
    return curve


def _prime(
    model: Model, script: Script, wave: pl.DataFrame | None, seed: int, progress: Callable[[int, int], None]
) -> list[tuple[int, float]]:
    """Teach the network what people made up would answer, then what people of the earlier wave did."""
    from simframe.simulate.tuning.examples import Example, examples
    from simframe.simulate.tuning.learning import Point, learn
    from simframe.simulate.tuning.objectives import Answers
    from simframe.simulate.tuning.schedule import Schedule

    everybody = [] if wave is None else examples(script, wave)
    if len(everybody) == 1:
        raise PlanError("the earlier wave is one person", where="wave", mend="give more people, or no wave at all")
    before, after = most_steps(len(everybody))
    total = before + after

    def on(people: list[Example], held: list[Example], schedule: Schedule, done: int) -> list[Point]:
        objective = Answers(model, script, people, held, batch=schedule.batch, field_dropout=schedule.field_dropout)
        return learn(model, objective, schedule, seed=seed, step_done=lambda step: progress(done + step, total))

    order = np.random.Generator(np.random.Philox(seed)).permutation(len(everybody))
    cut = max(1, round(WAVE_HELD * len(everybody)))
    held, kept = [everybody[i] for i in order[:cut]], [everybody[i] for i in order[cut:]]
    if wave is None or len(everybody) < WAVE_ENOUGH:
        made_up = examples(script, synthetic_people(script.study, SYNTHETIC_PEOPLE, seed))
        on(made_up, [], Schedule(**SYNTHETIC), 0)
    else:
        # Who is held out must be new to the network, or learning from the others would seem to bring nothing.
        known = wave.filter(pl.col("respondent_id").is_in([example.respondent_id for example in kept]))
        people, targets = drawn_people(script.study, known, DRAWN_PEOPLE, seed)
        on(examples(script, people, targets=targets), [], Schedule(**DRAWN), 0)
    curve: list[tuple[int, float]] = []
    if everybody:
        second = Schedule(**WAVE)
        begun = [weight.detach().clone() for weight in model.network.parameters()]
        found = on(kept, held, second, before)
        curve = [(point.step, point.held_loss) for point in found if point.held_loss is not None]
        for weight, was in zip(model.network.parameters(), begun, strict=True):
            weight.data.copy_(was)
        best = min(curve, key=lambda point: point[1])[0]
        on(everybody, [], replace(second, steps=best), before + second.steps)
    progress(total, total)
    return curve
