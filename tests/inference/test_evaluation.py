"""A whole evaluation: the same whatever the order of rows and the number of threads, whole on broken input, in SQL."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from planted import draw, make_panel
from polars.testing import assert_frame_equal

from simframe.errors import InferenceError
from simframe.inference import Panel, evaluate, evaluate_panel
from simframe.ingest import import_panel
from simframe.study import load_study, study_text
from simframe.warehouse import Provenance, Warehouse
from simframe.warehouse.tables import EVALUATION


def pair_of(study, n: int = 60):
    rng = np.random.default_rng(1)
    h, s = draw(rng, n), draw(rng, n - 10, 0.7)
    weight = rng.gamma(3, 1 / 3, n)
    return make_panel(study, h, panel_id="h", kind="human", weight=weight), make_panel(study, s, panel_id="s")


def shuffled(panel: Panel, seed: int) -> Panel:
    frames = (frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (panel.respondents, panel.responses))
    return Panel(panel.panel_id, panel.kind, *frames)


def test_tables_have_their_columns(study):
    found = evaluate(study, *pair_of(study), replicates=20)
    for name, frame in (("estimates", found.estimates), ("fits", found.fits), ("coefficients", found.coefficients)):
        assert frame.schema == pl.DataFrame(EVALUATION[name].empty_table()).schema
    keys = ["family", "metric", "item_id", "item_id_2", "attribute", "level", "term"]
    assert not found.estimates.select(keys).is_duplicated().any()
    numbers = found.estimates.select(pl.col(pl.Float64))
    assert numbers.select(pl.all().is_finite().all()).row(0) == (True,) * numbers.width


def test_order_of_rows_does_not_matter(study):
    h, s = pair_of(study)
    one = evaluate(study, h, s, replicates=50)
    other = evaluate(study, shuffled(h, 1), shuffled(s, 2), replicates=50)
    assert_frame_equal(one.estimates, other.estimates, check_exact=True)


def test_seed_and_panel_decide_the_draws(study):
    h, s = pair_of(study)
    renamed = Panel("other", s.kind, s.respondents, s.responses)
    first, again, reseeded, other = (
        evaluate(study, h, panel, replicates=50, seed=seed).estimates
        for panel, seed in ((s, 0), (s, 0), (s, 1), (renamed, 0))
    )
    assert_frame_equal(first, again, check_exact=True)
    for changed in (reseeded, other):
        assert_frame_equal(first.select("metric", "estimate"), changed.select("metric", "estimate"), check_exact=True)
        assert not first["floor"].equals(changed["floor"])
        assert not first["ci_low"].equals(changed["ci_low"])


PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from planted import STUDY
from test_evaluation import pair_of
from simframe.inference import evaluate
from simframe.study import parse_study
study = parse_study(STUDY, "test")
print(evaluate(study, *pair_of(study), replicates=50).estimates.write_csv(float_precision=17))
"""


def test_threads_do_not_matter():
    program = PROGRAM.format(folder=str(Path(__file__).parent))
    names = ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | dict.fromkeys(names, threads),
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "4")
    ]
    assert found[0] == found[1]
    assert len(found[0].splitlines()) > 50


