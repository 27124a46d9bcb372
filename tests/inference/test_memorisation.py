"""Memorised shares: the share itself, Wilson's interval, Fisher's exact test; respondents who stand for others."""

import numpy as np
import pytest
from planted import draw, make_panel
from scipy import stats

from simframe.inference import Panel
from simframe.inference.families.memorisation import memorisation_rows


def panel_of(study, moods, name: str, **more) -> Panel:
    """Respondents who differ in one answer alone, so that equal moods are equal vectors."""
    rest = {"trust": [1] * len(moods), "buys": ["no"] * len(moods)}
    return make_panel(study, {"mood": list(moods), **rest}, panel_id=name, **more)


def rows(study, pilot, reference, panel) -> dict[str, dict]:
    return {row["metric"]: row for row in memorisation_rows(study, pilot, reference, panel)}


@pytest.mark.parametrize(("of_h", "of_s"), [(6, 15), (0, 4), (20, 40), (3, 0)])
def test_shares_intervals_and_the_exact_test(study, of_h, of_s):
    pilot = panel_of(study, [5], "p")
    h, s = panel_of(study, [5] * of_h + [1] * (20 - of_h), "h"), panel_of(study, [5] * of_s + [2] * (40 - of_s), "s")
    got = rows(study, pilot, h, s)
    for name, hits, n in (("memorised_share_h", of_h, 20), ("memorised_share", of_s, 40)):
        known = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
        row = got[name]
        assert (row["estimate"], row["ci_low"], row["ci_high"]) == pytest.approx((hits / n, known.low, known.high))
    own = got["memorised_share"]
    assert (own["floor"], own["floor_q95"]) == (of_h / 20, got["memorised_share_h"]["ci_high"])
    table = [[of_s, 40 - of_s], [of_h, 20 - of_h]]
    assert own["p_value"] == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)


def test_weights_are_worth_what_they_are(study):
    """Whole weights are respondents counted again, and the interval knows how few there were."""
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 5, 60).astype(float)
    seen = rng.random(60) < 0.4
    moods = np.where(seen, 5, 1)
    s = panel_of(study, moods, "s", weight=weight)
    got = rows(study, panel_of(study, [5], "p"), panel_of(study, [1, 5] * 20, "h"), s)["memorised_share"]
    share = weight @ seen / weight.sum()
    assert got["estimate"] == pytest.approx(share)
    # Of a Hajek mean: statsmodels' weighted mean with a sandwich.
    import statsmodels.api as sm

    fitted = sm.WLS(seen.astype(float), np.ones(60), weights=weight).fit(cov_type="HC1")
    worth = share * (1 - share) / fitted.bse[0] ** 2
    z = stats.norm.ppf(0.975)
    middle = (share + z**2 / (2 * worth)) / (1 + z**2 / worth)
    reach = z * np.sqrt(share * (1 - share) / worth + z**2 / (4 * worth**2)) / (1 + z**2 / worth)
    assert (got["ci_low"], got["ci_high"]) == pytest.approx((middle - reach, middle + reach))
    assert 0 < got["p_value"] < 1


def test_clusters_that_answer_as_one_are_few(study):
    cluster = [f"c{k // 10}" for k in range(60)]
    moods = [5] * 20 + [1] * 40
    s = panel_of(study, moods, "s", cluster=cluster)
    got = rows(study, panel_of(study, [5], "p"), panel_of(study, [1, 5] * 20, "h"), s)["memorised_share"]
    known = stats.binomtest(2, 6).proportion_ci(0.95, method="wilson")
    # The variance of six cluster means has five degrees of freedom.
    assert got["ci_low"] == pytest.approx(known.low, abs=0.03)
    assert got["ci_high"] == pytest.approx(known.high, abs=0.04)


def test_an_item_left_out_is_an_item_refused(study):
    pilot, h = panel_of(study, [None, 5], "p"), panel_of(study, [1, 2, 3], "h")
    s = panel_of(study, [None, 5, 4, 4], "s")
    assert rows(study, pilot, h, s)["memorised_share"]["estimate"] == 0.5


def test_without_a_pilot_or_answers_there_is_no_row(study):
    h, s = panel_of(study, [1, 2], "h"), panel_of(study, [1, 2], "s")
    assert memorisation_rows(study, None, h, s) == []
    silent = make_panel(study, {"mood": [None, None], "trust": [None, None], "buys": [None, None]}, panel_id="p")
    assert memorisation_rows(study, silent, h, s) == memorisation_rows(study, h, h, silent) == []


def test_the_pilot_is_the_first_of_its_split(study):
    whole = make_panel(study, draw(np.random.default_rng(1), 6), panel_id="h", kind="human")
    people = whole.respondents.with_columns(split=np.array(["pilot", "holdout"] * 3), draw=np.array([2, 0, 0, 1, 1, 2]))
    pilot = Panel("h", "human", people, whole.responses).pilot(2)
    assert pilot is not None
    assert pilot.respondents["draw"].sort().to_list() == [0, 1]
    assert set(pilot.responses["respondent_id"]) == {"h00002", "h00004"}
    assert Panel("h", "human", people, whole.responses).pilot(None) is None
