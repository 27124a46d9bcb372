"""The one list of baselines: names, what people call them, how they answer. Costs nothing to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from simframe.simulate.baselines.asking import Array, Task
    from simframe.study import Study


@dataclass(frozen=True)
class Baseline:
    """A simulator without a language model, trained on the same pilot; its module is imported on use."""

    name: str
    """The strategy in plans and in the warehouse, and the name of its function."""
    label: str
    """What people call it."""
    sentence: str
    """How it answers."""
    module: str
    personas: bool = True
    """Whether answers depend on whom a respondent is given for persona."""

    def simulate(
        self,
        study: Study,
        pilot: pl.DataFrame,
        weights: Array,
        personas: pl.DataFrame,
        *,
        seed: int,
        people: Sequence[str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Answer every question for every persona.

        Args:
            study: the instrument.
            pilot: responses of the pilot, long.
            weights: one a pilot respondent, in the order of their ids.
            personas: responses of those to simulate, long.
            seed: of the draws.
            people: ids of those to simulate; those of ``personas`` where left out.
            fields: persona items that answers may depend on; all of them where left out.

        Returns:
            responses, long, ``probabilities`` where the baseline has them; and what it has to say beside them, such as
            which questions it answered by another method.
        """
        from simframe.simulate.baselines.asking import Task

        task = Task(study, pilot, weights, personas, seed, people, fields)
        return self._function(task), task.notes

    def likelihood(
        self,
        study: Study,
        pilot: pl.DataFrame,
        weights: Array,
        people: pl.DataFrame,
        *,
        seed: int = 0,
        fields: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Return how likely it finds each answer that people gave, given their persona and earlier answers.

        Args:
            study: the instrument.
            pilot: responses of the pilot, long.
            weights: one a pilot respondent, in the order of their ids.
            people: long frame of persona and question answers.
            seed: of the draws that stand for answers which people did not give.
            fields: persona items that answers may depend on; all of them where left out.

        Returns:
            respondent_id, item_id, log_probability (nats, over the item's valid options); one row an answer that
            counts. No rows where the baseline has no probabilities.
        """
        import polars as pl

        from simframe.simulate.baselines.asking import Task, find

        task = Task(study, pilot, weights, people, seed, fields=fields, own=True)
        answered = self._function(task).drop_nulls("probabilities")
        parts = []
        for item in study.questions:
            own = answered.filter(pl.col("item_id") == item.id).sort("respondent_id")
            place = pl.Series(find(item, [code for code, _, _ in item.grid], [], people, own["respondent_id"]))
            gain = pl.col("probabilities").list.get(pl.lit(place.clip(0))).log().alias("log_probability")
            parts.append(own.select("respondent_id", "item_id", gain).filter(place >= 0))
        return pl.concat(parts).sort("respondent_id", maintain_order=True)

    def _function(self, task: Task) -> pl.DataFrame:
        function = getattr(import_module(f"simframe.simulate.baselines.{self.module}"), self.name)
        responses: pl.DataFrame = function(task)
        return responses

    def __call__(
        self, study: Study, pilot: pl.DataFrame, weights: Array, personas: pl.DataFrame, *, seed: int
    ) -> pl.DataFrame:
        """Return the responses that ``simulate`` returns."""
        return self.simulate(study, pilot, weights, personas, seed=seed)[0]


BASELINES = {
    baseline.name: baseline
    for baseline in (
        Baseline(
            "pilot_marginals",
            "pilot marginals",
            "Draws every answer from the pilot's shares, whoever is asked.",
            "marginals",
            personas=False,
        ),
        Baseline(
            "item_mean",
            "item mean",
            "Gives everybody the pilot's mean answer, or its modal one where a question is nominal.",
            "mean",
            personas=False,
        ),
        Baseline(
            "hot_deck",
            "hot deck",
            "Copies all answers of one of the five pilot respondents whose persona is nearest.",
            "donors",
        ),
        Baseline(
            "logit_chain",
            "logit chain",
            "Draws each answer from a penalised multinomial logit on the persona and all earlier answers.",
            "logit",
        ),
        Baseline(
            "ordered_logit_chain",
            "ordered-logit chain",
            "As the logit chain, with a penalised proportional-odds logit for every ordered question.",
            "ordered",
        ),
        Baseline(
            "tree_chain",
            "tree chain",
            "Draws each answer from the leaf of a classification tree on the persona and all earlier answers.",
            "tree",
        ),
        Baseline(
            "gaussian_copula",
            "Gaussian copula",
            "Draws each answer from a vine of Gaussian copulas, given the persona and all earlier answers.",
            "copula",
        ),
    )
}
"""By name, the simplest first."""
