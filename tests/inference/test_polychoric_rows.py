"""Polychoric correlations of an evaluation: the standard error is the bootstrap's, and what is undefined says why."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import simframe.metrics as m
from simframe.inference.families.polychoric import polychoric_rows
from simframe.inference.panels.sample import Panel
from simframe.study import parse_study

OPTIONS = ", ".join(f'{{ code = {k}, label = "{k}", value = {k} }}' for k in range(4))
STUDY = parse_study(
    f"""
    [study]
    id = "s"
    title = "s"
    [[item]]
    id = "b"
    label = "b"
    scale = "ordinal"
    role = "belief"
    options = [{OPTIONS}, {{ code = 9, label = "refused", missing = true }}]
    [[item]]
    id = "a"
    label = "a"
    scale = "ordinal"
    role = "action"
    options = [{OPTIONS}]
    [[item]]
    id = "party"
    label = "party"
    scale = "nominal"
    role = "belief"
    options = [{{ code = "x", label = "x" }}, {{ code = "y", label = "y" }}]
    [[pair]]
    id = "p"
    label = "p"
    belief = "b"
    action = "a"
    implies = {{ 0 = 0 }}
    [[pair]]
    id = "nominal"
    label = "n"
    belief = "party"
    action = "a"
    implies = {{ x = 0 }}
    """,
    "study.toml",
)


def draw(seed: int, n: int, rho: float, *, clusters: int = 0, weighted: bool = False) -> Panel:
    """Draw respondents whose answers are cuts of two normal variables; clusters share part of both."""
    rng = np.random.default_rng(seed)
    both = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n)
    unit = rng.integers(0, clusters, n) if clusters else np.arange(n)
    if clusters:
        both = 0.7 * both + 0.7 * rng.normal(size=(clusters, 2))[unit]
    ids = [f"r{k:04d}" for k in range(n)]
    weight = rng.gamma(2.0, 0.5, n) if weighted else np.ones(n)
    people = pl.DataFrame({"respondent_id": ids, "weight": weight}).with_columns(
        split=pl.lit(None, dtype=pl.String),
        stratum=pl.lit(None, dtype=pl.String),
        cluster=pl.Series([f"c{u}" if clusters else None for u in unit], dtype=pl.String),
    )
    answers = [np.searchsorted([-0.8, 0.1, 1.0], x).astype(str) for x in both.T]
    responses = pl.concat(
        pl.DataFrame({"respondent_id": ids, "item_id": item, "code": code, "missing": False})
        for item, code in zip(("b", "a"), answers, strict=True)
    ).with_columns(value=pl.col("code").cast(pl.Float64))
    return Panel(f"p{seed}", "simulated", people, responses)


def rows(h: Panel, s: Panel, pair: str = "p") -> dict[str, dict]:
    found = polychoric_rows(STUDY, h, s, 4000, 0)
    return {row["metric"].removeprefix("polychoric"): row for row in found if row["term"] == pair}


def wide(panel: Panel) -> pl.DataFrame:
    answers = panel.responses.pivot("item_id", index="respondent_id", values="value")
    return panel.respondents.join(answers, on="respondent_id", how="left")


def resampled(panel: Panel, replicates: int) -> np.ndarray:
    """Correlations, on Fisher's scale, of panels drawn anew, whole clusters at a time."""
    frame, rng = wide(panel), np.random.default_rng(1)
    units = frame.with_columns(unit=pl.coalesce("cluster", "respondent_id"))
    names = units["unit"].unique(maintain_order=True).to_numpy()
    drawn = pl.concat(
        pl.DataFrame({"unit": rng.choice(names, len(names))}).with_columns(draw=pl.lit(k)) for k in range(replicates)
    )
    tables = drawn.join(units, on="unit").group_by("draw", "b", "a").agg(n=pl.col("weight").sum())
    return np.arctanh(tables.group_by("draw").agg(m.polychoric("n", "b", "a"))["polychoric"].to_numpy())


