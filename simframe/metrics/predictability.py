"""How far the beliefs of one panel foretell an action of its own. One row a respondent.

The models are fitted to each group in Python: the one metric that is neither a kernel nor native, and it takes
milliseconds a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from simframe.errors import MetricError
from simframe.metrics._expr import IntoExpr, as_expr

if TYPE_CHECKING:
    from simframe.metrics.crossfit import Floats

__all__ = ["predictability"]

_ACTION, _KEY, _WEIGHT, _BELIEF = "action", "key", "weight", "belief "
_TEXT = (pl.String, pl.Categorical, pl.Enum)


def predictability(
    action: IntoExpr,
    beliefs: Sequence[IntoExpr],
    key: IntoExpr,
    weight: IntoExpr = None,
    *,
    options: int | None = None,
) -> pl.Expr:
    """Predictability of an action from beliefs, out of sample: 1 - loss / loss without beliefs, at most 1.

    Five times over, models are fitted to four fifths of the respondents and judged on the fifth left out. An action in
    numbers is foretold by least squares and judged by squared error: R2 out of sample (Campbell and Thompson 2008). One
    in text is foretold by a logit with a penalty of one on standardised predictors, and judged by minus the logarithm
    of the share foretold: McFadden's (1974). Without beliefs the mean, or the shares, of the same four fifths foretell.
    The figure is that of `simframe evaluate` where the key is `respondent_id`; compare panels by the difference of
    theirs. It can be below 0, where beliefs mislead.

    Beliefs in numbers are predictors as they are; of those in text every option but the first is one. So are truth
    values, as 0 and 1. Cast numbers that are mere codes to text. Rows whose action or a belief is null, and those of
    weight 0, are set aside. Null with fewer than ten rows left, where the action does not vary, where a number is not
    finite, and where a weight is null, negative or not finite.

    Args:
        action: what they did.
        beliefs: columns, or expressions, one or more.
        key: what tells respondents apart, whatever the order of rows: folds are dealt out in the order of its hashes.
        weight: how much each counts; everybody alike where left out.
        options: how many options an action in text has, those that nobody chose included; half a respondent is added to
            each, so that no share is 0. As many as were chosen where left out.

    Raises:
        MetricError: no beliefs, or fewer than two options. While it runs (older Polars make it a ComputeError with the
            same text): a column that holds neither numbers nor text, weights that are no numbers, a key that is null or
            stands twice, fewer options than were chosen.
    """
    if isinstance(beliefs, (str, pl.Expr, pl.Series)) or not len(beliefs):
        raise MetricError(f"predictability needs a list of beliefs, got {beliefs!r}", mend="give it columns in a list")
    if options is not None and options < 2:
        raise MetricError(f"an action with {options} options is none", mend="give 2 options or more, or leave them out")
    given = {_ACTION: action, _KEY: key} | ({} if weight is None else {_WEIGHT: weight})
    parts = [as_expr(column).implode().name.prefix(f"{name} ") for name, column in given.items()]
    parts += [as_expr(belief).implode().name.prefix(_BELIEF) for belief in beliefs]

    def of_groups(rows: pl.Series) -> pl.Series:
        """Return the figure of every group: a row holds its columns as lists."""
        found = [_of(row, options) for row in _groups(rows)]
        return pl.Series("predictability", found, dtype=pl.Float64)

    # A list a column and a row a group, as for the kernels: one call serves all groups, in the streaming engine too.
    return pl.struct(parts).map_batches(of_groups, return_dtype=pl.Float64, is_elementwise=True).alias("predictability")


def _groups(rows: pl.Series) -> list[dict[str, pl.Series]]:
    """Return the columns of every group, by role."""
    frame = rows.struct.unnest()
    return [{name: frame[name][k].alias(name) for name in frame.columns} for k in range(frame.height)]


def _of(group: dict[str, pl.Series], options: int | None) -> float | None:
    # Who imports the metrics does not pay for NumPy.
    import numpy as np

    from simframe.metrics.crossfit import FEWEST, columns, crossfit, folds, standardised

    names = {kind: [name for name in group if name.startswith(kind)] for kind in (_ACTION, _KEY, _WEIGHT, _BELIEF)}
    for name in (*names[_ACTION], *names[_BELIEF]):
        _check(name, group[name], text=True)
    for name in names[_WEIGHT]:
        _check(name, group[name], text=False)
    key = _key(group[names[_KEY][0]])
    weight = group[names[_WEIGHT][0]].cast(pl.Float64) if names[_WEIGHT] else pl.repeat(1.0, len(key), eager=True)
    if not (weight.is_finite() & (weight >= 0)).all(ignore_nulls=False):
        return None
    frame = pl.DataFrame([group[name] for name in (*names[_ACTION], *names[_BELIEF])])
    # Categories and enumerations are what they say: the order of their codes would show in the last digits.
    frame = frame.with_columns(pl.col(*_TEXT).cast(pl.String), key.alias(_KEY), weight.alias(_WEIGHT))
    frame = frame.drop_nulls().filter(pl.col(_WEIGHT) > 0)
    order, edges = folds(frame[_KEY].to_list())
    frame = frame[order.tolist()]
    action, beliefs = frame[names[_ACTION][0]], [frame[name] for name in names[_BELIEF]]
    y, kinds = _answers(action, options)
    x = columns(beliefs, nominal=[belief.dtype in _TEXT for belief in beliefs])
    with np.errstate(all="ignore"):
        # Numbers near the largest there is have no variance.
        sound = all(np.isfinite(each).all() for each in (x, y, standardised(x)))
        if len(y) < FEWEST or not sound or np.ptp(y) == 0:
            return None
        figure = crossfit(x, y, frame[_WEIGHT].to_numpy(), edges, kinds).observed()
    return figure if np.isfinite(figure) else None


def _answers(action: pl.Series, options: int | None) -> tuple[Floats, int]:
    """Return numbers and 0, or the places of answers in text among so many options."""
    if action.dtype not in _TEXT:
        return action.cast(pl.Float64).to_numpy(), 0
    chosen = action.n_unique()
    if options is not None and options < chosen:
        raise MetricError(
            f"column {action.name.removeprefix(_ACTION).strip()!r} holds {chosen} options, more than {options}",
            mend="give as many options as the item declares",
        )
    return (action.rank("dense") - 1).cast(pl.Float64).to_numpy(), options or chosen


def _key(key: pl.Series) -> pl.Series:
    name = key.name.removeprefix(_KEY).strip()
    if key.has_nulls() or key.n_unique() < len(key):
        why = "has nulls" if key.has_nulls() else "has a value twice"
        raise MetricError(f"key {name!r} {why}", mend="give a column that tells respondents apart, such as their id")
    return key.cast(pl.String)


def _check(name: str, column: pl.Series, *, text: bool) -> None:
    """Raise unless a column holds what can be foretold, or foretell."""
    dtype = column.dtype
    if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null) or (text and dtype in _TEXT)):
        needed = "numbers or text" if text else "numbers"
        raise MetricError(
            f"column {name.split(' ', 1)[1]!r} holds {dtype}, where {needed} are needed",
            mend="cast it to what it stands for",
        )
