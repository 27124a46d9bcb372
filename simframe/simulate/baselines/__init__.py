"""Simulators without a language model, trained on the same pilot: what any panel has to beat."""

from simframe.simulate.baselines.registry import BASELINES, Baseline

pilot_marginals = BASELINES["pilot_marginals"]
logit_chain = BASELINES["logit_chain"]

__all__ = ["BASELINES", "Baseline", "logit_chain", "pilot_marginals"]
