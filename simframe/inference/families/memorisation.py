"""Uncertainty of ``memorised_share``: the share of a panel that gives the very answers of somebody in its pilot.

Both shares, the panel's and that of the people it is judged by, have Wilson's interval at the sample size that their
weights, clusters and strata are worth. The floor is the people's share, for people coincide too; its edge is the upper
end of their interval. The p-value asks whether the panel coincides more often than people: Fisher's exact test, which
is the permutation of labels over respondents, or the normal test of two shares at those sample sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simframe.inference.drawing.resample import Design
from simframe.inference.judging.laws import wilson
from simframe.inference.panels.roster import columns, roster
from simframe.inference.panels.sample import Panel
from simframe.study import Study

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Share:
    """A weighted share of respondents: how many there are, how many they are worth, how many are counted in."""

    share: float
    n: int
    worth: float
    hits: int
    exact: bool

    @classmethod
    def of(cls, seen: Flags, design: Design) -> _Share:
        """Return the share of ``seen``."""
        exact = not design.weighted and len(np.unique(design.unit)) == len(seen) and len(np.unique(design.stratum)) == 1
        share = float(design.weight @ seen / design.weight.sum())
        return cls(share, len(seen), len(seen) if exact else _worth(seen, share, design), int(seen.sum()), exact)


def memorisation_rows(study: Study, pilot: Panel | None, reference: Panel, panel: Panel) -> list[dict[str, object]]:
    """Return the rows of ``estimates``, of everybody and of every declared subgroup; none without a pilot.

    Args:
        study: which items are asked.
        pilot: the people that the panel was made from.
        reference: the people it is judged by.
        panel: the panel.
    """
    known = None if pilot is None else _vectors(study, pilot).drop_nulls()
    if known is None or known.is_empty():
        return []
    assert pilot is not None
    sides = []
    for side in (reference, panel):
        vectors, people = _vectors(study, side), roster(study, side)
        answered = vectors.is_not_null().to_numpy()
        if side is reference:
            # Who is of the pilot, as some are where all people judge, repeats the pilot by being it.
            answered = answered & ~np.isin(people.ids, pilot.respondents["respondent_id"].to_list())
        seen = vectors.is_in(known.implode()).fill_null(value=False).to_numpy()
        sides.append((people, answered, seen))
    rows: list[dict[str, object]] = []
    for place in sides[0][0].places:
        own = [(people, people.places[place][answered[people.places[place]]], seen) for people, answered, seen in sides]
        if any(not (people.design.weight[members] > 0).any() for people, members, _ in own):
            continue
        h, s = (_Share.of(seen[members], people.design.part(members)) for people, members, seen in own)
        rows += _rows(columns(place), h, s)
    return rows


def _rows(place: dict[str, object], h: _Share, s: _Share) -> list[dict[str, object]]:
    low, high = wilson(h.share, h.worth)
    common = place | {"family": "heterogeneity", "n_h": h.n, "n_s": s.n}
    own = dict(zip(("ci_low", "ci_high"), wilson(s.share, s.worth), strict=True))
    own |= {"floor": h.share, "floor_q95": high, "p_value": _p_value(h, s)}
    people = {"estimate": h.share, "ci_low": low, "ci_high": high}
    return [
        common | {"metric": "memorised_share", "estimate": s.share} | own,
        common | {"metric": "memorised_share_h"} | people,
    ]


def _vectors(study: Study, panel: Panel) -> pl.Series:
    """Return everybody's answers to all asked items as one text, in the order of ids; null of those who gave none."""
    asked = [item.id for item in study.questions]
    answered = panel.responses.filter(
        pl.col("item_id").is_in(asked) & ~pl.col("missing") & pl.col("code").is_not_null()
    )
    # A code never holds the separators.
    text = pl.concat_str("item_id", "code", separator="\x1f").sort().str.join("\x1e").alias("vector")
    order = panel.respondents.select("respondent_id").sort("respondent_id")
    given = answered.group_by("respondent_id").agg(text)
    return order.join(given, on="respondent_id", how="left", maintain_order="left")["vector"]


def _worth(seen: Flags, share: float, design: Design) -> float:
    """Return how many independent respondents the share is worth: its binomial over its linearised variance.

    Where nobody or everybody is counted in there is no variance: then what the weights of the clusters are worth
    (Kish 1965).
    """
    _, unit = np.unique(design.unit, return_inverse=True)
    total = np.bincount(unit, design.weight)
    stratum = np.zeros(len(total), dtype=np.int64)
    stratum[unit] = design.stratum
    scores = np.bincount(unit, design.weight * (seen - share)) / design.weight.sum()
    variance = 0.0
    for each in np.unique(stratum):
        own = scores[stratum == each]
        if len(own) > 1:
            variance += float(len(own) * own.var(ddof=1))
    if variance <= 0 or not 0 < share < 1:
        return float(total.sum() ** 2 / (total**2).sum())
    return share * (1 - share) / variance


def _p_value(h: _Share, s: _Share) -> float:
    from scipy import stats

    if h.exact and s.exact:
        return float(stats.hypergeom.sf(s.hits - 1, h.n + s.n, h.hits + s.hits, s.n))
    pooled = (h.share * h.worth + s.share * s.worth) / (h.worth + s.worth)
    error = np.sqrt(pooled * (1 - pooled) * (1 / h.worth + 1 / s.worth))
    return float(stats.norm.sf((s.share - h.share) / error)) if error > 0 else 1.0
