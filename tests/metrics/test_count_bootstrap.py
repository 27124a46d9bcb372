"""Bootstrap and floor of counts: the method of `judging/interval.py`, draws as numpy's, the same everywhere."""

import os
import subprocess
import sys
from math import inf, nan

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from polars.testing import assert_frame_equal
from polars.testing.parametric import column, dataframes
from scipy import stats
from scipy.spatial import distance

import simframe.metrics as m
from simframe.errors import MetricError
from simframe.inference.judging import interval as inference
from simframe.inference.judging.methods import METHODS
from simframe.metrics import resampling

FIELDS = ("estimate", "se", "low", "high", "floor", "floor_q95")
ALL = resampling._OF_COUNTS + resampling._OF_VALUES
CELLS = {
    "even": ([30, 25, 20, 15, 10], [22, 18, 22, 20, 18], [1, 2, 3, 4, 5]),
    "skewed, empty options": ([180, 15, 0, 5, 0], [60, 0, 25, 5, 0], [0, 1, 3, 4, 9]),
    "large": ([9_000, 4_000, 2_500, 500], [2_000, 1_600, 300, 100], [0, 1, 2, 3]),
    "fewer people than options": ([3, 0, 1, 2, 1, 0, 2, 1], [1, 1, 0, 4, 0, 2, 0, 1], list(range(8))),
    "two options": ([35, 5], [25, 15], [0, 1]),
}


def cell(name: str, times: int = 1) -> pl.DataFrame:
    h, s, v = CELLS[name]
    return pl.DataFrame({"k": range(times), "h": [h] * times, "s": [s] * times, "v": [v] * times})


