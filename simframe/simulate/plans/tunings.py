"""The settings of a tuning as a plan writes them: read strictly, and told apart by what they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from pydantic import ConfigDict, create_model

from simframe.simulate.tuning.settings import DRO_STEP, PLAIN, TuneSettings

_KEYS: dict[str, Any] = {name: (kind, None) for name, kind in get_type_hints(TuneSettings).items()}
# A class of its own: settings are read where there is a plan, and used where there may be no pydantic.
_Written = create_model("_Written", __config__=ConfigDict(strict=True, extra="forbid"), **_KEYS)


def read_settings(given: Mapping[str, Any]) -> TuneSettings:
    """Return the settings that keys and values of a plan come to.

    Raises:
        PlanError, ValidationError: where a value is none that a key can have.
    """
    written = _Written.model_validate(dict(given))
    return TuneSettings(**{name: getattr(written, name) for name in written.model_fields_set})


def departures(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a plan's keys and values makes another adapter than the defaults, each value spelt one way."""
    settings = read_settings(given)
    found = {each.name: getattr(settings, each.name) for each in fields(settings)}
    for name in ("weights", "dro"):
        numbers = {key: value if key == "by" else float(value) for key, value in found[name].items()}
        found[name] = {key: value for key, value in numbers.items() if (name, key, value) != ("dro", "step", DRO_STEP)}
    if settings.targets != "ordinal":
        del found["width"]  # nothing is spread
    return {name: value for name, value in found.items() if value != getattr(PLAIN, name)}
