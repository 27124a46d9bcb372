"""Every respondent gives the whole answer vector of one pilot respondent who is like them: nearest-neighbour hot deck.

Distance: J. C. Gower (1971), A general coefficient of similarity and some of its properties, Biometrics 27:857-871,
ordered characters by ranks as in J. Podani (1999), Extending Gower's general coefficient of similarity to ordinal
characters, Taxon 48:331-340. Hot deck: R. R. Andridge and R. J. A. Little (2010), A review of hot deck imputation for
survey non-response, International Statistical Review 78:40-64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from simframe.simulate.baselines.asking import Array, Task, answered
from simframe.simulate.draws import choose, uniforms

if TYPE_CHECKING:
    from simframe.study import Item

DONORS = 5
"""How many of the nearest one is drawn from; all that are as near as the last of them are drawn from too."""
BLOCK = 2048
"""Respondents whose distances are computed together."""


def hot_deck(task: Task) -> pl.DataFrame:
    """Give every respondent all answers of one donor, drawn by weight from the nearest of the pilot.

    What hangs together in one person stays together, a donor's missing answers included. There are no probabilities:
    the answers are somebody's. Donors are all who answered a question at least.
    """
    outcomes = [task.outcome(item) for item in task.questions]
    able = np.flatnonzero(np.any([outcome.seen for outcome in outcomes], axis=0))
    draws = uniforms(task.seed, task.ids.to_list(), ["donor"], purpose="hot_deck")[:, 0]
    donor = np.full(len(task.ids), -1)
    for start in range(0, len(donor) if len(able) else 0, BLOCK):
        rows = slice(start, start + BLOCK)
        distance = gower(task.answers[able.tolist()], task.given[rows], task.persona, task.weights[able])
        last = np.partition(distance, min(DONORS, len(able)) - 1, axis=1)[:, [min(DONORS, len(able)) - 1]]
        near = distance <= last + 1e-9  # sums of the same shares, in floating point
        donor[rows] = able[choose(np.where(near, task.weights[able], 0.0), draws[rows])]
    parts = [answered(task, outcome, np.where(donor >= 0, outcome.place[donor], -1)) for outcome in outcomes]
    return pl.concat([*parts, *_texts(task, donor)], how="diagonal")


def _texts(task: Task, donor: Array) -> list[pl.DataFrame]:
    """Return the donors' open answers, in their own words."""
    people = task.answers["respondent_id"].to_list()
    copied = pl.DataFrame({"respondent_id": task.ids, "donor": [people[d] if d >= 0 else None for d in donor.tolist()]})
    parts = []
    for item in task.study.simulated if "text" in task.pilot.columns else ():
        if item.answered_with == "text":
            own = task.pilot.filter(pl.col("item_id") == item.id).select(donor="respondent_id", text="text")
            given = copied.join(own, on="donor", how="left", maintain_order="left")
            position = pl.lit(task.position(item), pl.Int64).alias("position")
            missing = pl.col("text").is_null().alias("missing")
            parts.append(given.select("respondent_id", pl.lit(item.id).alias("item_id"), missing, "text", position))
    return parts


def gower(donors: pl.DataFrame, people: pl.DataFrame, items: tuple[Item, ...], weights: Array) -> Array:
    """Return Gower's distance of every person to every donor: the mean over the items that both answered.

    An ordered item counts by the share of donors between the two answers, a nominal one by whether they differ. Where
    two have no answered item in common they are as far apart as can be, 1; without items everybody is at 0.

    Returns:
        shape (people, donors), 0 to 1.
    """
    total, common = np.zeros((len(people), len(donors))), np.zeros((len(people), len(donors)))
    for item in items:
        known = (people[item.id].is_not_null().to_numpy()[:, None]) & (donors[item.id].is_not_null().to_numpy())
        if item.scale == "nominal":
            apart = people[item.id].cast(pl.String).to_numpy()[:, None] != donors[item.id].cast(pl.String).to_numpy()
        else:
            places = _midranks(donors[item.id], [people[item.id], donors[item.id]], weights)
            apart = np.abs(places[0][:, None] - places[1])
        total += np.where(known, apart, 0.0)
        common += known
    if not items:
        return total
    return np.divide(total, common, out=np.ones_like(total), where=common > 0)


def _midranks(known: pl.Series, wanted: list[pl.Series], weights: Array) -> list[Array]:
    """Return where values stand among known ones: their weighted share below, half of those equal counted, 0 to 1."""
    have = known.is_not_null().to_numpy()
    values, place = np.unique(known.drop_nulls().to_numpy(), return_inverse=True)
    if len(values) < 2:
        return [np.zeros(len(each)) for each in wanted]
    counts = np.bincount(place, weights[have])
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    middle = (middle - middle[0]) / (middle[-1] - middle[0])
    return [np.interp(each.cast(pl.Float64).fill_null(np.nan).to_numpy(), values, middle) for each in wanted]
