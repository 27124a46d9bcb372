"""Options declared missing: set aside, or a category of their own; pandas and SciPy are the judges, all the way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from scipy.spatial.distance import jensenshannon

from simframe.errors import WarehouseError
from simframe.inference import evaluate_panels
from simframe.ingest import import_panel, import_simulated
from simframe.simulate.baselines import BASELINES
from simframe.simulate.runner import find_humans
from simframe.study import Study, parse_study
from simframe.warehouse import Provenance, Warehouse, examine

CODES = {"category": ["1", "2", "3", "9"], "exclude": ["1", "2", "3"]}


@dataclass(frozen=True)
class Case:
    """People and a panel under one policy, and their answers as pandas reads them."""

    policy: str
    warehouse: Warehouse
    h: pd.DataFrame
    s: pd.DataFrame

    def figure(self, metric: str, **keys: str) -> tuple[float, float | None]:
        """Return a point estimate and that of the evaluation."""
        where = " AND ".join(f"a.{name} = '{value}'" for name, value in {"attribute": "all", **keys}.items())
        found = self.warehouse.sql(f"""
            SELECT a.estimate, e.estimate FROM alignment AS a
            LEFT JOIN estimates AS e ON e.panel_id = a.panel_id AND e.metric = a.metric AND e.family = a.family
                AND e.item_id IS NOT DISTINCT FROM a.item_id AND e.term IS NOT DISTINCT FROM a.term
                AND e.attribute = a.attribute AND e.level = a.level
            WHERE a.panel_id <> a.reference_id AND a.metric = '{metric}' AND {where}
        """)
        assert found.height == 1, (metric, found)
        return found.row(0)

    def green(self, side: pd.DataFrame) -> pd.Series:
        """Return what counts as an answer, by code."""
        codes = side["q1"].replace({"YES!": "3"})
        return codes[codes.isin(CODES[self.policy])]

    def shares(self, side: pd.DataFrame) -> np.ndarray:
        return self.green(side).value_counts(normalize=True).reindex(CODES[self.policy], fill_value=0).to_numpy()

    def table(self, side: pd.DataFrame, codes: list[str]) -> np.ndarray:
        """Return the counts of belief and action."""
        both = pd.DataFrame({"green": side["q1"].replace({"YES!": "3"}), "visits": side["visits"]}).dropna()
        return pd.crosstab(both["green"], both["visits"]).reindex(codes).dropna().to_numpy()


def study_text(park_text: str, policy: str) -> str:
    text = park_text.replace('weight = "wt"\n', "").replace('stratum = "region"\n', "")
    text = text.replace("rectify = 6", "rectify = 0").replace("pilot = 12", "pilot = 40")
    return text.replace('column = "q1"', f'column = "q1"\nmissing = "{policy}"')


@pytest.fixture(scope="module", params=["category", "exclude"])
def case(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    park_text: str,
    park_people: Callable[..., pl.DataFrame],
) -> Case:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "study.toml").write_text(study_text(park_text, request.param), "utf-8")
    for name, frame in (("h", park_people(220, 8)), ("s", park_people(150, 9).drop("person"))):
        frame.write_csv(folder / f"{name}.csv")
    warehouse = Warehouse.create(folder / "w")
    people = import_panel(warehouse, folder / "study.toml", folder / "h.csv")
    import_simulated(warehouse, folder / "study.toml", folder / "s.csv", reference=people.panel_id)
    evaluate_panels(warehouse, None, lambda done, total: None, replicates=100)
    h, s = (pd.read_csv(folder / f"{name}.csv", dtype=str) for name in "hs")
    return Case(request.param, warehouse, h, s)


def test_the_grid_has_the_category_or_not(case: Case) -> None:
    rows = case.warehouse.sql("""
        SELECT code, p, q, n_h FROM shares WHERE item_id = 'green' AND attribute = 'all' ORDER BY position
    """)
    assert rows["code"].to_list() == CODES[case.policy]
    assert rows["p"].to_list() == pytest.approx(case.shares(case.h))
    assert rows["q"].to_list() == pytest.approx(case.shares(case.s))
    counts = case.green(case.h).value_counts()
    assert rows["n_h"].to_list() == [counts[code] for code in CODES[case.policy]]
    assert examine(case.warehouse) == []


def test_nominal_metrics_count_it(case: Case) -> None:
    p, q = case.shares(case.h), case.shares(case.s)
    counts = [case.green(side).value_counts().reindex(CODES[case.policy]) for side in (case.h, case.s)]
    for metric, expected in (
        ("js_distance", jensenshannon(p, q, base=2)),
        ("chi2", stats.chi2_contingency(counts, correction=False).statistic),
        ("entropy_ratio", stats.entropy(q) / stats.entropy(p)),
    ):
        point, evaluated = case.figure(metric, item_id="green")
        assert point == pytest.approx(expected), metric
        if evaluated is not None:
            assert evaluated == pytest.approx(expected), metric


def test_ordered_metrics_set_it_aside(case: Case) -> None:
    h, s = (case.green(side)[lambda codes: codes != "9"].astype(float) for side in (case.h, case.s))
    for metric, expected in (
        ("wasserstein", stats.wasserstein_distance(h, s)),
        ("ks", stats.ks_2samp(h, s).statistic),
        ("mean_shift", s.mean() - h.mean()),
        ("variance_ratio", s.var(ddof=0) / h.var(ddof=0)),
    ):
        point, evaluated = case.figure(metric, item_id="green")
        assert point == pytest.approx(expected), metric
        if evaluated is not None:
            assert evaluated == pytest.approx(expected), metric


def test_a_blank_cell_is_missing_under_both(case: Case) -> None:
    missing = [1 - len(case.green(side)) / len(side) for side in (case.h, case.s)]
    assert case.figure("nonresponse_gap", item_id="green")[0] == pytest.approx(missing[1] - missing[0])
    assert case.h["q1"].isna().any()


def test_pairs_count_it_and_rank_correlations_do_not(case: Case) -> None:
    for side, frame in (("h", case.h), ("s", case.s)):
        table = case.table(frame, CODES[case.policy])
        cramer = stats.contingency.association(table, method="cramer")
        assert case.figure(f"cramers_v_{side}", term="walk")[0] == pytest.approx(cramer)
        ranked = case.table(frame, ["1", "2", "3"])
        green, visits = (np.repeat(places.ravel(), ranked.ravel().astype(int)) for places in np.indices(ranked.shape))
        expected = stats.spearmanr(green, visits).statistic
        assert case.figure(f"spearman_{side}", term="walk")[0] == pytest.approx(expected)


def test_structures_count_it(case: Case) -> None:
    for side, frame in (("h", case.h), ("s", case.s)):
        green = case.green(frame)
        whole = pd.DataFrame({"green": green, "visits": frame.loc[green.index, "visits"]}).dropna()
        got = case.figure(f"unique_structures_{side}", term="both")[0]
        assert got == len(whole.drop_duplicates())


def test_regressions_set_it_aside(case: Case) -> None:
    data = case.s.assign(green=case.s["q1"].replace({"YES!": "3"}), home=case.s["home"].replace({"apartment": "flat"}))
    data = data[data["green"].isin(["1", "2", "3"]) & data["age"].ne("NA")].dropna()
    numbers = data.astype({"green": float, "age": float, "visits": float})
    expected = smf.logit("visits ~ green + age + C(home)", numbers).fit(disp=0)
    fitted = case.warehouse.sql(
        "SELECT n FROM fits WHERE panel_id LIKE '%simulated%' AND split = 'all' AND attribute = 'all'"
    ).item()
    assert fitted == len(data)
    found = dict(
        case.warehouse.sql("""
            SELECT term, estimate FROM coefficients
            WHERE panel_id LIKE '%simulated%' AND kind = 'slope' AND attribute = 'all'
        """).iter_rows()
    )
    slopes = expected.params.drop("Intercept")
    assert found == {term: pytest.approx(value, rel=1e-4) for term, value in slopes.items()}


def test_the_category_is_offered_to_baselines_and_models(case: Case) -> None:
    humans = find_humans(case.warehouse, None)
    pilot_people, pilot = humans.part("pilot", 40)
    _, personas = humans.personas()
    weights = pilot_people["weight"].to_numpy()
    answered = pilot.filter((pl.col("item_id") == "green") & ~pl.col("missing"))
    for name, baseline in BASELINES.items():
        drawn = baseline(humans.study, pilot, weights, personas, seed=3).filter(pl.col("item_id") == "green")
        assert set(drawn["code"].drop_nulls()) <= set(CODES[case.policy])
        assert (drawn["code"].is_null() == drawn["missing"]).all()
        if name == "hot_deck":  # a donor's answers are somebody's, and missing where that person's were
            assert drawn["probabilities"].null_count() == drawn.height
            continue
        probabilities = np.array(drawn["probabilities"].to_list())
        assert probabilities.shape[1] == len(CODES[case.policy])
        assert not drawn["missing"].any()
        if name == "item_mean":
            continue
        assert (probabilities > 0).all()
        if name not in ("pilot_marginals", "logit_chain"):  # others may tell personas apart as they like
            continue
        shares = [(answered["code"] == code).mean() for code in CODES[case.policy]]
        # One respondent's worth of evenly spread answers is added to the pilot's shares.
        assert probabilities.mean(axis=0) == pytest.approx(shares, abs=0.06)
    assert drawn.filter(pl.col("code") == "9")["value"].null_count() == (drawn["code"] == "9").sum()


def test_a_simulated_panel_may_answer_it(case: Case, tmp_path: Path) -> None:
    shutil.copytree(case.warehouse.layout.root, tmp_path / "w")
    warehouse = Warehouse(tmp_path / "w")
    warehouse.rebuild()
    humans = find_humans(warehouse, None)
    respondents, personas = humans.personas()
    ids = respondents["respondent_id"]
    answers = pl.concat(
        pl.DataFrame(
            {"respondent_id": ids, "item_id": item, "code": code, "value": value, "missing": False},
            schema_overrides={"value": pl.Float64},
        )
        for item, code, value in (("green", "9", None), ("visits", "1", 1.0))
    )
    provenance = Provenance("panel", "simulated", "dk", "none", "tuned", reference_id=humans.panel_id)
    everything = pl.concat([personas, answers], how="diagonal_relaxed")
    if case.policy == "exclude":
        with pytest.raises(WarehouseError, match="'9' to 'green', which is none of its options"):
            warehouse.publish(humans.study, "", provenance, respondents, everything)
        return
    warehouse.publish(humans.study, "", provenance, respondents, everything)
    rows = warehouse.sql("""
        SELECT metric, estimate, reason FROM divergence WHERE panel_id = 'panel' AND item_id = 'green'
    """)
    found = {metric: (estimate, reason) for metric, estimate, reason in rows.iter_rows()}
    expected = 1 - case.shares(case.h)[-1]
    assert found["total_variation"] == (pytest.approx(expected), None)
    assert found["wasserstein"] == (None, "no answer has a value")
    assert found["mean_shift"] == (None, "no answer has a value")


def test_the_prompt_names_the_category(park_text: str) -> None:
    from simframe.simulate.prompts import Template

    def labels(study: Study) -> str:
        return Template().render_cue(study.item("green"))

    assert "don't know" in labels(parse_study(study_text(park_text, "category"), "x"))
    assert "don't know" not in labels(parse_study(study_text(park_text, "exclude"), "x"))


def test_a_subgroup_item_has_it_as_a_level(park_text: str, tmp_path: Path) -> None:
    text = study_text(park_text, "category").replace('column = "q1"', 'column = "q1"\nsubgroup = true')
    assert [code for code, _ in parse_study(text, "x").item("green").levels] == CODES["category"]


def test_both_are_evaluated(case: Case) -> None:
    rows = case.warehouse.sql("""
        SELECT metric, estimate, ci_low, ci_high, p_value, n_h FROM alignment
        WHERE item_id = 'green' AND attribute = 'all' AND panel_id <> reference_id
            AND metric IN ('js_distance', 'wasserstein', 'mean_shift', 'variance_ratio', 'entropy_ratio')
    """)
    assert rows.height == 5
    assert rows.select("estimate", "ci_low", "ci_high", "p_value").null_count().sum_horizontal().item() == 0
    assert set(rows["n_h"]) == {len(case.green(case.h))}
