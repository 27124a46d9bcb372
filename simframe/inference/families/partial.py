"""Respondent-level uncertainty of partial associations: what is left of them within strata of a pair's controls.

Respondents are drawn with all their answers, those without a control too, and every draw is counted and measured anew
by the kernels.

- intervals: both panels drawn anew from themselves, whole clusters within strata of the sample, independently.
- floors: people drawn anew, against as many people as S has.
- p-values: labels handed out anew over the pooled respondents, weights kept; with clusters or strata, which labels do
  not carry, the share of floor draws at least as far. The quotient has that of the difference: both ask for equality.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.sparse import csr_array, hstack

from simframe.inference.counted.independence import inflation_ratio
from simframe.inference.drawing.resample import (
    Design,
    Whole,
    afresh,
    bootstrap,
    effective,
    halves,
    portions,
    shuffled,
    stream,
)
from simframe.inference.families.polychoric import places
from simframe.inference.judging.halving import HALVES, half_against_half
from simframe.inference.judging.methods import SUFFIXES
from simframe.inference.judging.pending import Pending, settle
from simframe.inference.panels.roster import Place, columns, named, roster
from simframe.inference.panels.sample import Panel
from simframe.metrics._plugin import kernel
from simframe.metrics.arrays import Floats
from simframe.study import Pair, Study
from simframe.warehouse.aggregate import crossed

METRICS = ("cramers_v_partial", "mutual_information_partial", "goodman_kruskal_tau_partial", "spearman_partial")
FEW = "fewer than two respondents on one side"
NO_HALVES = "fewer than two respondents"
UNDEFINED = "undefined on these answers"
Figures = dict[str, tuple[Floats, Floats]]
"""Metric -> its value on both sides, one a draw; NaN where undefined."""


def partial_rows(study: Study, reference: Panel, panel: Panel, replicates: int, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` of every declared pair that has controls, in every declared subgroup."""
    waiting: list[Pending] = []
    for place, pair in _pairs(study, reference, panel):
        rng = stream(seed, *named(panel.panel_id, place), pair.pair.id, "partial")
        waiting += pair.figures(columns(place), replicates, rng)
    return list(settle(waiting))


