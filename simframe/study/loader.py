"""From a TOML file to a :class:`Study`, with errors a person can act on."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from simframe.errors import StudyError, did_you_mean
from simframe.study.base import Part
from simframe.study.schema import Study


def builtin_names() -> list[str]:
    """Return the names of the studies that ship with simframe."""
    folder = resources.files("simframe.study") / "builtin"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_study(source: str | Path) -> Study:
    """Load a built-in study by name, or a study file by path.

    Raises:
        StudyError: naming file, key, value and mend of everything that is wrong.
    """
    text, where = _read(source)
    return parse_study(text, where)


def study_text(source: str | Path) -> str:
    """Return the TOML text of a study, as it was written."""
    return _read(source)[0]


def parse_study(text: str, where: str) -> Study:
    """Parse the TOML ``text`` of a study; ``where`` names its file in errors."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise StudyError(f"not valid TOML: {err}", where=where, mend="correct the line it names") from err
    except RecursionError as err:
        raise StudyError("not valid TOML: nested too deep", where=where, mend="a study nests three deep") from err
    head = raw.pop("study", None)
    if not isinstance(head, dict):
        raise StudyError("no [study] table", where=where, mend="begin with [study], then id and title")
    for key in sorted(head.keys() & raw.keys()):
        message = f"{key}: stands both in [study] and beside it"
        raise StudyError(message, where=where, mend=f"keep one: [study.{key}] or [{key}]")
    try:
        return Study.model_validate(head | raw)
    except ValidationError as err:
        message, mend = describe(err, head | raw, Study)
        raise StudyError(message, where=where, mend=mend) from err


def describe(err: ValidationError, raw: dict[str, Any], model: type[Part]) -> tuple[str, str]:
    """Return (message, mend) of everything pydantic found wrong with ``raw``, keys counted as a reader counts."""
    problems = [_explain(problem, raw, model) for problem in err.errors()]
    if len(problems) == 1:
        return problems[0]
    listed = "\n".join(f"  - {message}; {mend}" for message, mend in problems)
    return f"{len(problems)} problems\n{listed}", "correct each, then check again"


def _read(source: str | Path) -> tuple[str, str]:
    name = str(source)
    if name in builtin_names():
        return (resources.files("simframe.study") / "builtin" / f"{name}.toml").read_text("utf-8"), f"study {name}"
    path = Path(source)
    try:
        there = path.is_file()
    except OSError:  # a name too long for the disk, a folder that may not be searched
        there = False
    if not there:
        mend = f"give the path of a study file, or a built-in study ({did_you_mean(name, builtin_names())})"
        raise StudyError("no such study file", where=name, mend=mend)
    try:
        return path.read_text("utf-8-sig"), name
    except UnicodeDecodeError as err:
        raise StudyError(f"not UTF-8 text at byte {err.start}", where=name, mend="save the file as UTF-8") from err
    except OSError as err:
        raise StudyError(f"cannot be read: {err.strerror}", where=name, mend="check its permissions") from err


def _explain(problem: Any, raw: dict[str, Any], model: type[Part]) -> tuple[str, str]:
    """Return what is wrong (key and value) and the mend of one pydantic error."""
    key = _key(problem["loc"], raw)
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    prefix = f"{key}: " if key else ""
    if kind == "study":
        return prefix + context["message"], context["mend"]
    if kind == "missing":
        last = problem["loc"][-1]
        return f"{prefix}is missing", f"the list needs {last + 1} or more" if isinstance(last, int) else f"add {last!r}"
    if kind == "extra_forbidden":
        known = _known_keys(model, problem["loc"])
        return f"{prefix}unknown key (value {_short(value)})", did_you_mean(str(problem["loc"][-1]), known)
    if kind == "literal_error":
        return f"{prefix}{_short(value)} is not allowed", f"use {context['expected']}"
    told, mend = _typed(kind, context, problem["msg"])
    return f"{prefix}{_short(value)}{told}", mend


def _typed(kind: str, context: dict[str, Any], message: str) -> tuple[str, str]:
    """Return what a value of the wrong type, size or bound is not, and the mend."""
    if kind in _KINDS:
        return f" is no {_KINDS[kind][0]}", f"write {_KINDS[kind][1]}"
    if kind in _BOUNDS:
        bound = f"{_BOUNDS[kind][0]} {context[_BOUNDS[kind][1]]}"
        return f" is not {bound}", f"write a number that is {bound}"
    if kind in _SIZES:
        size = _SIZES[kind].format(**context)
        size += "" if size.split()[2] == "1" else "s"
        return f" does not have {size}", f"give it {size}"
    return f": {message}", "correct this value"


_KINDS = {
    "tuple_type": ("list", "a list [...], or a table with double brackets [[...]]"),
    "model_type": ("table", "a table: { key = value, ... }"),
    "dict_type": ("table", "a table: { key = value, ... }"),
    "string_type": ("text", "a text in quotes"),
    "int_parsing": ("whole number", "a whole number"),
    "int_type": ("whole number", "a whole number"),
    "int_from_float": ("whole number", "a whole number"),
    "float_parsing": ("number", "a number"),
    "float_type": ("number", "a number"),
    "bool_type": ("truth value", "true or false"),
    "bool_parsing": ("truth value", "true or false"),
    "finite_number": ("finite number", "a number"),
}
"""What pydantic calls a wrong type: in TOML's words, what the value is not, and what to write."""

_BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
"""What a number out of bounds is not, and where pydantic says the bound."""
_SIZES = {
    "too_short": "at least {min_length} item",
    "too_long": "at most {max_length} item",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} character",
}
"""What a list or text of the wrong length does not have."""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _known_keys(model: type[Part], loc: tuple[Any, ...]) -> list[str]:
    """Return the keys of the part of ``model`` that ``loc`` stands in."""
    part = model
    for step in loc[:-1]:
        for name, field in part.model_fields.items():
            if step in (name, field.alias):
                part = _part_within(field.annotation) or part
    return [field.alias or name for name, field in part.model_fields.items()]


def _part_within(annotation: Any) -> type[Part] | None:
    """Return the kind of part in ``tuple[Item, ...]``, or in any other annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _part_within(inner))), None)


def _key(loc: tuple[Any, ...], raw: Any) -> str:
    """Render ``("item", 3, "scale")`` as ``item[4] 'vote'.scale``: counted from one, with the id where there is one."""
    text = ""
    for step in loc:
        if isinstance(raw, dict):
            raw = raw.get(step)
        elif isinstance(raw, list | tuple) and isinstance(step, int) and step < len(raw):
            raw = raw[step]
        else:
            raw = None
        if isinstance(step, int):
            name = raw.get("id", raw.get("code")) if isinstance(raw, dict) else None
            text += f"[{step + 1}]" + (f" {name!r}" if name is not None else "")
        elif not str(step).startswith("function-"):
            text += f".{step}" if text else str(step)
    return text
