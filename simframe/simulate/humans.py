"""The human panel that a plan tunes on and is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from simframe.errors import PlanError, did_you_mean
from simframe.simulate.plans import Condition, PilotChoice, pilots
from simframe.simulate.prompts.shots import shown_people
from simframe.study import Study
from simframe.warehouse import Warehouse
from simframe.warehouse.studies import stored_study


@dataclass(frozen=True)
class Humans:
    """The human panel that a plan tunes on and is judged by."""

    panel_id: str
    study: Study
    respondents: pl.DataFrame
    responses: pl.DataFrame

    def part(self, split: str, size: int | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (respondents, responses) of one split, or of its first ``size`` people; sorted by id."""
        chosen = pl.col("split") == split
        if size is not None:
            chosen &= pl.col("draw") < size
        people = self.respondents.filter(chosen).sort("respondent_id")
        return people, self._answers(people)

    def pilot(self, size: int, choice: PilotChoice) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (respondents, responses) of ``size`` people chosen among the pilot; sorted by id.

        Raises:
            PlanError: where there are too few.
        """
        people = pilots.choose(self.study, self.respondents, self.responses, size, choice)
        return people, self._answers(people)

    def tuned_on(self, condition: Condition) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (respondents, responses) of a condition's pilot, without the people it is shown as examples.

        Their answers stand in the opening of every prompt: learning them again would be learning to copy.

        Raises:
            PlanError: where there are too few, or fewer than two are left.
        """
        people, answers = self.pilot(condition.pilot_n or 0, condition.pilot)
        if not condition.shots:
            return people, answers
        shown = shown_people(self.study, people, answers, k=condition.shots, seed=condition.seed)
        people = people.filter(~pl.col("respondent_id").is_in(shown))
        if people.height < 2:
            message = f"shots = {condition.shots} of a pilot of {condition.pilot_n} leave {people.height} to tune on"
            raise PlanError(message, where="shots", mend="show fewer people, or use a larger pilot: two must be left")
        return people, self._answers(people)

    def fitted_on(self, condition: Condition) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (respondents, responses) of a baseline's pilot, and of the wave where it is to see it too.

        Raises:
            PlanError: where there are too few.
        """
        people, answers = self.pilot(condition.pilot_n or 0, condition.pilot)
        if not condition.wave:
            return people, answers
        people = pl.concat([people, self.part("wave")[0]], how="diagonal").sort("respondent_id")
        return people, self._answers(people)

    def check(self, condition: Condition) -> None:
        """Refuse a condition whose people there are not.

        Raises:
            PlanError: where a pilot, or the wave, is not there.
        """
        if condition.wave and self.wave() is None:
            mend = "leave it out, or say in study.split.wave who the wave are, and import them"
            raise PlanError(f"wave = true, and {self.panel_id} has none", mend=mend)
        if condition.strategy != "base":  # one with shots has been shown people by now
            self.tuned_on(condition)

    def _answers(self, people: pl.DataFrame) -> pl.DataFrame:
        return self.responses.join(people.select("respondent_id"), on="respondent_id", maintain_order="left")

    @property
    def pilot_size(self) -> int:
        """How many people there are to tune on."""
        return self.respondents.filter(pl.col("split") == "pilot").height

    def available(self, choice: PilotChoice) -> int:
        """How many people there are to tune on for a choice of them."""
        return pilots.available(self.study, self.respondents, self.responses, choice)

    def wave(self) -> pl.DataFrame | None:
        """Return the answers of the earlier wave, or None where the study marks none."""
        people, answers = self.part("wave")
        return None if people.is_empty() else answers

    def personas(self, copies: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return (respondents, persona answers) of ``copies`` twins for each holdout person."""
        people, answers = self.part("holdout")
        given = [item.id for item in self.study.persona]
        told = answers.filter(pl.col("item_id").is_in(given))
        marks = ["", *map(str, range(2, copies + 1))]
        twins = [pl.concat_str("respondent_id", pl.lit(f".twin{mark}")) for mark in marks]
        respondents = pl.concat(people.with_columns(twin_of="respondent_id", respondent_id=twin) for twin in twins)
        personas = pl.concat(told.with_columns(respondent_id=twin) for twin in twins)
        return respondents, personas.select("respondent_id", "item_id", "code", "value", "missing")


def find_humans(warehouse: Warehouse, study_id: str | None, panel_id: str | None = None) -> Humans:
    """Return the human panel to work on: the one named, or the newest of the study.

    Raises:
        PlanError: where there is none.
    """
    panels = warehouse.sql("SELECT * FROM panels WHERE kind = 'human' ORDER BY created_at DESC")
    known = panels["panel_id"].to_list()
    if panel_id is not None:
        panels = panels.filter(pl.col("panel_id") == panel_id)
    if study_id is not None:
        panels = panels.filter(pl.col("study_id") == study_id)
    if panel_id is None and panels["study_id"].n_unique() > 1:
        studies = sorted(panels["study_id"].unique())
        raise PlanError(f"the warehouse holds several studies: {', '.join(studies)}", mend="name one: --study ID")
    if panels.is_empty():
        asked = " of ".join(name for name in (panel_id, study_id) if name) or "any study"
        mend = "; ".join(filter(None, ("simframe import STUDY DATA, then again", did_you_mean(asked, known))))
        raise PlanError(
            f"no human panel {asked if panel_id else f'of {asked}'}", where=str(warehouse.layout.root), mend=mend
        )
    row = panels.row(0, named=True)
    study = stored_study(warehouse.layout, row["study_id"], row["study_hash"])
    name = row["panel_id"]
    return Humans(name, study, warehouse.table(name, "respondents"), warehouse.table(name, "responses"))
