"""Every metric as data: what it is called, what it means, where it lies, what is ideal, and where it comes from.

Documentation, SQL comments and the command line are generated from `METRICS`, so that they cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isinf
from typing import Literal

from simframe.errors import MetricError, did_you_mean
from simframe.metrics.uncertainty import UNCERTAINTY

__all__ = ["METRICS", "Metric", "metric"]

Family = Literal["divergence", "heterogeneity", "subgroups", "coherence", "recovery", "fidelity"]
Goal = Literal["minimise", "maximise", "match"]
Scale = Literal["nominal", "ordinal", "interval"]

ALL: tuple[Scale, ...] = ("nominal", "ordinal", "interval")
ORDERED: tuple[Scale, ...] = ("ordinal", "interval")
INTERVAL: tuple[Scale, ...] = ("interval",)


@dataclass(frozen=True)
class Metric:
    """One alignment metric.

    Attributes:
        name: the name in SQL, on the command line and in results.
        family: the question it belongs to.
        goal: whether a better panel has less of it, more of it, or a value nearer to `ideal`.
        low: smallest possible value.
        high: largest possible value.
        unit: unit of the value; "1" for a pure number.
        formula: definition in plain text. p and q are the shares of the reference H and the compared panel S.
        source: where the definition comes from.
        scales: item scales on which it is defined; empty where it is not about single items.
        ideal: the value of a panel that answers exactly as the reference does; None for a figure of one panel alone.
        symmetric: whether swapping H and S leaves it unchanged.
        variants: endings of its name in `alignment`, where one metric is several figures; empty where it stands beside
            others (`excess` is a difference of columns, figures per term are columns of `coefficient_pairs`).
        evaluated: whether its rows come from an evaluation alone, because no view can compute it.
        functions: the functions of `simframe.metrics` that compute it, its own first.
        interval: how its interval is obtained, or why it has none.
        floor: how its floor is obtained, or why it has none.
        p_value: how its p-value is obtained, or why it has none.
    """

    name: str
    family: Family
    goal: Goal
    low: float
    high: float
    unit: str
    formula: str
    source: str
    scales: tuple[Scale, ...] = ()
    ideal: float | None = 0.0
    symmetric: bool = False
    variants: tuple[str, ...] = ("",)
    evaluated: bool = False
    functions: tuple[str, ...] = ()
    interval: str = ""
    floor: str = ""
    p_value: str = ""

    @property
    def rows(self) -> tuple[str, ...]:
        """What it is called in rows of ``alignment``: its name, its two sides, their difference."""
        return tuple(self.name + variant for variant in self.variants)

    @property
    def range(self) -> str:
        """The range as text, for example `0 to 1`."""

        def text(bound: float) -> str:
            return ("-" if bound < 0 else "") + "inf" if isinf(bound) else f"{bound:g}"

        return f"{text(self.low)} to {text(self.high)}"


# One metric in three lines: figures, formula, source.
# fmt: off
_DIVERGENCE = (
    Metric("total_variation", "divergence", "minimise", 0, 1, "1",
           "1/2 sum_k |p_k - q_k|",
           "Levin and Peres 2017, Markov Chains and Mixing Times, 4.1",
           ALL, symmetric=True, functions=("total_variation",)),
    Metric("kl_divergence", "divergence", "minimise", 0, inf, "bit",
           "sum_k p_k log2(p_k / q_k); infinite where q_k = 0 < p_k",
           "Kullback and Leibler 1951", ALL, functions=("kl_divergence",)),
    Metric("kl_smoothed", "divergence", "minimise", 0, inf, "bit",
           "kl_divergence of (n p_k + a) / (n + a K), a = 0.5",
           "Kullback and Leibler 1951, with Jeffreys' prior on the counts", ALL, functions=("kl_smoothed",)),
    Metric("js_divergence", "divergence", "minimise", 0, 1, "bit",
           "1/2 KL(p, m) + 1/2 KL(q, m), m = (p + q) / 2",
           "Lin 1991", ALL, symmetric=True, functions=("js_divergence",)),
    Metric("js_distance", "divergence", "minimise", 0, 1, "1",
           "sqrt(js_divergence)",
           "Endres and Schindelin 2003", ALL, symmetric=True, functions=("js_distance",)),
    Metric("hellinger", "divergence", "minimise", 0, 1, "1",
           "sqrt(1/2 sum_k (sqrt p_k - sqrt q_k)^2)",
           "Hellinger 1909", ALL, symmetric=True, functions=("hellinger",)),
    Metric("wasserstein", "divergence", "minimise", 0, inf, "scale unit",
           "sum_{k<K} |P_k - Q_k| (v_{k+1} - v_k)",
           "Vaserstein 1969; Ramdas, Garcia and Cuturi 2017",
           ORDERED, symmetric=True, functions=("wasserstein", "sample_wasserstein", "list_wasserstein")),
    Metric("wasserstein_norm", "divergence", "minimise", 0, 1, "1",
           "wasserstein / (v_K - v_1)",
           "Santurkar et al. 2023 (OpinionQA): representativeness is one minus its mean over items",
           ORDERED, symmetric=True, functions=("wasserstein_norm",)),
    Metric("ks", "divergence", "minimise", 0, 1, "1",
           "max_k |P_k - Q_k|",
           "Smirnov 1939", ORDERED, symmetric=True, functions=("ks", "sample_ks", "list_ks")),
    Metric("energy", "divergence", "minimise", 0, inf, "sqrt(scale unit)",
           "sqrt(2 integral (F - G)^2)",
           "Szekely and Rizzo 2013",
           INTERVAL, symmetric=True, functions=("energy", "sample_energy_distance", "list_energy_distance")),
    Metric("chi2", "divergence", "minimise", 0, inf, "1",
           "sum of (observed - expected)^2 / expected over the 2 x K table, df, p; weighted: each side at its "
           "effective size (sum w)^2 / sum w^2, over the mean design effect that remains, first-order Rao-Scott",
           "Pearson 1900; Rao and Scott 1981",
           ALL, symmetric=True, variants=("", "_df"), functions=("chi2", "chi2_sf")),
    Metric("mean_shift", "divergence", "match", -inf, inf, "scale unit",
           "sum_k q_k v_k - sum_k p_k v_k",
           "elementary", ORDERED, functions=("mean_shift",)),
    Metric("nonresponse_gap", "divergence", "match", -1, 1, "1",
           "share missing in S - share missing in H",
           "elementary", ALL, functions=("nonresponse_gap",)),
)

_HETEROGENEITY = (
    Metric("variance_ratio", "heterogeneity", "match", 0, inf, "1",
           "population variance of S over that of H",
           "elementary", ORDERED, ideal=1.0, functions=("variance_ratio",)),
    Metric("sd_ratio", "heterogeneity", "match", 0, inf, "1",
           "sqrt(variance_ratio)",
           "elementary", ORDERED, ideal=1.0, functions=("sd_ratio",)),
    Metric("entropy_h", "heterogeneity", "match", 0, inf, "bit",
           "-sum_k p_k log2 p_k",
           "Shannon 1948", ALL, ideal=None, functions=("entropy",)),
    Metric("entropy_s", "heterogeneity", "match", 0, inf, "bit",
           "-sum_k q_k log2 q_k",
           "Shannon 1948", ALL, ideal=None, functions=("entropy",)),
    Metric("entropy_ratio", "heterogeneity", "match", 0, inf, "1",
           "entropy_s / entropy_h",
           "Shannon 1948", ALL, ideal=1.0, functions=("entropy_ratio",)),
    Metric("modal_share_gap", "heterogeneity", "match", -1, 1, "1",
           "max_k q_k - max_k p_k",
           "elementary", ALL, functions=("modal_share_gap",)),
    Metric("unique_structures", "heterogeneity", "match", 0, inf, "structures",
           "distinct answer tuples over a declared block of items",
           "arXiv 2511.21218", ideal=None, variants=("_h", "_s"), functions=("unique_structures",)),
    Metric("rarefied_structures", "heterogeneity", "match", 0, inf, "structures",
           "sum_t 1 - C(n - n_t, m) / C(n, m), m = min(n_H, n_S)",
           "Hurlbert 1971", ideal=None, variants=("_h", "_s"), functions=("rarefied_structures",)),
    Metric("structure_ratio", "heterogeneity", "match", 0, inf, "1",
           "rarefied_structures of S over that of H",
           "Hurlbert 1971", ideal=1.0, functions=("structure_ratio",)),
    Metric("within_variance_ratio", "heterogeneity", "match", 0, inf, "1",
           "sum_g share_g Var_S(g) over sum_g share_g Var_H(g), share_g of H",
           "law of total variance", ORDERED, ideal=1.0, functions=("within_variance_ratio",)),
    Metric("eta2_ratio", "heterogeneity", "match", 0, inf, "1",
           "share of variance between groups in S over that in H; above 1 is stereotyping",
           "Pearson 1905 (correlation ratio)", ORDERED, ideal=1.0, functions=("eta2_ratio",)),
    Metric("group_slope", "heterogeneity", "match", -inf, inf, "1",
           "slope of S's group means on H's, weighted by H's groups",
           "elementary", ORDERED, ideal=1.0, functions=("group_slope",)),
    Metric("memorised_share", "heterogeneity", "match", 0, 1, "1",
           "share of S whose whole answer vector equals some pilot respondent's; compare with holdout humans",
           "elementary", ideal=None, variants=("", "_h"), functions=("memorised_share",),
           interval="Wilson's, at the sample size that weights and clusters are worth",
           floor="memorised_share_h, its edge the upper end of that interval; none for people themselves",
           p_value="Fisher's exact test that S coincides more often; normal with weights or clusters; none for people"),
)

_SUBGROUPS = (
    Metric("worst_group_js_distance", "subgroups", "minimise", 0, 1, "1",
           "largest js_distance over the levels of an attribute",
           "Santurkar et al. 2023", ALL, functions=("worst_group_js_distance",)),
    Metric("spread_js_distance", "subgroups", "minimise", 0, 1, "1",
           "largest minus smallest js_distance over the levels of an attribute",
           "Santurkar et al. 2023", ALL, functions=("spread_js_distance",)),
    Metric("excess", "subgroups", "match", -inf, inf, "as the divergence",
           "estimate - floor, of any divergence in any subgroup",
           "permits levels of unequal size to be compared", ALL, variants=(), functions=("excess",)),
)

# In people, in the panel; S - H and S / H.
_SIDES = ("_h", "_s", "_inflation", "_inflation_ratio")

_COHERENCE = (
    Metric("belief_action_gap", "coherence", "match", -1, 1, "1",
           "share of S acting against its belief - share of H; each share is 0 to 1",
           "arXiv 2511.21218", variants=("", "_h", "_s"), functions=("belief_action_gap",)),
    Metric("cramers_v", "coherence", "match", 0, 1, "1",
           "sqrt(chi2 / (n (min(r, c) - 1)))",
           "Cramer 1946", ideal=None, variants=_SIDES, functions=("cramers_v",)),
    Metric("mutual_information", "coherence", "match", 0, inf, "bit",
           "sum_{b,a} p_ba log2(p_ba / (p_b p_a))",
           "Shannon 1948", ideal=None, variants=_SIDES, functions=("mutual_information",)),
    Metric("goodman_kruskal_tau", "coherence", "match", 0, 1, "1",
           "(sum_{b,a} p_ba^2 / p_b - sum_a p_a^2) / (1 - sum_a p_a^2)",
           "Goodman and Kruskal 1954", ideal=None, variants=_SIDES, functions=("goodman_kruskal_tau",)),
    Metric("spearman", "coherence", "match", -1, 1, "1",
           "Pearson correlation of mid-ranks",
           "Spearman 1904", ideal=None, variants=_SIDES, functions=("spearman",)),
    Metric("polychoric", "coherence", "match", -1, 1, "1",
           "correlation of the normal variables behind both items; thresholds from margins, then maximum likelihood",
           "Olsson 1979", ideal=None, variants=_SIDES, evaluated=True, functions=("polychoric",),
           interval="Student's law on Fisher's scale, infinitesimal jackknife over clusters; for inflation joined from "
                    "both sides (Zou 2007), percentiles for its ratio",
           floor="both sides from the law of H's correlation; none of one side: it has no ideal",
           p_value="both sides from the law of their answers together: share of draws whose difference is as large; "
                   "none of one side: it has no ideal"),
    Metric("cramers_v_partial", "coherence", "match", 0, 1, "1",
           "sqrt(sum_c chi2_c / sum_c n_c (min(r_c, c_c) - 1)) over the strata c of the pair's controls",
           "Cramer 1946, pooled over strata", ideal=None, variants=_SIDES, functions=("cramers_v_partial",)),
    Metric("mutual_information_partial", "coherence", "match", 0, inf, "bit",
           "sum_c p_c mutual_information within stratum c of the pair's controls",
           "Cover and Thomas 2006, 2.5 (conditional mutual information)", ideal=None, variants=_SIDES,
           functions=("mutual_information_partial",)),
    Metric("goodman_kruskal_tau_partial", "coherence", "match", 0, 1, "1",
           "variation of the action explained by the belief over its variation, both within strata of the controls",
           "Gray and Williams 1981", ideal=None, variants=_SIDES, functions=("goodman_kruskal_tau_partial",)),
    Metric("spearman_partial", "coherence", "match", -1, 1, "1",
           "correlation of mid-ranks less their means within the strata of the pair's controls",
           "Kendall 1942, with strata for a control", ideal=None, variants=_SIDES, functions=("spearman_partial",)),
    Metric("predictability", "coherence", "match", -inf, 1, "1",
           "1 - loss / loss without beliefs of those left out of 5-fold cross-validation: the action on all beliefs; "
           "squared error on a scale (R2), minus log share of a nominal action (McFadden)",
           "McFadden 1974; Campbell and Thompson 2008 (R2 out of sample)", ideal=None, variants=_SIDES, evaluated=True,
           functions=("predictability",),
           interval="basic bootstrap of respondents, models moved by one Newton step; the ratio's on the log scale",
           floor="two samples of people, models moved alike; none for one side alone",
           p_value="share of floors at least as far off; the ratio has the difference's; none for one side alone"),
    Metric("conditional_js", "coherence", "minimise", 0, 1, "bit",
           "sum_b p_H(b) JSD(P_H(a | b), P_S(a | b)) over beliefs that S holds",
           "Lin 1991, averaged", functions=("conditional_js",)),
    Metric("conditional_js_coverage", "coherence", "maximise", 0, 1, "1",
           "sum of p_H(b) over beliefs that S holds",
           "elementary", ideal=1.0, functions=("conditional_js_coverage",)),
)

# Figures of coefficients: drawn from the normal law of both fits, or Student's.
_FRESH = ("2.5 and 97.5 % of the figure with coefficients drawn from both fits' law: "
          "where it would fall were both samples drawn afresh")
_PEOPLE_DRAWN = "two samples of people drawn about their estimates, at both n; the edge is the worse 5 %"
_POOLED = "differences drawn about nought, the pooled coefficients held fixed: share at least as far off"

_RECOVERY = (
    Metric("tp", "recovery", "maximise", 0, inf, "terms",
           "terms significant at 0.05 on both sides with the same sign",
           "arXiv 2511.21218", ideal=None,
           functions=("tp",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("fp", "recovery", "minimise", 0, inf, "terms",
           "terms significant in S, and in H not so or with the opposite sign",
           "arXiv 2511.21218",
           functions=("fp",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("fn", "recovery", "minimise", 0, inf, "terms",
           "terms significant in H, and in S not so, or with the opposite sign, or left out",
           "arXiv 2511.21218",
           functions=("fn",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("tn", "recovery", "maximise", 0, inf, "terms",
           "terms significant on neither side",
           "arXiv 2511.21218", ideal=None,
           functions=("tn",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("sign_reversals", "recovery", "minimise", 0, inf, "terms",
           "terms significant on both sides with opposite signs; each is both fp and fn",
           "elementary",
           functions=("sign_reversals",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("sign_f1", "recovery", "maximise", 0, 1, "1",
           "2 tp / (2 tp + fp + fn)",
           "arXiv 2511.21218", ideal=1.0,
           functions=("sign_f1",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("sign_precision", "recovery", "maximise", 0, 1, "1",
           "tp / (tp + fp)",
           "arXiv 2511.21218", ideal=1.0,
           functions=("sign_precision",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("sign_recall", "recovery", "maximise", 0, 1, "1",
           "tp / (tp + fn)",
           "arXiv 2511.21218", ideal=1.0,
           functions=("sign_recall",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("false_positive_rate", "recovery", "minimise", 0, 1, "1",
           "fp / (fp + tn)",
           "arXiv 2511.21218",
           functions=("false_positive_rate",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("z_difference", "recovery", "match", -inf, inf, "standard errors",
           "(b_S - b_H) / sqrt(se_S^2 + se_H^2), per term",
           "Clogg, Petkova and Haritou 1995", variants=(),
           functions=("z_difference",),
           interval="none: it is a test", floor="none: standard normal between two samples of people",
           p_value="two-sided, Student's law with Welch's degrees of freedom, column p_difference"),
    Metric("standardised_bias", "recovery", "match", -inf, inf, "standard errors",
           "(b_S - b_H) / se_H, per term",
           "elementary", variants=(),
           functions=("standardised_bias",),
           interval="none: estimate and interval of both coefficients stand beside it", floor="none",
           p_value="p_difference"),
    Metric("coefficient_distance", "recovery", "minimise", 0, inf, "coefficient",
           "Euclidean distance of the coefficient vectors",
           "elementary", symmetric=True,
           functions=("coefficient_distance",),
           interval="lengths that drawn noise makes the observed one likely at, both tails (test inversion)",
           floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("coefficient_correlation", "recovery", "maximise", -1, 1, "1",
           "Pearson correlation of the coefficient vectors",
           "elementary", ideal=1.0, symmetric=True,
           functions=("coefficient_correlation",),
           interval="percentiles of drawn coefficients' correlation, each freed of the attenuation by its noise",
           floor=_PEOPLE_DRAWN, p_value=_POOLED),
    Metric("coefficient_coverage", "recovery", "maximise", 0, 1, "1",
           "share of terms with H's estimate inside S's 95 % interval",
           "elementary", ideal=1.0,
           functions=("coefficient_coverage",), interval=_FRESH, floor=_PEOPLE_DRAWN, p_value=_POOLED),
)

# Twins: humans are drawn with all their answers and their twins'.
_STRANGERS = "chance: a random other human in the twin's place, the edge the upper 5 %"
_SHUFFLED = "twins handed out anew over the pairs: share at least as high"

_FIDELITY = (
    # Answers of nominal items count by their options' values, where the study gives them any.
    Metric("pearson_r", "fidelity", "maximise", -1, 1, "1",
           "correlation of each human's answer with their twin's, with Fisher's interval",
           "Fisher 1921", ALL, ideal=1.0, symmetric=True, functions=("pearson_r",),
           interval="Fisher's, with the larger of his standard error and that of the bootstrap of pairs",
           floor=_STRANGERS, p_value=_SHUFFLED),
    Metric("accuracy", "fidelity", "maximise", 0, 1, "1",
           "1 - mean |y - yhat| / (max - min), declared range",
           "Toubia et al. 2025 (Twin-2K-500)", ALL, ideal=1.0, symmetric=True, functions=("accuracy",),
           interval="Wilson's, at the sample size of the bootstrap of pairs",
           floor=_STRANGERS, p_value=_SHUFFLED),
    Metric("exact_match_rate", "fidelity", "maximise", 0, 1, "1",
           "share of pairs with the same answer",
           "elementary", ALL, ideal=1.0, symmetric=True, functions=("exact_match_rate",),
           interval="Wilson's, at the sample size of the bootstrap of pairs",
           floor=_STRANGERS, p_value=_SHUFFLED),
    Metric("demeaned_r", "fidelity", "maximise", -1, 1, "1",
           "corr(y - mean_T, yhat - mean_T) within arm cells T",
           "within-group correlation", ALL, ideal=1.0, symmetric=True, functions=("demeaned_r",),
           interval="Fisher's, with the larger of his standard error and that of the bootstrap of pairs",
           floor=_STRANGERS + ", of the same arm", p_value=_SHUFFLED + ", within arms"),
)


def _told(metric: Metric) -> Metric:
    interval, floor, p_value = UNCERTAINTY.get(metric.name, (metric.interval, metric.floor, metric.p_value))
    return replace(metric, interval=interval, floor=floor, p_value=p_value)


METRICS: dict[str, Metric] = {
    each.name: _told(each)
    for family in (_DIVERGENCE, _HETEROGENEITY, _SUBGROUPS, _COHERENCE, _RECOVERY, _FIDELITY)
    for each in family
}


def listed(family: str) -> str:
    """Name the rows that the view of a family holds, with their units: `chi2/_df` is chi2 and chi2_df.

    Raises:
        MetricError: no view computes metrics of such a family.
    """
    own = [each for each in METRICS.values() if each.family == family and each.variants and not each.evaluated]
    if not own:
        families = {each.family for each in METRICS.values()}
        raise MetricError(f"no metrics of family {family!r}", mend=did_you_mean(family, families))
    units = [f" ({each.unit})" if each.unit != "1" else "" for each in own]
    return ", ".join(each.name + "/".join(each.variants) + unit for each, unit in zip(own, units, strict=True))


def metric(name: str) -> Metric:
    """Look a metric up by name.

    Raises:
        MetricError: no metric has that name; the error names the nearest.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise MetricError(f"unknown metric {name!r}", mend=did_you_mean(name, METRICS)) from None