class TestBrokenPanels:
    """Nulls and reasons, never an exception, a NaN or a warning."""

    def check(self, study, h, s) -> pl.DataFrame:
        found = evaluate(study, h, s, replicates=25).estimates
        numbers = found.select(pl.col(pl.Float64).is_finite().all())
        assert all(numbers.row(0))
        assert found.filter(pl.col("estimate").is_null(), pl.col("reason").is_null()).is_empty()
        return found

    def test_an_item_that_nobody_answers(self, study):
        """The share of those who did not answer is known as well as any other (oracle: statsmodels)."""
        from statsmodels.stats.proportion import confint_proportions_2indep

        rng = np.random.default_rng(8)
        h, s = draw(rng, 40) | {"size": [None] * 40}, draw(rng, 30)
        found = self.check(study, make_panel(study, h, panel_id="h"), make_panel(study, s, panel_id="s"))
        row = found.filter(metric="nonresponse_gap", item_id="size", attribute="all").row(0, named=True)
        assert (row["estimate"], row["n_h"]) == (-1.0, 0)
        ends = confint_proportions_2indep(0, 30, 40, 40, compare="diff", method="newcomb")
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(ends, abs=1e-9)

    def test_one_respondent(self, study):
        h, _ = pair_of(study)
        found = self.check(study, h, make_panel(study, draw(np.random.default_rng(2), 1), panel_id="s"))
        row = found.filter(metric="js_distance", item_id="mood", attribute="all").row(0, named=True)
        assert row["estimate"] is not None
        assert row["ci_low"] is row["floor"] is row["p_value"] is None
        assert "fewer than two" in row["reason"]

    def test_one_respondent_who_weighs_anything(self, study):
        """Those who weigh nothing are no sample to draw from, however many they are."""
        h, s = pair_of(study)
        weight = [0.0] * s.respondents.height
        weight[7] = 3.0
        alone = Panel("s", s.kind, s.respondents.with_columns(weight=pl.Series(weight)), s.responses)
        found = self.check(study, h, alone)
        weighted = found.filter(
            pl.col("family").is_in(["divergence", "subgroups"])
            | pl.col("metric").str.contains("ratio|gap|partial_infl"),
            ~pl.col("metric").str.contains("structure|predictability|polychoric"),
            pl.col("estimate").is_not_null(),
        )
        assert weighted.filter(attribute="all").height > 30
        assert weighted.select(pl.col("ci_low", "floor", "p_value").null_count()).row(0) == (weighted.height,) * 3
        assert weighted["reason"].is_in(["fewer than two respondents on one side"]).all()

    def test_all_missing(self, study):
        h, _ = pair_of(study)
        gone = {name: [None] * 50 for name in ("mood", "trust", "buys", "size")} | {"sex": ["f"] * 50}
        found = self.check(study, h, make_panel(study, gone, panel_id="s"))
        of_both = found.filter(
            pl.col("metric").is_in(["js_distance", "mean_shift", "belief_action_gap_s"]),
            pl.col("item_id").ne_missing(pl.lit("sex")),
        )
        assert of_both["estimate"].null_count() == of_both.height > 0

    def test_one_answer_missing_for_all(self, study):
        h, s = pair_of(study)
        lacking = Panel("s", s.kind, s.respondents, s.responses.filter(pl.col("item_id") != "mood"))
        found = self.check(study, h, lacking).filter(attribute="all", metric="js_distance")
        assert found.filter(item_id="mood")["estimate"].item() is None
        assert found.filter(pl.col("item_id").is_null())["estimate"].item() is not None

    def test_one_voice(self, study):
        h, _ = pair_of(study)
        same = {"sex": ["f"] * 40, "mood": [5] * 40, "trust": [5] * 40, "buys": ["yes"] * 40, "size": [10] * 40}
        found = self.check(study, h, make_panel(study, same, panel_id="s"))
        ratio = found.filter(metric="variance_ratio", item_id="mood").row(0, named=True)
        assert (ratio["estimate"], ratio["ci_low"], ratio["ci_high"]) == (0.0, 0.0, 0.0)
        assert ratio["p_value"] == pytest.approx(1 / 26)

    def test_weights_of_zero(self, study):
        h, _ = pair_of(study)
        rng = np.random.default_rng(3)
        found = self.check(study, h, make_panel(study, draw(rng, 30), panel_id="s", weight=[0.0] * 30))
        assert found.filter(metric="js_distance", item_id="mood", attribute="all")["estimate"].item() is None

    def test_group_not_simulated(self, study):
        h, _ = pair_of(study)
        men = draw(np.random.default_rng(4), 50) | {"sex": ["m"] * 50}
        found = self.check(study, h, make_panel(study, men, panel_id="s"))
        women = found.filter(level="f", metric="js_distance")
        assert women["estimate"].null_count() == women.height > 0
        assert found.filter(metric="worst_group_js_distance")["level"].unique().to_list() == ["m"]

    def test_nobody(self, study):
        h, s = pair_of(study)
        self.check(study, h, Panel("s", s.kind, s.respondents.clear(), s.responses.clear()))

    def test_no_replicates(self, study):
        with pytest.raises(InferenceError, match="replicates"):
            evaluate(study, *pair_of(study), replicates=0)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> tuple[Warehouse, str, str]:
    """Real people, and a panel that gives the holdout's answers to each other's personas, rounded down a little."""
    warehouse = Warehouse.create(tmp_path_factory.mktemp("w"))
    study = load_study("anes96")
    human_id = import_panel(warehouse, "anes96").panel_id
    people = warehouse.table(human_id, "respondents").filter(split="holdout")
    answers = warehouse.table(human_id, "responses").join(people.select("respondent_id"), on="respondent_id")
    given = {item.id for item in study.items if item.expression is None}
    asked = {item.id for item in study.questions}
    ids = people["respondent_id"]
    other = dict(zip(ids, ids.shuffle(seed=1), strict=True))
    swapped = answers.filter(pl.col("item_id").is_in(asked)).with_columns(pl.col("respondent_id").replace(other))
    top = swapped.with_columns(
        code=pl.when(item_id="selfLR", code="7").then(pl.lit("6")).otherwise("code"),
        value=pl.when(item_id="selfLR", code="7").then(6.0).otherwise("value"),
    )
    kept = answers.filter(pl.col("item_id").is_in(given - asked))
    responses = pl.concat([kept, top]).with_columns(respondent_id="s" + pl.col("respondent_id"))
    respondents = people.with_columns(twin_of="respondent_id", respondent_id="s" + pl.col("respondent_id"))
    provenance = Provenance(
        "anes96-swapped", "simulated", "swapped", "test", "base", reference_id=human_id, reference_split="holdout"
    )
    warehouse.publish(study, study_text("anes96"), provenance, respondents, responses.drop("text"))
    for panel_id in (human_id, "anes96-swapped"):
        assert evaluate_panel(warehouse, panel_id, replicates=200).fresh
    return warehouse, human_id, "anes96-swapped"


