"""Groups of respondents: who is in which, how much each counts, and whose loss is the worst."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from simframe.errors import PlanError, did_you_mean
from simframe.simulate import draws
from simframe.warehouse.aggregate import crossed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from simframe.simulate.tuning.examples import Example
    from simframe.simulate.tuning.settings import TuneSettings
    from simframe.study import Study

NO_ANSWER = "no answer"
"""The group of respondents who stand in no level of an item."""
EVERYBODY = "all"


def levels_of(study: Study, item_id: str, key: str) -> list[str]:
    """Return the codes of an item's levels; ``key`` names in errors what names the item.

    Raises:
        PlanError: where the study lacks the item, or it has neither options nor bins.
    """
    ids = [item.id for item in study.items]
    if item_id not in ids:
        raise PlanError(f"{item_id!r} is no item of study {study.id!r}", where=key, mend=did_you_mean(item_id, ids))
    levels = [code for code, _ in study.item(item_id).levels]
    if not levels:
        mend = "give it bins in the study file, or choose another item"
        raise PlanError(f"{item_id!r} has neither options nor bins", where=key, mend=mend)
    return levels


def check_groups(study: Study, settings: TuneSettings) -> None:
    """Refuse settings that name what the study lacks.

    Raises:
        PlanError: where it lacks an item or a level, or an item has neither options nor bins.
    """
    named = {
        "by": settings.by,
        "weights.by": settings.weights.get("by"),
        "dro.by": settings.dro.get("by"),
        "subsample": settings.subsample,
    }
    for key, item_id in named.items():
        if item_id is not None:
            levels_of(study, item_id, f"tune.{key}")
    _factors(study, settings.weights)


def groups_of(study: Study, people: pl.DataFrame, examples: Sequence[Example], item_id: str | None) -> list[str]:
    """Return each respondent's level of an item; everybody's is ``all`` where no item is named.

    Raises:
        PlanError: where the study lacks the item, or it has neither options nor bins.
    """
    if item_id is None:
        return [EVERYBODY] * len(examples)
    levels_of(study, item_id, "tune settings")
    level = dict(crossed(study, people, [item_id]).select("respondent_id", "level").iter_rows())
    return [level.get(example.respondent_id, NO_ANSWER) for example in examples]


def weighted(
    study: Study, examples: Sequence[Example], groups: Sequence[str], rules: Mapping[str, Any]
) -> list[Example]:
    """Return respondents weighted by group; those whose group counts 0 times are left out.

    Args:
        study: what was asked.
        examples: respondents.
        groups: their levels of the item ``rules["by"]``.
        rules: code -> how many times its people count (1 where left out); without any code every level counts as
            much as any other, and all together as much as before.

    Raises:
        PlanError: where a code is no level, or nobody is left.
    """
    factors = _factors(study, rules)
    if not factors:
        held = dict.fromkeys(groups, 0.0)
        for example, name in zip(examples, groups, strict=True):
            held[name] += example.weight
        factors = {name: sum(held.values()) / len(held) / total for name, total in held.items()}
    pairs = [(example, factors.get(name, 1.0)) for example, name in zip(examples, groups, strict=True)]
    kept = [replace(example, weight=example.weight * factor) for example, factor in pairs if factor > 0]
    if not kept:
        raise PlanError("everybody has weight 0", where="tune settings, weights", mend="let some level count")
    return kept


def _factors(study: Study, rules: Mapping[str, Any]) -> dict[str, float]:
    """Return how many times the levels named count.

    Raises:
        PlanError: where a code is no level, or no level counts.
    """
    factors = {key: float(value) for key, value in rules.items() if key != "by"}
    known = [*levels_of(study, rules["by"], "tune.weights.by"), NO_ANSWER] if rules else []
    for code in factors:
        if code not in known:
            message = f"{code!r} is no level of {rules['by']!r}"
            raise PlanError(message, where="tune.weights", mend=did_you_mean(code, known))
    if factors and not any(factors.get(code, code != NO_ANSWER) for code in known):
        message = f"every level of {rules['by']!r} has weight 0"
        raise PlanError(message, where="tune.weights", mend="let some level count")
    return factors


def subsampled(examples: Sequence[Example], groups: Sequence[str], seed: int) -> list[Example]:
    """Return as many respondents of every group as the smallest has, at random (Sagawa et al. 2020, ICML)."""
    ids = [example.respondent_id for example in examples]
    luck = draws.uniforms(seed, ids, ["subsample"], purpose="subsample")[:, 0]
    members: dict[str, list[int]] = {}
    for place in np.argsort(luck, kind="stable").tolist():
        members.setdefault(groups[place], []).append(place)
    least = min(len(places) for places in members.values())
    kept = {place for places in members.values() for place in places[:least]}
    return [example for place, example in enumerate(examples) if place in kept]


class WorstGroup:
    """How much each group counts while the worst group's loss is lowered.

    Group DRO by exponentiated gradient (Sagawa et al. 2020, ICLR, algorithm 1): after each step a group's share is
    multiplied by ``exp(step * its loss)``. The share used at a step is the one of the losses before it, so that one
    backward pass does.
    """

    def __init__(self, names: Sequence[str], step: float) -> None:
        self.names = sorted(set(names))
        self.step = step
        self.share = [1 / len(self.names)] * len(self.names)

    def weigh(self, people: Sequence[Example], groups: Sequence[str]) -> list[float]:
        """Return what each respondent counts in the loss of one step: mean loss a group, times the group's share."""
        totals = _totals(people, groups)
        share = dict(zip(self.names, self.share, strict=True))
        return [e.weight * share[name] / totals[name] for e, name in zip(people, groups, strict=True)]

    def learned(self, people: Sequence[Example], groups: Sequence[str], losses: Sequence[float]) -> None:
        """Move the shares by the losses of one step, one a respondent, summed over answers."""
        mean = mean_losses(people, groups, losses)
        most = max(mean.values(), default=0.0)  # a common factor that keeps exp from overflowing
        raw = [
            share * np.exp(self.step * (mean.get(n, 0.0) - most))
            for n, share in zip(self.names, self.share, strict=True)
        ]
        self.share = [float(value / sum(raw)) for value in raw]


def mean_losses(people: Sequence[Example], groups: Sequence[str], losses: Sequence[float]) -> dict[str, float]:
    """Return the weighted mean loss an answer of each group."""
    totals = _totals(people, groups)
    found = dict.fromkeys(totals, 0.0)
    for example, name, loss in zip(people, groups, losses, strict=True):
        found[name] += example.weight * loss / totals[name]
    return found


def _totals(people: Sequence[Example], groups: Sequence[str]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for example, name in zip(people, groups, strict=True):
        totals[name] = totals.get(name, 0.0) + example.weight * len(example.answers)
    return totals
