"""Partial associations of an evaluation: estimates of the catalog, draws of known law, reasons."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from simframe.inference.families.partial import partial_rows
from simframe.inference.panels.sample import Panel
from simframe.study import parse_study

OPTIONS = ", ".join(f'{{ code = {k}, label = "{k}", value = {k} }}' for k in range(3))
ITEMS = "\n".join(
    f'[[item]]\nid = "{name}"\nlabel = "{name}"\nscale = "ordinal"\nrole = "{role}"\noptions = [{OPTIONS}]'
    for name, role in (("b", "belief"), ("a", "action"), ("c", "persona"))
)
PAIR = '[[pair]]\nid = "p"\nlabel = "p"\nbelief = "b"\naction = "a"\nimplies = { 0 = 0 }\ncontrols = ["c"]'
STUDY = parse_study(f'[study]\nid = "s"\ntitle = "s"\n{ITEMS}\n{PAIR}', "study.toml")


def draw(seed: int, n: int, within: float, *, clusters: int = 0) -> Panel:
    """Draw respondents: belief and action share a control, and ``within`` is what they share beyond it."""
    rng = np.random.default_rng(seed)
    c = rng.integers(0, 3, n)
    both = rng.multivariate_normal([0, 0], [[1, within], [within, 1]], size=n) + c[:, None]
    ids = [f"r{k:04d}" for k in range(n)]
    people = pl.DataFrame({"respondent_id": ids, "weight": 1.0}).with_columns(
        stratum=pl.lit(None, dtype=pl.String),
        cluster=pl.Series([f"c{k % clusters}" if clusters else None for k in range(n)], dtype=pl.String),
    )
    codes = {"b": np.digitize(both[:, 0], [0.3, 1.6]), "a": np.digitize(both[:, 1], [0.5, 1.8]), "c": c}
    responses = pl.concat(
        pl.DataFrame({"respondent_id": ids, "item_id": item, "code": code.astype(str), "missing": False})
        for item, code in codes.items()
    ).with_columns(value=pl.col("code").cast(pl.Float64))
    return Panel(f"p{seed}", "simulated", people, responses)


def rows(h: Panel, s: Panel, seed: int = 0, replicates: int = 400) -> dict[str, dict]:
    return {row["metric"]: row for row in partial_rows(STUDY, h, s, replicates, seed)}


def test_what_a_control_explains_is_not_found_and_what_it_does_not_is():
    h, s = draw(1, 500, 0.0), draw(2, 400, 0.7)
    found = rows(h, s)
    assert found["spearman_partial_h"]["ci_low"] < 0 < found["spearman_partial_h"]["ci_high"]
    assert found["cramers_v_partial_h"]["ci_low"] == pytest.approx(0, abs=0.05)
    for base in ("cramers_v", "mutual_information", "goodman_kruskal_tau", "spearman"):
        inflation = found[f"{base}_partial_inflation"]
        assert inflation["p_value"] == pytest.approx(1 / 401)
        assert inflation["estimate"] > inflation["ci_low"] > inflation["floor_q95"] > inflation["floor"]
        assert found[f"{base}_partial_inflation_ratio"]["p_value"] == inflation["p_value"]
    assert len(found) == 16


def test_p_values_of_panels_alike_are_uniform():
    """Sixty pairs of panels of one population: 5 % and 50 % of p-values lie below those levels, within three errors."""
    p = [
        rows(draw(100 + k, 150, 0.4), draw(300 + k, 120, 0.4), seed=k, replicates=199)["spearman_partial_inflation"][
            "p_value"
        ]
        for k in range(60)
    ]
    for level in (0.05, 0.5):
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / 60))


def test_the_order_of_rows_does_not_matter_and_the_seed_does():
    h, s = draw(3, 200, 0.3), draw(4, 150, 0.3)
    mixed = [
        Panel(x.panel_id, x.kind, *(t.sample(fraction=1, shuffle=True, seed=1) for t in (x.respondents, x.responses)))
        for x in (h, s)
    ]
    assert rows(*mixed) == rows(h, s)
    assert rows(h, s, seed=1)["spearman_partial_h"]["ci_low"] != rows(h, s)["spearman_partial_h"]["ci_low"]


def test_clusters_are_drawn_whole():
    apart, together = draw(5, 300, 0.5), draw(5, 300, 0.5, clusters=10)
    s = draw(6, 200, 0.5)
    assert rows(apart, s)["spearman_partial_h"]["estimate"] == rows(together, s)["spearman_partial_h"]["estimate"]
    assert rows(apart, s)["spearman_partial_h"]["ci_low"] != rows(together, s)["spearman_partial_h"]["ci_low"]


def test_a_panel_without_the_control_has_a_reason():
    h, s = draw(7, 100, 0.3), draw(8, 80, 0.3)
    without = Panel("q", "simulated", s.respondents, s.responses.filter(pl.col("item_id") != "c"))
    found = rows(h, without)
    assert (found["cramers_v_partial_s"]["estimate"], found["cramers_v_partial_s"]["n_s"]) == (None, 0)
    assert found["cramers_v_partial_s"]["reason"] == "undefined on these answers"
    assert found["cramers_v_partial_h"]["ci_low"] is not None
