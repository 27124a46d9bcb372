"""A small, closed arithmetic for study files: ``abs(selfLR - DoleLR)``, ``popul >= 50``.

Study files travel between people, so their expressions are data, never Python: they are parsed, every node is
checked against a short list, and what is left becomes a Polars expression.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
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
        allowed = (ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop)
        if isinstance(node, (*allowed, ast.boolop, ast.cmpop)):
            if isinstance(node, ast.operator | ast.unaryop | ast.boolop | ast.cmpop) and type(node) not in {
                *_BINARY,
                *_UNARY,
                *_COMPARE,
            }:
                raise StudyError(f"{text!r} uses {type(node).__name__}", mend=_MEND)
            continue
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
            continue
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in FUNCTIONS
            and node.args
            and not node.keywords
        ):
            continue
        raise StudyError(f"{text!r} uses {type(node).__name__}", mend=_MEND)
    return tree


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
    match node:
        case ast.Name(id=name):
            return pl.col(name)
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_build(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_build(left), _build(right))
        case ast.BoolOp(op=op, values=values):
            built = [_build(value) for value in values]
            whole = built[0]
            for part in built[1:]:
                whole = _BINARY[type(op)](whole, part)
            return whole
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [_build(side) for side in (left, *comparators)]
            whole = None
            for op, a, b in zip(ops, sides, sides[1:], strict=False):
                part = _COMPARE[type(op)](a, b)
                whole = part if whole is None else whole & part
            return whole
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name](*(_as_expr(_build(arg)) for arg in args))
    raise AssertionError(f"parse let {type(node).__name__} through")


def _as_expr(built: Any) -> pl.Expr:
    return built if isinstance(built, pl.Expr) else pl.lit(built)
