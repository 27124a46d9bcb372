"""What tuning did to the rest of a model: the same questions before and after."""

from simframe.simulate.drift.audit import AuditSettings, drift, load_probes

__all__ = ["AuditSettings", "drift", "load_probes"]
