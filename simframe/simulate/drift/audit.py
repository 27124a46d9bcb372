"""What tuning did to the rest of a model: the same probes before and after, the same personas, the same orders."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from simframe.errors import ModelError, PlanError
from simframe.simulate import models
from simframe.simulate.drift.interval import interval
from simframe.simulate.drift.measures import DISTANCE, MEASURES, PROBES_ONLY, Reading, Units, total_variation
from simframe.simulate.prompts import Template
from simframe.study import Study, load_study, parse_study

if TYPE_CHECKING:
    from simframe.simulate.engine import Simulation

CLOSED = "the model knows the words of its own study alone, and cannot read the probes"
"""Why an embedded model has no rows of the scope ``probes``."""
SCHEMA = {
    "scope": pl.String,
    "measure": pl.String,
    "item_id": pl.String,
    "base": pl.Float64,
    "tuned": pl.Float64,
    "change": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_items": pl.Int64,
    "n_respondents": pl.Int64,
    "reason": pl.String,
}


@dataclass(frozen=True)
class AuditSettings:
    """What shapes an audit beside the models, the study, the probes and the people."""

    people: int = 40
    """Respondents whose personas are asked."""
    replicates: int = 2000
    seed: int = 0
    """Of orders of options and of intervals."""

    def __post_init__(self) -> None:
        for name, least in (("people", 2), ("replicates", 100)):
            if getattr(self, name) < least:
                raise PlanError(f"{name} is {getattr(self, name)}", where="audit settings", mend=f"at least {least}")


def load_probes(source: str | Path | None = None) -> Study:
    """Load a study of probes, or the built-in one."""
    if source is not None:
        return load_study(source)
    text = (resources.files("simframe.simulate.drift") / "probes.toml").read_text("utf-8")
    return parse_study(text, "built-in probes")


def drift(
    base_dir: Path,
    adapter_dir: Path,
    study: Study,
    personas: pl.DataFrame,
    *,
    probes: Study | None = None,
    settings: AuditSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Compare a model with an adapter to the same model without.

    Each probe is asked of every persona by itself, with its options in an order drawn for the two, and the same before
    and after. No answer is drawn: probabilities are compared. Scope ``study`` has the questions that were tuned on, as
    the measure of what tuning did where it should; scope ``probes`` has what it should have left alone.

    Args:
        base_dir: a local Hugging Face model.
        adapter_dir: what ``tune`` wrote on that base.
        study: what the adapter was tuned on.
        personas: long frame of persona answers (respondent_id, item_id, code, value, missing).
        probes: what else is asked; the built-in probes where left out.
        settings: how many are asked, and draws.
        progress: called with (models asked, total).

    Returns:
        One row a scope, measure and item, and one with ``item_id`` null for the mean over them, which alone has an
        interval; the columns of :data:`SCHEMA`. ``change`` is after less before.

    Raises:
        PlanError: where a probe has the name of a persona item.
        ModelError: where a model cannot be used.
    """
    settings = settings or AuditSettings()
    probes = probes or load_probes()
    template = models.noted_template(adapter_dir)
    wanted = personas["respondent_id"].unique().sort()[: settings.people]
    people = personas.filter(pl.col("respondent_id").is_in(wanted.implode()))
    closed = models.provenance(base_dir).get("kind") == "embedded"
    scopes = {"study": study} if closed else {"study": study, "probes": _joined(study, probes)}
    parts = []
    for place, (scope, asked) in enumerate(scopes.items()):
        readings = []
        for adapter in (None, adapter_dir):
            simulation = _ask(
                base_dir, adapter, asked, people=people, wanted=wanted, template=template, settings=settings
            )
            readings.append(_readings(asked, simulation.responses))
            if progress is not None:
                progress(2 * place + len(readings), 2 * len(scopes))
        parts.append(_rows(scope, asked, readings[0], readings[1], settings))
    if closed:
        named = [DISTANCE, *MEASURES]
        parts.append(
            pl.DataFrame(
                {"scope": ["probes"] * len(named), "measure": named, "reason": [CLOSED] * len(named)},
            )
        )
    return pl.concat(parts, how="diagonal").select(SCHEMA.keys()).cast(SCHEMA)  # type: ignore[arg-type]


