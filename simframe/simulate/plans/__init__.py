"""Plans: what a plan file may say (``schema``, ``load``), and the panels it comes to (``grid``, ``specify``)."""

from __future__ import annotations

from simframe.simulate.plans.condition import Condition, PanelSpec, PilotChoice
from simframe.simulate.plans.grid import conditions, fit_to, tune_settings, with_model
from simframe.simulate.plans.load import load_plan, parse_plan
from simframe.simulate.plans.schema import Endpoint, Plan
from simframe.simulate.plans.specify import check_fields, specify
from simframe.simulate.plans.strategies import STRATEGIES, Strategy

__all__ = [
    "STRATEGIES",
    "Condition",
    "Endpoint",
    "PanelSpec",
    "PilotChoice",
    "Plan",
    "Strategy",
    "check_fields",
    "conditions",
    "fit_to",
    "load_plan",
    "parse_plan",
    "specify",
    "tune_settings",
    "with_model",
]
