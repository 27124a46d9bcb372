"""SQL against scipy and numpy on random panels, from raw answers through the product's own publishing and counting."""

from __future__ import annotations

from math import sqrt

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from simframe.warehouse.publish import Provenance, publish_panel

from .conftest import Warehouse, figures

STUDY = """
[study]
id = "random"
title = "Random panels"

[[item]]
id = "region"
label = "Region"
scale = "nominal"
role = "persona"
subgroup = true
options = [{ code = "n", label = "north" }, { code = "s", label = "south" }, { code = "w", label = "west" }]

[[item]]
id = "sex"
label = "Sex"
scale = "nominal"
role = "persona"
subgroup = true
options = [{ code = "f", label = "female" }, { code = "m", label = "male" }]

[[item]]
id = "mood"
label = "Mood"
scale = "ordinal"
role = "belief"
options = [
  { code = 1, label = "1", value = 1 }, { code = 2, label = "2", value = 2 }, { code = 3, label = "3", value = 4 },
  { code = 4, label = "4", value = 8 }, { code = 5, label = "never chosen", value = 9 },
]

[[item]]
id = "act"
label = "Act"
scale = "nominal"
role = "action"
options = [
  { code = "a", label = "a", value = 3 }, { code = "b", label = "b", value = 1 },
  { code = "c", label = "c", value = 2 },
]

[[item]]
id = "income"
label = "Income"
scale = "interval"
role = "outcome"
range = [-50, 150]

[[structure]]
id = "both"
label = "Both"
items = ["mood", "act"]

[[pair]]
id = "pair"
label = "Pair"
belief = "mood"
action = "act"
implies = { 1 = "a", 4 = "b" }

[[crossing]]
attributes = ["region", "sex"]
"""
MOOD = {"1": 1.0, "2": 2.0, "3": 4.0, "4": 8.0, "5": 9.0}
ACT = {"a": 3.0, "b": 1.0, "c": 2.0}


def draw(rng: np.random.Generator, n: int, weighted: bool) -> pl.DataFrame:
    """One row a respondent: what they are and what they answer; some moods are missing."""
    mood = rng.choice(list("1234"), n, p=rng.dirichlet(np.full(4, 2.0)))
    lean = np.where(np.isin(mood, ["3", "4"]), 0.7, 0.2)
    act = np.where(rng.random(n) < lean, "b", rng.choice(list("ac"), n))
    return pl.DataFrame(
        {
            "respondent_id": [f"r{i}" for i in range(n)],
            "weight": rng.integers(1, 5, n) * 0.5 if weighted else np.ones(n),
            "split": rng.choice(["holdout", "pilot"], n),
            "region": rng.choice(list("nsw"), n),
            "sex": rng.choice(list("fm"), n),
            "mood": np.where(rng.random(n) < 0.1, None, mood),
            "act": act,
            "income": np.round(rng.normal(rng.uniform(20, 60), rng.uniform(5, 25), n), 1).clip(-50, 150),
        }
    )


def publish(made: Warehouse, panel_id: str, frame: pl.DataFrame, reference: str | None) -> None:
    parts = []
    for item, values in (("region", None), ("sex", None), ("mood", MOOD), ("act", ACT), ("income", None)):
        column = frame[item]
        code = pl.lit(None, pl.String) if item == "income" else pl.col(item).cast(pl.String)
        value = column.cast(pl.Float64) if item == "income" else [values.get(c) if values else None for c in column]
        parts.append(
            frame.select("respondent_id", code.alias("code"), pl.col(item).is_null().alias("missing")).with_columns(
                pl.lit(item).alias("item_id"), pl.Series("value", value, pl.Float64)
            )
        )
    kind = "simulated" if reference else "human"
    provenance = Provenance(
        panel_id=panel_id, kind=kind, label=panel_id, source="random", strategy="tuned" if reference else "survey",
        reference_id=reference, reference_split="holdout" if reference else None,
    )  # fmt: skip
    respondents = frame.select("respondent_id", "weight", "split")
    publish_panel(made.layout, made.study, provenance, respondents, pl.concat(parts))


@pytest.fixture(scope="module", params=[(1, False), (2, True), (3, True)], ids=["unweighted", "weighted", "weighted-2"])
def case(request, tmp_path_factory):
    """(connection, people in the holdout, simulated respondents, weighted)."""
    seed, weighted = request.param
    rng = np.random.default_rng(seed)
    h, s = draw(rng, 700, weighted), draw(rng, 260, weighted)
    made = Warehouse(tmp_path_factory.mktemp("oracle") / "warehouse", STUDY)
    publish(made, "h", h, None)
    publish(made, "s", s, "h")
    with made.open() as con:
        yield con, h.filter(pl.col("split") == "holdout"), s, weighted


def counts(frame: pl.DataFrame, item: str, codes) -> np.ndarray:
    return np.array([frame.filter(pl.col(item) == code)["weight"].sum() for code in codes])


def values(frame: pl.DataFrame, item: str, table=None) -> tuple[np.ndarray, np.ndarray]:
    kept = frame.filter(pl.col(item).is_not_null())
    return np.array([table[c] if table else c for c in kept[item]]), kept["weight"].to_numpy()


