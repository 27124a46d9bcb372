"""The parts of a study file beside its items: groupings, beliefs and actions, models, the data, the split."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictInt

from simframe.study.base import SEED_LIMIT, Code, Part

Family = Literal["ols", "logit", "ologit", "mnlogit", "poisson"]
Covariance = Literal["nonrobust", "HC0", "HC1", "HC3", "cluster"]


class Structure(Part):
    """A block of items whose answer tuples count as belief structures."""

    id: str
    label: str
    items: tuple[str, ...] = Field(min_length=2)


class Pair(Part):
    """A belief and the action it implies."""

    id: str
    label: str
    belief: str
    action: str
    implies: dict[Code, Code] = Field(min_length=1)
    controls: tuple[str, ...] = ()


class Crossing(Part):
    """Two grouping attributes whose combinations are subgroups of their own."""

    attributes: tuple[str, str]


class Regression(Part):
    """One model to fit on people and on simulated respondents alike."""

    id: str
    label: str
    formula: str
    family: Family
    weighted: bool = False
    covariance: Covariance = "nonrobust"


class Data(Part):
    """Where the respondents' own fields stand in the data file."""

    respondent_id: str | None = None
    """Column of unique ids; rows are numbered where left out."""
    weight: str | None = None
    stratum: str | None = None
    cluster: str | None = None
    source: str = ""
    license: str = ""


class Split(Part):
    """How a human panel is parted: people to tune on, to correct with, to judge by. Never overlapping."""

    seed: StrictInt = Field(default=0, ge=0, lt=SEED_LIMIT)
    wave: str | None = None
    """Expression that marks an earlier wave: used to prime an embedded model, never to judge."""
    pilot: StrictInt | None = Field(default=None, ge=1)
    """People to tune on; half of those outside the wave, at most 300, where left out."""
    rectify: StrictInt = Field(default=0, ge=0)
    """Everybody else is holdout."""
