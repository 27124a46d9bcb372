"""The arithmetic of study files: equal to Python's own on numbers, closed to everything else."""

from __future__ import annotations

import ast
import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simframe.errors import StudyError
from simframe.study import expression

NAMES = ("a", "b", "c")
FUNCTIONS = {"abs": abs, "log": math.log, "exp": math.exp, "sqrt": math.sqrt, "min": min, "max": max}


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from(["0", "1", "2", "3"])).map(lambda t: f"({t[0]} ** {t[1]})"),
        st.tuples(st.sampled_from(["abs", "log", "exp", "sqrt"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        inner.map(lambda text: f"-{text}"),
    )


ARITHMETIC = st.recursive(
    st.one_of(st.sampled_from(NAMES), st.integers(0, 20).map(str), st.sampled_from(["0.1", "2.5", "1e3"])),
    _joined,
    max_leaves=8,
)
TRUTH = st.recursive(
    st.tuples(ARITHMETIC, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), ARITHMETIC).map(" ".join),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=3,
)
ROW = st.tuples(*[st.integers(-6, 9)] * 3)


def _polars(text: str, row: tuple[int, ...]) -> Any:
    frame = pl.DataFrame({name: [float(value)] for name, value in zip(NAMES, row, strict=True)})
    return frame.select(expression.to_polars(text)).item()


def _python(text: str, row: tuple[int, ...]) -> Any:
    """Python's own answer, or None where Python refuses: log(0), 1/0, overflow."""
    values = dict(zip(NAMES, map(float, row), strict=True))
    try:
        return eval(text, {"__builtins__": {}}, FUNCTIONS | values)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


@settings(deadline=None, max_examples=200)
@given(ARITHMETIC, ROW)
def test_numbers_equal_pythons(text: str, row: tuple[int, ...]) -> None:
    wanted, found = _python(text, row), _polars(text, row)
    if wanted is None or abs(wanted) > 1e300:
        return  # where Python raises, Polars gives nan or inf, which derive() refuses
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9 * max(1, *map(abs, row)) ** 3)


@settings(deadline=None, max_examples=100)
@given(TRUTH, ROW)
def test_comparisons_equal_pythons(text: str, row: tuple[int, ...]) -> None:
    sides = [
        _python(ast.unparse(node), row) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.BinOp | ast.Call)
    ]
    if any(side is None or abs(side) > 1e300 for side in sides):
        return
    compared = [
        (_python(ast.unparse(node.left), row), _python(ast.unparse(node.comparators[0]), row))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Compare)
    ]
    if any(a != b and math.isclose(a, b, rel_tol=1e-9) for a, b in compared):
        return  # equal but for the last bit of exp or log: either answer is right
    assert _polars(text, row) is _python(text, row)


def test_chained_comparison_and_a_constant() -> None:
    assert [_polars("1 < a < 3", (v, 0, 0)) for v in (1, 2, 3)] == [False, True, False]
    assert _polars("3", (0, 0, 0)) == 3.0


@pytest.mark.parametrize("text", ["a + 1", "min(a, b)", "max(a, 3, b)", "a > 2", "log(a)", "a / b"])
def test_missing_stays_missing(text: str) -> None:
    frame = pl.DataFrame({"a": [None], "b": [1.0]}, schema={"a": pl.Float64, "b": pl.Float64})
    assert frame.select(expression.to_polars(text)).item() is None


def test_a_tower_of_powers_is_not_computed_by_python() -> None:
    assert _polars("9**9**9**9", (0, 0, 0)) == math.inf


@pytest.mark.parametrize("text", ["max(a - b, min(c, 2)) > log(a)", "(a\n + b)"])
def test_names_come_in_order_of_appearance(text: str) -> None:
    assert expression.names(text) == [name for name in NAMES if name in text.replace("max", "").replace("min", "")]


REFUSED = {
    "Attribute": "a.real",
    "Subscript": "a[0]",
    "Lambda": "lambda: 1",
    "IfExp": "a if b else c",
    "Dict": "{}",
    "Set": "{a}",
    "List": "[a]",
    "Tuple": "(a, b)",
    "ListComp": "[a for a in b]",
    "SetComp": "{a for a in b}",
    "DictComp": "{a: a for a in b}",
    "GeneratorExp": "max(a for a in b)",
    "NamedExpr": "(a := 1)",
    "JoinedStr": "f'{a}'",
    "Starred": "max(*a, b)",
    "Await": "await a",
    "Yield": "(yield a)",
    "YieldFrom": "(yield from a)",
    "Slice": "a[1:2]",
    "FormattedValue": "f'{a}'",
}
OPERATORS = {
    "FloorDiv": "a // b",
    "Mod": "a % b",
    "MatMult": "a @ b",
    "BitAnd": "a & b",
    "BitOr": "a | b",
    "BitXor": "a ^ b",
    "LShift": "a << b",
    "RShift": "a >> b",
    "Invert": "~a",
    "UAdd": "+a",
    "Is": "a is b",
    "IsNot": "a is not b",
    "In": "a in b",
    "NotIn": "a not in b",
}
ALLOWED = {
    "Name",
    "Constant",
    "BinOp",
    "UnaryOp",
    "BoolOp",
    "Compare",
    "Call",
    "Load",
    "Add",
    "Sub",
    "Mult",
    "Div",
    "Pow",
    "And",
    "Or",
    "Not",
    "USub",
    "Eq",
    "NotEq",
    "Lt",
    "LtE",
    "Gt",
    "GtE",
}


def test_the_lists_here_cover_pythons_whole_grammar() -> None:
    """Every node that an expression can hold is either allowed or tried below: a new Python cannot slip one in."""
    deprecated = {"Num", "Str", "Bytes", "NameConstant", "Ellipsis", "AugLoad", "AugStore", "Param", "Suite"}
    bases = (ast.expr, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)
    nodes = {
        name
        for name in dir(ast)
        if isinstance(kind := getattr(ast, name), type) and issubclass(kind, bases) and kind not in bases
    }
    assert nodes - deprecated - {"Store", "Del", "TemplateStr", "Interpolation"} == ALLOWED | set(REFUSED) | set(
        OPERATORS
    )


@pytest.mark.parametrize("text", [*REFUSED.values(), *OPERATORS.values()])
def test_everything_but_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match=r"uses \w+") as caught:
        expression.parse(text)
    assert "mend: use item ids" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "True",
        "None",
        "...",
        "b'a'",
        "1j",
        "1e999",
        "f(a)",
        "abs(a, b)",
        "abs()",
        "min(a)",
        "abs(x=a)",
        "a.abs()",
        "abs(a)(b)",
    ],
)
def test_other_constants_and_calls_are_refused(text: str) -> None:
    with pytest.raises(StudyError, match=r"uses (Constant|Call|Attribute)"):
        expression.parse(text)


@pytest.mark.parametrize(
    "text", ["", " ", "a +", "a b", "a; b", "import os", "a = 1", "1" * 5000, "(" * 500 + "a", "a\x00"]
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(StudyError) as caught:
        expression.parse(text)
    assert caught.value.mend


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="ab1.()[]{}+-*/<>=!,:'@%&|~ \\\n\u00e9", max_size=12))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        tree = expression.parse(text)
    except StudyError:
        return
    assert {type(node).__name__ for node in ast.walk(tree)} <= ALLOWED
