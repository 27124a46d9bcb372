"""What every part of a study file is made of: ids, codes, and errors that carry their mend.

Codes are text everywhere (``"1"``, ``"dole"``): one text code in one panel would otherwise turn the column of
every panel into text. Numbers live in ``value``.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

ITEM_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
STUDY_ID = re.compile(r"[a-z][a-z0-9_]{0,40}")
SEED_LIMIT = 2**63
"""Seeds are nought or more and below this: what generators take and tables hold."""


def wrong(message: str, mend: str) -> PydanticCustomError:
    """Return a validation error that carries its mend to the loader."""
    return PydanticCustomError("study", "{message}", {"message": message, "mend": mend})


def _to_code(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise wrong(f"{raw!r} is not a code", "write a number or a text")
    if isinstance(raw, float):
        return canonical_number(raw)
    if not str(raw).isprintable():
        raise wrong(f"{raw!r} is not a code: it holds a character that cannot be seen", "write visible characters only")
    return str(raw)


def canonical_number(value: float) -> str:
    """Return the one text of a number: ``3.0`` is ``"3"``, so data read as floats meet codes written as integers."""
    if not math.isfinite(value):
        return repr(float(value))
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


Code = Annotated[str, BeforeValidator(_to_code), Field(min_length=1, max_length=200)]


def check_id(pattern: re.Pattern[str], kind: str, text: str) -> str:
    """Return ``text``, or raise where it does not match ``pattern`` from end to end."""
    if not pattern.fullmatch(text):
        mend = f"match {pattern.pattern} (letters, digits, underscore): ids become SQL columns and folder names"
        raise wrong(f"{text!r} cannot be the id of {'an' if kind[0] in 'aeiou' else 'a'} {kind}", mend)
    return text


class Part(BaseModel):
    """Base of every part of a study file: frozen, and no key is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)
