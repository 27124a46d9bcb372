"""Uncertainty of individual fidelity: against SciPy, against sums over all pairs written out, and a planted truth."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from planted import make_panel
from scipy import stats

from simframe.inference import Panel
from simframe.inference.drawing.resample import ALIKE
from simframe.inference.families.fidelity import fidelity_rows
from simframe.study import parse_study

FIVE = ", ".join(f'{{ code = {k}, label = "{k}" }}' for k in range(1, 6))
STUDY = parse_study(
    f"""
[study]
id = "twins"
title = "twins"
[[item]]
id = "letter"
label = "letter"
scale = "nominal"
role = "arm"
options = [{{ code = "warm", label = "w" }}, {{ code = "cold", label = "c" }}]
[[item]]
id = "mood"
label = "mood"
scale = "ordinal"
role = "belief"
options = [{FIVE}]
[[item]]
id = "buys"
label = "buys"
scale = "ordinal"
role = "action"
options = [{{ code = 0, label = "no" }}, {{ code = 1, label = "yes" }}]
""",
    "test",
)


def twins(h: dict, s: dict, arm=None, cluster=None, of=None) -> tuple[Panel, Panel]:
    """Humans, and twins of those at the places ``of``: by default one of each."""
    h = h if arm is None else {"letter": arm, **h}
    humans = make_panel(STUDY, h, panel_id="h", kind="human", cluster=cluster)
    panel = make_panel(STUDY, s, panel_id="s")
    ids = humans.respondents["respondent_id"]
    of = range(panel.respondents.height) if of is None else of
    named = panel.respondents.with_columns(twin_of=ids[list(of)])
    return humans, Panel("s", "simulated", named, panel.responses)


def rows(humans: Panel, panel: Panel, replicates: int = 2000) -> dict[tuple[str, str | None], SimpleNamespace]:
    found = fidelity_rows(STUDY, humans, panel, replicates, 0)
    return {(row["metric"], row["item_id"]): SimpleNamespace(**row) for row in found}


def moods(n: int, seed: int, rho: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pair = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    y, yhat = (np.digitize(side, [-1.0, -0.3, 0.4, 1.2]) + 1 for side in pair.T)
    return y, yhat


@pytest.fixture(scope="module")
def sample():
    y, yhat = moods(60, 1)
    buys, bought = (y > 3).astype(int), (yhat > 2).astype(int)
    arm = ["warm" if k % 3 else "cold" for k in range(60)]
    panels = twins({"mood": y.tolist(), "buys": buys.tolist()}, {"mood": yhat.tolist(), "buys": bought.tolist()}, arm)
    return (y, yhat), (buys, bought), np.array(arm), rows(*panels, 8000)


def centred(values: np.ndarray, arm: np.ndarray) -> np.ndarray:
    return values - np.where(arm == "cold", values[arm == "cold"].mean(), values[arm == "warm"].mean())


def test_estimates(sample):
    (y, yhat), (buys, bought), arm, found = sample
    wanted = {
        ("pearson_r", "mood"): stats.pearsonr(y, yhat).statistic,
        ("accuracy", "mood"): 1 - np.abs(y - yhat).mean() / 4,
        ("exact_match_rate", "mood"): (y == yhat).mean(),
        ("demeaned_r", "mood"): stats.pearsonr(centred(y, arm), centred(yhat, arm)).statistic,
        ("exact_match_rate", "buys"): (buys == bought).mean(),
    }
    assert {key: found[key].estimate for key in wanted} == pytest.approx(wanted, abs=1e-12)
    mean = (found["pearson_r", "mood"].estimate + found["pearson_r", "buys"].estimate) / 2
    assert found["pearson_r", None].estimate == pytest.approx(mean)


def test_p_values_are_those_of_the_permutation_of_pairs(sample):
    (y, yhat), *_, found = sample
    method = stats.PermutationMethod(n_resamples=8000, rng=np.random.default_rng(2))
    weak, strong = found["pearson_r", "mood"], stats.pearsonr(y, yhat, alternative="greater", method=method).pvalue
    assert weak.p_value == pytest.approx(strong, abs=0.005)
    y, yhat = moods(40, 5, rho=0.15)
    got = rows(*twins({"mood": y.tolist()}, {"mood": yhat.tolist()}), 8000)["pearson_r", "mood"]
    wanted = stats.pearsonr(y, yhat, alternative="greater", method=method).pvalue
    assert 0.02 < wanted < 0.98
    assert got.p_value == pytest.approx(wanted, abs=0.025)


def test_floors_are_what_another_human_gives(sample):
    """Means over all other humans, written out; of the same arm where the arms are taken off."""
    (y, _), _, arm, found = sample
    other = ~np.eye(60, dtype=bool)
    gap = np.abs(y[:, None] - y)
    assert found["accuracy", "mood"].floor == pytest.approx(1 - gap[other].mean() / 4, abs=0.002)
    assert found["exact_match_rate", "mood"].floor == pytest.approx((gap == 0)[other].mean(), abs=0.003)
    assert found["pearson_r", "mood"].floor == pytest.approx(-1 / 59, abs=0.006)
    within = centred(y, arm)
    same = other & (arm[:, None] == arm)
    expected = np.sum([(within[k] * within[same[k]]).mean() for k in range(60)]) / (within @ within)
    assert found["demeaned_r", "mood"].floor == pytest.approx(expected, abs=0.008)


def test_matches_have_wilsons_interval(sample):
    _, (buys, bought), _, found = sample
    hits = int((buys == bought).sum())
    known = stats.binomtest(hits, 60).proportion_ci(0.95, method="wilson")
    got = found["exact_match_rate", "buys"]
    assert (got.ci_low, got.ci_high) == pytest.approx((known.low, known.high), abs=0.005)
    # Of two options a miss costs the whole range.
    assert found["accuracy", "buys"].ci_low == pytest.approx(got.ci_low, abs=1e-9)


def test_normal_answers_have_fishers_interval():
    y, yhat = moods(150, 3)
    got = rows(*twins({"mood": y.tolist()}, {"mood": yhat.tolist()}))["pearson_r", "mood"]
    known = stats.pearsonr(y, yhat).confidence_interval(0.95)
    assert got.ci_low <= known.low
    assert got.ci_high >= known.high
    assert (got.ci_low, got.ci_high) == pytest.approx((known.low, known.high), abs=0.05)


@pytest.mark.parametrize(("cut", "rho"), [([-1, -0.3, 0.4, 1.2], 0.5), ([1.2], 0.8), ([0.0], 0.0)])
def test_correlations_of_lopsided_answers_are_covered(cut, rho):
    """Where nine of ten answer alike, Fisher's interval covers two times of three; ours does what it says."""
    rng = np.random.default_rng(8)

    def draw(n):
        return (np.digitize(side, cut) + 1 for side in rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n).T)

    truth = np.corrcoef(*draw(400_000))[0, 1]
    covered = []
    for _ in range(150):
        y, yhat = draw(120)
        got = rows(*twins({"mood": y.tolist()}, {"mood": yhat.tolist()}), 300)["pearson_r", "mood"]
        covered.append(got.ci_low <= truth <= got.ci_high)
    assert sum(covered) >= stats.binom.ppf(0.001, len(covered), 0.92)


