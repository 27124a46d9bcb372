"""A template by its name, or from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from string import Template as Placeholders
from typing import Any

from simframe.errors import PlanError, did_you_mean
from simframe.simulate.prompts.builtin import FIRST_PERSON, TEMPLATES
from simframe.simulate.prompts.template import PARTS, Template, unfillable

LIKE = "like"
"""Key of a file that names the template whose parts count where the file is silent."""
LONGEST = 1_000_000
"""Bytes of a template file: what is longer is something else."""
TEXTS = (*PARTS, "name", "end", "joint", "instruction")
KEYS = (LIKE, *TEXTS, "text_tokens", "marks", "fields")


def load_template(source: str | Path) -> Template:
    """Return a built-in template, or the one in a TOML file.

    Raises:
        PlanError: naming the file, the key and the mend.
    """
    if str(source) in TEMPLATES:
        return TEMPLATES[str(source)]
    path = Path(source)
    if path.suffix != ".toml":
        mend = f"{did_you_mean(str(source), TEMPLATES)}; or give the path of a .toml file"
        raise PlanError(f"no template is called {str(source)!r}", where="prompt", mend=mend)
    return parse_template(_read(path), str(path), path.stem)


def parse_template(text: str, where: str, name: str = "template") -> Template:
    """Return the template that a TOML text describes; ``where`` names its file in errors."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as err:
        raise PlanError(f"not valid TOML: {err}", where=where, mend="correct the line it names") from err
    for key in raw:
        if key not in KEYS:
            raise PlanError(f"{key}: unknown key (value {raw[key]!r:.60})", where=where, mend=did_you_mean(key, KEYS))
    like = raw.pop(LIKE, FIRST_PERSON.name)
    if not isinstance(like, str) or like not in TEMPLATES:
        message = f"{LIKE}: {like!r} is no built-in template"
        raise PlanError(message, where=where, mend=did_you_mean(str(like), TEMPLATES))
    for key, value in raw.items():
        _check(key, value, where)
    given = {key: tuple(value) if key == "fields" else value for key, value in raw.items()}
    whole = {each.name: getattr(TEMPLATES[like], each.name) for each in fields(Template)}
    template = Template(**(whole | {"name": name} | given))
    if not template.joint or template.joint.strip():
        message = f"joint: {template.joint!r} is no space"
        raise PlanError(message, where=where, mend=r'write what every part follows: joint = "\n", or " "')
    if template.codebook and not template.entry:
        message = "opening: has a $codebook, and there is no entry to fill it with"
        raise PlanError(
            message, where=where, mend=r'write how a question stands in it: entry = "$item. $wording\n${options}\n"'
        )
    shows = template.entry if template.codebook else template.question
    if template.option and "options" not in Placeholders(shows).get_identifiers():
        message = f"{'entry' if template.codebook else 'question'}: {shows!r} shows no options"
        raise PlanError(message, where=where, mend='add ${options} to it, or write option = ""')
    return template


def _check(key: str, value: Any, where: str) -> None:
    if key == "fields":
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise PlanError(f"fields: {value!r:.60} is no list of item ids", where=where, mend='write fields = ["age"]')
        return
    if key == "text_tokens":
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise PlanError(f"text_tokens: {value!r:.60} is no number of tokens", where=where, mend="write 64, say")
        return
    if not isinstance(value, str):
        raise PlanError(f"{key}: {value!r:.60} is no text", where=where, mend="write it in quotes")
    if key == "marks" and value not in ("letters", "numbers"):
        raise PlanError(f"marks: {value!r} is not allowed", where=where, mend="use 'letters' or 'numbers'")
    if key in ("name", "end", "question", "answer", "value") and not value:
        raise PlanError(f"{key}: is empty", where=where, mend="write a text, or leave the key out")
    if key in PARTS:
        pattern = Placeholders(value)
        strange = [name for name in pattern.get_identifiers() if name not in PARTS[key]]
        if strange or not pattern.is_valid():
            why = f"no placeholder {strange[0]!r}" if strange else "a lone $"
            raise unfillable(key, value, why, where)


def _read(path: Path) -> str:
    mend = f"give the path of a template file, or one of {', '.join(TEMPLATES)}"
    try:
        if not path.is_file():
            raise PlanError("no such template file", where=str(path), mend=mend)
        if path.stat().st_size > LONGEST:
            raise PlanError(f"is longer than {LONGEST:,} bytes", where=str(path), mend=mend)
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as err:
        raise PlanError(f"not UTF-8 text at byte {err.start}", where=str(path), mend="save the file as UTF-8") from err
    except OSError as err:
        raise PlanError(f"cannot be read: {err.strerror}", where=str(path), mend=mend) from err
