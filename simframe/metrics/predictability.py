"""How far the beliefs of one panel foretell an action of its own. One row a respondent.

The models are fitted to each group in Python: the one metric that is neither a kernel nor native, and it takes
milliseconds a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from simframe.errors import MetricError
from simframe.metrics._expr import IntoExpr, as_expr, whole

if TYPE_CHECKING:
    from simframe.metrics.crossfit import Floats

__all__ = ["predictability"]

_ACTION, _KEY, _WEIGHT, _BELIEF = "action", "key", "weight", "belief"
_MOST = 1_000_000
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
        MetricError: no beliefs, or options that are no whole number from 2 upward. While it runs it is a ComputeError
            with the column's name: a column that holds neither numbers nor text, weights that are no numbers, a column
            of another length (one number for everybody is none), a key that is null or stands twice, a belief of the
            name of another or of the action, fewer options than were chosen.
    """
    if isinstance(beliefs, str) or not isinstance(beliefs, Sequence) or not beliefs:
        raise MetricError(f"predictability needs a list of beliefs, got {beliefs!r}", mend="give it columns in a list")
    if options is not None:
        options = whole(options, "options", 2, _MOST)
    given = {_ACTION: action, _KEY: key} | ({} if weight is None else {_WEIGHT: weight})
    parts = [as_expr(column).implode().name.prefix(f"{name} ") for name, column in given.items()]
    # Numbered: Polars knows nothing of two fields of one name, and would not say which they are.
    parts += [as_expr(belief).implode().name.prefix(f"{_BELIEF}{k} ") for k, belief in enumerate(beliefs)]

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
    _check_names(names[_ACTION] + names[_BELIEF])
    _check_lengths(group)
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
        raise _error(
            f"column {_named(action.name)!r} holds {chosen} options, more than {options}",
            mend="give as many options as the item declares",
        )
    return (action.rank("dense") - 1).cast(pl.Float64).to_numpy(), options or chosen


def _key(key: pl.Series) -> pl.Series:
    name, mend = _named(key.name), "give a column that tells respondents apart, such as their id"
    if key.dtype.is_nested() or key.dtype == pl.Binary:
        raise _error(f"key {name!r} holds {key.dtype}", mend=mend)
    if key.has_nulls() or key.n_unique() < len(key):
        raise _error(f"key {name!r} {'has nulls' if key.has_nulls() else 'has a value twice'}", mend=mend)
    return key.cast(pl.String)


def _named(role: str) -> str:
    """Return a column's own name: what stands behind its role, and behind a belief's number."""
    return role.split(" ", 2 if role.startswith(_BELIEF) else 1)[-1]


def _error(message: str, *, mend: str) -> pl.exceptions.ComputeError:
    """Return what the kernels raise of columns that are not what they should be."""
    return pl.exceptions.ComputeError(str(MetricError(message, mend=mend)))


def _check_names(roles: list[str]) -> None:
    """Raise where two of action and beliefs have one name: one would foretell the other, or count twice."""
    names = [_named(role) for role in roles]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _error(
            f"column {twice!r} stands twice among action and beliefs",
            mend="name each once; what is made of a column gets a name of its own by .alias()",
        )


def _check_lengths(group: dict[str, pl.Series]) -> None:
    """Raise where a column has not a row a respondent."""
    (first, most), *others = ((name, len(column)) for name, column in sorted(group.items(), key=lambda x: -len(x[1])))
    for name, n in others:
        if n != most:
            raise _error(
                f"column {_named(name)!r} has {n} rows where {_named(first)!r} has {most}",
                mend="give a column with a row a respondent; leave weights out where all are alike",
            )


def _check(name: str, column: pl.Series, *, text: bool) -> None:
    """Raise unless a column holds what can be foretold, or foretell."""
    dtype = column.dtype
    if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null) or (text and dtype in _TEXT)):
        needed = "numbers or text" if text else "numbers"
        raise _error(
            f"column {_named(name)!r} holds {dtype}, where {needed} are needed",
            mend="cast it to what it stands for",
        )
