"""An OpenAI-compatible endpoint as an engine: paced, retried, within a spend ceiling."""

from simframe.simulate.engines.endpoint.client import Client
from simframe.simulate.engines.endpoint.engine import EndpointEngine
from simframe.simulate.engines.endpoint.limits import Ledger, Pace

__all__ = ["Client", "EndpointEngine", "Ledger", "Pace"]