def partial_halves(study: Study, panel: Panel, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` that compare people with themselves, half against half."""
    return [
        columns(place) | row
        for place, pair in _pairs(study, panel, panel)
        for row in pair.halved(stream(seed, *named(panel.panel_id, place), pair.pair.id, "partial", "halves"))
    ]


def _pairs(study: Study, reference: Panel, panel: Panel) -> Iterator[tuple[Place, _Pair]]:
    h, s = roster(study, reference), roster(study, panel)
    for pair in study.pairs:
        if pair.controls:
            everybody = _Pair.of(study, pair, reference, panel)
            yield from ((place, everybody.part(h.places[place], s.places[place])) for place in h.places)


@dataclass(frozen=True)
class _Pair:
    """One pair: its combinations of belief, action and stratum as rows, respondents of both sides as columns.

    ``codes`` and ``ranks`` are those of the combinations; there are fewer than two of ``ranks`` where belief or action
    has no order.
    """

    pair: Pair
    codes: list[pl.Series]
    ranks: list[pl.Series]
    designs: tuple[Design, Design]
    members: tuple[csr_array, csr_array]

    @classmethod
    def of(cls, study: Study, pair: Pair, reference: Panel, panel: Panel) -> _Pair:
        """Find the combinations that somebody on either side gave."""
        sides = [_answers(study, pair, side) for side in (reference, panel)]
        cells = pl.concat(sides).select("belief", "action", "stratum").drop_nulls().unique().sort(pl.all())
        cells = cells.with_row_index("cell")
        order = [places(study.item(name)) for name in (pair.belief, pair.action)]
        members = []
        for side in sides:
            known = side.with_row_index("row").join(cells, on=["belief", "action", "stratum"])
            place = known["cell"].to_numpy(), known["row"].to_numpy()
            members.append(csr_array((np.ones(known.height), place), shape=(cells.height, side.height)))
        return cls(
            pair,
            # Ranks from 1 upward, as the kernels read them; a code that has no place in the order has no rank.
            [cells[name].rank("dense").cast(pl.Float64) for name in ("belief", "action", "stratum")],
            [
                cells[name].replace_strict(known, default=None, return_dtype=pl.Float64).rank("dense").cast(pl.Float64)
                for name, known in zip(("belief", "action"), order, strict=True)
                if known is not None
            ],
            (roster(study, reference).design, roster(study, panel).design),
            (members[0], members[1]),
        )

    def part(self, h: Whole, s: Whole) -> _Pair:
        """Return the pair among some people and respondents."""
        designs = self.designs[0].part(h), self.designs[1].part(s)
        return replace(self, designs=designs, members=(self.members[0][:, h], self.members[1][:, s]))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that are defined for such items."""
        return METRICS if len(self.ranks) == 2 else METRICS[:3]

    def figures(self, place: dict[str, object], replicates: int, rng: np.random.Generator) -> Iterator[Pending]:
        """Yield four figures of every partial association."""
        h, s = self.designs
        observed = self._measured(*(m @ d.weight[:, None] for m, d in zip(self.members, self.designs, strict=True)))
        heard = min(np.count_nonzero(h.weight), np.count_nonzero(s.weight))
        drawn = self._drawn(h, s, replicates, rng) if heard > 1 else {}
        row = self._row() | place | {"n_h": self.members[0].nnz, "n_s": self.members[1].nnz}
        for metric in self.metrics:
            draws = {kind: _variants(metric, figures[metric]) for kind, figures in drawn.items()}
            for suffix, (estimate,) in _variants(metric, observed[metric]).items():
                reason = None if np.isfinite(estimate) and drawn else FEW if np.isfinite(estimate) else UNDEFINED
                own = {kind: each[suffix] for kind, each in draws.items()}
                yield Pending(row | {"reason": reason}, metric + suffix, float(estimate), own)

    def halved(self, rng: np.random.Generator) -> list[dict[str, object]]:
        """Return the same rows between halves of the people; NULL with a reason of fewer than two."""
        people, members = self.designs[0], self.members[0]
        # Everybody is in one combination of answers, or in none.
        n, worth = int(members.nnz), effective(people.weight[members.indices])
        if len(people.weight) < 2:
            return [
                self._row() | half_against_half(metric + suffix, None, n, worth, NO_HALVES)
                for metric in self.metrics
                for suffix in SUFFIXES
            ]
        drawn = self._measured(*(members @ half for half in halves(rng, people, HALVES)))
        return [
            self._row() | half_against_half(metric + suffix, values, n, worth)
            for metric in self.metrics
            for suffix, values in _variants(metric, drawn[metric]).items()
        ]

    def _row(self) -> dict[str, object]:
        pair = self.pair
        return {"family": "coherence", "item_id": pair.belief, "item_id_2": pair.action, "term": pair.id}

    def _drawn(self, h: Design, s: Design, replicates: int, rng: np.random.Generator) -> dict[str, Figures]:
        """Return the figures of both sides under every kind of draw."""
        of_h, of_s = self.members
        plain = h.exchangeable and s.exchangeable
        pooled = hstack([of_h, of_s], format="csr")
        kinds: dict[str, list[Figures]] = {}
        for size, alike in portions(replicates, len(h.weight) + len(s.weight)):
            people = of_h @ bootstrap(rng, h, size)
            tables = {"bootstrap": (people, of_s @ bootstrap(rng, s, size))}
            if alike:
                again = of_h @ afresh(rng, h, len(s.weight), alike, weighted=s.weighted)
                tables["floor"] = (people[:, :alike], again)
            if alike and plain:
                in_h, in_s = shuffled(rng, h, s, alike)
                tables["null"] = (pooled @ in_h, pooled @ in_s)
            for kind, both in tables.items():
                kinds.setdefault(kind, []).append(self._measured(*both))
        found = {
            kind: {name: (_joined(parts, name, 0), _joined(parts, name, 1)) for name in METRICS}
            for kind, parts in kinds.items()
        }
        return found if plain else found | {"null": found["floor"]}

    def _measured(self, h: Floats, s: Floats) -> Figures:
        """Return every metric of both sides; counts have a row a combination and a column a draw."""
        sides = [self._kernels(counts) for counts in (h, s)]
        return {name: (sides[0][name], sides[1][name]) for name in METRICS}

    def _kernels(self, counts: Floats) -> dict[str, Floats]:
        if not len(counts):
            return dict.fromkeys(METRICS, np.full(counts.shape[1], np.nan))
        n = pl.Series("n", np.ascontiguousarray(counts.T)).cast(pl.List(pl.Float64))
        belief, action, stratum = (pl.lit(column.implode()) for column in self.codes)
        ranks = [pl.lit(column.implode()) for column in self.ranks]
        found = n.to_frame().select(
            kernel(name, pl.col("n"), *(ranks if name == "spearman_partial" else (belief, action)), stratum).alias(name)
            for name in METRICS
            if name != "spearman_partial" or len(ranks) == 2
        )
        if len(ranks) < 2:
            found = found.with_columns(spearman_partial=pl.lit(None, dtype=pl.Float64))
        return {name: found[name].fill_null(np.nan).to_numpy() for name in METRICS}


def _variants(metric: str, sides: tuple[Floats, Floats]) -> dict[str, Floats]:
    h, s = sides
    with np.errstate(all="ignore"):
        return dict(zip(SUFFIXES, (h, s, s - h, inflation_ratio(metric, s, h)), strict=True))


def _joined(parts: list[Figures], name: str, side: int) -> Floats:
    return np.concatenate([part[name][side] for part in parts])


def _answers(study: Study, pair: Pair, side: Panel) -> pl.DataFrame:
    """Return belief, action and stratum of every respondent, in the order of their ids."""
    rows = side.respondents.select("respondent_id").sort("respondent_id")
    for name, kind in ((pair.belief, "belief"), (pair.action, "action")):
        own = (pl.col("item_id") == name) & ~pl.col("missing")
        answered = side.responses.filter(own).select("respondent_id", pl.col("code").alias(kind))
        rows = rows.join(answered, on="respondent_id", how="left", maintain_order="left")
    held = crossed(study, side.responses, pair.controls).select("respondent_id", stratum="level")
    return rows.join(held, on="respondent_id", how="left", maintain_order="left")
