"""The draws: against closed forms of survey sampling, scipy's bootstrap, multinomial samples and permutation tests."""

import numpy as np
import polars as pl
import pytest
from planted import FIVE, STUDY, draw, make_panel
from scipy import stats
from scipy.spatial.distance import jensenshannon

from simframe.inference.counted.bootstrap import estimates
from simframe.inference.drawing.resample import Design, afresh, bootstrap, shuffled, stream
from simframe.inference.panels.sample import code
from simframe.study import parse_study

B = 4000


def within_noise(sd: float, wanted: float, replicates: int = B, slack: float = 0.0) -> bool:
    """Tell whether a standard deviation over ``replicates`` is ``wanted`` up to 4 of its own standard errors."""
    return abs(sd / wanted - 1) < 4 / np.sqrt(2 * replicates) + slack


def design(n: int, weight=None, unit=None, stratum=None) -> Design:
    return Design(
        np.ones(n) if weight is None else np.asarray(weight, dtype=float),
        np.arange(n) if unit is None else np.asarray(unit),
        np.zeros(n, dtype=int) if stratum is None else np.asarray(stratum),
    )


def means(x: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    return (x @ drawn) / drawn.sum(axis=0)


class TestBootstrap:
    """Standard errors of a mean."""

    def test_simple_sample(self):
        x = np.random.default_rng(1).gamma(2, 1, 120)
        found = means(x, bootstrap(stream("a"), design(120), B))
        assert within_noise(found.std(), x.std() / np.sqrt(120))
        assert found.mean() == pytest.approx(x.mean(), abs=4 * x.std() / np.sqrt(120 * B))

    def test_weights_give_the_linearised_variance(self):
        rng = np.random.default_rng(2)
        x, w = rng.normal(size=1500), rng.gamma(2, 0.5, 1500)
        found = means(x, bootstrap(stream("b"), design(1500, w), B))
        mean = (w @ x) / w.sum()
        wanted = np.sqrt(w**2 @ (x - mean) ** 2) / w.sum()
        # The linearisation itself is off by terms of order 1/n.
        assert within_noise(found.std(), wanted, slack=5 / 1500)

    def test_clusters_are_drawn_whole(self):
        rng = np.random.default_rng(3)
        unit = np.repeat(np.arange(40), 6)
        x = rng.normal(size=40)[unit] + 0.5 * rng.normal(size=240)
        found = means(x, bootstrap(stream("c"), design(240, unit=unit), B))
        of_clusters = x.reshape(40, 6).mean(axis=1)
        assert within_noise(found.std(), of_clusters.std() / np.sqrt(40))
        assert found.std() > 1.5 * x.std() / np.sqrt(240)

    def test_strata_keep_their_sizes(self):
        rng = np.random.default_rng(4)
        stratum = np.repeat([0, 1, 2], [30, 50, 120])
        x = 5.0 * stratum + rng.normal(size=200) * (1 + stratum)
        drawn = bootstrap(stream("d"), design(200, stratum=stratum), B)
        for k, n in enumerate((30, 50, 120)):
            assert drawn[stratum == k].sum(axis=0) == pytest.approx(n)
        wanted = np.sqrt(sum((n / 200) ** 2 * x[stratum == k].var() / n for k, n in enumerate((30, 50, 120))))
        assert within_noise(means(x, drawn).std(), wanted)


class TestAfresh:
    def test_size_and_law(self):
        drawn = afresh(stream("e"), design(50), 20, B, weighted=False)
        assert (drawn.sum(axis=0) == 20).all()
        assert drawn.mean(axis=1) == pytest.approx(np.full(50, 0.4), abs=4 * np.sqrt(0.4 / B))

    def test_people_are_drawn_by_weight_for_a_panel_without_weights(self):
        w = np.repeat([1.0, 3.0], 25)
        drawn = afresh(stream("f"), design(50, w), 20, B, weighted=False)
        assert (drawn.sum(axis=0) == 20).all()
        assert drawn.mean(axis=1) == pytest.approx(20 * w / w.sum(), abs=4 * np.sqrt(0.6 / B))

    def test_people_carry_their_weights_for_a_weighted_panel(self):
        w = np.repeat([1.0, 3.0], 25)
        drawn = afresh(stream("g"), design(50, w), 20, B, weighted=True)
        assert ((drawn / w[:, None]).sum(axis=0) == 20).all()


class TestShuffled:
    def test_everybody_stands_on_one_side(self):
        h, s = design(30, np.arange(1, 31)), design(12)
        now_h, now_s = shuffled(stream("h"), h, s, 200)
        assert ((now_h > 0).sum(axis=0) == 30).all()
        assert (now_h + now_s == np.concatenate([h.weight, s.weight])[:, None]).all()
        assert len({tuple(column) for column in now_h.T}) == 200

    def test_clusters_move_together(self):
        unit = np.repeat(np.arange(10), 3)
        now_h, _ = shuffled(stream("i"), design(30, unit=unit), design(10), 100)
        blocks = now_h[:30].reshape(10, 3, -1)
        assert (blocks == blocks[:, :1]).all()


def coded(study, h, s, **more):
    return code(study, make_panel(study, h, panel_id="h", kind="human", **more), make_panel(study, s, panel_id="s"))


def one(frame: pl.DataFrame, metric: str, item_id: str | None = "mood", level: str = "all") -> dict:
    found = frame.filter(pl.col("metric") == metric, pl.col("item_id").eq_missing(pl.lit(item_id)), level=level)
    return found.row(0, named=True)


def test_agrees_with_scipys_bootstrap(study):
    """The same data, the same draws but for one respondent fewer, another program."""
    rng = np.random.default_rng(5)
    h, s = draw(rng, 150), draw(rng, 110, shift=0.8)

    def gap(a, b, axis=-1):
        return np.mean(b, axis=axis) - np.mean(a, axis=axis)

    data = (np.array(h["mood"]), np.array(s["mood"]))
    theirs = stats.bootstrap(data, gap, n_resamples=B, rng=np.random.default_rng(6)).standard_error
    ours = one(estimates(coded(study, h, s), B, 0, "s"), "mean_shift")
    assert ours["estimate"] == pytest.approx(gap(*data))
    mine = (ours["ci_high"] - ours["ci_low"]) / 2 / stats.t.ppf(0.975, 150 + 110 - 2)
    assert within_noise(mine / theirs, 1.0, slack=0.02)


def test_floor_is_that_of_multinomial_samples(study):
    rng = np.random.default_rng(7)
    h, s = draw(rng, 200), draw(rng, 60, shift=1)
    found = estimates(coded(study, h, s), B, 0, "s")
    p = np.bincount(h["mood"], minlength=6)[1:] / 200
    a, b = (rng.multinomial(n, p, B).T / n for n in (200, 60))
    for metric, values in {
        "js_distance": jensenshannon(a, b, base=2, axis=0),
        "total_variation": np.abs(a - b).sum(axis=0) / 2,
    }.items():
        row = one(found, metric)
        assert row["floor"] == pytest.approx(values.mean(), abs=4 * values.std() * np.sqrt(2 / B))
        above = (values > row["floor_q95"]).mean()
        # Values of total_variation are lumpy: what lies at the quantile may fall on either side.
        at = (np.abs(values - row["floor_q95"]) < 1e-9).mean()
        assert above - 4 * np.sqrt(2 * 0.05 * 0.95 / B) <= 0.05 <= above + at + 4 * np.sqrt(2 * 0.05 * 0.95 / B)


def test_floor_of_a_subgroup_has_the_subgroups_size(study):
    rng = np.random.default_rng(8)
    h, s = draw(rng, 200), draw(rng, 100)
    s["sex"] = ["f"] * 8 + ["m"] * 92
    found = estimates(coded(study, h, s), B, 0, "s").filter(attribute="sex")
    answers = [m for m, sex in zip(h["mood"], h["sex"], strict=True) if sex == "f"]
    p = np.bincount(answers, minlength=6)[1:] / len(answers)
    a, b = (rng.multinomial(n, p, B).T / n for n in (len(answers), 8))
    values = jensenshannon(a, b, base=2, axis=0)
    assert one(found, "js_distance", level="f")["floor"] == pytest.approx(
        values.mean(), abs=4 * values.std() * np.sqrt(2 / B)
    )


def test_floors_are_shared_by_panels_of_one_size_and_nobody_else(study):
    rng = np.random.default_rng(11)
    h, s, other = draw(rng, 90), draw(rng, 40), draw(rng, 40, shift=1.0)
    # The same answers of the same people, on a scale ten times as wide.
    tens = "".join(f'{{ code = {k}, label = "{k}", value = {10 * k} }}, ' for k in range(1, 6))
    wider = parse_study(STUDY.replace(FIVE, tens), "test")
    first, same, wide = (
        one(estimates(coded(each, h, answers), 200, 0, "s"), "wasserstein")
        for each, answers in ((study, s), (study, other | {"sex": s["sex"], "size": s["size"]}), (wider, s))
    )
    assert (same["floor"], same["floor_q95"]) == (first["floor"], first["floor_q95"])
    assert same["estimate"] != first["estimate"]
    assert (wide["floor"], wide["floor_q95"]) == pytest.approx((10 * first["floor"], 10 * first["floor_q95"]))


@pytest.mark.parametrize("unanimous_first", [False, True])
def test_floors_depend_on_no_answer_of_the_panel(study, unanimous_first):
    """Whatever the panel answers, and whichever panel was set beside these people before it."""
    rng = np.random.default_rng(13)
    h, s = draw(rng, 80), draw(rng, 30)
    alike = s | {name: [s[name][0]] * 30 for name in ("mood", "trust", "buys")}
    odd = s | {"size": [x + 0.123 for x in s["size"]]}
    seed = int(unanimous_first)  # floors are kept by seed: nothing is left of the other case
    if unanimous_first:
        estimates(coded(study, h, alike), 200, seed, "s")
    keys = ["metric", "item_id", "term", "attribute", "level"]
    found = [
        estimates(coded(study, h, answers), 200, seed, "s").filter(~pl.col("metric").str.contains("group"))
        for answers in (s, odd)
    ]
    joined = found[0].join(found[1], on=keys, nulls_equal=True).filter(pl.col("floor").is_not_null())
    assert joined.height > 100
    assert joined["floor"].to_numpy() == pytest.approx(joined["floor_right"].to_numpy(), rel=1e-12)
    association = one(found[0], "cramers_v_inflation")
    assert association["floor_q95"] is not None


def test_p_value_is_that_of_scipys_permutation_test(study):
    rng = np.random.default_rng(9)
    h, s = draw(rng, 60), draw(rng, 45, shift=0.35)

    def gap(a, b, axis=-1):
        return np.mean(b, axis=axis) - np.mean(a, axis=axis)

    data = (np.array(h["size"]), np.array(s["size"]))
    theirs = stats.permutation_test(data, gap, vectorized=True, n_resamples=B, rng=np.random.default_rng(10)).pvalue
    ours = one(estimates(coded(study, h, s), B, 0, "s"), "mean_shift", "size")["p_value"]
    assert ours == pytest.approx(theirs, abs=4 * np.sqrt(2 * theirs * (1 - theirs) / B))


def test_p_values_are_uniform_where_nothing_differs():
    study = parse_study(
        """
        study = { id = "t", title = "t" }
        [[item]]
        id = "size"
        label = "size"
        scale = "interval"
        role = "outcome"
        range = [0, 100]
        bins = [{ code = "any", label = "any" }]
        """,
        "test",
    )
    rng = np.random.default_rng(11)
    found = []
    for k in range(300):
        panels = [{"size": rng.uniform(0, 100, n).tolist()} for n in (25, 35)]
        found.append(one(estimates(coded(study, *panels), 199, k, "s"), "mean_shift", "size")["p_value"])
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_means_and_extremes_combine_the_same_draws(study):
    rng = np.random.default_rng(12)
    found = estimates(coded(study, draw(rng, 90), draw(rng, 70, 1)), 300, 0, "s")
    asked = ["mood", "trust", "buys"]
    mean = one(found, "js_distance", None)
    singles = [one(found.filter(attribute="all"), "js_distance", name) for name in asked]
    assert mean["estimate"] == pytest.approx(np.mean([x["estimate"] for x in singles]))
    # Each floor is scaled by draws of its own figure.
    assert mean["floor"] == pytest.approx(np.mean([x["floor"] for x in singles]), rel=0.01)
    assert mean["floor_q95"] < np.mean([x["floor_q95"] for x in singles])
    by_sex = found.filter(pl.col("item_id") == "mood", metric="js_distance", attribute="sex")
    worst = found.filter(pl.col("item_id") == "mood", metric="worst_group_js_distance").row(0, named=True)
    assert worst["estimate"] == by_sex["estimate"].max()
    assert worst["level"] == by_sex.sort("estimate")["level"][-1]
    assert worst["floor"] > by_sex["floor"].max()
    spread = found.filter(pl.col("item_id") == "mood", metric="spread_js_distance").row(0, named=True)
    assert spread["estimate"] == pytest.approx(by_sex["estimate"].max() - by_sex["estimate"].min())
