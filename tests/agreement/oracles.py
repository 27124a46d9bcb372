"""Every metric by scipy, or by numpy on the single respondents where scipy has none. None where it is undefined."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.spatial import distance

from .count import Cell, Side

Oracle = Callable[[Cell], float | None]


def on_grid(function: Callable[[np.ndarray, np.ndarray], float]) -> Oracle:
    """Make an oracle of a function of shares; None where a side is not on the grid."""

    def oracle(cell: Cell) -> float | None:
        p, q = cell.h.shares(cell.item.grid), cell.s.shares(cell.item.grid)
        return None if not len(p) or np.isnan(p).any() or np.isnan(q).any() else function(p, q)

    return oracle


def on_values(function: Callable[[Side, Side], float | None]) -> Oracle:
    """Make an oracle of a function of both sides' values; None on nominal items and empty sides."""
    return lambda cell: function(cell.h, cell.s) if cell.item.ordered and cell.h.known and cell.s.known else None


def kl_smoothed(cell: Cell) -> float | None:
    n_h, n_s = cell.h.on_grid.n, cell.s.on_grid.n
    return on_grid(lambda p, q: stats.entropy(n_h * p + 0.5, n_s * q + 0.5, base=2))(cell)


def chi2(cell: Cell) -> float | None:
    """Pearson's statistic; with weights, of effective sizes, over the mean design effect of the shares.

    The design effects come from respondents' linearised values, w_i (1[x_i = k] - p_k) / sum w, not from counts.
    """
    sides = (cell.h.on_grid, cell.s.on_grid)
    if not cell.item.grid or not all(side.known for side in sides):
        return None
    shares = np.array([side.shares(cell.item.grid) for side in sides])
    size = np.array([side.weight.sum() ** 2 / (side.weight**2).sum() for side in sides])
    table = (shares * size[:, None])[:, shares.sum(axis=0) > 0]
    pearson = float(stats.chi2_contingency(table, correction=False).statistic)
    if all(np.ptp(side.weight) == 0 for side in sides):
        return pearson
    simple = (shares * (1 - shares) / size[:, None]).sum(axis=0)
    designed = np.zeros_like(simple)
    for side, share in zip(sides, shares, strict=True):
        chosen = np.array([[code == each for each in cell.item.grid] for code in side.codes], dtype=float)
        designed += ((side.weight[:, None] * (chosen - share) / side.weight.sum()) ** 2).sum(axis=0)
    pooled = size @ shares / size.sum()
    held = pooled > 0
    effect = (designed[held] / pooled[held]).sum() / (simple[held] / pooled[held]).sum() if simple.any() else 1.0
    return pearson / effect


def ks(h: Side, s: Side) -> float:
    points = np.unique(np.concatenate([h.values, s.values]))
    steps = [[side.weight[side.values <= x].sum() / side.weight.sum() for x in points] for side in (h, s)]
    found = float(np.abs(np.subtract(*steps)).max())
    if all(np.ptp(side.weight) == 0 for side in (h, s)):
        assert np.isclose(found, stats.ks_2samp(h.values, s.values).statistic, rtol=1e-12, atol=1e-15)
    return found


def earth_moved(h: Side, s: Side) -> float:
    return float(stats.wasserstein_distance(h.values, s.values, h.weight, s.weight))


def variance(side: Side) -> float:
    """Population variance; exactly nought where everybody who counts says the same."""
    held = side.values[side.weight > 0]
    return 0.0 if np.ptp(held) == 0 else float(np.cov(side.values, aweights=side.weight, ddof=0))


def mean(side: Side) -> float:
    return float(np.average(side.values, weights=side.weight))


def variance_ratio(h: Side, s: Side) -> float | None:
    return variance(s) / variance(h) if variance(h) > 0 else None


def sd_ratio(h: Side, s: Side) -> float | None:
    return float(np.sqrt(variance(s)) / np.sqrt(variance(h))) if variance(h) > 0 else None


def bits(p: np.ndarray) -> float:
    return float(stats.entropy(p, base=2))


def entropy_of(name: str) -> Oracle:
    def oracle(cell: Cell) -> float | None:
        p = getattr(cell, name).shares(cell.item.grid)
        return None if not len(p) or np.isnan(p).any() else bits(p)

    return oracle


