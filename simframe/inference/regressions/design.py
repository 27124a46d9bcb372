"""From a wide frame to numbers a regression can be fitted to: complete cases, outcome, design matrix."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simframe.errors import InferenceError
from simframe.inference.drawing.resample import effective
from simframe.study import Item, Regression, Study, canonical_number
from simframe.study.formula import Formula, parse

Floats = NDArray[np.float64]
INTERCEPT = "Intercept"
_ROW, _WEIGHT, _CLUSTER = ".row", ".weight", ".cluster"
MOST_CATEGORIES = 50
"""An outcome with more categories than this is a measurement, not a choice."""


class UnfitError(InferenceError):
    """Why a regression has no coefficients; its text is the reason that people read."""


@dataclass(frozen=True)
class Design:
    """Complete cases of one regression.

    ``y`` holds numbers (ols, poisson) or places in ``outcomes`` (logit, ologit, mnlogit), ``x`` one column a term,
    ``weights`` have mean 1, ``clusters`` are numbered from 0.
    """

    y: Floats
    x: Floats
    terms: tuple[str, ...]
    outcomes: tuple[str, ...]
    weights: Floats | None
    clusters: NDArray[np.int64] | None


@dataclass(frozen=True)
class Cases:
    """Complete cases of one regression: the items and, where they count, weights and clusters; a row a respondent.

    ``rows`` are their rows in the frame they come from, ascending. ``columns`` is the design matrix with its terms,
    where no predictor has categories: then that of some cases is some of its rows.
    """

    table: pl.DataFrame
    rows: NDArray[np.int64]
    columns: tuple[Floats, tuple[str, ...]] | None

    @property
    def worth(self) -> float:
        """How many respondents of equal weight tell as much."""
        weighted = _WEIGHT in self.table.columns
        return effective(self.table[_WEIGHT].to_numpy()) if weighted else float(self.table.height)

    def part(self, rows: NDArray[np.int64]) -> Cases:
        """Return the cases that are among some rows of the frame."""
        kept = np.flatnonzero(np.isin(self.rows, rows))
        columns = None if self.columns is None else (self.columns[0][kept], self.columns[1])
        return Cases(self.table[kept.tolist()], self.rows[kept], columns)


def cases(
    regression: Regression,
    frame: pl.DataFrame,
    study: Study,
    weights: pl.Series | None = None,
    clusters: pl.Series | None = None,
) -> Cases:
    """Return the complete cases of ``regression`` in ``frame`` (one row a respondent, one column an item).

    Respondents outside the bins that a formula asks for are no complete cases, nor are those of no weight.

    Raises:
        UnfitError: where an item was not asked.
        StudyError: where the formula is more than a formula.
    """
    formula = parse(regression.formula)
    absent = [name for name in formula.variables if name not in frame.columns]
    if absent:
        raise UnfitError(f"no answers to {', '.join(absent)}")
    table = frame.select(formula.variables).with_row_index(_ROW)
    if weights is not None:
        table = table.with_columns(weights.cast(pl.Float64).alias(_WEIGHT))
    if clusters is not None:
        table = table.with_columns(clusters.alias(_CLUSTER))
    table = table.with_columns(pl.selectors.float().fill_nan(None)).drop_nulls()
    table = table.with_columns(_bins(study.item(name), table[name]) for name in formula.binned).drop_nulls()
    if weights is not None:
        table = table.filter(pl.col(_WEIGHT) != 0)
    columns = None
    if table.height and not formula.bases and all(table[name].dtype.is_numeric() for name in formula.plain):
        with suppress(UnfitError):  # of some cases there may be one all the same
            columns = _columns(regression, formula, table, study)
    return Cases(table.drop(_ROW), table[_ROW].to_numpy().astype(np.int64), columns)


def design(regression: Regression, cases: Cases, study: Study) -> Design:
    """Return outcome and predictors of complete cases as numbers.

    Categories follow the declared order of options or bins. The base of a predictor is the one that the formula names,
    else the first one, as it is of the outcome, on every panel: a term means the same everywhere.

    Raises:
        UnfitError: where the cases cannot carry the regression.
    """
    formula, table = parse(regression.formula), cases.table
    weights = table[_WEIGHT] if _WEIGHT in table.columns else None
    if weights is not None and not (weights.is_finite() & (weights > 0)).all():
        raise UnfitError("weights are negative or infinite")
    if table.height == 0:
        raise UnfitError("no complete cases")
    target = study.item(formula.outcome)
    y, outcomes = _outcome(regression, target, table[target.id])
    x, terms = _checked(regression, *(cases.columns or _columns(regression, formula, table, study)))
    if table.height <= x.shape[1] + max(len(outcomes) - 2, 0):
        raise UnfitError(f"{table.height} complete cases are too few for {x.shape[1]} terms")
    w = None if weights is None else weights.to_numpy()
    clusters = table[_CLUSTER].rank("dense").to_numpy().astype(np.int64) - 1 if _CLUSTER in table.columns else None
    return Design(
        y=y, x=x, terms=terms, outcomes=outcomes, weights=None if w is None else w / w.mean(), clusters=clusters
    )


def _codes(item: Item, column: pl.Series) -> tuple[list[str], list[str]]:
    """Return the codes of a column, and all codes in declared order (those present, where none are declared)."""
    if not column.dtype.is_numeric():
        present = column.cast(pl.String).to_list()
        declared = [option.code for option in item.scored_options] or [bin_.code for bin_ in item.bins]
        return present, declared + sorted(set(present) - set(declared))
    by_value = {option.value: option.code for option in item.scored_options}
    present = [by_value.get(value) or canonical_number(value) for value in column.to_list()]
    if by_value and set(column.to_list()) <= by_value.keys():
        return present, list(by_value.values())
    return present, [by_value.get(value) or canonical_number(value) for value in sorted(set(column.to_list()))]


def _outcome(regression: Regression, item: Item, column: pl.Series) -> tuple[Floats, tuple[str, ...]]:
    if column.n_unique() == 1:
        raise UnfitError(f"outcome {item.id} is constant")
    if regression.family in ("ols", "poisson"):
        if not column.dtype.is_numeric():
            raise UnfitError(f"outcome {item.id} has no numbers")
        if regression.family == "poisson" and (column < 0).any():
            raise UnfitError(f"outcome {item.id} is negative for some, and poisson counts")
        return column.cast(pl.Float64).to_numpy(), ()
    codes, declared = _codes(item, column)
    present = [code for code in declared if code in set(codes)]
    if len(present) > MOST_CATEGORIES:
        raise UnfitError(f"outcome {item.id} has {len(present)} categories")
    if regression.family == "logit" and len(present) > 2:
        raise UnfitError(f"outcome {item.id} has {len(present)} categories, and a logit two")
    if regression.family == "mnlogit" and present[0] != declared[0]:
        raise UnfitError(f"nobody has the base outcome {item.id} = {declared[0]}")
    place = {code: float(k) for k, code in enumerate(present)}
    return np.array([place[code] for code in codes]), tuple(present)


def _columns(
    regression: Regression, formula: Formula, table: pl.DataFrame, study: Study
) -> tuple[Floats, tuple[str, ...]]:
    """Return the formula's columns and their terms; patsy sees the items and some functions, nothing else."""
    import pandas as pd
    import patsy

    columns: dict[str, Any] = {}
    for name in dict.fromkeys([*formula.plain, *(item for _, item in formula.bases)]):
        column = table[name]
        if column.dtype.is_numeric():
            columns[name] = pd.Series(column.cast(pl.Float64).to_numpy(), name=name)
        elif name in formula.plain:
            columns[name] = pd.Series(_categories(study.item(name), column), name=name)
        else:
            columns[name] = pd.Series(column.to_list(), name=name, dtype=object)

    def options(data: Any) -> Any:
        item = study.item(data.name)
        return pd.Series(_categories(item, table[item.id], formula.bases["C", item.id]), name=item.id)

    def bins(data: Any) -> Any:
        item = study.item(data.name)
        declared = [bin_.code for bin_ in item.bins]
        codes = table[_bin_column(item)].to_list()
        return pd.Series(_ordered(item, codes, declared, formula.bases["bin", item.id]), name=item.id)

    functions = {"C": options, "bin": bins, "abs": np.abs, "log": np.log, "exp": np.exp, "sqrt": np.sqrt}
    try:
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            matrix = patsy.dmatrix(
                formula.terms, columns, eval_env=patsy.EvalEnvironment([functions]), NA_action="raise"
            )
    except (patsy.PatsyError, SyntaxError) as err:
        if isinstance(err.__cause__, UnfitError):
            raise err.__cause__ from err
        # Only the first line: the rest points into the formula with carets.
        raise UnfitError(f"formula {regression.formula!r}: {str(err).splitlines()[0]}") from err
    return np.asarray(matrix, dtype=np.float64), tuple(matrix.design_info.column_names)


