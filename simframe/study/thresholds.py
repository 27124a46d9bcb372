"""What has to be reached for a verdict: the thresholds of a study, with the defaults that stand where none is given.

They do not change what was asked, so they are no part of the study's hash: thresholds may be declared, and changed,
after panels were published. The warehouse keeps every declaration with its time, and the report shows them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simframe.study.base import Part

Share = Annotated[float, Field(ge=0, le=1)]
Margin = Annotated[float, Field(gt=0, le=1)]


class Thresholds(Part):
    """The table ``[thresholds]`` of a study file. Every key is optional."""

    small_group: int = Field(
        default=30,
        ge=1,
        le=1_000_000,
        description="respondents of equal weight below which a group is small and gets no verdict",
    )
    marginals_margin: Margin | None = Field(
        default=None, description="mean js_distance that counts as equal; unset, no panel is called fit for marginals"
    )
    heterogeneity_margin: Margin = Field(
        default=0.1, description="distance of entropy_ratio from 1 that counts as equal"
    )
    subgroups_margin: Margin | None = Field(
        default=None,
        description="js_distance of the worst group that counts as equal; unset, no panel is called fit for subgroups",
    )
    coherence_margin: Margin = Field(default=0.05, description="belief_action_gap that counts as equal, either way")
    sign_f1: Share = Field(default=0.9, description="sign_f1 that every regression has to reach")
    false_positive_rate: Share = Field(default=0.1, description="false_positive_rate that no regression may exceed")
    coefficient_coverage: Share = Field(
        default=0.8,
        description="coefficient_coverage that every regression has to reach; two samples of people of one size cover "
        "each other's coefficients 83 % of the time",
    )
    individuals_r: float = Field(
        default=0.0,
        ge=-1,
        lt=1,
        description="correlation of twins with their humans that the whole interval has to exceed; a panel above a "
        "declared one is fit",
    )

    @property
    def declared(self) -> frozenset[str]:
        """The names that the file sets, to whatever value; the others have their defaults."""
        return frozenset(self.model_fields_set)

    @classmethod
    def meaning(cls, name: str) -> str:
        """Return what a threshold means."""
        return cls.model_fields[name].description or ""

    def rows(self) -> list[tuple[str, float | None, float | None, bool]]:
        """Return (name, value, default, declared) of every threshold, in order."""
        return [
            (name, _real(getattr(self, name)), _real(field.default), name in self.declared)
            for name, field in type(self).model_fields.items()
        ]


def _real(value: float | None) -> float | None:
    return None if value is None else float(value)
