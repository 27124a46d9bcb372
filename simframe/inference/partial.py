"""Respondent-level uncertainty of partial associations: what is left of them within strata of a pair's controls.

Respondents are drawn with all their answers, those without a control too, and every draw is counted and measured anew
by the kernels.

- intervals: both panels drawn anew from themselves, whole clusters within strata of the sample, independently.
- floors: people drawn anew, against as many people as S has.
- p-values: labels handed out anew over the pooled respondents, weights kept; with clusters or strata, which labels do
  not carry, the share of floor draws at least as far. The quotient has that of the difference: both ask for equality.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import csr_array, hstack

from simframe.inference.independence import inflation_ratio
from simframe.inference.interval import floor, interval, p_value
from simframe.inference.polychoric import places
from simframe.inference.resample import Design, afresh, bootstrap, chunks, shuffled, stream
from simframe.inference.sample import Panel, design_of
from simframe.metrics._plugin import kernel
from simframe.metrics.arrays import Floats
from simframe.study import Pair, Study
from simframe.warehouse.aggregate import crossed
from simframe.warehouse.tables import ALL

METRICS = ("cramers_v_partial", "mutual_information_partial", "goodman_kruskal_tau_partial", "spearman_partial")
FEW = "fewer than two respondents on one side"
Figures = dict[str, tuple[Floats, Floats]]
"""Metric -> its value on both sides, one a draw; NaN where undefined."""


def partial_rows(study: Study, reference: Panel, panel: Panel, replicates: int, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` of every declared pair that has controls; no draws, no rows."""
    return [
        row
        for pair in study.pairs
        if pair.controls
        for row in _Pair(study, pair, reference, panel).rows(
            replicates, stream(seed, panel.panel_id, pair.id, "partial")
        )
    ]


class _Pair:
    """One pair: its combinations of belief, action and stratum as rows, respondents of both sides as columns."""

    def __init__(self, study: Study, pair: Pair, reference: Panel, panel: Panel) -> None:
        self.pair = pair
        sides = [_answers(study, pair, side) for side in (reference, panel)]
        cells = pl.concat(sides).select("belief", "action", "stratum").drop_nulls().unique().sort(pl.all())
        cells = cells.with_row_index("cell")
        # Ranks from 1 upward, as the kernels read them; a code that has no place in the order has no rank.
        self.codes = [cells[name].rank("dense").cast(pl.Float64) for name in ("belief", "action", "stratum")]
        order = [places(study.item(name)) for name in (pair.belief, pair.action)]
        self.ranks = [
            cells[name].replace_strict(known, default=None, return_dtype=pl.Float64).rank("dense").cast(pl.Float64)
            for name, known in zip(("belief", "action"), order, strict=True)
            if known is not None
        ]
        self.designs = [design_of(side.respondents.sort("respondent_id")) for side in (reference, panel)]
        self.members = []
        for side in sides:
            known = side.with_row_index("row").join(cells, on=["belief", "action", "stratum"])
            place = known["cell"].to_numpy(), known["row"].to_numpy()
            self.members.append(csr_array((np.ones(known.height), place), shape=(cells.height, side.height)))
        self.n = [int(members.nnz) for members in self.members]

    def rows(self, replicates: int, rng: np.random.Generator) -> list[dict[str, object]]:
        """Return four rows for every partial association that is defined on one side at least."""
        h, s = self.designs
        observed = self._measured(*(m @ d.weight[:, None] for m, d in zip(self.members, self.designs, strict=True)))
        heard = min(np.count_nonzero(h.weight), np.count_nonzero(s.weight))
        drawn = self._drawn(h, s, replicates, rng) if heard > 1 else {}
        found = []
        for metric in METRICS:
            if metric == "spearman_partial" and len(self.ranks) < 2:
                continue
            now = _variants(metric, observed[metric])
            draws = {kind: _variants(metric, figures[metric]) for kind, figures in drawn.items()}
            found += [self._row(metric, suffix, now, draws) for suffix in now]
        return found

    def _row(
        self, metric: str, suffix: str, now: dict[str, Floats], draws: dict[str, dict[str, Floats]]
    ) -> dict[str, object]:
        name, estimate = metric + suffix, float(now[suffix][0])
        own = {kind: each[suffix] for kind, each in draws.items()}
        nothing = np.empty(0)
        low, high = interval(name, estimate, own.get("bootstrap", nothing))
        known = bool(np.isfinite(estimate))
        middle, edge = floor(name, own.get("floor", nothing)) if known else (None, None)
        p = None
        if known and "_inflation" in suffix:
            chance = draws.get("permuted", {}).get("_inflation", nothing)
            p = p_value(f"{metric}_inflation", float(now["_inflation"][0]), chance)
        return {
            "family": "coherence",
            "metric": name,
            "item_id": self.pair.belief,
            "item_id_2": self.pair.action,
            "attribute": ALL,
            "level": ALL,
            "term": self.pair.id,
            "estimate": estimate if known else None,
            "ci_low": low,
            "ci_high": high,
            "floor": middle,
            "floor_q95": edge,
            "p_value": p,
            "reason": FEW if known and not draws else None if known else "undefined on these answers",
            "n_h": self.n[0],
            "n_s": self.n[1],
        }

    def _drawn(self, h: Design, s: Design, replicates: int, rng: np.random.Generator) -> dict[str, Figures]:
        """Return the figures of both sides under every kind of draw."""
        of_h, of_s = self.members
        plain = h.exchangeable and s.exchangeable
        pooled = hstack([of_h, of_s], format="csr")
        kinds: dict[str, list[Figures]] = {}
        for size in chunks(replicates, len(h.weight) + len(s.weight)):
            people = of_h @ bootstrap(rng, h, size)
            tables = {
                "bootstrap": (people, of_s @ bootstrap(rng, s, size)),
                "floor": (people, of_h @ afresh(rng, h, len(s.weight), size, weighted=s.weighted)),
            }
            if plain:
                in_h, in_s = shuffled(rng, h, s, size)
                tables["permuted"] = (pooled @ in_h, pooled @ in_s)
            for kind, both in tables.items():
                kinds.setdefault(kind, []).append(self._measured(*both))
        found = {
            kind: {name: (_joined(parts, name, 0), _joined(parts, name, 1)) for name in METRICS}
            for kind, parts in kinds.items()
        }
        return found if plain else found | {"permuted": found["floor"]}

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
        return {"_h": h, "_s": s, "_inflation": s - h, "_inflation_ratio": inflation_ratio(metric, s, h)}


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
