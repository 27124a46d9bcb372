"""How figures of counts get interval, floor and p-value, in words.

:mod:`simframe.inference.judging.interval` gives the reasons.
"""

from __future__ import annotations

__all__ = ["UNCERTAINTY"]

_PEOPLE = "two samples of people"
_BOTH = "two samples of people; none for one side alone"
_CORRECTED = "two samples of people, corrected by halves of people"
_PERMUTED = "labels permuted, weights kept; clusters and strata: share of floors at least as far off"
_PERMUTED_BOTH = _PERMUTED + "; none for one side alone"
_ALONE = "none: a figure of one side alone"

_SQUARES = ("noncentral chi-squared inversion, on squares", _CORRECTED, _PERMUTED)
_DIVERGENCE = ("noncentral chi-squared inversion", _CORRECTED, _PERMUTED)
_PLAIN = ("bootstrap normal", _PEOPLE, _PERMUTED)
_LOG = ("bootstrap normal, log scale", _PEOPLE, _PERMUTED)
_ENTROPY = ("bootstrap normal, bias taken off", _ALONE, _ALONE)
_ASSOCIATION = (
    "noncentral chi-squared inversion for one side alone; joined from both for inflation and, on the log scale, for "
    "its ratio, which has no upper end where people's own association may be none (Zou and Donner 2008)",
    _BOTH,
    _PERMUTED_BOTH,
)
_PARTIAL = (
    "noncentral chi-squared inversion for one side alone; bootstrap normal for inflation, log scale for its ratio: too "
    "short where strata hold few people a cell",
    _BOTH,
    _PERMUTED_BOTH,
)
_RANKS = (
    "Fisher for one side alone, at the larger of his error and the bootstrap's; bootstrap normal for inflation, "
    "percentiles for its ratio",
    _BOTH,
    _PERMUTED_BOTH,
)

UNCERTAINTY: dict[str, tuple[str, str, str]] = {
    "total_variation": (
        "noncentral chi-squared inversion, on squares; the low end as if options that may be alike were so",
        _CORRECTED,
        _PERMUTED,
    ),
    "kl_divergence": (
        "noncentral chi-squared inversion; none where it or a draw is infinite",
        _CORRECTED + "; none where a draw is infinite",
        _PERMUTED + "; what is infinite is as far off as can be",
    ),
    "kl_smoothed": _DIVERGENCE,
    "js_divergence": _DIVERGENCE,
    "js_distance": _SQUARES,
    "hellinger": _SQUARES,
    "wasserstein": _SQUARES,
    "wasserstein_norm": _SQUARES,
    "ks": _SQUARES,
    "energy": _SQUARES,
    "chi2": (
        "none: a test statistic, which grows with the samples",
        _PEOPLE + "; none for df",
        _PERMUTED + "; none for df",
    ),
    "mean_shift": _PLAIN,
    "nonresponse_gap": ("Newcombe, from Wilson of both sides", _PEOPLE, _PERMUTED),
    "variance_ratio": _LOG,
    "sd_ratio": _LOG,
    "entropy_h": _ENTROPY,
    "entropy_s": _ENTROPY,
    "entropy_ratio": _LOG,
    "modal_share_gap": (
        "bootstrap normal, both ends as if the options that may be the most frequent were all so",
        _PEOPLE,
        _PERMUTED,
    ),
    "unique_structures": (
        "jackknife normal, log scale, at least the bootstrap's; it holds what samples of this size have on average",
        _ALONE,
        _ALONE,
    ),
    "rarefied_structures": ("jackknife normal, log scale, at least the bootstrap's", _ALONE, _ALONE),
    "structure_ratio": ("jackknife normal, log scale, at least the bootstrap's", _PEOPLE, _PERMUTED),
    "within_variance_ratio": _LOG,
    "eta2_ratio": _LOG,
    "group_slope": _PLAIN,
    "worst_group_js_distance": _SQUARES,
    "spread_js_distance": (
        "joined from those of the groups (Zou and Donner 2008), the low end against all that may be the ends",
        _CORRECTED,
        _PERMUTED,
    ),
    "excess": ("none: a difference of two columns", "none: it is taken off", "that of the divergence"),
    "belief_action_gap": (
        "Newcombe, from Wilson of both sides; Wilson for one side alone",
        _BOTH,
        _PERMUTED_BOTH,
    ),
    "cramers_v": _ASSOCIATION,
    "mutual_information": _ASSOCIATION,
    "goodman_kruskal_tau": _ASSOCIATION,
    "spearman": _RANKS,
    "cramers_v_partial": _PARTIAL,
    "mutual_information_partial": _PARTIAL,
    "goodman_kruskal_tau_partial": _PARTIAL,
    "spearman_partial": _RANKS,
    "conditional_js": _DIVERGENCE,
    "conditional_js_coverage": _PLAIN,
}
"""By metric: interval, floor, p-value. Metrics of fitted models and of twins say theirs in the registry itself."""
