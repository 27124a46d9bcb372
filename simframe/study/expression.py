"""A small, closed arithmetic for study files: ``abs(selfLR - DoleLR)``, ``popul >= 50``.

Study files travel between people, so their expressions are data, never Python: they are parsed, every node is
checked against a short list, and what is left becomes a Polars expression.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
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
    "min": pl.min_horizontal,
    "max": pl.max_horizontal,
}
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
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        raise StudyError(f"{text!r} is not an expression ({type(err).__name__})", mend=_MEND) from err
    for node in ast.walk(tree):
        if not _arithmetic(node):
            raise StudyError(f"{text!r} uses {type(node).__name__}", mend=_MEND)
    return tree


def _arithmetic(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return type(value) in (int, float, str)
        case ast.Call(func=ast.Name(id=name), args=[_, *_], keywords=[]):
            return name in FUNCTIONS
        case ast.operator() | ast.unaryop() | ast.boolop() | ast.cmpop():
            return type(node) in _SIGNS
    return isinstance(node, ast.Name | ast.Load | ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare)


def names(text: str) -> list[str]:
    """Return the item ids that ``text`` speaks of, in order of appearance."""
    tree = parse(text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    found.sort(key=lambda node: node.col_offset)
    return list(dict.fromkeys(node.id for node in found))


def to_polars(text: str) -> pl.Expr:
    """Return ``text`` as a Polars expression over columns named by item id."""
    built = _build(parse(text))
    return built if isinstance(built, pl.Expr) else pl.lit(built)


def _build(node: ast.expr) -> Any:
    built: Any
    match node:
        case ast.Name(id=name):
            built = pl.col(name)
        case ast.Constant(value=value):
            built = value
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
            built = FUNCTIONS[name](*(_as_expr(_build(arg)) for arg in args))
        case _:
            raise AssertionError(f"parse let {type(node).__name__} through")
    return built


def _as_expr(built: Any) -> pl.Expr:
    return built if isinstance(built, pl.Expr) else pl.lit(built)
