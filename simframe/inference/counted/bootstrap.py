"""Respondent-level uncertainty of every metric that counts can give: intervals, human floors, p-values, split halves.

Respondents are drawn with all their answers, so figures of several items keep their dependence. Every draw is made
within the levels of one attribute at a time: subgroup sizes are those observed, and a floor is that of the subgroup's
own size. Between attributes draws are independent, as no figure combines two attributes.

- intervals: both panels drawn anew from themselves, within strata, whole clusters at a time; H and S independently.
  A twin shares its human's persona, which correlates the two sides: their intervals err on the wide side.
- floors: H drawn anew as above, against as many people as S has, drawn from H by its weights. Draws with replacement
  know nothing of what nobody in H happened to answer, and are too alike: distances are scaled by how much closer
  samples of half the size come than halves of H do, which have no such flaw.
- p-values: labels handed out anew over the pooled respondents, who keep their weights. Clusters and strata stand on one
  side alone and leave no label to exchange: there, the draws of the floor.
- split halves: a human panel against itself, half against half.
"""

from __future__ import annotations

import polars as pl

from simframe.inference.counted.floors import with_floors
from simframe.inference.counted.group import Group
from simframe.inference.counted.rows import halved, judged, rows_of
from simframe.inference.drawing.resample import digest
from simframe.inference.judging.halving import HALVES
from simframe.inference.panels.sample import Coded


def estimates(coded: Coded, replicates: int, seed: int, panel_id: str) -> pl.DataFrame:
    """Return the rows of table ``estimates``: every figure with interval, floor and p-value.

    The draws depend on ``seed``, ``panel_id``, the respondents' ids and the group drawn from, and on nothing else.
    """
    identity = digest(seed, panel_id, coded.h.ids, coded.s.ids)
    if not (coded.h.design.exchangeable and coded.s.design.exchangeable):
        return rows_of(coded, identity, replicates, drawn=Group.both, rows=judged)
    found = rows_of(coded, identity, replicates, drawn=Group.draws, rows=judged)
    return with_floors(found, coded, replicates, seed)


def split_halves(coded: Coded, seed: int, panel_id: str) -> pl.DataFrame:
    """Return the rows of table ``estimates`` that compare a human panel with itself, half against half.

    ``coded`` holds the panel on both sides. Estimates are means over the halves, of ratios medians; intervals hold 95 %
    of them.
    """
    return rows_of(coded, digest(seed, panel_id, coded.h.ids, "halves"), HALVES, drawn=Group.halves, rows=halved)
