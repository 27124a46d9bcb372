"""A small, closed arithmetic for study files: ``abs(selfLR - DoleLR)``, ``popul >= 50``.

Study files travel between people, so their expressions are data, never Python: they are parsed, every node is
checked against a short list, and what is left becomes a Polars expression.
"""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import pairwise
from typing import Any

import polars as pl

from simframe.errors import StudyError

FUNCTIONS: dict[str, Callable[..., pl.Expr]] = {
    "abs": lambda x: x.abs(),
    "log": lambda x: x.log(),
    "exp": lambda x: x.exp(),
    "sqrt": lambda x: x.sqrt(),
    "min": lambda *x: _all_there(x, pl.min_horizontal(*x)),
    "max": lambda *x: _all_there(x, pl.max_horizontal(*x)),
}
_SEVERAL = {"min", "max"}
LONGEST, DEEPEST = 2000, 100
_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.And: operator.and_,
    ast.Or: operator.or_,
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.Not: operator.invert}
_COMPARE: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SIGNS = {*_BINARY, *_UNARY, *_COMPARE}
_MEND = f"use item ids, numbers, + - * / **, comparisons, and/or/not, and {', '.join(FUNCTIONS)}"


def parse(text: str) -> ast.expr:
    """Parse ``text`` and refuse everything outside the arithmetic.

    Raises:
        StudyError: on a syntax error, or a node that is not arithmetic.
    """
    shown = repr(text if len(text) <= 60 else text[:57] + "...")
    if len(text) > LONGEST:
        message = f"{shown} has {len(text)} characters, more than {LONGEST}"
        raise StudyError(message, mend="compute parts of it as derived items")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        raise StudyError(f"{shown} is not an expression ({type(err).__name__})", mend=_MEND) from err
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        for node in level:
            if not _arithmetic(node):
                raise StudyError(f"{shown} uses {type(node).__name__}", mend=_MEND)
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return tree
    raise StudyError(f"{shown} is nested more than {DEEPEST} deep", mend="compute parts of it as derived items")


def _arithmetic(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=int(value) | float(value)):
            return not isinstance(value, bool) and abs(value) <= sys.float_info.max
        case ast.Constant(value=value):
            return isinstance(value, str)
        case ast.Call(func=ast.Name(id=name), args=[_, *more], keywords=[]):
            return name in FUNCTIONS and bool(more) == (name in _SEVERAL)
        case ast.operator() | ast.unaryop() | ast.boolop() | ast.cmpop():
            return type(node) in _SIGNS
    return isinstance(node, ast.Name | ast.Load | ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare)


def names(text: str) -> list[str]:
    """Return the item ids that ``text`` speaks of, in order of appearance."""
    tree = parse(text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in found))


def to_polars(text: str) -> pl.Expr:
    """Return ``text`` as a Polars expression over columns named by item id. Every number in it is a Float64."""
    return _build(parse(text))


def result_type(text: str, columns: Mapping[str, pl.DataType]) -> pl.DataType:
    """Return the type that ``text`` has over columns of the given types, by computing it over no rows.

    Raises:
        StudyError: where it cannot be computed, for instance because it adds a text to a number.
    """
    try:
        return pl.DataFrame(schema=columns).select(result=to_polars(text)).schema["result"]
    except pl.exceptions.PolarsError as err:
        reason = str(err).partition("\n")[0]
        mend = "numbers go with numbers, texts with texts, and/or/not with comparisons"
        raise StudyError(f"{text!r} cannot be computed: {reason}", mend=mend) from err


def _build(node: ast.expr) -> pl.Expr:
    built: pl.Expr
    match node:
        case ast.Name(id=name):
            built = pl.col(name)
        case ast.Constant(value=str(value)):
            built = pl.lit(value)
        case ast.Constant(value=int(value) | float(value)):
            # Left to Python, constants would be folded here: 9**9**9 would never come back.
            built = pl.lit(float(value), dtype=pl.Float64)
        case ast.UnaryOp(op=op, operand=operand):
            built = _UNARY[type(op)](_build(operand))
        case ast.BinOp(left=left, op=op, right=right):
            built = _BINARY[type(op)](_build(left), _build(right))
        case ast.BoolOp(op=op, values=values):
            built = reduce(_BINARY[type(op)], map(_build, values))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = pairwise(map(_build, (left, *comparators)))
            built = reduce(operator.and_, (_COMPARE[type(op)](a, b) for op, (a, b) in zip(ops, sides, strict=True)))
        case ast.Call(func=ast.Name(id=name), args=args):
            built = FUNCTIONS[name](*map(_build, args))
        case _:
            raise AssertionError(f"parse let {type(node).__name__} through")
    return built


def _all_there(parts: tuple[pl.Expr, ...], result: pl.Expr) -> pl.Expr:
    """Return ``result`` where no part is missing: Polars' own min and max skip missing answers."""
    return pl.when(pl.all_horizontal(part.is_not_null() for part in parts)).then(result)
