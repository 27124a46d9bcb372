"""People against themselves, and floors against the truth they stand for."""

import numpy as np
import polars as pl
import pytest
from planted import STUDY, draw, make_panel
from scipy import stats
from scipy.spatial.distance import jensenshannon

from simframe.inference import evaluate
from simframe.inference.counted.bootstrap import HALVES, estimates
from simframe.inference.families.structures import structure_rows
from simframe.inference.panels.sample import code
from simframe.study import parse_study


def test_split_halves_are_those_of_numpys_permutations(study):
    answers = draw(np.random.default_rng(1), 90)
    people = make_panel(study, answers, panel_id="h", kind="human")
    found = evaluate(study, None, people).estimates
    row = found.filter(metric="js_distance", item_id="mood", attribute="all").row(0, named=True)
    rng, mood = np.random.default_rng(2), np.array(answers["mood"])
    drawn = []
    for _ in range(4000):
        order = rng.permutation(mood)
        p, q = (np.bincount(half, minlength=6)[1:] for half in (order[:45], order[45:]))
        drawn.append(jensenshannon(p, q, base=2))
    error = np.std(drawn) * np.sqrt(1 / HALVES + 1 / 4000)
    assert row["estimate"] == pytest.approx(np.mean(drawn), abs=4 * error)
    share = np.mean((np.array(drawn) >= row["ci_low"]) & (np.array(drawn) <= row["ci_high"]))
    assert share == pytest.approx(0.95, abs=4 * np.sqrt(0.05 * 0.95 / HALVES))
    assert (row["n_h"], row["n_s"], row["floor"], row["p_value"]) == (45, 45, None, None)
    ratio = found.filter(metric="structure_ratio").row(0, named=True)
    assert ratio["ci_low"] < 1 < ratio["ci_high"]


def test_halves_keep_clusters_whole(study):
    answers = draw(np.random.default_rng(3), 80)
    answers["mood"] = np.repeat(np.random.default_rng(4).integers(1, 6, 20), 4).tolist()
    cluster = [f"c{k // 4:02d}" for k in range(80)]
    alone, together = (
        evaluate(study, None, make_panel(study, answers, panel_id="h", kind="human", cluster=each)).estimates
        for each in (None, cluster)
    )
    row = {"metric": "js_distance", "item_id": "mood", "attribute": "all"}
    # Ten clusters a half differ as samples of ten do: twice as far as forty people.
    assert together.filter(**row)["estimate"].item() > 1.6 * alone.filter(**row)["estimate"].item()


def test_floor_of_distances_is_that_of_the_population(study):
    """Truth planted: samples of 30 from a known law, where options nobody chose bias draws with replacement by 5 %."""
    rng = np.random.default_rng(5)
    p = np.array([0.6, 0.25, 0.1, 0.04, 0.01])
    floors = []
    for k in range(60):
        h, s = (draw(rng, 30) | {"mood": rng.choice(np.arange(1, 6), 30, p=p).tolist()} for _ in range(2))
        coded = code(study, make_panel(study, h, panel_id="h"), make_panel(study, s, panel_id="s"))
        found = estimates(coded, 100, k, "s").filter(pl.col("item_id") == "mood", attribute="all")
        floors.append([found.filter(metric=metric)["floor"].item() for metric in ("js_distance", "total_variation")])
    a, b = (rng.multinomial(30, p, 40_000).T / 30 for _ in range(2))
    truth = np.array([jensenshannon(a, b, base=2, axis=0).mean(), np.abs(a - b).sum(axis=0).mean() / 2])
    error = np.std(floors, axis=0) / np.sqrt(len(floors))
    assert (np.abs(np.mean(floors, axis=0) - truth) < 0.02 * truth + 3 * error).all()


