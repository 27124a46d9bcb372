"""The local engine under the name that callers know it by."""

from simframe.simulate.engines.local import RESPONSES, SimulateSettings, Simulation, likelihood, simulate

__all__ = ["RESPONSES", "SimulateSettings", "Simulation", "likelihood", "simulate"]
