"""How alike two panels are: every alignment metric as a Polars expression.

Plain functions that return `pl.Expr`, one theme a file, for `select`, `group_by().agg`, `over`, lazy and streaming
frames. Most take counts (`h` the reference, `s` the compared panel, one row a declared option); the `sample_*` and
`list_*` functions take raw values and run compiled kernels. A column that holds no numbers, dates and categories
included, is a ComputeError with its name. What every metric means, its range and its source stand in `METRICS`.

>>> import polars as pl
>>> import simframe.metrics as m
>>> cells = pl.DataFrame({"item": ["vote"] * 3, "value": [1, 2, 3], "human": [60, 30, 10], "tuned": [50, 30, 20]})
>>> cells.group_by("item").agg(
...     m.total_variation("human", "tuned").round(6), m.wasserstein("human", "tuned", "value").round(6)
... ).rows()
[('vote', 0.1, 0.2)]
"""

from simframe.metrics.coherence import (
    belief_action_gap,
    conditional_js,
    conditional_js_coverage,
    cramers_v,
    cramers_v_partial,
    goodman_kruskal_tau,
    goodman_kruskal_tau_partial,
    mutual_information,
    mutual_information_partial,
    polychoric,
    spearman,
    spearman_partial,
)
from simframe.metrics.divergence import (
    chi2,
    hellinger,
    js_distance,
    js_divergence,
    kl_divergence,
    kl_smoothed,
    nonresponse_gap,
    total_variation,
)
from simframe.metrics.fidelity import accuracy, demeaned_r, exact_match_rate, pearson_r
from simframe.metrics.heterogeneity import entropy, entropy_ratio, modal_share_gap, sd_ratio, variance_ratio
from simframe.metrics.ordinal import energy, ks, mean_shift, wasserstein, wasserstein_norm
from simframe.metrics.predictability import predictability
from simframe.metrics.recovery import (
    coefficient_correlation,
    coefficient_coverage,
    coefficient_distance,
    false_positive_rate,
    fn,
    fp,
    sign_f1,
    sign_precision,
    sign_recall,
    sign_reversals,
    standardised_bias,
    tn,
    tp,
    z_difference,
)
from simframe.metrics.registry import METRICS, Metric, metric
from simframe.metrics.resampling import (
    count_bootstrap,
    count_permutation,
    list_count_bootstrap,
    list_count_permutation,
)
from simframe.metrics.samples import (
    list_energy_distance,
    list_ks,
    list_wasserstein,
    sample_energy_distance,
    sample_ks,
    sample_wasserstein,
)
from simframe.metrics.special import chi2_sf
from simframe.metrics.structures import memorised_share, rarefied_structures, structure_ratio, unique_structures
from simframe.metrics.subgroups import (
    eta2_ratio,
    excess,
    group_slope,
    spread_js_distance,
    within_variance_ratio,
    worst_group_js_distance,
)

__all__ = [
    "METRICS",
    "Metric",
    "accuracy",
    "belief_action_gap",
    "chi2",
    "chi2_sf",
    "coefficient_correlation",
    "coefficient_coverage",
    "coefficient_distance",
    "conditional_js",
    "conditional_js_coverage",
    "count_bootstrap",
    "count_permutation",
    "cramers_v",
    "cramers_v_partial",
    "demeaned_r",
    "energy",
    "entropy",
    "entropy_ratio",
    "eta2_ratio",
    "exact_match_rate",
    "excess",
    "false_positive_rate",
    "fn",
    "fp",
    "goodman_kruskal_tau",
    "goodman_kruskal_tau_partial",
    "group_slope",
    "hellinger",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "kl_smoothed",
    "ks",
    "list_count_bootstrap",
    "list_count_permutation",
    "list_energy_distance",
    "list_ks",
    "list_wasserstein",
    "mean_shift",
    "memorised_share",
    "metric",
    "modal_share_gap",
    "mutual_information",
    "mutual_information_partial",
    "nonresponse_gap",
    "pearson_r",
    "polychoric",
    "predictability",
    "rarefied_structures",
    "sample_energy_distance",
    "sample_ks",
    "sample_wasserstein",
    "sd_ratio",
    "sign_f1",
    "sign_precision",
    "sign_recall",
    "sign_reversals",
    "spearman",
    "spearman_partial",
    "spread_js_distance",
    "standardised_bias",
    "structure_ratio",
    "tn",
    "total_variation",
    "tp",
    "unique_structures",
    "variance_ratio",
    "wasserstein",
    "wasserstein_norm",
    "within_variance_ratio",
    "worst_group_js_distance",
    "z_difference",
]
