"""The loss of tuning, under its old name."""

from simframe.simulate.tuning.learning import *  # noqa: F403
from simframe.simulate.tuning.schedule import Schedule  # noqa: F401