def near(expected):
    return pytest.approx(expected, rel=1e-11, abs=1e-12)


def check_categorical(got, p, q):
    assert got["js_distance"] == near(jensenshannon(p, q, base=2))
    assert got["js_distance"] ** 2 == near(got.get("js_divergence", got["js_distance"] ** 2))
    assert got["total_variation"] == near(np.abs(p / p.sum() - q / q.sum()).sum() / 2)


@pytest.mark.parametrize(("item", "codes"), [("mood", MOOD), ("act", ACT), ("region", list("nsw"))])
def test_categorical_divergences(case, item, codes):
    con, h, s, weighted = case
    p, q = counts(h, item, codes), counts(s, item, codes)
    got = figures(con, "divergence", item_id=item)
    check_categorical(got, p, q)
    assert got["kl_divergence"] == near(stats.entropy(p, q, base=2))
    assert got["hellinger"] == near(sqrt(max(0, 1 - np.sqrt(p / p.sum() * q / q.sum()).sum())))
    n_h, n_s = (int(f[item].is_not_null().sum()) for f in (h, s))
    smooth = [(n * x / x.sum() + 0.5) / (n + 0.5 * len(x)) for n, x in ((n_h, p), (n_s, q))]
    assert got["kl_smoothed"] == near(stats.entropy(*smooth, base=2))
    spread = figures(con, "heterogeneity", item_id=item, attribute="all")
    assert spread["entropy_h"] == near(stats.entropy(p, base=2))
    assert spread["entropy_s"] == near(stats.entropy(q, base=2))
    assert spread["modal_share_gap"] == near(q.max() / q.sum() - p.max() / p.sum())
    if not weighted:
        table = np.array([p, q])[:, (p + q) > 0]
        expected = stats.chi2_contingency(table, correction=False)
        assert (got["chi2"], got["chi2_df"]) == near((expected.statistic, expected.dof))


@pytest.mark.parametrize(("item", "table"), [("mood", MOOD), ("income", None)])
def test_distances_on_values(case, item, table):
    con, h, s, weighted = case
    (x, wx), (y, wy) = values(h, item, table), values(s, item, table)
    got = figures(con, "divergence", item_id=item)
    assert got["wasserstein"] == near(stats.wasserstein_distance(x, y, wx, wy))
    assert got["wasserstein_norm"] == near(got["wasserstein"] / (8 if table else 200))
    if item == "income":
        assert got["energy"] == near(stats.energy_distance(x, y, wx, wy))
    assert got["mean_shift"] == near(np.average(y, weights=wy) - np.average(x, weights=wx))
    if not weighted:
        assert got["ks"] == near(stats.ks_2samp(x, y).statistic)
    variance = [np.cov(v, aweights=w, ddof=0) for v, w in ((x, wx), (y, wy))]
    spread = figures(con, "heterogeneity", item_id=item, attribute="all")
    assert spread["variance_ratio"] == near(variance[1] / variance[0])
    assert spread["sd_ratio"] == near(sqrt(variance[1] / variance[0]))


def test_nonresponse(case):
    con, h, s, _ = case
    share = [f.filter(pl.col("mood").is_null())["weight"].sum() / f["weight"].sum() for f in (h, s)]
    assert figures(con, "divergence", item_id="mood")["nonresponse_gap"] == near(share[1] - share[0])


def test_every_subgroup_and_crossing(case):
    con, h, s, _ = case
    rows = con.execute("""
        SELECT attribute, level, item_id, estimate, n_h, n_s FROM subgroups
        WHERE metric = 'js_distance' AND item_id IN ('mood', 'act')
    """).fetchall()
    assert len(rows) == 2 * (3 + 2 + 6)
    for attribute, level, item, estimate, n_h, n_s in rows:
        sides = [h, s]
        for name, code in zip(attribute.split("*"), level.split("*"), strict=True):
            sides = [f.filter(pl.col(name) == code) for f in sides]
        codes = MOOD if item == "mood" else ACT
        assert estimate == near(jensenshannon(*(counts(f, item, codes) for f in sides), base=2))
        assert (n_h, n_s) == tuple(f[item].is_not_null().sum() for f in sides)


def test_the_worst_group_is_the_largest(case):
    con = case[0]
    levels = con.execute("""
        SELECT item_id, attribute, coalesce(arg_max(level, estimate), 'all'), max(estimate),
            max(estimate) - min(estimate)
        FROM subgroups WHERE metric = 'js_distance' GROUP BY ALL ORDER BY ALL
    """).fetchall()
    worst = con.execute("""
        SELECT w.item_id, w.attribute, w.level, w.estimate, s.estimate
        FROM subgroups AS w
        JOIN subgroups AS s ON s.item_id IS NOT DISTINCT FROM w.item_id AND s.attribute = w.attribute
        WHERE w.metric = 'worst_group_js_distance' AND s.metric = 'spread_js_distance' ORDER BY ALL
    """).fetchall()
    assert worst == levels