def _joined(study: Study, probes: Study) -> Study:
    """Return the probes as asked of the people of a study: with their personas, after its introduction."""
    taken = {item.id.lower() for item in study.persona} & {item.id.lower() for item in probes.items}
    if taken:
        mend = "rename it in the study of probes"
        raise PlanError(f"{min(taken)!r} is a probe and a persona item of {study.id}", where="probes", mend=mend)
    own = [item for item in probes.items if item.answerable]
    content: dict[str, Any] = {"items": (*study.persona, *own), "introduction": study.introduction}
    return probes.model_copy(update=content)


def _ask(
    base_dir: Path,
    adapter_dir: Path | None,
    study: Study,
    *,
    people: pl.DataFrame,
    wanted: pl.Series,
    template: Template | None,
    settings: AuditSettings,
) -> Simulation:
    from simframe.simulate.engine import SimulateSettings, simulate

    how = SimulateSettings(seed=settings.seed, mode="independent", option_order="random")
    respondents = pl.DataFrame(
        {"respondent_id": wanted, "twin_of": [None] * len(wanted)}, schema_overrides={"twin_of": pl.String}
    )
    with tempfile.TemporaryDirectory() as folder:
        return simulate(
            base_dir,
            adapter_dir,
            study,
            people,
            respondents,
            settings=how,
            chunk_dir=Path(folder) / "chunks",
            template=template,
        )


def _readings(study: Study, responses: pl.DataFrame) -> dict[str, Reading]:
    found = {}
    for item in study.questions:
        own = responses.filter(pl.col("item_id") == item.id).sort("respondent_id")
        p = np.array(own["probabilities"].to_list(), dtype=float)
        declared = list(range(len(item.valid_options)))
        shown = np.array([order or declared for order in own["shown"].to_list()])
        mass = own["option_mass"].fill_null(np.nan).to_numpy()
        found[item.id] = Reading(item, p, shown, mass)
    return found


def _rows(
    scope: str, study: Study, before: dict[str, Reading], after: dict[str, Reading], settings: AuditSettings
) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    moved = total_variation(before, after)
    rows += _measure({"scope": scope, "measure": DISTANCE}, moved, settings)
    for name, measure in MEASURES.items():
        if scope == "study" and name in PROBES_ONLY:
            continue
        base, tuned = measure(before, study), measure(after, study)
        change = {unit: tuned[unit] - base[unit] for unit in base}
        rows += _measure({"scope": scope, "measure": name}, change, settings, base, tuned)
    return pl.DataFrame(rows, schema=SCHEMA)


def _measure(
    key: dict[str, Any], change: Units, settings: AuditSettings, base: Units | None = None, tuned: Units | None = None
) -> list[dict[str, Any]]:
    """Return the rows of one measure: its mean over what it was asked of, then each."""
    if not change:
        return [key | {"reason": "no question tells it"}]
    table = np.column_stack(list(change.values()))
    if not np.isfinite(table).all():
        return [key | {"reason": "the model gave no number"}]

    def means(units: Units | None) -> float | None:
        return None if units is None else float(np.mean(list(units.values())))

    low, high = interval(table, replicates=settings.replicates, seed=settings.seed)
    whole = {"base": means(base), "tuned": means(tuned), "change": float(table.mean()), "ci_low": low, "ci_high": high}
    rows = [key | whole | {"n_items": len(change), "n_respondents": len(table)}]
    for unit, values in change.items():
        one = {
            "item_id": unit,
            "base": None if base is None else float(base[unit].mean()),
            "tuned": None if tuned is None else float(tuned[unit].mean()),
            "change": float(values.mean()),
            "n_items": 1,
            "n_respondents": len(values),
        }
        rows.append(key | one)
    return rows


def made_of(
    base_dir: Path, adapter_dir: Path, study: Study, personas: pl.DataFrame, *, probes: Study, settings: AuditSettings
) -> dict[str, Any]:
    """Return all that decides an audit's numbers, so that the same one is made once.

    Raises:
        ModelError: where the adapter is of another base.
    """
    base, noted = models.fingerprint(base_dir), models.provenance(adapter_dir)
    if noted.get("base_fingerprint") != base:
        raise ModelError("was tuned on another base", where=str(adapter_dir), mend="name the base it was tuned on")
    return {
        "base_fingerprint": base,
        "adapter_fingerprint": noted.get("adapter_fingerprint"),
        "template_hash": noted.get("template_hash"),
        "study_id": study.id,
        "study_hash": study.study_hash,
        "probes_id": probes.id,
        "probes_hash": probes.study_hash,
        "people": sorted(personas["respondent_id"].unique())[: settings.people],
        "settings": asdict(settings),
    }
