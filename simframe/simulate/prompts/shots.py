"""Few-shot examples: whole answered questionnaires of pilot people, shown before the respondent's own persona."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from simframe.errors import PlanError
from simframe.simulate.draws import uniforms
from simframe.simulate.prompts.numbers import decimals_of
from simframe.simulate.prompts.template import fill

if TYPE_CHECKING:
    from simframe.simulate.prompts.template import Template
    from simframe.study import Item, Study


def choose_shots(
    study: Study, template: Template, respondents: pl.DataFrame, responses: pl.DataFrame, *, k: int, seed: int
) -> tuple[str, ...]:
    """Return the answered questionnaires of ``k`` people as text, in the order of :func:`shown_people`.

    Args:
        study: what was asked.
        template: how it is written.
        respondents: as of :func:`shown_people`, like all that follows.
        responses: their answers, long.
        k: how many.
        seed: of the choice.

    Raises:
        PlanError: where somebody is not of the pilot, or too few answered anything.
    """
    chosen = shown_people(study, respondents, responses, k=k, seed=seed)
    own = responses.filter(pl.col("respondent_id").is_in(chosen)).partition_by("respondent_id", as_dict=True)
    return tuple(_written(study, template, by_item(own[who,])) for who in chosen)


def shown_people(study: Study, respondents: pl.DataFrame, responses: pl.DataFrame, *, k: int, seed: int) -> list[str]:
    """Return the ids of the ``k`` people who are shown as examples, in a seeded random order.

    Those who answered every question come before those who left some out.

    Args:
        study: what was asked.
        respondents: respondent_id, split: pilot people.
        responses: their answers, long.
        k: how many.
        seed: of the choice.

    Raises:
        PlanError: where somebody is not of the pilot, or too few answered anything.
    """
    outside = respondents.filter(pl.col("split").fill_null("none") != "pilot")
    if not outside.is_empty():
        who, split = outside.select("respondent_id", "split").row(0)
        message = f"respondent {who!r} is of the {split}: only the pilot may be shown"
        raise PlanError(message, where="shots", mend="give pilot people; the holdout judges")
    asked = [item.id for item in study.simulated]
    answered = (
        responses.filter(pl.col("item_id").is_in(asked) & ~pl.col("missing"))
        .join(respondents.select("respondent_id"), on="respondent_id", how="semi")
        .group_by("respondent_id")
        .len()
        .sort("respondent_id")
    )
    if answered.height < k:
        mend = f"use shots = {answered.height} or fewer, or a larger pilot"
        raise PlanError(f"{k} shots of {answered.height} people who answered", where="shots", mend=mend)
    ids = answered["respondent_id"].to_list()
    drawn = uniforms(seed, ids, ["shots"], 0, "shots")[:, 0].tolist()
    order = sorted(zip(answered["len"].to_list(), drawn, ids, strict=True), key=lambda who: (-who[0], who[1]))
    return [who for *_, who in order[:k]]


def by_item(answers: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Return one person's answers that are not missing, by item: code, value, text."""
    if "text" not in answers.columns:
        answers = answers.with_columns(text=pl.lit(None, pl.String))
    given = answers.filter(~pl.col("missing")).select("item_id", "code", "value", "text")
    return {row["item_id"]: row for row in given.iter_rows(named=True)}


def _written(study: Study, template: Template, answers: dict[str, dict[str, Any]]) -> str:
    """Return one person's persona and answered questions, as the respondent's own will be written."""
    text = fill(template.person, "person", introduction=study.introduction)
    for item in template.shown(study):
        if item.id in answers:
            text += template.render_field(item, answers[item.id]["code"], answers[item.id]["value"])
    for item in study.simulated:
        if item.id in answers and (said := write_answer(template, item, answers[item.id])) is not None:
            text += template.render_cue(item) + said + template.end
    return text + template.joint


def write_answer(
    template: Template, item: Item, answer: dict[str, Any], order: tuple[int, ...] | None = None
) -> str | None:
    """Return a person's answer as the continuation of its question; None where the template cannot say it."""
    if item.answered_with == "number":
        value = answer["value"]
        return None if value is None else template.render_value(item, value, decimals_of(item))
    if item.answered_with == "text":
        return template.render_text(item, answer["text"]) if answer["text"] and template.text else None
    codes = [option.code for option in item.valid_options]
    return template.render_answers(item, order)[codes.index(answer["code"])] if answer["code"] in codes else None
