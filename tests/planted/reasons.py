"""What is known to miss its band, and why; the page prints it, and the tests let nothing else pass."""

_RATIO = (
    "Large tables on few people are mostly noise, which makes both associations too large and their ratio too near 1; "
    "taking the bootstrap's bias off does not help. Ask for ten people a cell of the table, or read the difference."
)
_COUNTS = "Counts of a few terms take few values: the test is conservative."

INTERVALS: dict[str, str] = {
    "spread_js_distance": (
        "The distance of the best group is biased upward more than that of the worst, so the spread seems smaller than "
        "it is."
    ),
    "cramers_v_inflation_ratio": _RATIO,
    "mutual_information_inflation_ratio": _RATIO,
    "goodman_kruskal_tau_inflation_ratio": _RATIO,
}
"""Metrics whose intervals miss."""
SINGLE: dict[str, str] = {
    "total_variation": (
        "Under where one option moves and many agree, and so in the mean over items: an absolute difference of equal "
        "shares is all bias, of which a bootstrap sees two fifths; more correction makes other cases worse. "
        "js_distance has no such trouble."
    ),
    "modal_share_gap": (
        "Under where the most frequent options tie: a maximum of equals is biased upward, and no bootstrap sees all of "
        "it (Fang and Santos 2019)."
    ),
    "coefficient_correlation": "Under where coefficients are few, close to each other and badly known.",
    "cramers_v_inflation": "Under in large tables on few people, as its ratio.",
    "mutual_information_s": "Under in large tables on few people: empty cells.",
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