@pytest.mark.parametrize("attribute", ["region", "sex", "region*sex"])
def test_groups_within_and_between(case, attribute):
    con, h, s, _ = case
    names = attribute.split("*")
    moments = []
    for frame in (h, s):
        groups = {k: values(g, "income") for k, g in frame.partition_by(names, as_dict=True).items()}
        weight = {k: w.sum() for k, (_, w) in groups.items()}
        mean = {k: np.average(x, weights=w) for k, (x, w) in groups.items()}
        variance = {k: np.cov(x, aweights=w, ddof=0) for k, (x, w) in groups.items()}
        moments.append((weight, mean, variance))
    (wh, mh, vh), (ws, ms, vs) = moments
    keys = sorted(wh)
    a = np.array([wh[k] for k in keys])
    got = figures(con, "heterogeneity", item_id="income", attribute=attribute, level="all")
    within = [np.average([v[k] for k in keys], weights=a) for v in (vh, vs)]
    assert got["within_variance_ratio"] == near(within[1] / within[0])
    slope = np.polyfit([mh[k] for k in keys], [ms[k] for k in keys], 1, w=np.sqrt(a))[0]
    assert got["group_slope"] == pytest.approx(slope, rel=1e-8)

    def eta2(frame, weight, mean):
        x, w = values(frame, "income")
        grand = np.average(x, weights=w)
        return sum(weight[k] * (mean[k] - grand) ** 2 for k in keys) / (w * (x - grand) ** 2).sum()

    assert got["eta2_ratio"] == near(eta2(s, ws, ms) / eta2(h, wh, mh))


def table_of(frame: pl.DataFrame) -> np.ndarray:
    both = frame.filter(pl.col("mood").is_not_null())
    cells = [[both.filter((pl.col("mood") == b) & (pl.col("act") == a))["weight"].sum() for a in ACT] for b in "1234"]
    return np.array(cells)


def test_association_and_its_inflation(case):
    con, h, s, _ = case
    got = figures(con, "coherence", term="pair", attribute="all")
    sides = {"_h": table_of(h), "_s": table_of(s)}
    for side, table in sides.items():
        # Weights are multiples of one half: doubled, the table holds whole respondents.
        whole = (table * 2).round().astype(int)
        assert got["cramers_v" + side] == near(stats.contingency.association(whole, method="cramer"))
        p = table / table.sum()
        independent = np.outer(p.sum(1), p.sum(0))
        assert got["mutual_information" + side] == near(stats.entropy(p.ravel(), independent.ravel(), base=2))
        gini = 1 - (p.sum(0) ** 2).sum()
        tau = (gini - (p.sum(1) * (1 - ((p.T / p.sum(1)) ** 2).sum(0))).sum()) / gini
        assert got["goodman_kruskal_tau" + side] == near(tau)
        b, a = np.indices(table.shape)
        order = np.array(list(ACT.values()))[a]
        repeats = whole.ravel()
        rho = stats.spearmanr(np.repeat(b.ravel(), repeats), np.repeat(order.ravel(), repeats)).statistic
        assert got["spearman" + side] == near(rho)
    for name in ("cramers_v", "mutual_information", "goodman_kruskal_tau", "spearman"):
        assert got[name + "_inflation"] == near(got[name + "_s"] - got[name + "_h"])
        assert got[name + "_inflation_ratio"] == near(got[name + "_s"] / got[name + "_h"])


def test_actions_given_the_belief(case):
    con, h, s, _ = case
    got = figures(con, "coherence", term="pair", attribute="all")
    a, b = table_of(h), table_of(s)
    shares = a.sum(1) / a.sum()
    assert got["conditional_js"] == near(
        sum(w * jensenshannon(x, y, base=2) ** 2 for w, x, y in zip(shares, a, b, strict=True))
    )
    assert got["conditional_js_coverage"] == near(1.0)


def test_belief_action_gap(case):
    con, h, s, _ = case
    for attribute, level, side in (
        ("all", "all", "_h"),
        ("all", "all", "_s"),
        ("region", "n", "_h"),
        ("sex", "m", "_s"),
    ):
        frame = h if side == "_h" else s
        if attribute != "all":
            frame = frame.filter(pl.col(attribute) == level)
        judged = frame.filter(pl.col("mood").is_in(["1", "4"]))
        against = judged.filter(pl.col("act") != pl.col("mood").replace({"1": "a", "4": "b"}))
        got = figures(con, "coherence", term="pair", attribute=attribute, level=level)
        assert got["belief_action_gap" + side] == near(against["weight"].sum() / judged["weight"].sum())


def test_structures(case):
    con, h, s, _ = case
    got = figures(con, "heterogeneity", term="both")
    sides = [f.filter(pl.col("mood").is_not_null()) for f in (h, s)]
    m = min(len(f) for f in sides)
    for side, frame in zip(("_h", "_s"), sides, strict=True):
        n = frame.group_by("mood", "act").len()["len"].to_numpy()
        assert got["unique_structures" + side] == len(n)
        # Hurlbert: the chance to draw at least one of n_t among m is a hypergeometric tail.
        expected = stats.hypergeom.sf(0, n.sum(), n, m).sum()
        assert got["rarefied_structures" + side] == pytest.approx(expected, rel=1e-9)
