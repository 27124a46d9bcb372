"""How sure a drift is: respondents and items are both drawn again, before and after tuning together.

The pigeonhole bootstrap: A. B. Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1:386-411. An order
of options belongs to a respondent and an item, and so is drawn with them. It errs on the wide side.
"""

from __future__ import annotations

import numpy as np

from simframe.simulate.drift.measures import Array


def interval(change: Array, *, replicates: int, seed: int, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of the mean of a table of differences.

    Args:
        change: after less before, shape (respondents, items).
        replicates: bootstrap draws.
        seed: of the draws.
        level: of the interval.
    """
    random = np.random.Generator(np.random.Philox(seed))
    people, items = change.shape
    rows = random.multinomial(people, np.full(people, 1 / people), size=replicates)
    columns = random.multinomial(items, np.full(items, 1 / items), size=replicates)
    means = ((rows @ change) * columns).sum(axis=1) / (people * items)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
