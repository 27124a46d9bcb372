"""Simulators without a language model, trained on the same pilot: what any panel has to beat."""

from simframe.simulate.baselines.registry import BASELINES, Baseline

pilot_marginals = BASELINES["pilot_marginals"]
item_mean = BASELINES["item_mean"]
hot_deck = BASELINES["hot_deck"]
logit_chain = BASELINES["logit_chain"]
ordered_logit_chain = BASELINES["ordered_logit_chain"]
tree_chain = BASELINES["tree_chain"]
gaussian_copula = BASELINES["gaussian_copula"]

__all__ = [
    "BASELINES",
    "Baseline",
    "gaussian_copula",
    "hot_deck",
    "item_mean",
    "logit_chain",
    "ordered_logit_chain",
    "pilot_marginals",
    "tree_chain",
]
