"""Planted worlds for baselines: populations whose joint distribution is known."""

from __future__ import annotations

import numpy as np
import polars as pl

from simframe.study import Study, parse_study

HARD = """
[study]
id = "hard"
title = "All that pilots are hard by"
[[item]]
id = "age"
label = "Age"
scale = "interval"
role = "persona"
range = [18, 99]
[[item]]
id = "region"
label = "Region"
scale = "nominal"
role = "persona"
options = [{ code = "n", label = "north" }, { code = "e", label = "east" }, { code = "s", label = "south" },
  { code = "w", label = "west" }]
[[item]]
id = "flat"
label = "Everybody says the same"
scale = "ordinal"
role = "attitude"
options = [{ code = 1, label = "low" }, { code = 2, label = "middle" }, { code = 3, label = "high" }]
[[item]]
id = "trust"
label = "Trust"
scale = "ordinal"
role = "belief"
missing = "category"
options = [{ code = 1, label = "low" }, { code = 2, label = "middle" }, { code = 3, label = "high" },
  { code = 9, label = "don't know", missing = true }]
[[item]]
id = "party"
label = "Party"
scale = "nominal"
role = "attitude"
options = [{ code = "a", label = "A" }, { code = "b", label = "B" }, { code = "c", label = "C" },
  { code = "never", label = "never chosen" }]
[[item]]
id = "spent"
label = "Money spent"
scale = "interval"
role = "outcome"
range = [0, 1000]
bins = [{ code = "little", label = "little", max = 100 }, { code = "much", label = "much", min = 101 }]
[[item]]
id = "why"
label = "Why"
scale = "text"
role = "outcome"
[[item]]
id = "act"
label = "Act"
scale = "nominal"
role = "action"
options = [{ code = 0, label = "no", value = 0 }, { code = 1, label = "yes", value = 1 }]
"""


def hard_study() -> Study:
    return parse_study(HARD, "hard.toml")


def hard_people(n: int, seed: int, *, regions: str = "nes", name: str = "p") -> pl.DataFrame:
    """People of whom a tenth of all answers are missing, with persona levels that a pilot may lack."""
    rng = np.random.default_rng(seed)
    trust = rng.choice(["1", "2", "3", "9"], n, p=[0.4, 0.3, 0.2, 0.1])
    act = np.where(rng.random(n) < 0.8, trust == "1", rng.random(n) < 0.3).astype(int)
    spent = np.round(rng.lognormal(4, 1, n)).clip(0, 1000)
    answers: dict[str, tuple[list[str | None], list[float | None]]] = {
        "age": ([None] * n, rng.integers(18, 99, n).astype(float).tolist()),
        "region": (rng.choice(list(regions), n).tolist(), [None] * n),
        "flat": (["2"] * n, [2.0] * n),
        "trust": (trust.tolist(), [None if code == "9" else float(code) for code in trust]),
        "party": (rng.choice(["a", "b", "c"], n).tolist(), [None] * n),
        "spent": (["little" if s <= 100 else "much" for s in spent], spent.tolist()),
        "why": ([None] * n, [None] * n),
        "act": (act.astype(str).tolist(), act.astype(float).tolist()),
    }
    return pl.concat(
        _column(item, codes, values, n, name, rng.random(n) < 0.1) for item, (codes, values) in answers.items()
    )


def _column(
    item: str, codes: list[str | None], values: list[float | None], n: int, name: str, lost: np.ndarray
) -> pl.DataFrame:
    ids = [f"{name}{i:05d}" for i in range(n)]
    frame = pl.DataFrame(
        {"respondent_id": ids, "item_id": item, "code": codes, "value": values, "missing": lost.tolist()},
        schema_overrides={"code": pl.String, "value": pl.Float64},
    )
    said = pl.when(~pl.col("missing"))
    text = pl.lit("because " + item) if item == "why" else pl.lit(None, pl.String)
    return frame.with_columns(
        said.then("code").alias("code"), said.then("value").alias("value"), said.then(text).alias("text")
    )


def ordinal_study(persona: dict[str, int], asked: dict[str, int]) -> Study:
    """A study of ordered items, by id and number of options."""
    parts = ['[study]\nid = "ordered"\ntitle = "Ordered"\n']
    for role, items in (("persona", persona), ("attitude", asked)):
        for name, count in items.items():
            options = ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(count))
            parts.append(f'[[item]]\nid = "{name}"\nlabel = "{name}"\nscale = "ordinal"\nrole = "{role}"')
            parts.append(f"options = [{options}]")
    return parse_study("\n".join(parts), "ordered.toml")


def ordinal_people(answers: dict[str, np.ndarray], name: str = "p") -> pl.DataFrame:
    n = len(next(iter(answers.values())))
    nobody = np.zeros(n, dtype=bool)
    return pl.concat(
        _column(item, codes.astype(str).tolist(), codes.astype(float).tolist(), n, name, nobody).drop("text")
        for item, codes in answers.items()
    )


def table(panel: pl.DataFrame, first: str, second: str) -> np.ndarray:
    """The shares of two ordered items' answers together."""
    wide = panel.pivot("item_id", index="respondent_id", values="value")
    count = wide.select(pl.col(first).max(), pl.col(second).max()).row(0)
    found, _, _ = np.histogram2d(wide[first], wide[second], bins=[np.arange(c + 2) - 0.5 for c in count])
    return found / found.sum()
