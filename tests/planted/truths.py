"""The figures of known populations, by scipy where it has them and else by numpy. Nothing here calls simframe.

Laws are shares over the declared options on the last axis; leading axes are populations, or samples of one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial import distance

Floats = NDArray[np.float64]
Figures = dict[str, Floats]


def of_options(p: Floats, q: Floats) -> Figures:
    """Return the metrics of an item on its options."""
    js = distance.jensenshannon(p, q, base=2, axis=-1)
    entropy_h, entropy_s = stats.entropy(p, base=2, axis=-1), stats.entropy(q, base=2, axis=-1)
    return {
        "total_variation": np.abs(p - q).sum(axis=-1) / 2,
        "kl_divergence": stats.entropy(p, q, base=2, axis=-1),
        "js_distance": js,
        "js_divergence": js**2,
        "hellinger": np.linalg.norm(np.sqrt(p) - np.sqrt(q), axis=-1) / np.sqrt(2),
        "entropy_h": entropy_h,
        "entropy_s": entropy_s,
        "entropy_ratio": _over(entropy_s, entropy_h),
        "modal_share_gap": q.max(axis=-1) - p.max(axis=-1),
    }


def smoothed(p: Floats, q: Floats, n: int) -> float:
    """Return what the smoothed divergence is of the expected counts of samples of ``n``."""
    return float(stats.entropy(n * p + 0.5, n * q + 0.5, base=2))


def of_values(p: Floats, q: Floats, value: Floats, width: float, *, interval: bool) -> Figures:
    """Return the metrics of an item on its values."""
    apart, step = np.abs(np.cumsum(p - q, axis=-1))[..., :-1], np.diff(value)
    moved = apart @ step
    ratio = _over(spread(q, value), spread(p, value))
    found = {
        "wasserstein": moved,
        "wasserstein_norm": moved / width,
        "ks": apart.max(axis=-1),
        "mean_shift": (q - p) @ value,
        "variance_ratio": ratio,
        "sd_ratio": np.sqrt(ratio),
    }
    return found | ({"energy": np.sqrt(2 * apart**2 @ step)} if interval else {})


def spread(p: Floats, value: Floats) -> Floats:
    """Return the variance."""
    centred = value - (p @ value)[..., None]
    return (p * centred**2).sum(axis=-1)


def _over(above: Floats, below: Floats) -> Floats:
    return np.where(below > 1e-12, above / np.where(below > 1e-12, below, 1.0), np.nan)


def of_groups(p: Floats, q: Floats, value: Floats, share: Floats) -> dict[str, float]:
    """Return the metrics of one grouping; ``p`` and ``q`` have a row a group, of ``share``."""
    js = distance.jensenshannon(p, q, base=2, axis=-1)
    within = [float(share @ spread(side, value)) for side in (p, q)]
    mean_h, mean_s = p @ value, q @ value
    middle_h, middle_s = share @ mean_h, share @ mean_s
    between = [float(share @ (mean - middle) ** 2) for mean, middle in ((mean_h, middle_h), (mean_s, middle_s))]
    eta = [b / (b + w) for b, w in zip(between, within, strict=True)]
    slope = share @ ((mean_h - middle_h) * (mean_s - middle_s))
    return {
        "worst_group_js_distance": float(js.max()),
        "spread_js_distance": float(js.max() - js.min()),
        "within_variance_ratio": within[1] / within[0],
        "eta2_ratio": float(_over(eta[1], eta[0])),
        "group_slope": float(_over(slope, between[0])),
    }


def association(table: Floats) -> dict[str, float]:
    """Return the associations in one belief (row) by action (column) table."""
    row, column = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(row, column)
    low = min(table.shape) - 1
    ranks = [np.cumsum(side) - side / 2 for side in (row, column)]
    centred = [rank - side @ rank for rank, side in zip(ranks, (row, column), strict=True)]
    scale = np.sqrt((row @ centred[0] ** 2) * (column @ centred[1] ** 2))
    return {
        "cramers_v": float(np.sqrt(((table - expected) ** 2 / expected).sum() / low)),
        "mutual_information": float(stats.entropy(table.ravel(), expected.ravel(), base=2)),
        "goodman_kruskal_tau": float(((table**2).sum(axis=1) @ (1 / row) - column @ column) / (1 - column @ column)),
        "spearman": float(centred[0] @ table @ centred[1] / scale),
    }


def of_pair(h: Floats, s: Floats, against: Floats) -> dict[str, float]:
    """Return the metrics of one pair; every belief implies an action, and ``against`` marks the other cells."""
    found = {}
    one, other = association(h), association(s)
    for name in one:
        found |= {f"{name}_h": one[name], f"{name}_s": other[name], f"{name}_inflation": other[name] - one[name]}
        if one[name] > 0:
            found[f"{name}_inflation_ratio"] = other[name] / one[name]
    gap_h, gap_s = float((h * against).sum()), float((s * against).sum())
    found |= {"belief_action_gap_h": gap_h, "belief_action_gap_s": gap_s, "belief_action_gap": gap_s - gap_h}
    given = [side / side.sum(axis=1, keepdims=True) for side in (h, s)]
    found["conditional_js"] = float(h.sum(axis=1) @ distance.jensenshannon(*given, base=2, axis=1) ** 2)
    return found


def distinct(law: Floats, n: int) -> float:
    """Return how many of the kinds in ``law`` are expected among ``n`` respondents."""
    return float((1 - (1 - law.ravel()) ** n).sum())
