"""Regression formulas as data: a checked subset of the patsy language.

patsy evaluates the Python it finds in a formula, and study files travel between people. So only item ids, ``+``, ``-``,
``:``, ``*``, the functions of :mod:`simframe.study.expression`, and two kinds of categories pass: ``C(item)`` for the
options of an item and ``bin(item)`` for its bins, either with the code of its base: ``C(educ, "college")``.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from simframe.errors import StudyError

CATEGORIES = ("C", "bin")
FUNCTIONS = (*CATEGORIES, "abs", "log", "exp", "sqrt")
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d+(?:\.\d*)?)|(?P<sign>[~+\-:*(),])"
    r"|(?P<text>\"[^\"\\\n]*\"|'[^'\\\n]*'))"
)
_SPACE = re.compile(r"\s+")  # a long formula may stand in several lines
_MEND = f"use item ids, + - : * ( ), numbers, and {', '.join(FUNCTIONS)}; compute the rest as a derived item"


@dataclass(frozen=True)
class Formula:
    """A formula that was checked.

    ``outcome`` and ``terms`` are its sides, bases left out, so that a term reads ``C(educ)[T.school]`` whichever
    category is the base. ``variables`` are its item ids, outcome first; ``plain`` those that are terms of their own.
    ``bases`` gives, for every ``C(item)`` and ``bin(item)``, the code of the base, or None for the first one.
    """

    outcome: str
    terms: str
    variables: tuple[str, ...]
    plain: tuple[str, ...]
    bases: dict[tuple[str, str], str | None]

    @property
    def binned(self) -> tuple[str, ...]:
        """The items whose bins are categories."""
        return tuple(item for function, item in self.bases if function == "bin")


def parse(formula: str) -> Formula:
    """Check a formula.

    Raises:
        StudyError: where the formula uses anything but items, signs and the listed functions.
    """
    bare, items, texts = _tokens(formula)
    if bare.count("~") != 1:
        raise StudyError(f"formula {formula!r} needs exactly one ~", mend='write "outcome ~ term + term"')
    bases: dict[tuple[str, str], str | None] = {}
    outside = Counter(items)
    for side in bare.split("~"):
        for function, item, place in _categories(formula, side):
            base = None if place is None else texts[place]
            outside[item] -= 1
            if bases.setdefault((function, item), base) != base:
                message = f"formula {formula!r} gives {function}({item}) two bases"
                raise StudyError(message, mend="write the same base each time")
    outcome, terms = (_BASE.sub("", side).strip() for side in bare.split("~"))
    if items.count(outcome) > 1:
        message = f"formula {formula!r} explains {outcome!r} by itself"
        raise StudyError(message, mend=f"leave {outcome!r} out on the right of ~")
    outside[outcome] -= 1
    variables = tuple(dict.fromkeys(items))
    return Formula(outcome, terms, variables, tuple(name for name in variables if outside[name] > 0), bases)


_BASE = re.compile(r"\s*,\s*\"\d+\"")


def _tokens(formula: str) -> tuple[str, list[str], list[str]]:
    """Return the formula with its texts replaced by their place, its item ids one by one, and its texts."""
    bare, place = "", 0
    found: list[str] = []
    texts: list[str] = []
    source = formula.rstrip()
    while place < len(source):
        token = _TOKEN.match(source, place)
        if token is None:
            raise StudyError(f"formula {formula!r} has {source[place:].strip()[:1]!r}", mend=_MEND)
        place = token.end()
        name, text = token["name"], token["text"]
        if text is not None:
            if not bare.rstrip().endswith(","):
                mend = 'a text stands only as the base of a category: C(item, "code")'
                raise StudyError(f"formula {formula!r} has {text}, which is no base", mend=mend)
            bare += f'"{len(texts)}"'
            texts.append(text[1:-1])
            continue
        bare += _SPACE.sub(" ", token[0])
        if name is None:
            continue
        if source[place:].lstrip().startswith("("):
            if name not in FUNCTIONS:
                raise StudyError(f"formula {formula!r} calls {name!r}", mend=_MEND)
            continue
        if "__" in name:
            raise StudyError(f"formula {formula!r} names {name!r}", mend=_MEND)
        found.append(name)
    return bare, found, texts


def _categories(formula: str, side: str) -> Iterator[tuple[str, str, int | None]]:
    """Check one side, and yield function, item and place of the base of its categories."""
    try:  # what is left of the language has Python's grammar, once ":" reads as the product that it is
        tree = ast.parse(side.replace(":", "*").strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        mend = "put a sign between terms, and close every bracket"
        raise StudyError(f"formula {formula!r} breaks off at {side.strip()!r}", mend=mend) from err
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=item)]) if name in CATEGORIES:
                yield name, item, None
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=item), ast.Constant(value=str(place))]) if (
                name in CATEGORIES
            ):
                yield name, item, int(place)
            case ast.Call(func=ast.Name(id=name), args=[_]) if name not in CATEGORIES:
                pass
            case ast.Call(args=[]):
                raise StudyError(f"formula {formula!r} has brackets around nothing", mend=_MEND)
            case ast.Call() | ast.Tuple():
                mend = 'write abs(item), C(item), bin(item), or a category with its base: C(item, "code")'
                raise StudyError(f"formula {formula!r} has too much between brackets", mend=mend)
