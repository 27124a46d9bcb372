"""The type of an array of replicates."""

from simframe.metrics.arrays import Floats

__all__ = ["Floats"]