def _checked(regression: Regression, x: Floats, terms: tuple[str, ...]) -> tuple[Floats, tuple[str, ...]]:
    """Return the design matrix, where it can carry a regression, and its terms."""
    if not np.isfinite(x).all():
        raise UnfitError("the design is not finite, for instance log(0)")
    if regression.family == "ologit" and INTERCEPT in terms:
        # The thresholds take the intercept's place.
        keep = [k for k, term in enumerate(terms) if term != INTERCEPT]
        x, terms = x[:, keep], tuple(terms[k] for k in keep)
    _check_rank(x, terms, with_constant=regression.family == "ologit")
    return x, terms


def _categories(item: Item, column: pl.Series, base: str | None = None) -> Any:
    return _ordered(item, *_codes(item, column), base)


def _ordered(item: Item, codes: list[str], declared: list[str], base: str | None) -> Any:
    """Return codes as categories: those that somebody has, in declared order, the base before them."""
    import pandas as pd

    base = declared[0] if base is None else base
    held = set(codes)
    if len(held) < 2:
        raise UnfitError(f"predictor {item.id} is constant")
    if base not in held:
        raise UnfitError(f"nobody has the base category {item.id} = {base}")
    return pd.Categorical(codes, categories=[base, *(code for code in declared if code in held and code != base)])


def _bin_column(item: Item) -> str:
    return f".bin.{item.id}"


def _bins(item: Item, column: pl.Series) -> pl.Series:
    """Return the bin of each answer; null outside the bins."""
    if item.valid_options:
        places = {code: bin_.code for bin_ in item.bins for code in bin_.codes}
        found = [places.get(code) for code in _codes(item, column)[0]]
    else:
        found = [item.bin_of(value) for value in column.to_list()]
    return pl.Series(_bin_column(item), found, dtype=pl.String)


def _check_rank(x: Floats, terms: tuple[str, ...], *, with_constant: bool) -> None:
    if not terms:
        raise UnfitError("the formula has no terms")
    scale = np.abs(x).max(axis=0)
    for term, column, size in zip(terms, x.T, scale, strict=True):
        if term != INTERCEPT and np.ptp(column) <= 1e-12 * size:
            raise UnfitError(f"predictor {term} is constant")
    parts = [x / scale]
    if with_constant:
        parts.append(np.ones((len(x), 1)))
    scaled = np.hstack(parts)
    # Centring first would hide nothing: a column that another one explains lowers the rank either way.
    if np.linalg.matrix_rank(scaled) < scaled.shape[1]:
        raise UnfitError("the design is singular: some predictors repeat others")