def test_floor_of_structures_is_one(study):
    """Truth planted: two samples of people hold as many structures at a common size, rare ones too."""
    rng = np.random.default_rng(6)
    common = 1 / np.arange(1, 26)
    found = []
    for k in range(60):
        h, s = (rng.choice(25, n, p=common / common.sum()) for n in (120, 60))
        panels = (
            make_panel(study, {"mood": (x // 5 + 1).tolist(), "trust": (x % 5 + 1).tolist()}, panel_id=name)
            for x, name in ((h, "h"), (s, "s"))
        )
        (row,) = (
            r
            for r in structure_rows(study, *panels, 200, k)
            if r["metric"] == "structure_ratio" and r["attribute"] == "all"
        )
        found.append((row["floor"], row["floor_q95"], row["estimate"]))
    floor, q95, ratio = np.array(found).T
    assert floor.mean() == pytest.approx(1.0, abs=0.02)
    # A panel just like people is beyond the edge as often as it should be, or less: draws with replacement vary more.
    assert np.mean(ratio > q95) <= stats.binom.ppf(0.999, 60, 0.05) / 60


MORE = """
[[pair]]
id = "acts_alike"
label = "acts on mood, alike in trust"
belief = "mood"
action = "buys"
implies = { 1 = "no", 5 = "yes" }
controls = ["trust"]

[[regression]]
id = "buying"
label = "who buys"
formula = "buys ~ mood + trust"
family = "logit"
"""


def test_what_cannot_be_halved_is_null_and_says_why():
    """Every figure of every place: of men, who are one or none, as of everybody."""
    study = parse_study(STUDY + MORE, "test")
    for men in (0, 1):
        answers = draw(np.random.default_rng(7), 60) | {"sex": ["m"] * men + ["f"] * (60 - men)}
        found = evaluate(study, None, make_panel(study, answers, panel_id="h", kind="human")).estimates
        assert found.filter(pl.col("estimate").is_null() == pl.col("reason").is_null()).is_empty()
        assert found.filter(pl.col("n_h").is_null() | pl.col("n_s").is_null()).is_empty()
        by_family = found.filter(pl.col("family").is_in(["recovery", "coherence"]) | (pl.col("term") == "views"))
        names = ["family", "metric", "item_id", "item_id_2", "term"]
        everybody, women, their = (
            by_family.filter(attribute=attribute, level=level).select(names).sort(names)
            for attribute, level in (("all", "all"), ("sex", "f"), ("sex", "m"))
        )
        assert everybody.equals(women)
        assert everybody.equals(their)
        assert set(everybody["family"]) == {"recovery", "coherence", "heterogeneity"}
        lost = by_family.filter(attribute="sex", level="m")
        assert lost["estimate"].null_count() == lost.height


def test_rows_say_what_weights_leave_of_people(study):
    """Kish 1965; structures are counted whatever their holders weigh. Of a half there are half as many."""
    study = parse_study(STUDY + MORE + "weighted = true\n", "test")
    rng = np.random.default_rng(9)
    weight = rng.gamma(2, 0.5, 80)
    worth = weight.sum() ** 2 / (weight**2).sum()
    assert worth < 60
    h = make_panel(study, draw(rng, 80), panel_id="h", kind="human", weight=weight)
    halved, compared = (
        evaluate(study, *sides, replicates=2)
        for sides in ((None, h), (h, make_panel(study, draw(rng, 70), panel_id="s")))
    )
    everybody = pl.col("attribute") == "all"
    of_structures = pl.col("term").eq_missing(pl.lit("views"))
    of_pairs = pl.col("metric").str.starts_with("belief_action_gap")  # behind them stand those of some beliefs
    for found, own, heads in ((halved, worth / 2, 40), (compared, worth, None)):
        rows = found.estimates.filter(everybody, ~of_structures, ~of_pairs, pl.col("n_h") > 0)
        known = rows["effective_h"].drop_nulls()
        assert set(rows.filter(pl.col("effective_h").is_not_null())["family"]) >= {"coherence", "divergence"}
        assert known.to_numpy() == pytest.approx(np.full(len(known), own))
        if heads:
            assert not rows["effective_h"].has_nulls()
            assert set(found.estimates.filter(everybody, of_structures)["effective_h"]) == {heads}
    fits = compared.fits.filter(everybody)
    assert fits.select("n", "effective").rows() == [(70, 70.0)]
    assert halved.fits.filter(everybody)["effective"].to_list() == pytest.approx([worth])
