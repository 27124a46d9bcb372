"""A study with an item of every kind, and panels made from columns of answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from simframe.inference import Panel
from simframe.study import Study

FIVE = ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(1, 6))
STUDY = f"""
[study]
id = "planted"
title = "planted"

[[item]]
id = "sex"
label = "sex"
scale = "nominal"
role = "persona"
subgroup = true
options = [{{ code = "f", label = "f" }}, {{ code = "m", label = "m" }}]

[[item]]
id = "mood"
label = "mood"
scale = "ordinal"
role = "belief"
options = [{FIVE}]

[[item]]
id = "trust"
label = "trust"
scale = "ordinal"
role = "belief"
options = [{FIVE}]

[[item]]
id = "buys"
label = "buys"
scale = "nominal"
role = "action"
options = [{{ code = "no", label = "no" }}, {{ code = "yes", label = "yes" }}]

[[item]]
id = "size"
label = "size"
scale = "interval"
role = "outcome"
range = [0, 100]
bins = [{{ code = "low", label = "low", max = 49.999 }}, {{ code = "high", label = "high", min = 50 }}]

[[pair]]
id = "acts"
label = "acts on mood"
belief = "mood"
action = "buys"
implies = {{ 1 = "no", 2 = "no", 4 = "yes", 5 = "yes" }}

[[structure]]
id = "views"
label = "views"
items = ["mood", "trust"]
"""


def make_panel(
    study: Study,
    answers: dict[str, Sequence[object]],
    *,
    panel_id: str = "p",
    kind: str = "simulated",
    weight: Sequence[float] | None = None,
    stratum: Sequence[str] | None = None,
    cluster: Sequence[str] | None = None,
) -> Panel:
    """Make a panel from one list of codes (numbers, for items without options) an item; None is missing."""
    n = len(next(iter(answers.values())))
    ids = [f"{panel_id}{k:05d}" for k in range(n)]
    none = [None] * n
    respondents = pl.DataFrame(
        {
            "respondent_id": ids,
            "weight": [1.0] * n if weight is None else list(weight),
            "split": none,
            "stratum": none if stratum is None else list(stratum),
            "cluster": none if cluster is None else list(cluster),
        },
        schema_overrides={"weight": pl.Float64, "split": pl.String, "stratum": pl.String, "cluster": pl.String},
    )
    parts = []
    for item_id, given in answers.items():
        item = study.item(item_id)
        values = {option.code: option.value for option in item.valid_options}
        if item.options:
            codes = [None if a is None else str(a) for a in given]
            numbers = [values.get(code) if code is not None else None for code in codes]
        else:
            numbers = [None if a is None else float(a) for a in given]
            codes = [None if a is None else item.bin_of(a) for a in numbers]
        parts.append(
            pl.DataFrame(
                {"respondent_id": ids, "item_id": [item_id] * n, "code": codes, "value": numbers},
                schema={"respondent_id": pl.String, "item_id": pl.String, "code": pl.String, "value": pl.Float64},
            ).with_columns(missing=pl.col("code").is_null())
        )
    return Panel(panel_id, kind, respondents, pl.concat(parts))


def draw(rng: np.random.Generator, n: int, shift: float = 0.0) -> dict[str, list[object]]:
    """Draw answers of ``n`` people; ``shift`` moves the moods up."""
    mood = np.clip(np.round(rng.normal(3 + shift, 1.2, n)), 1, 5).astype(int)
    trust = np.clip(np.round(mood + rng.normal(0, 1.0, n)), 1, 5).astype(int)
    buys = np.where(rng.random(n) < 0.1 + 0.16 * mood, "yes", "no")
    return {
        "sex": rng.choice(["f", "m"], n, p=[0.6, 0.4]).tolist(),
        "mood": mood.tolist(),
        "trust": trust.tolist(),
        "buys": buys.tolist(),
        "size": np.clip(rng.normal(50 + 5 * shift, 15, n).round(), 0, 100).tolist(),
    }
