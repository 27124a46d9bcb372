"""Uncertainty of ``structure_ratio``: how many belief structures a panel holds beside people, at a common size.

Drawing with replacement loses the rare structures that the figure is about, so the bootstrap does not apply. The
interval is normal on the log scale with delete-one jackknife variances, which on average err on the wide side (Efron
and Stein 1981). The p-value is that of the permutation test. There is no floor: two samples of people have ratio 1 by
construction, for both are rarefied to one size.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from simframe.inference.arrays import Floats
from simframe.inference.interval import LEVEL, p_value
from simframe.inference.resample import Whole, stream
from simframe.inference.sample import Panel
from simframe.study import Structure, Study

_DRAWS_AT_ONCE = 500


def structure_rows(study: Study, reference: Panel, panel: Panel, replicates: int, seed: int) -> list[dict[str, object]]:
    """Return a row of ``estimates`` for every declared block of items."""
    return [_row(block, reference, panel, replicates, seed) for block in study.structures]


def _row(block: Structure, reference: Panel, panel: Panel, replicates: int, seed: int) -> dict[str, object]:
    row: dict[str, object] = {
        "family": "heterogeneity",
        "metric": "structure_ratio",
        "attribute": "all",
        "level": "all",
        "term": block.id,
    }
    tuples = pl.concat(
        _tuples(block, side).with_columns(in_h=pl.lit(k == 0)) for k, side in enumerate((reference, panel))
    )
    tuples = tuples.sort("in_h", "respondent_id")
    kind = tuples["structure"].rank("dense").cast(pl.Int64).to_numpy() - 1
    in_h = tuples["in_h"].to_numpy()
    n_h, n_s = int(in_h.sum()), int((~in_h).sum())
    row |= {"n_h": n_h, "n_s": n_s}
    few = {"reason": "fewer than three respondents answered the whole block on one side"}
    if min(n_h, n_s) == 0:
        return row | few
    kinds = int(kind.max()) + 1
    h, s = (np.bincount(kind[side], minlength=kinds) for side in (in_h, ~in_h))
    m = min(n_h, n_s)
    ratio = float(rarefied(s, n_s, m) / rarefied(h, n_h, m))
    if m < 3:
        return row | few | {"estimate": ratio}
    error = np.sqrt(_relative_variance(h, m - 1) + _relative_variance(s, m - 1))
    reach = np.exp(_normal_quantile() * error)
    permuted = _permuted(kind, n_h, replicates, stream(seed, panel.panel_id, block.id, *tuples["respondent_id"]))
    return row | {
        "estimate": ratio,
        "ci_low": ratio / reach,
        "ci_high": ratio * reach,
        "p_value": p_value("structure_ratio", ratio, permuted),
    }


def _tuples(block: Structure, side: Panel) -> pl.DataFrame:
    """Return respondent_id and the answers, as one text, of those who answered the whole block."""
    answered = side.responses.filter(
        pl.col("item_id").is_in(block.items) & ~pl.col("missing") & pl.col("code").is_not_null()
    ).join(side.respondents.select("respondent_id"), on="respondent_id", how="semi")
    # A code never holds the unit separator; the item's name keeps the order of answers fixed.
    text = pl.concat_str("item_id", "code", separator="\x1f").sort().str.join("\x1e").alias("structure")
    return answered.group_by("respondent_id").agg(text, pl.len()).filter(len=len(block.items)).drop("len")


def rarefied(counts: Whole, n: int, m: int) -> Floats:
    """Return the structures expected among ``m`` of ``n`` respondents; one row of ``counts`` a structure."""
    from scipy.stats import hypergeom

    seen = 1 - hypergeom.pmf(0, n, np.arange(counts.max(initial=0) + 1), m)
    return np.asarray(seen[counts].sum(axis=0), dtype=np.float64)


def _relative_variance(counts: Whole, m: int) -> float:
    """Jackknife variance of the rarefied count at depth ``m``, over its square.

    Leaving out any of those who share a structure comes to the same, so there is one case a distinct count.
    """
    n = int(counts.sum())
    sizes, structures = np.unique(counts[counts > 0], return_counts=True)
    without = []
    for size in sizes:
        fewer = counts.copy()
        fewer[np.argmax(counts == size)] -= 1
        without.append(float(rarefied(fewer, n - 1, m)))
    left, people = np.array(without), sizes * structures
    centre = (left * people).sum() / n
    variance = (n - 1) / n * (people * (left - centre) ** 2).sum()
    return float(variance / rarefied(counts, n, m) ** 2)


def _permuted(kind: Whole, n_h: int, replicates: int, rng: np.random.Generator) -> Floats:
    """Return the ratio with the labels of H handed out anew."""
    n, kinds = len(kind), int(kind.max()) + 1
    m = min(n_h, n - n_h)
    everybody = np.bincount(kind, minlength=kinds)
    found = []
    for start in range(0, replicates, _DRAWS_AT_ONCE):
        size = min(_DRAWS_AT_ONCE, replicates - start)
        drawn = rng.permuted(np.tile(kind, (size, 1)), axis=1)[:, :n_h] + (np.arange(size) * kinds)[:, None]
        h = np.bincount(drawn.ravel(), minlength=size * kinds).reshape(size, kinds).T
        found.append(rarefied(everybody[:, None] - h, n - n_h, m) / rarefied(h, n_h, m))
    return np.concatenate(found) if found else np.empty(0)


def _normal_quantile() -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf((1 + LEVEL) / 2)