def oracle(metric: str, h: np.ndarray, s: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Metrics of replicates, one a row, in vectorised numpy and scipy."""
    p, q = h / h.sum(axis=1, keepdims=True), s / s.sum(axis=1, keepdims=True)
    match metric:
        case "js_distance":
            return distance.jensenshannon(p, q, base=2, axis=1)
        case "js_divergence":
            return distance.jensenshannon(p, q, base=2, axis=1) ** 2
        case "total_variation":
            return np.abs(p - q).sum(axis=1) / 2
        case "hellinger":
            return np.linalg.norm(np.sqrt(p) - np.sqrt(q), axis=1) / np.sqrt(2)
        case "wasserstein":
            return np.abs((p - q).cumsum(axis=1)[:, :-1]) @ np.diff(v)
        case "energy":
            return np.sqrt(2 * (p - q).cumsum(axis=1)[:, :-1] ** 2 @ np.diff(v))
        case "ks":
            return np.abs((p - q).cumsum(axis=1)).max(axis=1)
        case "mean_shift":
            return (q - p) @ v
        case "variance_ratio" | "sd_ratio":
            spread = [share @ v**2 - (share @ v) ** 2 for share in (p, q)]
            ratio = np.where(spread[0] > 1e-12, np.maximum(spread[1], 0) / spread[0], np.nan)
            return np.sqrt(ratio) if metric == "sd_ratio" else ratio
        case "entropy_ratio":
            reference = stats.entropy(p, axis=1)
            return stats.entropy(q, axis=1) / np.where(reference > 0, reference, np.nan)
        case "modal_share_gap":
            return q.max(axis=1) - p.max(axis=1)
    raise AssertionError(metric)


JUDGED_BY_INFERENCE = sorted(set(METHODS) & set(ALL) - {"wasserstein_norm", "kl_divergence", "kl_smoothed"})


def numpys_draws(rng, h, s, replicates):
    """Draw both sides' counts: anew, between samples of people, with labels shuffled, in halves and half samples."""

    def sample(x, n, size=replicates):
        return rng.multinomial(n, x / x.sum(), size)

    def without(x, n):
        return rng.multivariate_hypergeometric(x, n, replicates // 4, method="marginals")

    half, labels = without(h, h.sum() // 2), without(h + s, h.sum())
    people = sample(h, h.sum() - 1)
    few = replicates // 4
    return {
        "bootstrap": (people, sample(s, s.sum() - 1)),
        "floor": (people, sample(h, s.sum())),
        "null": (labels, h + s - labels),
        "halves": (half, h - half),
        "half_samples": (sample(h, h.sum() // 2, few), sample(h, h.sum() - h.sum() // 2, few)),
    }


@pytest.mark.parametrize("name", CELLS)
def test_figures_are_those_of_numpys_draws_and_the_methods_of_inference(name):
    """Thirty bootstraps a side, ours and numpy's: their means agree within what Monte Carlo allows."""
    runs, replicates = 30, 400
    h, s, v = (np.array(part) for part in CELLS[name])
    rng = np.random.default_rng(7)
    ours = cell(name, runs).select(
        m.list_count_bootstrap("h", "s", "v", key="k", replicates=replicates, metrics=JUDGED_BY_INFERENCE)
    )
    figures = {metric: np.empty((runs, len(FIELDS))) for metric in JUDGED_BY_INFERENCE}
    for run in range(runs):
        draws = numpys_draws(rng, h, s, replicates)
        for metric, rows in figures.items():
            with np.errstate(invalid="ignore", divide="ignore"):
                estimate = oracle(metric, h[None], s[None], v)
                drawn = {kind: oracle(metric, *both, v)[None] for kind, both in draws.items()}
                floor = inference.scaled([metric], drawn["floor"], drawn["halves"], drawn["half_samples"])
                between = inference.Drawn(drawn["bootstrap"], floor, drawn["null"])
                worth = np.array([float(h.sum())]), np.array([float(s.sum())])
                found = inference.judge([metric], estimate, between, worth)
            se = np.nanstd(drawn["bootstrap"], ddof=1)
            rows[run] = [estimate[0], se, *(found[name][0] for name in ("ci_low", "ci_high", "floor", "floor_q95"))]
    for metric, theirs in figures.items():
        mine = ours.unnest("list_count_bootstrap")[metric].struct.unnest().select(FIELDS).to_numpy()
        np.testing.assert_allclose(mine[0, 0], theirs[0, 0], rtol=1e-9, atol=1e-9)
        error = np.sqrt((mine.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / runs)
        far = np.abs(mine.mean(axis=0) - theirs.mean(axis=0))[1:] / (error[1:] + 1e-9)
        # 5 cells x 9 metrics x 5 figures: the largest of 225 |t| with 58 degrees of freedom stays below 5.
        assert (far < 5).all(), (metric, dict(zip(FIELDS[1:], far, strict=True)))


def test_the_estimate_is_the_metric_itself():
    frame = pl.concat([cell(name).with_columns(k=pl.lit(name)) for name in CELLS])
    drawn = m.list_count_bootstrap("h", "s", "v", key="k", replicates=2)
    structs = frame.select("k", drawn).unnest("list_count_bootstrap")
    rows = frame.explode("h", "s", "v").group_by("k", maintain_order=True)
    for metric in ALL:
        function = getattr(m, metric)
        plain = rows.agg(function("h", "s", "v") if metric in resampling._OF_VALUES else function("h", "s"))
        # The kernel puts options in an order of its own before it sums.
        for mine, theirs in zip(structs[metric].struct.field("estimate"), plain[metric], strict=True):
            assert mine == pytest.approx(theirs, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize(
    "shares",
    [(0.7, 0.3), (0.5, 0.3, 0.2), (0.97, 0.02, 0.01), (0.4, 0.3, 0.2, 0.1)],
    ids=lambda shares: "-".join(map(str, shares)),
)
@pytest.mark.parametrize("n", [40, 900, 6_000, 300_000, 20_000_000])
def test_every_way_to_draw_a_binomial_has_its_moments_and_quantiles(n, shares):
    """Only the second commonest answer has the value 1, so mean_shift is a difference of two binomial shares.

    Tables, rejection and addition from the mode each serve some of these.
    """
    replicates, counts = 20_000, [round(n * share) for share in shares]
    p = counts[1] / sum(counts)
    frame = pl.DataFrame({"h": [counts], "s": [counts], "v": [[0, 1, 0, 0][: len(counts)]], "k": [f"{n} {shares}"]})
    drawn = frame.select(
        m.list_count_bootstrap("h", "s", "v", key="k", replicates=replicates, metrics=["mean_shift"])
    ).item()["mean_shift"]
    sd = np.sqrt(2 * p * (1 - p) / n)
    kurtosis = 3 + (1 - 6 * p * (1 - p)) / (2 * n * p * (1 - p))
    assert drawn["se"] == pytest.approx(sd, rel=5 * np.sqrt((kurtosis - 1) / 4 / replicates))
    assert drawn["floor"] == pytest.approx(0, abs=5 * sd / np.sqrt(replicates))
    quantile = stats.norm.ppf(0.95)
    error = np.sqrt(0.95 * 0.05 / replicates) / stats.norm.pdf(quantile)
    assert drawn["floor_q95"] == pytest.approx(quantile * sd, abs=5 * error * sd + 1.5 / n)


FRAMES = dataframes(
    cols=[
        column("g", dtype=pl.Int8, strategy=st.integers(0, 3)),
        column("h", dtype=pl.Int32, strategy=st.integers(0, 60)),
        column("s", dtype=pl.Int64, strategy=st.integers(0, 60)),
        column("v", dtype=pl.Float64, strategy=st.integers(-4, 4).map(float), allow_null=True),
    ],
    min_size=1,
    max_size=30,
    allow_null=False,
    allow_chunks=True,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=FRAMES, cut=st.integers(0, 4), order=st.randoms(use_true_random=False))
def test_the_same_in_every_context_order_and_engine(frame, cut, order):
    frame = frame.slice(cut)
    if frame.is_empty():
        return
    shuffled = frame[order.sample(range(len(frame)), len(frame))]
    chosen = ["js_distance", "wasserstein", "variance_ratio"]
    for function, listed in (
        (m.count_bootstrap, m.list_count_bootstrap),
        (m.count_permutation, m.list_count_permutation),
    ):
        drawn = function("h", "s", "v", key="g", replicates=20, seed=3, metrics=chosen).alias("x")
        expected = frame.group_by("g").agg(drawn).sort("g")
        lists = frame.group_by("g").agg(pl.col("h", "s", "v"))
        in_lists = listed("h", "s", "v", key="g", replicates=20, seed=3, metrics=chosen).alias("x")
        results = [
            shuffled.group_by("g").agg(drawn),
            shuffled.lazy().group_by("g").agg(drawn).collect(engine="streaming"),
            shuffled.select("g", drawn.over("g")).unique(subset="g"),
            pl.concat([part.select("g", drawn).head(1) for part in shuffled.partition_by("g")]),
            lists.select("g", in_lists),
            pl.concat([lists.slice(1), lists.slice(0, 1)], rechunk=False).select("g", in_lists),
            lists.lazy().select("g", in_lists).collect(engine="streaming"),
        ]
        for result in results:
            assert_frame_equal(result.sort("g"), expected, check_exact=True)


def test_the_number_of_threads_does_not_show():
    code = (
        "import polars as pl, numpy as np, simframe.metrics as m\n"
        "rng = np.random.default_rng(5)\n"
        "h, s = rng.multinomial(300, [.5, .3, .1, .1], (2, 200)).tolist()\n"
        "f = pl.DataFrame({'h': h, 's': s, 'v': [[1, 2, 3, 4]] * 200, 'k': range(200)})\n"
        "both = m.list_count_bootstrap, m.list_count_permutation\n"
        "print(f.select(e('h', 's', 'v', key='k', replicates=50) for e in both).to_dicts())"
    )
    results = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"POLARS_MAX_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert results[0] == results[1]


def test_seed_and_key_decide_the_draws_and_the_choice_of_metrics_does_not():
    frame = cell("even")

    def se(key, seed, metrics=("js_distance",)):
        drawn = m.list_count_bootstrap("h", "s", "v", key=key, seed=seed, replicates=50, metrics=metrics)
        return frame.select(drawn).item()["js_distance"]["se"]

    first = se(pl.lit("a"), 0)
    assert first == se(pl.lit("a"), 0, ("wasserstein", "js_distance"))
    assert len({first, se(pl.lit("a"), 1), se(pl.lit("b"), 0), se([pl.lit("a"), pl.lit(None)], 0)}) == 4
    # A text of more than 12 bytes is held elsewhere in memory, with the same hash as any.
    long = pl.DataFrame({"k": ["an item with a very long name", "x", None, "an item with a very long name"]})
    hashes = long.join(frame.drop("k"), how="cross").select(
        m.list_count_bootstrap("h", "s", key="k", replicates=50, metrics=["js_distance"])
    )
    drawn = [row["js_distance"]["se"] for row in hashes.to_series()]
    assert drawn[0] == drawn[3]
    assert len(set(drawn)) == 3


def test_intervals_hold_the_estimate_and_lie_in_the_range():
    frame = pl.concat([cell(name).with_columns(k=pl.lit(name)) for name in CELLS])
    structs = frame.select(m.list_count_bootstrap("h", "s", "v", key="k")).unnest("list_count_bootstrap")
    for metric in ALL:
        part = structs[metric].struct.unnest()
        entry = m.metric(metric)
        for row in part.drop_nulls("low").iter_rows(named=True):
            assert entry.low <= row["low"] <= row["estimate"] <= row["high"] <= entry.high
            assert row["se"] >= 0


@pytest.mark.parametrize("side", [[0, 0, 0], [1, None, 2], [1, nan, 2], [1, inf, 2], [1, -1, 2], None])
@pytest.mark.parametrize("function", [m.list_count_bootstrap, m.list_count_permutation])
def test_a_side_without_usable_counts_is_null_field_by_field(function, side):
    other = [3, 4, 5] if side is not None else []
    for h, s in ((side, other), (other, side)):
        frame = pl.DataFrame({"h": [h], "s": [s]}, schema=dict.fromkeys("hs", pl.List(pl.Float64)), strict=False)
        fields = frame.select(function("h", "s", key=pl.lit("x"), replicates=10)).item()
        leaves = [
            leaf for field in fields.values() for leaf in (field.values() if isinstance(field, dict) else [field])
        ]
        assert leaves == [None] * len(leaves)


def test_a_value_that_is_missing_leaves_the_metrics_of_values_null():
    frame = pl.DataFrame({"h": [[3, 4]], "s": [[4, 3]], "v": [[1.0, None]]})
    fields = frame.select(m.list_count_bootstrap("h", "s", "v", key=pl.lit("x"), replicates=10)).item()
    assert fields["wasserstein"]["estimate"] is None
    assert fields["wasserstein"]["floor"] is None
    assert fields["js_distance"]["high"] is not None


def test_an_infinite_estimate_has_a_p_value_and_no_interval():
    frame = pl.DataFrame({"h": [[5, 5]], "s": [[10, 0]], "k": ["x"]})
    infinite = frame.select(m.list_count_bootstrap("h", "s", key="k", metrics=["kl_divergence"])).item()
    assert infinite["kl_divergence"]["estimate"] == inf
    assert infinite["kl_divergence"]["low"] is None
    p = frame.select(m.list_count_permutation("h", "s", key="k", metrics=["kl_divergence"], replicates=20_000)).item()
    # As extreme: S without the second answer, C(15, 10) / C(20, 10).
    assert p["kl_divergence"] == pytest.approx(stats.hypergeom.pmf(0, 20, 5, 10), abs=0.002)


def test_an_empty_frame_keeps_its_type():
    empty = cell("even").clear()
    drawn = m.list_count_bootstrap("h", "s", "v", key="k", metrics=["ks"])
    assert empty.lazy().select(drawn).collect_schema() == empty.select(drawn).schema
    assert empty.select(drawn).schema["list_count_bootstrap"] == pl.Struct(
        {"ks": pl.Struct(dict.fromkeys(FIELDS, pl.Float64))}
    )


def test_errors_name_the_column_and_the_mend():
    frame = pl.DataFrame({"people": [[3, 4]], "twins": [[2.5, 1.0]], "short": [[1]], "v": [[1, 2]], "k": [1]})
    drawn = {"key": "k", "replicates": 10}
    with pytest.raises(pl.exceptions.ComputeError, match=r"column 'twins' holds 2\.5.*weights cannot"):
        frame.select(m.list_count_bootstrap("people", "twins", **drawn))
    with pytest.raises(pl.exceptions.ComputeError, match="column 'short' has 1 options where 'people' has 2"):
        frame.select(m.list_count_permutation("people", "short", **drawn))
    with pytest.raises(pl.exceptions.ComputeError, match="column 'v' has 2 options where 'short' has 1"):
        frame.select(m.list_count_permutation("short", "short", "v", **drawn))
    with pytest.raises(pl.exceptions.ComputeError, match="column 'k' holds Arrow type"):
        frame.select(m.list_count_bootstrap("k", "k", **drawn))
    with pytest.raises(pl.exceptions.ComputeError, match="column 'people' counts more than 2147483647"):
        frame.with_columns(people=pl.lit(pl.Series([[2**31, 1]]))).select(
            m.list_count_bootstrap("people", "v", **drawn)
        )
    with pytest.raises(MetricError, match="wasserstein needs option values"):
        m.count_bootstrap("h", "s", key="k", metrics=["wasserstein"])
    with pytest.raises(MetricError, match="js_distance"):
        m.count_bootstrap("h", "s", key="k", metrics=["js_distanse"])
    for wrong in ({"replicates": 1}, {"seed": -1}, {"seed": 2**53}, {"metrics": []}, {"metrics": ["ks", "ks"]}):
        with pytest.raises(MetricError):
            m.count_permutation("h", "s", "v", key="k", **wrong)


def test_the_first_bad_row_is_the_one_reported_whatever_the_threads():
    counts = [[5.0, 5.0]] * 400
    counts[37], counts[38] = [0.5, 1.0], [0.25, 1.0]
    frame = pl.DataFrame({"h": counts, "k": range(400)})
    for _ in range(5):
        with pytest.raises(pl.exceptions.ComputeError, match="row 37"):
            frame.select(m.list_count_bootstrap("h", "h", key="k", replicates=5))
