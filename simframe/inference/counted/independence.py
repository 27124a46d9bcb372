"""What associations come to in a sample where there are none: the other end of their intervals' law.

Pearson's and Wilks' statistics are then chi-squared variables with (rows - 1)(columns - 1) degrees of freedom: Cramer's
V, Goodman and Kruskal's tau (Light and Margolin 1971) and mutual information are multiples of them. The first two have
the mean of a permutation, the last one Williams' correction (1976), as it is larger in small tables.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simframe.inference.panels.sample import Coded, Crosstab
from simframe.metrics.arrays import Floats

Law = tuple[float, float]
"""Mean and variance, of V its square's."""
ROUNDING, ROUNDING_OF_V = 1e-12, 1e-6
"""Where answers go apart exactly, sums of weights leave an association of 1e-16, and V is a root."""


def unassociated(coded: Coded, counts: Floats, worth: float) -> Iterator[tuple[str, str, Law]]:
    """Yield pair, metric and law of every association of one side.

    Args:
        coded: what was asked.
        counts: of the side, by column.
        worth: respondents that one of them counts for, by their weights.
    """
    for crosstab in coded.crosstabs:
        for metric, law in _laws(crosstab, counts[crosstab.columns], worth).items():
            yield crosstab.pair.id, metric, law


def _laws(crosstab: Crosstab, counts: Floats, worth: float) -> dict[str, Law]:
    rows, columns = (np.bincount(codes.astype(np.int64), counts) for codes in (crosstab.belief, crosstab.action))
    n = counts.sum()
    return of_margins(rows[rows > 0] / n, columns[columns > 0] / n, n * worth) if n > 0 else {}


def of_margins(rows: Floats, columns: Floats, n: float) -> dict[str, Law]:
    """Return the laws in tables of ``n`` respondents with these shares of beliefs and actions; none of a single one."""
    df, least = (len(rows) - 1) * (len(columns) - 1), min(len(rows), len(columns)) - 1
    if least < 1 or n <= 2:
        return {}
    sparse = 1 + ((1 / rows).sum() - 1) * ((1 / columns).sum() - 1) / (6 * n * df)
    scales = {
        "cramers_v": 1 / ((n - 1) * least),
        "goodman_kruskal_tau": 1 / ((n - 1) * (len(columns) - 1)),
        "mutual_information": sparse / (2 * n * np.log(2)),
    }
    return {metric: (float(df * scale), float(2 * df * scale**2)) for metric, scale in scales.items()}


def inflation_ratio(metric: str, of_s: Floats, of_h: Floats) -> Floats:
    """Return how many times as strong an association is in the panel; NaN where people have none but by rounding."""
    least = ROUNDING_OF_V if metric.startswith("cramers_v") else ROUNDING
    return of_s / np.where(np.abs(of_h) >= least, of_h, np.nan)