@pytest.mark.parametrize("design", [{}, {"weighted": True}, {"clusters": 60}], ids=str)
def test_intervals_are_as_wide_as_the_bootstraps(design):
    h, s = draw(1, 500, 0.5, **design), draw(2, 300, 0.2)
    found = rows(h, s)["_h"]
    width = (np.arctanh(found["ci_high"]) - np.arctanh(found["ci_low"])) / (2 * 1.96)
    # 800 draws tell a standard deviation to 2.5 %, and 4,000 draws of the law one end of an interval to 2 %.
    assert width == pytest.approx(resampled(h, 800).std(ddof=1), rel=0.12)


def test_clusters_widen_the_interval():
    together = draw(3, 600, 0.5, clusters=30)
    apart = Panel(together.panel_id, together.kind, together.respondents.with_columns(cluster=None), together.responses)
    wide_, narrow = (rows(panel, draw(2, 300, 0.2))["_h"] for panel in (together, apart))
    assert wide_["estimate"] == narrow["estimate"]
    assert wide_["ci_high"] - wide_["ci_low"] > 1.5 * (narrow["ci_high"] - narrow["ci_low"])


def test_a_difference_that_is_there_is_found_and_one_that_is_not_is_at_its_floor():
    h = draw(4, 600, 0.6)
    apart, alike = rows(h, draw(5, 400, -0.2)), rows(h, draw(6, 400, 0.6))
    assert apart["_inflation"]["p_value"] < 0.001
    assert apart["_inflation"]["ci_low"] < -0.8 < apart["_inflation"]["ci_high"] < -0.5
    assert apart["_inflation"]["estimate"] < -5 * apart["_inflation"]["floor_q95"]
    assert alike["_inflation"]["p_value"] > 0.05
    assert abs(alike["_inflation"]["floor"]) < 0.01
    assert alike["_inflation_ratio"]["ci_low"] < 1 < alike["_inflation_ratio"]["ci_high"]
    assert alike["_inflation_ratio"]["p_value"] == alike["_inflation"]["p_value"]
    assert all(alike[side]["p_value"] is alike[side]["floor"] is None for side in ("_h", "_s"))
    assert (alike["_h"]["n_h"], alike["_h"]["n_s"]) == (600, 400)


def test_the_order_of_rows_does_not_matter():
    h, s = draw(7, 200, 0.3), draw(8, 150, 0.5)
    mixed = [
        Panel(x.panel_id, x.kind, *(t.sample(fraction=1, shuffle=True, seed=1) for t in (x.respondents, x.responses)))
        for x in (h, s)
    ]
    assert rows(*mixed) == rows(h, s)


def test_what_is_undefined_says_why():
    h, s = draw(9, 300, 0.4), draw(10, 200, 0.4)

    def answering(item: str, code: str) -> Panel:
        code_ = pl.when(pl.col("item_id") == item).then(pl.lit(code)).otherwise("code").alias("code")
        return Panel("q", "simulated", s.respondents, s.responses.with_columns(code_))

    one = rows(h, answering("b", "1"))
    assert (one["_s"]["estimate"], one["_s"]["reason"]) == (None, "a single belief in the panel")
    assert (one["_inflation"]["estimate"], one["_inflation"]["reason"]) == (None, "a single belief in the panel")
    assert one["_h"]["reason"] is None
    assert one["_h"]["ci_low"] is not None
    refused = rows(h, answering("b", "9"))["_s"]
    assert (refused["estimate"], refused["reason"], refused["n_s"]) == (None, "no answers to both in the panel", 0)
    same = s.responses.filter(item_id="b").with_columns(item_id=pl.lit("a"))
    perfect = Panel("q", "simulated", s.respondents, pl.concat([s.responses.filter(item_id="b"), same]))
    found = rows(h, perfect)
    assert (found["_s"]["estimate"], found["_s"]["ci_low"]) == (1, None)
    assert found["_inflation"]["reason"] == "no interval: a table without exceptions in the panel"
    assert {row["reason"] for row in rows(h, s, "nominal").values()} == {
        f"nominal item without values in the {side}" for side in ("reference", "panel")
    }
