"""Every context a Polars expression can stand in."""

import polars as pl


def per_group(frame: pl.DataFrame, expr: pl.Expr, by: str = "g") -> dict:
    """Evaluate an aggregation group by group in every context, assert that all agree, and return group -> value."""
    expr = expr.alias("result")

    def as_dict(result: pl.DataFrame) -> dict:
        rows = result.select(by, "result").unique().rows()
        assert len(rows) == result[by].n_unique(), "a group got several values"
        return dict(rows)

    groups = frame[by].unique().to_list()
    selected = {g: frame.filter(pl.col(by).eq_missing(pl.lit(g))).select(expr).item() for g in groups}
    for context in (
        frame.group_by(by).agg(expr),
        frame.lazy().group_by(by).agg(expr).collect(),
        frame.lazy().group_by(by).agg(expr).collect(engine="streaming"),
        frame.select(by, expr.over(by)),
        frame.lazy().select(by, expr.over(by)).collect(engine="streaming"),
    ):
        assert same(as_dict(context), selected)
    return selected


def same(left: dict, right: dict) -> bool:
    """Compare results: None only with None, numbers to rounding, structs field by field."""
    if left.keys() != right.keys():
        return False
    for key, a in left.items():
        b = right[key]
        if isinstance(a, dict):
            if not same(a, b):
                return False
        elif a is None or b is None:
            if a is not b:
                return False
        elif a != b and abs(a - b) > 1e-12 * max(1.0, abs(a), abs(b)):
            return False
    return True