def nonresponse_gap(cell: Cell) -> float | None:
    if not (cell.h.weight_asked and cell.s.weight_asked):
        return None
    h, s = (1 - side.weight.sum() / side.weight_asked for side in (cell.h, cell.s))
    return float(s - h)


def wasserstein_norm(cell: Cell) -> float | None:
    moved = on_values(earth_moved)(cell)
    return None if moved is None or cell.item.width is None else moved / cell.item.width


def energy(cell: Cell) -> float | None:
    """On interval items only; option codes of an ordinal item have an order, and their distances are the study's."""
    if cell.item.scale != "interval":
        return None
    return on_values(lambda h, s: float(stats.energy_distance(h.values, s.values, h.weight, s.weight)))(cell)


ITEM: dict[str, Oracle] = {
    "total_variation": on_grid(lambda p, q: float(distance.cityblock(p, q)) / 2),
    "kl_divergence": on_grid(lambda p, q: float(stats.entropy(p, q, base=2))),
    "kl_smoothed": kl_smoothed,
    "js_divergence": on_grid(lambda p, q: float(distance.jensenshannon(p, q, base=2)) ** 2),
    "js_distance": on_grid(lambda p, q: float(distance.jensenshannon(p, q, base=2))),
    "hellinger": on_grid(lambda p, q: float(distance.euclidean(np.sqrt(p), np.sqrt(q)) / np.sqrt(2))),
    "chi2": chi2,
    "chi2_df": on_grid(lambda p, q: float(np.count_nonzero(p + q) - 1)),
    "wasserstein": on_values(earth_moved),
    "wasserstein_norm": wasserstein_norm,
    "ks": on_values(ks),
    "energy": energy,
    "mean_shift": on_values(lambda h, s: mean(s) - mean(h)),
    "nonresponse_gap": nonresponse_gap,
    "variance_ratio": on_values(variance_ratio),
    "sd_ratio": on_values(sd_ratio),
    "entropy_h": entropy_of("h"),
    "entropy_s": entropy_of("s"),
    "entropy_ratio": on_grid(lambda p, q: bits(q) / bits(p) if bits(p) > 0 else None),
    "modal_share_gap": on_grid(lambda p, q: float(q.max() - p.max())),
}


def grouped(cells: list[Cell]) -> list[Cell]:
    """Return the groups that both sides hold."""
    return [cell for cell in cells if cell.item.ordered and cell.h.known and cell.s.known]


def within_variance_ratio(cells: list[Cell]) -> float | None:
    shared = grouped(cells)
    weight = [cell.h.weight.sum() for cell in shared]
    if not shared or not any(variance(cell.h) for cell in shared):
        return None
    h, s = (np.average([variance(getattr(c, side)) for c in shared], weights=weight) for side in "hs")
    return float(s / h)


def eta2(sides: list[Side]) -> float | None:
    """Share of the variance that lies between the groups; None where nobody differs from anybody."""
    weight, values = (np.concatenate([getattr(side, name) for side in sides]) for name in ("weight", "values"))
    if np.ptp(values[weight > 0]) == 0:
        return None
    within = np.average([variance(side) for side in sides], weights=[side.weight.sum() for side in sides])
    return float(1 - within / np.cov(values, aweights=weight, ddof=0))


def eta2_ratio(cells: list[Cell]) -> float | None:
    shared = grouped(cells)
    if not _means_differ(shared):
        return None
    s = eta2([cell.s for cell in shared])
    return None if s is None else s / eta2([cell.h for cell in shared])


def group_slope(cells: list[Cell]) -> float | None:
    """Weighted least squares of means on means, by numpy's solver."""
    shared = grouped(cells)
    if not _means_differ(shared):
        return None
    root = np.sqrt([cell.h.weight.sum() for cell in shared])
    h, s = (np.array([mean(getattr(cell, side)) for cell in shared]) for side in "hs")
    design = np.column_stack([np.ones_like(h), h - h.mean()]) * root[:, None]
    return float(np.linalg.lstsq(design, s * root, rcond=None)[0][1])


def _means_differ(shared: list[Cell]) -> bool:
    means = [mean(cell.h) for cell in shared]
    return len(means) > 1 and np.ptp(means) > 1e-12 * max(map(abs, means))


GROUPS: dict[str, Callable[[list[Cell]], float | None]] = {
    "within_variance_ratio": within_variance_ratio,
    "eta2_ratio": eta2_ratio,
    "group_slope": group_slope,
}
