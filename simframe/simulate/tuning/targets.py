"""What the model should think at an answer, where that is more than the answer given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simframe.simulate.prompts import Question, Script
    from simframe.simulate.tuning.examples import Answer, Example
    from simframe.simulate.tuning.settings import TuneSettings

Distribution = tuple[float, ...]


def one_hot(choice: int, options: int) -> Distribution:
    """Return all of it on one option."""
    return tuple(float(place == choice) for place in range(options))


def ordinal(question: Question, choice: int, width: float) -> Distribution:
    """Return a normal kernel over the scale's options, by their distance in options from the one chosen.

    Soft ordinal labels (Díaz and Marathe 2019) with a squared distance. A nominal item keeps its one answer, and so
    does an option that stands on no scale, such as "don't know" counted as a category.
    """
    item = question.item
    scale = [place for place, option in enumerate(item.valid_options) if option.value is not None]
    if item.scale == "nominal" or choice not in scale:
        return one_hot(choice, len(item.valid_options))
    at = scale.index(choice)
    kernel = np.zeros(len(item.valid_options))
    kernel[scale] = np.exp(-0.5 * ((np.arange(len(scale)) - at) / width) ** 2)
    return tuple((kernel / kernel.sum()).tolist())


def histograms(
    script: Script, people: Sequence[Example], groups: Sequence[str]
) -> dict[tuple[str, int], tuple[Distribution, float]]:
    """Return each group's weighted histogram of each closed question that any of it answered, and the weight behind it.

    Questions that are answered with a number have none.
    """
    counts: dict[tuple[str, int], np.ndarray] = {}
    for example, group in zip(people, groups, strict=True):
        for answer in example.answers:
            if script.questions[answer.question].numbers is not None:
                continue
            options = len(script.questions[answer.question].routes)
            of = counts.setdefault((group, answer.question), np.zeros(options))
            of += example.weight * np.array(answer.target or one_hot(answer.choice, options))
    return {key: (tuple((of / of.sum()).tolist()), float(of.sum())) for key, of in sorted(counts.items())}


def soften(script: Script, people: Sequence[Example], groups: Sequence[str], settings: TuneSettings) -> list[Example]:
    """Return respondents whose answers have the targets that the settings name; targets given beforehand stay."""
    if settings.targets == "one_hot":
        return list(people)
    found = histograms(script, people, groups) if settings.targets == "group" else {}

    def target(answer: Answer, group: str) -> Distribution | None:
        if script.questions[answer.question].numbers is not None:
            return None
        if found:
            return found[group, answer.question][0]
        return ordinal(script.questions[answer.question], answer.choice, settings.width)

    return _with_targets(people, groups, target)


def _with_targets(
    people: Sequence[Example], groups: Sequence[str], target: Callable[[Answer, str], Distribution | None]
) -> list[Example]:
    return [
        replace(
            example,
            answers=tuple(
                answer if answer.target else replace(answer, target=target(answer, group)) for answer in example.answers
            ),
        )
        for example, group in zip(people, groups, strict=True)
    ]


def mixed(script: Script, one: Example, other: Example, share: float, luck: np.ndarray) -> Example:
    """Return a respondent between two, ``share`` of the first (mixup, Zhang et al. 2018).

    Targets are averaged. Words cannot be, so what is read is taken from the first with probability ``share`` and from
    the other else, once for the persona and once for each answer that later questions read (in parts, as in CutMix,
    Yun et al. 2019). A question that one of the two did not answer is left out; a number is not mixed.

    Args:
        script: the study in tokens.
        one: a respondent.
        other: another.
        share: of the first, in [0, 1].
        luck: uniforms in [0, 1), one for the persona and one a question of the script.
    """
    theirs = {answer.question: answer for answer in other.answers}
    answers = []
    for answer in one.answers:
        if answer.question not in theirs:
            continue
        pair = (answer, theirs[answer.question])
        read = pair[0] if luck[1 + answer.question] < share else pair[1]
        if script.questions[answer.question].numbers is not None:
            answers.append(read)
            continue
        options = len(script.questions[answer.question].routes)
        first, second = (np.array(a.target or one_hot(a.choice, options)) for a in pair)
        answers.append(replace(read, target=tuple((share * first + (1 - share) * second).tolist())))
    told = one if luck[0] < share else other
    weight = share * one.weight + (1 - share) * other.weight
    return replace(one, fields=told.fields, treatments=told.treatments, answers=tuple(answers), weight=weight)
