"""structure_ratio: the expression's estimate, a jackknife with a closed form, intervals that cover, honest p-values."""

import numpy as np
import polars as pl
import pytest
from planted import make_panel
from scipy import stats

from simframe.inference.families.structures import _bootstrap, rarefied, structure_rows
from simframe.metrics import structure_ratio

TYPES = 25
COMMON = 1 / np.arange(1, TYPES + 1)


def panel_of(study, kinds: np.ndarray, panel_id: str):
    answers = {"mood": (kinds // 5 + 1).tolist(), "trust": (kinds % 5 + 1).tolist()}
    return make_panel(study, answers, panel_id=panel_id)


def only(study, h: np.ndarray, s: np.ndarray, replicates: int = 50, seed: int = 0) -> dict:
    return ratio_of(structure_rows(study, panel_of(study, h, "h"), panel_of(study, s, "s"), replicates, seed))


def ratio_of(rows: list[dict]) -> dict:
    (row,) = (row for row in rows if row["metric"] == "structure_ratio" and row["attribute"] == "all")
    return row


def drawn(rng: np.random.Generator, n: int, p: np.ndarray = COMMON) -> np.ndarray:
    return rng.choice(TYPES, n, p=p / p.sum())


def test_estimate_is_the_expressions(study):
    rng = np.random.default_rng(1)
    h, s = drawn(rng, 80), drawn(rng, 50, COMMON**2)
    counts = pl.DataFrame({"h": np.bincount(h, minlength=TYPES), "s": np.bincount(s, minlength=TYPES)})
    row = only(study, h, s)
    assert row["estimate"] == pytest.approx(counts.select(structure_ratio("h", "s")).item())
    assert row["term"] == "views"
    assert row["ci_low"] < row["estimate"] < row["ci_high"]


def test_jackknife_of_a_whole_sample_counts_its_singletons(study):
    """At full depth leaving one out loses a structure for singletons alone: variance (n - 1) / n (f1 - f1^2 / n)."""
    h = np.repeat(np.arange(12), [1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8])
    s = np.repeat(np.arange(2), 20)  # drawn anew, it holds both
    row = only(study, h, s)
    n, f1 = 40, 5
    at_39 = float(rarefied(np.bincount(h), n, n - 1))
    se = np.sqrt((n - 1) / n * (f1 - f1**2 / n)) / at_39
    assert np.log(row["ci_high"] / row["estimate"]) == pytest.approx(stats.norm.ppf(0.975) * se, rel=1e-7)


def test_intervals_cover_a_panel_just_like_people(study):
    rng = np.random.default_rng(2)
    rows = [only(study, drawn(rng, 60), drawn(rng, 60), replicates=2) for _ in range(200)]
    covered = np.mean([row["ci_low"] <= 1 <= row["ci_high"] for row in rows])
    # The jackknife errs on the wide side: no upper bound but 1.
    assert covered >= stats.binom.ppf(0.001, 200, 0.95) / 200


@pytest.mark.parametrize("m", [12, 40])
@pytest.mark.parametrize("counts", [[1] * 5 + [2, 3, 4, 5, 6, 7, 8], [4] * 10, [1] * 40, [37, 1, 1, 1]])
def test_variance_in_samples_drawn_anew_is_that_of_numpys(counts, m):
    """Counts of a sample add up, Poisson variables do not: of that, up to a quarter is left, on the wide side."""
    drawn_anew = np.random.default_rng(5).multinomial(40, np.array(counts) / 40, 40_000).T
    ratio = _bootstrap(np.array(counts), m) / rarefied(drawn_anew, 40, m).var()
    assert 0.95 < ratio < 1.25


def test_where_a_jackknife_sees_nothing_intervals_have_some_width(study):
    """Nobody holds a structure alone, or everybody does: leaving one out is the same for all."""
    for n, kinds in ((100, np.arange(100) // 5), (20, np.arange(20))):
        row = only(study, kinds % 25, kinds % 25, 2)
        assert row["ci_low"] < 1 < row["ci_high"], n


@pytest.mark.parametrize("metric", ["unique_structures_h", "unique_structures_s"])
def test_counts_of_all_cover_what_such_samples_hold_on_average(study, metric):
    rng = np.random.default_rng(4)
    p = COMMON / COMMON.sum()
    sizes = {"unique_structures_h": 60, "unique_structures_s": 40}
    truth = (1 - (1 - p) ** sizes[metric]).sum()
    covered = []
    for _ in range(200):
        h, s = (drawn(rng, n) for n in sizes.values())
        rows = structure_rows(study, panel_of(study, h, "h"), panel_of(study, s, "s"), 2, 0)
        (row,) = (row for row in rows if row["metric"] == metric and row["attribute"] == "all")
        covered.append(row["ci_low"] <= truth <= row["ci_high"])
    assert np.mean(covered) >= stats.binom.ppf(0.001, 200, 0.95) / 200


def test_p_value(study):
    rng = np.random.default_rng(3)
    assert only(study, drawn(rng, 100), drawn(rng, 100, COMMON**4), replicates=199)["p_value"] == pytest.approx(1 / 200)
    found = [only(study, drawn(rng, 70), drawn(rng, 50), 99, k)["p_value"] for k in range(120)]
    # The statistic has few values, so ties make the test err on the safe side.
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level) <= stats.binom.ppf(0.999, 120, level) / 120


def test_few_and_incomplete(study):
    h = panel_of(study, np.arange(10), "h")
    s = make_panel(study, {"mood": [1, 2, 3, 4, None], "trust": [None, None, 1, 2, 3]}, panel_id="s")
    row = ratio_of(structure_rows(study, h, s, 10, 0))
    assert "fewer than three" in row["reason"]
    # Two people show two structures on either side: a figure, without an interval.
    assert row["estimate"] == pytest.approx(1.0)
    assert not {"ci_low", "p_value"} & row.keys()