class TestWarehouse:
    def test_once(self, evaluated):
        warehouse, _, panel_id = evaluated
        again = evaluate_panel(warehouse, panel_id, replicates=200)
        assert not again.fresh
        assert warehouse.layout.evaluation(again.evaluation_id).is_dir()

    def test_every_estimate_is_the_catalogs(self, evaluated):
        """SQL computes each figure by its own formulas, from counts: rows meet by key, numbers to rounding."""
        warehouse, _, panel_id = evaluated
        keys = ["family", "metric", "item_id", "item_id_2", "attribute", "level", "term"]
        own = warehouse.sql("SELECT * FROM estimates WHERE panel_id = ?", [panel_id])
        metrics = warehouse.sql("SELECT * FROM alignment WHERE panel_id = ?", [panel_id])
        both = own.join(metrics, on=keys, how="left", nulls_equal=True, suffix="_sql")
        assert both.height == own.height > 800
        assert both["study_id"].null_count() == 0
        # The view of estimates holds finite numbers alone.
        known = pl.col("estimate_sql").is_finite().fill_null(value=False)
        assert both.filter(pl.col("estimate").is_null() == known).is_empty()
        gap = (both["estimate"] - both["estimate_sql"]).abs().max()
        assert gap < 1e-7
        for n in ("n_h", "n_s"):
            assert both.filter(pl.col(n) != pl.col(f"{n}_sql")).is_empty()
            assert both[n].null_count() == 0

    def test_intervals_hold_their_estimates(self, evaluated):
        warehouse, _, panel_id = evaluated
        rows = warehouse.sql("SELECT * FROM alignment WHERE panel_id = ? AND ci_low IS NOT NULL", [panel_id])
        assert rows.height > 500
        slack = 1e-7
        outside = (pl.col("estimate") < pl.col("ci_low") - slack) | (pl.col("estimate") > pl.col("ci_high") + slack)
        assert rows.filter(outside).is_empty()

    def test_pairs_are_judged_in_every_group_as_in_everybody(self, evaluated):
        warehouse, _, panel_id = evaluated
        rows = warehouse.sql("SELECT * FROM alignment WHERE panel_id = ? AND family = 'coherence'", [panel_id])
        whole, groups = (rows.filter(kind) for kind in (pl.col("attribute") == "all", pl.col("attribute") != "all"))
        assert set(groups["metric"]) == set(whole["metric"])
        assert set(groups["attribute"]) == {"age", "educ", "income", "popul", "age*educ"}
        judged = ("ci_low", "ci_high", "floor", "floor_q95", "p_value")
        for metric in set(whole["metric"]):
            kept = [name for name in judged if whole.filter(metric=metric)[name].count()]
            own = groups.filter(metric=metric)
            # Pairs and groups; predictability is of the one action.
            assert own["estimate"].count() > 0.8 * own.height
            bare = own.filter(pl.col("estimate").is_null() | pl.any_horizontal(pl.col(kept).is_null()))
            assert bare.filter(pl.col("reason").is_null()).is_empty(), metric
            # A ratio to what may be none in people has no upper end.
            ends = [name for name in kept if not (name == "ci_high" and metric.endswith("_ratio"))]
            # Of twenty people few act against their belief, and none do in many groups: no likelihood has an end there.
            large = own.filter(pl.col("n_h") >= 30, pl.col("n_s") >= 30)
            assert large.filter(pl.any_horizontal(pl.col(ends).is_null())).height < 0.2 * large.height, metric
        endless = warehouse.sql(
            "SELECT DISTINCT reason FROM estimates WHERE panel_id = ? AND family = 'coherence' AND attribute <> 'all' "
            "AND ci_low IS NOT NULL AND ci_high IS NULL",
            [panel_id],
        )
        assert endless["reason"].to_list() == ["no upper end: people's own association may be none"]

    def test_planted_difference_is_found_where_it_is(self, evaluated):
        warehouse, _, panel_id = evaluated
        p = dict(
            warehouse.sql(
                "SELECT item_id, p_value FROM alignment WHERE panel_id = ? AND metric = 'js_distance' "
                "AND attribute = 'all' AND p_value IS NOT NULL AND item_id IS NOT NULL",
                [panel_id],
            ).iter_rows()
        )
        assert p["selfLR"] == min(p.values())
        assert p["vote"] == p["TVnews"] == 1.0

    def test_regressions_reach_sql(self, evaluated):
        warehouse, human_id, panel_id = evaluated
        fits = warehouse.sql("SELECT panel_id, split, regression_id, n FROM fits WHERE reason IS NULL")
        assert set(fits.filter(panel_id=human_id)["split"]) == {"all", "holdout"}
        assert set(fits.filter(panel_id=panel_id)["split"]) == {"all"}
        spatial = warehouse.sql(
            "SELECT term, estimate FROM coefficients WHERE panel_id = ? AND split = 'all' AND attribute = 'all' "
            "AND regression_id = ?",
            [human_id, "vote_spatial"],
        )
        wanted = {"Intercept": -3.8523, "prox": -0.9256, "PID": 0.9157}
        assert dict(spatial.iter_rows()) == pytest.approx(wanted, abs=5.1e-5)
        recovered = warehouse.sql(
            "SELECT count(*) FROM recovery WHERE panel_id = ? AND estimate IS NOT NULL", [panel_id]
        )
        assert recovered.item() > 20

    def test_other_version_of_the_study(self, evaluated):
        warehouse, human_id, panel_id = evaluated
        text = study_text("anes96").replace("1996 (extract)", "1996, extract")
        from simframe.study import parse_study

        provenance = Provenance("old", "simulated", "old", "test", "base", reference_id=human_id)
        respondents, responses = (warehouse.table(panel_id, name) for name in ("respondents", "responses"))
        warehouse.publish(parse_study(text, "test"), text, provenance, respondents, responses)
        with pytest.raises(InferenceError, match="another version"):
            evaluate_panel(warehouse, "old", replicates=10)
