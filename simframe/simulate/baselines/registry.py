"""The one list of baselines: names, what people call them, and where each stands. Costs nothing to import."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from simframe.simulate.baselines.asking import Array
    from simframe.study import Study


@dataclass(frozen=True)
class Baseline:
    """A simulator without a language model, trained on the same pilot; its module is imported on use."""

    name: str
    """The strategy in plans and in the warehouse, and the name of its function."""
    label: str
    """What people call it."""
    sentence: str
    """How it answers, in one sentence."""
    module: str

    def __call__(
        self, study: Study, pilot: pl.DataFrame, weights: Array, personas: pl.DataFrame, *, seed: int
    ) -> pl.DataFrame:
        """Answer every question for every persona.

        Args:
            study: the instrument.
            pilot: responses of the pilot, long.
            weights: one a pilot respondent, in the order of their ids.
            personas: responses of those to simulate, long.
            seed: of the draws.

        Returns:
            responses, long; ``probabilities`` where the baseline has them.
        """
        function = getattr(import_module(f"simframe.simulate.baselines.{self.module}"), self.name)
        responses: pl.DataFrame = function(study, pilot, weights, personas, seed=seed)
        return responses


BASELINES = {
    baseline.name: baseline
    for baseline in (
        Baseline("pilot_marginals", "pilot marginals", "Draws every answer from the pilot's shares.", "marginals"),
        Baseline(
            "logit_chain",
            "logit chain",
            "Draws each answer from a multinomial logit on the persona and all earlier answers.",
            "logit",
        ),
    )
}
