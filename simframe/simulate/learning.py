"""The loss of tuning, under its old name."""

from collections.abc import Sequence

from simframe.simulate.models import Model
from simframe.simulate.prompts import Script
from simframe.simulate.tuning import loss
from simframe.simulate.tuning.examples import examples
from simframe.simulate.tuning.loss import Prompt, transcript

__all__ = ["examples", "log_likelihood", "transcript"]


def log_likelihood(model: Model, script: Script, prompts: Sequence[Prompt]):  # type: ignore[no-untyped-def] # noqa: D103
    return loss.log_likelihood(model, prompts)
