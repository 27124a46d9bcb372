"""Regression formulas as data: a checked subset of the patsy language.

patsy evaluates the Python it finds in a formula, and study files travel between people. So only item ids, ``C()``,
``+``, ``-``, ``:``, ``*``, and the functions of :mod:`simframe.study.expression` pass.
"""

from __future__ import annotations

import ast
import re

from simframe.errors import StudyError

FUNCTIONS = ("C", "abs", "log", "exp", "sqrt")
_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d+(?:\.\d*)?)|(?P<sign>[~+\-:*()]))")
_MEND = f"use item ids, + - : * ( ), numbers, and {', '.join(FUNCTIONS)}; compute the rest as a derived item"


def variables(formula: str) -> list[str]:
    """Return the item ids in ``formula``, outcome first.

    Raises:
        StudyError: where the formula uses anything but items, signs and the listed functions.
    """
    found: list[str] = []
    place = 0
    text = formula.rstrip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise StudyError(f"formula {formula!r} has {text[place:].strip()[:1]!r}", mend=_MEND)
        place = token.end()
        name = token["name"]
        if name is None:
            continue
        if text[place:].lstrip().startswith("("):
            if name not in FUNCTIONS:
                raise StudyError(f"formula {formula!r} calls {name!r}", mend=_MEND)
            continue
        if "__" in name:
            raise StudyError(f"formula {formula!r} names {name!r}", mend=_MEND)
        found.append(name)
    if formula.count("~") != 1:
        raise StudyError(f"formula {formula!r} needs exactly one ~", mend='write "outcome ~ term + term"')
    for side in formula.split("~"):
        try:  # what is left of the language has Python's grammar, once ":" reads as the product that it is
            tree = ast.parse(side.replace(":", "*").strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
            mend = "put a sign between terms, and close every bracket"
            raise StudyError(f"formula {formula!r} breaks off at {side.strip()!r}", mend=mend) from err
        if any(isinstance(node, ast.Call) and len(node.args) != 1 for node in ast.walk(tree)):
            raise StudyError(f"formula {formula!r} has brackets around nothing", mend=_MEND)
    return list(dict.fromkeys(found))