def test_clusters_are_drawn_whole():
    """Ten classes that answer as one are ten answers, not sixty."""
    rng = np.random.default_rng(4)
    y, yhat = (np.repeat(rng.integers(0, 2, 10), 6) for _ in range(2))
    panels = twins({"buys": y.tolist()}, {"buys": yhat.tolist()}, cluster=[f"c{k // 6}" for k in range(60)])
    got = rows(*panels, 8000)["exact_match_rate", "buys"]
    known = stats.binomtest(int((y == yhat).sum()) // 6, 10).proportion_ci(0.95, method="wilson")
    assert (got.ci_low, got.ci_high) == pytest.approx((known.low, known.high), abs=0.03)


def test_all_match_leaves_doubt():
    y = [k % 5 + 1 for k in range(20)]
    got = rows(*twins({"mood": y}, {"mood": y}))["exact_match_rate", "mood"]
    known = stats.binomtest(20, 20).proportion_ci(0.95, method="wilson")
    assert (got.estimate, got.ci_low, got.ci_high) == pytest.approx((1.0, known.low, 1.0))
    assert got.p_value == pytest.approx(1 / (ALIKE + 1))


def test_missing_answers_and_strangers_are_set_aside():
    y, yhat = (list(map(int, side)) for side in moods(30, 6))
    y[3], yhat[7] = None, None
    panels = twins({"mood": y}, {"mood": [*yhat[:20], *yhat[:5]]}, of=[*range(20), 29, 29, 0, 1, 2])
    keep = [k for k in range(20) if k not in (3, 7)]
    pairs = [(y[k], yhat[k]) for k in keep]
    pairs += [(y[of], yhat[k]) for k, of in enumerate([29, 29, 0, 1, 2]) if yhat[k] is not None]
    got = rows(*panels)
    assert got["pearson_r", "mood"].n_h == len(pairs)
    assert got["pearson_r", "mood"].estimate == pytest.approx(stats.pearsonr(*zip(*pairs, strict=True)).statistic)
    assert ("exact_match_rate", "buys") not in got
    unknown = panels[1].respondents.with_columns(twin_of=pl.lit("nobody"))
    assert rows(panels[0], Panel("s", "simulated", unknown, panels[1].responses)) == {}


def test_one_pair_is_an_estimate_and_no_more():
    got = rows(*twins({"mood": [2]}, {"mood": [3]}), 50)
    assert got["accuracy", "mood"].estimate == 0.75
    assert ("pearson_r", "mood") not in got


def test_order_of_rows_does_not_matter():
    y, yhat = moods(25, 7)
    humans, panel = twins({"mood": y.tolist()}, {"mood": yhat.tolist()})
    turned = [
        Panel(p.panel_id, p.kind, p.respondents.reverse(), p.responses.sample(fraction=1.0, shuffle=True, seed=1))
        for p in (humans, panel)
    ]
    assert fidelity_rows(STUDY, *turned, 100, 0) == fidelity_rows(STUDY, humans, panel, 100, 0)
