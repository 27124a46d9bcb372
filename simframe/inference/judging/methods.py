"""How every figure is judged: a table of metrics, read by :mod:`simframe.inference.judging.interval`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

__all__ = ["EVERY", "METHODS", "Method", "Scale"]

Scale = Literal[
    "plain",
    "corrected",
    "log",
    "fisher",
    "share",
    "percentile",
    "noncentral",
    "noncentral_square",
    "difference",
    "quotient",
    "span",
    "none",
]
NONCENTRAL = ("noncentral", "noncentral_square")
"""Scales of divergences, and of distances, whose squares are such."""
JOINED = ("difference", "quotient", "span")
"""Scales of figures made of others, whose intervals join those of these."""


@dataclass(frozen=True)
class Method:
    """How one metric is judged: the scale of its interval, its range, and the value of a panel just like people.

    ``ideal`` is null for figures of one panel alone, which have neither floor nor p-value. ``side`` is where figures
    count as far off, and which edge of the floor ``floor_q95`` is: ``both`` sides of the ideal, with the upper edge;
    ``below``, with the lower edge, for what people themselves make large; ``above``, with the upper edge, for what
    chance alone keeps small.
    """

    scale: Scale
    low: float
    high: float
    ideal: float | None = 0.0
    side: Literal["both", "above", "below"] = "both"


_DISTANCE, _DIVERGENCE = Method("noncentral_square", 0, 1), Method("noncentral", 0, 1)
_FAR, _BITS = Method("noncentral_square", 0, inf), Method("noncentral", 0, inf)
_DIFFERENCE, _RATIO = Method("plain", -1, 1), Method("log", 0, inf, ideal=1.0)
_SHIFT, _OF_SHARES = Method("plain", -inf, inf), Method("difference", -1, 1)
# Figures of one panel alone.
_SHARE, _ASSOCIATION = Method("share", 0, 1, ideal=None), Method("noncentral_square", 0, 1, ideal=None)
_ASSOCIATED = Method("noncentral", 0, 1, ideal=None)
_INFORMATION, _AMOUNT = Method("noncentral", 0, inf, ideal=None), Method("corrected", 0, inf, ideal=None)
_APART, _TIMES = Method("difference", -1, 1), Method("quotient", 0, inf, ideal=1.0)
_COUNT = Method("none", 0, inf, ideal=None)
_HITS, _MISSES = Method("percentile", 0, inf, inf, "below"), Method("percentile", 0, inf)
_RECOVERED = Method("percentile", 0, 1, 1.0, "below")
_TWINS = Method("share", 0, 1, 1.0, "above")

METHODS: dict[str, Method] = {
    "total_variation": _DISTANCE,
    "kl_divergence": _BITS,
    "kl_smoothed": _BITS,
    "js_divergence": _DIVERGENCE,
    "js_distance": _DISTANCE,
    "hellinger": _DISTANCE,
    "chi2": Method("none", 0, inf),
    "wasserstein": _FAR,
    "wasserstein_norm": _DISTANCE,
    "ks": _DISTANCE,
    "energy": _FAR,
    "mean_shift": _SHIFT,
    "nonresponse_gap": _OF_SHARES,
    "variance_ratio": _RATIO,
    "sd_ratio": _RATIO,
    "entropy_h": _AMOUNT,
    "entropy_s": _AMOUNT,
    "entropy_ratio": _RATIO,
    "modal_share_gap": _DIFFERENCE,
    "unique_structures_h": _COUNT,
    "unique_structures_s": _COUNT,
    "rarefied_structures_h": _COUNT,
    "rarefied_structures_s": _COUNT,
    "structure_ratio": _RATIO,
    "memorised_share": _SHARE,
    "memorised_share_h": _SHARE,
    "within_variance_ratio": _RATIO,
    "eta2_ratio": _RATIO,
    "group_slope": Method("plain", -inf, inf, ideal=1.0),
    "worst_group_js_distance": _DISTANCE,
    "spread_js_distance": Method("span", 0, 1),
    "belief_action_gap": _OF_SHARES,
    "belief_action_gap_h": _SHARE,
    "belief_action_gap_s": _SHARE,
    "cramers_v_h": _ASSOCIATION,
    "cramers_v_s": _ASSOCIATION,
    "cramers_v_inflation": _APART,
    "cramers_v_inflation_ratio": _TIMES,
    "mutual_information_h": _INFORMATION,
    "mutual_information_s": _INFORMATION,
    "mutual_information_inflation": Method("difference", -inf, inf),
    "mutual_information_inflation_ratio": _TIMES,
    "goodman_kruskal_tau_h": _ASSOCIATED,
    "goodman_kruskal_tau_s": _ASSOCIATED,
    "goodman_kruskal_tau_inflation": _APART,
    "goodman_kruskal_tau_inflation_ratio": _TIMES,
    "spearman_h": Method("fisher", -1, 1, ideal=None),
    "spearman_s": Method("fisher", -1, 1, ideal=None),
    "spearman_inflation": Method("plain", -2, 2),
    # It may be negative, and then has no logarithm.
    "spearman_inflation_ratio": Method("percentile", -inf, inf, ideal=1.0),
    "conditional_js": _DIVERGENCE,
    "conditional_js_coverage": Method("plain", 0, 1, ideal=1.0),
    "cramers_v_partial_h": _ASSOCIATION,
    "cramers_v_partial_s": _ASSOCIATION,
    "cramers_v_partial_inflation": _DIFFERENCE,
    "cramers_v_partial_inflation_ratio": _RATIO,
    "mutual_information_partial_h": _INFORMATION,
    "mutual_information_partial_s": _INFORMATION,
    "mutual_information_partial_inflation": _SHIFT,
    "mutual_information_partial_inflation_ratio": _RATIO,
    "goodman_kruskal_tau_partial_h": _ASSOCIATED,
    "goodman_kruskal_tau_partial_s": _ASSOCIATED,
    "goodman_kruskal_tau_partial_inflation": _DIFFERENCE,
    "goodman_kruskal_tau_partial_inflation_ratio": _RATIO,
    "spearman_partial_h": Method("fisher", -1, 1, ideal=None),
    "spearman_partial_s": Method("fisher", -1, 1, ideal=None),
    "spearman_partial_inflation": Method("plain", -2, 2),
    "spearman_partial_inflation_ratio": Method("percentile", -inf, inf, ideal=1.0),
    "polychoric_h": Method("fisher", -1, 1, ideal=None),
    "polychoric_s": Method("fisher", -1, 1, ideal=None),
    "polychoric_inflation": Method("plain", -2, 2),
    "polychoric_inflation_ratio": Method("percentile", -inf, inf, ideal=1.0),
    "predictability_h": Method("plain", -inf, 1, ideal=None),
    "predictability_s": Method("plain", -inf, 1, ideal=None),
    "predictability_inflation": Method("plain", -inf, inf),
    "predictability_inflation_ratio": Method("log", -inf, inf, ideal=1.0),
    "tp": _HITS,
    "tn": _HITS,
    "fp": _MISSES,
    "fn": _MISSES,
    "sign_reversals": _MISSES,
    "sign_f1": _RECOVERED,
    "sign_precision": _RECOVERED,
    "sign_recall": _RECOVERED,
    "false_positive_rate": Method("percentile", 0, 1),
    "coefficient_coverage": _RECOVERED,
    "coefficient_correlation": Method("percentile", -1, 1, 1.0, "below"),
    "coefficient_distance": Method("none", 0, inf),
    "pearson_r": Method("fisher", -1, 1, 1.0, "above"),
    "demeaned_r": Method("fisher", -1, 1, 1.0, "above"),
    "accuracy": _TWINS,
    "exact_match_rate": _TWINS,
}


LACKING = {"chi2": "no interval: a test statistic, which grows with the samples"}
"""Why figures that no sample is an estimate of have no interval."""
UNDRAWN = "no interval: fewer than two draws are defined"
SUFFIXES = ("_h", "_s", "_inflation", "_inflation_ratio")
"""Of an association: in people, in the panel, the difference and the quotient of both."""
SIDES: dict[str, tuple[str, str]] = {
    "nonresponse_gap": ("nonresponse_h", "nonresponse_s"),
    "belief_action_gap": ("belief_action_gap_h", "belief_action_gap_s"),
} | {
    f"{metric}_inflation{ratio}": (f"{metric}_h", f"{metric}_s")
    for metric in ("cramers_v", "mutual_information", "goodman_kruskal_tau")
    for ratio in ("", "_ratio")
}
"""The figures of people and of the panel that a difference or a quotient is made of."""
EVERY = METHODS | {"nonresponse_h": _SHARE, "nonresponse_s": _SHARE}
"""With the shares that nonresponse_gap is the difference of, which are no figures."""
