"""What is known to miss its band, and why; the page prints it, and the tests let nothing else pass."""

_SPARSE = (
    "Wide in tables with few people a cell, where people's association may be none and a ratio without end; mutual "
    "information is a little short in such tables, whose empty cells no sample shows."
)
_STRUCTURES = "Wide: the jackknife of a count of distinct structures errs on the wide side (Efron and Stein 1981)."
_COUNTS = "Counts of a few terms take few values: the test is conservative."

INTERVALS: dict[str, str] = {
    "coefficient_correlation": "Wide where coefficients are few, close to each other and badly known, as they may be.",
    "spread_js_distance": (
        "Wide where groups may tie: which one is the worst, and which the best, is itself seen by chance, and the "
        "interval holds whichever they are."
    ),
    **dict.fromkeys(
        (
            f"{metric}_inflation{ratio}"
            for metric in ("cramers_v", "mutual_information", "goodman_kruskal_tau")
            for ratio in ("", "_ratio")
        ),
        _SPARSE,
    ),
    **dict.fromkeys(
        ("structure_ratio", *(f"{kind}_structures_{side}" for kind in ("unique", "rarefied") for side in "hs")),
        _STRUCTURES,
    ),
}
"""Metrics whose intervals miss."""
SINGLE: dict[str, str] = {
    "total_variation": (
        "Wide where options may be alike, and so in the mean over items: an absolute difference of equal shares is all "
        "noise, and no estimate can tell how much (Cai and Low 2011); the interval allows for all of it. js_distance "
        "has no such trouble."
    ),
    "modal_share_gap": (
        "Where the most frequent options tie, or nearly do, a maximum is biased upward by what no bootstrap sees; the "
        "interval allows for ties that the sample cannot rule out."
    ),
    "mutual_information_h": _SPARSE,
    "mutual_information_s": _SPARSE,
    "cramers_v_h": _SPARSE,
    "cramers_v_s": _SPARSE,
    "goodman_kruskal_tau_h": _SPARSE,
    "goodman_kruskal_tau_s": _SPARSE,
}
"""Metrics whose intervals cover on the whole, and miss in single figures."""
EDGE: dict[str, str] = {}
TESTS: dict[str, str] = dict.fromkeys(
    (
        *("tp", "fp", "fn", "tn", "sign_reversals", "sign_f1", "sign_precision", "sign_recall"),
        *("false_positive_rate", "coefficient_coverage"),
    ),
    _COUNTS,
) | {"conditional_js_coverage": "In most samples every belief is held by somebody: the figure is 1 on both sides."}
"""Metrics whose tests do not hold their level."""
FLOORS: dict[str, str] = {}
