"""scorecard: no verdict is better than its evidence."""

import re

import duckdb
import pytest

from simframe.warehouse.catalog import sql_files
from simframe.warehouse.declarations import declare

from .conftest import TINY, count, cross
from .test_recovery import coefficient, fit

N = 100
STANDING = """
    SELECT 's' AS study_id, 'h' AS study_hash, 0.1 AS marginals_margin, 0.1 AS heterogeneity_margin,
        0.1 AS subgroups_margin, 0.1 AS coherence_margin
"""


@pytest.fixture(scope="module")
def rules():
    """The macros alone."""
    with duckdb.connect() as con:
        for file in sql_files():
            if file.name.startswith(("00_", "90_")):
                con.execute("CREATE OR REPLACE TABLE study_thresholds AS " + STANDING)
                con.execute(file.read_text("utf-8"))
        yield con


def verdict(
    con, *, estimate=0.3, ci=(0.25, 0.35), q95=0.1, n_h=N, n_s=N, small=30, ideal=0.0, margin=None,
    baseline=(None, None),
):  # fmt: skip
    return con.execute(
        "SELECT verdict(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [estimate, *ci, q95, n_h, n_s, small, ideal, margin, *baseline],
    ).fetchone()[0]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"estimate": None}, "not evaluated"),
        ({"ci": (None, None)}, "not evaluated"),
        ({"n_h": 29}, "too few respondents"),
        ({"n_s": 29}, "too few respondents"),
        ({"estimate": 0.1, "ci": (0.05, 0.2)}, "at the floor"),
        ({"estimate": 0.11, "ci": (0.05, 0.2)}, "no baseline"),
        ({"estimate": 0.11, "q95": None}, "no baseline"),
        ({"estimate": 0.3, "ci": (0.11, 0.35)}, "differs from people"),
        ({"estimate": 0.3, "ci": (0.1, 0.35)}, "no baseline"),
        ({"estimate": 0.7, "ci": (0.6, 0.89), "ideal": 1.0, "margin": 0.1, "q95": None}, "differs from people"),
        ({"n_s": 29, "small": 29}, "differs from people"),
        ({"estimate": 0.1, "ci": (0.06, 0.2), "margin": 0.05, "q95": None}, "differs from people"),
        # A margin beside the floor: an interval within it says more, and it takes both to differ.
        ({"estimate": 0.1, "ci": (0.05, 0.2), "margin": 0.3}, "within the margin"),
        ({"estimate": 0.3, "margin": 0.4}, "within the margin"),
        ({"estimate": 0.3, "margin": 0.3}, "no baseline"),
        ({"estimate": 0.3, "margin": 0.2}, "differs from people"),
        ({"estimate": 0.1, "ci": (0.05, 0.2), "margin": 0.01}, "at the floor"),
        ({"baseline": (0.4, 0.5)}, "better than baseline"),
        ({"baseline": (0.35, 0.5)}, "no better than baseline"),
        ({"baseline": (0.2, 0.25)}, "no better than baseline"),
        ({"baseline": (0.1, 0.2)}, "worse than baseline"),
        # Signed figures: a distance from the ideal on either side, and a floor is no bound for them.
        ({"estimate": 1.0, "ci": (0.95, 1.05), "ideal": 1.0, "margin": 0.1, "q95": None}, "within the margin"),
        ({"estimate": 1.0, "ci": (0.8, 1.2), "ideal": 1.0, "margin": 0.1, "q95": None}, "no baseline"),
        ({"estimate": 0.8, "ci": (0.75, 0.85), "ideal": 1.0, "margin": 0.1, "q95": None, "baseline": (1.3, 1.5)},
         "better than baseline"),
        ({"estimate": 0.8, "ci": (0.75, 0.85), "ideal": 1.0, "margin": 0.1, "q95": None, "baseline": (1.2, 1.5)},
         "no better than baseline"),
        ({"estimate": -0.3, "ci": (-0.4, -0.2), "margin": 0.05, "q95": None, "baseline": (-0.1, 0.1)},
         "worse than baseline"),
        ({"estimate": 0.6, "ci": (0.5, 0.7), "ideal": 1.0, "q95": None, "baseline": (0.1, 0.4)},
         "better than baseline"),
    ],
)  # fmt: skip
def test_a_verdict_takes_its_evidence(rules, case, expected):
    assert verdict(rules, **case) == expected


@pytest.mark.parametrize(
    ("models", "undefined", "failed", "passed", "expected"),
    [
        (None, None, None, None, "not evaluated"),
        (2, 2, 0, 0, "not evaluated"),
        (2, 0, 1, 1, "not fit for inference"),
        (2, 1, 0, 1, "undecided"),
        (2, 0, 0, 2, "recovers the coefficients"),
    ],
)
def test_inference_asks_for_every_model(rules, models, undefined, failed, passed, expected):
    arguments = [models, undefined, failed, passed, N, N, 30]
    assert rules.execute("SELECT verdict_on_inference(?, ?, ?, ?, ?, ?, ?)", arguments).fetchone()[0] == expected


def test_the_founding_studys_best_panel_is_not_fit_for_inference(rules):
    """Sign F1 0.769 and false-positive rate 0.333, as the study published them."""
    assert rules.execute("SELECT fails_inference(0.769, 0.333, 0.8, 0.9, 0.1, 0.8)").fetchone() == (True,)


def distance(low, high, q95=0.01, **over):
    row = {"family": "divergence", "metric": "js_distance", "attribute": "all", "level": "all", "item_id": None}
    return {"estimates": [row | {"ci_low": low, "ci_high": high, "floor": 0.0, "floor_q95": q95} | over]}


def moods(one, three):
    return count("mood", {"1": one, "3": three})


@pytest.fixture
def made(warehouse):
    made = warehouse()
    made.panel("h", tables={"cells": moods(50, 50)})
    made.panel("base", reference="h", strategy="base", tables={"cells": moods(100, 0)})
    made.panel("tuned", reference="h", pilot_n=100, tables={"cells": moods(60, 40)})
    for name, pilot_n, one in (("marginals", 100, 80), ("chain", 100, 70), ("chain-more", 300, 50)):
        made.panel(name, reference="h", kind="baseline", strategy=name, pilot_n=pilot_n,
                   tables={"cells": moods(one, 100 - one)})  # fmt: skip
    return made


def card(con):
    """Return {(panel_id, axis): row}."""
    result = con.execute("SELECT * FROM scorecard")
    names = [column[0] for column in result.description]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    found = {(row["panel_id"], row["axis"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_the_best_baseline_on_the_same_pilot_and_the_base_stand_beside(made):
    made.evaluation("e1", "tuned", tables=distance(0.05, 0.12))
    made.evaluation("e2", "chain", tables=distance(0.13, 0.2))
    made.evaluation("e3", "chain-more", tables=distance(0.0, 0.01))
    with made.open() as con:
        rows = card(con)
        estimates = dict(con.execute("""
            SELECT panel_id, estimate FROM alignment
            WHERE family = 'divergence' AND metric = 'js_distance' AND item_id IS NULL
        """).fetchall())  # fmt: skip
    tuned = rows["tuned", "marginals"]
    assert tuned["verdict"] == "better than baseline"
    assert (tuned["base_panel_id"], tuned["baseline_panel_id"]) == ("base", "chain")
    assert (tuned["base_estimate"], tuned["baseline_estimate"]) == (estimates["base"], estimates["chain"])
    assert tuned["estimate"] == estimates["tuned"]
    # No evaluation, no verdict; nothing to compare with, no comparison.
    assert rows["base", "marginals"]["verdict"] == "not evaluated"
    assert rows["chain-more", "marginals"]["verdict"] == "at the floor"
    assert rows["chain-more", "marginals"]["baseline_panel_id"] is None


@pytest.mark.parametrize(
    ("prompt", "untuned"), [("first_person", "base-text"), ("codebook", "base-book"), (None, "base")]
)
def test_the_base_is_one_that_read_the_same_prompt(made, prompt, untuned):
    for name, asked, one in (("base-text", "first_person", 90), ("base-book", "codebook", 80)):
        made.panel(name, reference="h", strategy="base", prompt=asked, tables={"cells": moods(one, 100 - one)})
    made.panel("asked", reference="h", pilot_n=100, prompt=prompt, tables={"cells": moods(60, 40)})
    with made.open() as con:
        assert card(con)["asked", "marginals"]["base_panel_id"] == untuned


def test_overlap_is_not_better(made):
    made.evaluation("e1", "tuned", tables=distance(0.05, 0.14))
    made.evaluation("e2", "chain", tables=distance(0.13, 0.2))
    with made.open() as con:
        assert card(con)["tuned", "marginals"]["verdict"] == "no better than baseline"


def test_every_panel_has_every_axis(made):
    with made.open() as con:
        rows = card(con)
    axes = ["marginals", "heterogeneity", "subgroups", "coherence", "inference", "individuals", "memorisation"]
    panels = ["base", "chain", "chain-more", "marginals", "tuned"]
    assert rows.keys() == {(panel, axis) for panel in panels for axis in axes}
    assert rows["tuned", "individuals"]["reason"] == "no twins"
    assert {row["verdict"] for row in rows.values()} == {"not evaluated"}


def test_the_worst_pair_speaks_for_coherence(warehouse):
    made = warehouse()
    h = [*cross("acts", {("1", "0"): 50, ("3", "1"): 50}), *cross("nameless", {("x", "1"): 50, ("x", "0"): 50})]
    s = [*cross("acts", {("1", "0"): 45, ("1", "1"): 5, ("3", "1"): 50}), *cross("nameless", {("x", "1"): 100})]
    made.panel("h", tables={"crosstabs": h})
    made.panel("s", reference="h", tables={"crosstabs": s})
    with made.open() as con:
        found = con.execute("SELECT term, estimate FROM scorecard WHERE axis = 'coherence'").fetchall()
    assert found == [("nameless", -0.5)]


def test_repeating_the_pilot_is_said(rules):
    def said(estimate, low, high, q95):
        arguments = [estimate, low, high, q95, N, N, 30]
        return rules.execute("SELECT verdict_on_memorisation(?, ?, ?, ?, ?, ?, ?)", arguments).fetchone()[0]

    assert said(0.1, 0.05, 0.15, 0.12) == "at the floor"
    assert said(0.1, 0.05, 0.12, 0.12) == "no more than coincidence"
    assert said(0.3, 0.25, 0.35, 0.12) == "repeats the pilot"
    assert said(0.15, 0.1, 0.2, 0.12) == "undecided"
    assert said(0.15, 0.1, 0.2, None) == "not evaluated"


def test_every_verdict_says_what_it_means_for_use(rules):
    text = next(file for file in sql_files() if file.name.startswith("90_")).read_text("utf-8")
    macros = text[text.index("CREATE OR REPLACE MACRO verdict(") :]
    given = set(re.findall(r"(?:THEN|ELSE) '([^']+)'", macros)) | {"people against people"}
    assert given == {verdict for (verdict,) in rules.execute("SELECT verdict FROM fit_rules").fetchall()}


def test_fit_follows_the_verdict(made):
    made.evaluation("e1", "tuned", tables=distance(0.0, 0.12, q95=0.5))
    made.evaluation("e2", "base", tables=distance(0.6, 0.7))
    made.evaluation("e3", "chain", tables=distance(0.13, 0.2))
    with made.open() as con:
        rows = card(con)
    assert (rows["tuned", "marginals"]["verdict"], rows["tuned", "marginals"]["fit"]) == (
        "at the floor",
        "undecided",
    )
    assert (rows["base", "marginals"]["verdict"], rows["base", "marginals"]["fit"]) == (
        "differs from people",
        "not fit for marginals",
    )
    assert rows["chain", "heterogeneity"]["fit"] == "undecided"
    assert {row["thresholds"] for row in rows.values()} == {None}


def test_a_bad_baseline_excuses_nothing(made):
    made.evaluation("e1", "tuned", tables=distance(0.3, 0.5))
    made.evaluation("e2", "chain", tables=distance(0.2, 0.4))
    with made.open() as con:
        row = card(con)["tuned", "marginals"]
    assert (row["verdict"], row["fit"]) == ("no better than baseline", "not fit for marginals")


def recovered(edge):
    """Return an evaluation in which one of two slopes is missed, and people's own sign_f1 has this edge."""
    slopes = {"hit": (0.01, 0.01), "missed": (0.01, 0.5)}
    rows = [coefficient("h", term, 1.0, h, "holdout") for term, (h, _) in slopes.items()]
    rows += [coefficient("s", term, 1.0, s, "all") for term, (_, s) in slopes.items()]
    floor = {"family": "recovery", "metric": "sign_f1", "attribute": "all", "level": "all", "term": "model"}
    return {
        "fits": [fit("h", "holdout"), fit("s", "all")],
        "coefficients": rows,
        "estimates": [floor | {"ci_low": 0.1, "ci_high": 1.0, "floor": 0.9, "floor_q95": edge}],
    }


@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        # sign_f1 is 2/3: below the threshold of 0.9, but not below what other people would give.
        (0.6, "undecided"),
        (0.7, "not fit for inference"),
        (None, "not fit for inference"),
    ],
)
def test_inference_asks_no_more_than_people_give(warehouse, edge, expected):
    made = warehouse()
    made.panel("h", tables={})
    made.panel("s", reference="h", tables={})
    made.evaluation("e1", "s", tables=recovered(edge))
    with made.open() as con:
        row = card(con)["s", "inference"]
    assert row["estimate"] == pytest.approx(2 / 3)
    assert row["verdict"] == expected


def models(*names):
    text = '\n[[regression]]\nid = "{0}"\nlabel = "{0}"\nformula = "vote ~ income"\nfamily = "logit"\n'
    return TINY + "".join(map(text.format, names))


def unfitted(*why):
    """Return fits of models a, b ... beside that of `recovered`, which a panel's answers do not allow for."""
    return [
        fit(panel, split, reason if panel == "s" else None) | {"regression_id": name}
        for name, reason in zip("abcd", why, strict=False)
        for panel, split in (("h", "holdout"), ("s", "all"))
    ]


@pytest.mark.parametrize(
    ("why", "fitted", "said"),
    [
        (["outcome vote is constant"] * 2, True, "2 of 3 regressions without figures: panel: outcome vote is constant"),
        (["no rows", "singular"], True, "2 of 3 regressions without figures: panel: no rows; panel: singular"),
        (list("wxyz"), True, "4 of 5 regressions without figures: panel: w; panel: x; panel: y; and more"),
        (["singular"], False, "2 of 2 regressions without figures: not evaluated; panel: singular"),
        ([], False, "not evaluated"),
        ([], True, None),
    ],
)
def test_regressions_that_say_nothing_are_counted_with_their_reasons(warehouse, why, fitted, said):
    made = warehouse(models(*"abcd"[: len(why)]))
    made.panel("h", tables={})
    made.panel("s", reference="h", tables={})
    found = recovered(None) if fitted else {"fits": []}
    made.evaluation("e1", "s", tables=found | {"fits": found["fits"] + unfitted(*why)})
    with made.open() as con:
        row = card(con)["s", "inference"]
    assert row["reason"] == said
    assert row["verdict"] == ("not fit for inference" if fitted else "not evaluated")


def declared(**values):
    return TINY + "\n[thresholds]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


def card_with(warehouse, **values):
    """Return the scorecard of one panel at a known distance, under thresholds."""
    made = warehouse(declared(**values))
    made.panel("h", tables={"cells": moods(25, 25)})
    made.panel("s", reference="h", tables={"cells": moods(40, 10)})
    made.evaluation("e1", "s", tables=distance(0.1, 0.3))
    declare(made.layout, made.study)
    with made.open() as con:
        return card(con)


@pytest.mark.parametrize(
    ("values", "verdict", "fit"),
    [
        ({}, "differs from people", "not fit for marginals"),
        ({"marginals_margin": 0.3}, "within the margin", "fit for marginals"),
        ({"marginals_margin": 0.29}, "no baseline", "undecided"),
        ({"marginals_margin": 0.05}, "differs from people", "not fit for marginals"),
        ({"small_group": 50}, "differs from people", "not fit for marginals"),
        ({"small_group": 51}, "too few respondents", "undecided"),
    ],
)
def test_declared_thresholds_decide(warehouse, values, verdict, fit):
    row = card_with(warehouse, **values)["s", "marginals"]
    assert (row["verdict"], row["fit"]) == (verdict, fit)
    assert (row["thresholds"] or "").startswith("".join(values))


def test_the_declared_size_of_a_small_group_flags_it_everywhere(warehouse):
    made = warehouse(declared(small_group=41))
    sides = {"h": (40, 41), "s": (50, 50)}
    for name, (women, men) in sides.items():
        rows = [
            *count("mood", {"1": women, "3": men}),
            *count("mood", {"1": women}, attribute="sex", level="f"),
            *count("mood", {"3": men}, attribute="sex", level="m"),
        ]
        made.panel(name, reference=None if name == "h" else "h", tables={"cells": rows})
    declare(made.layout, made.study)
    with made.open() as con:
        found = con.execute("""
            SELECT DISTINCT family, level, reason FROM alignment
            WHERE item_id = 'mood' AND attribute = 'sex' AND level <> 'd'
                AND metric IN ('total_variation', 'modal_share_gap')
        """).fetchall()
    flagged = {("subgroups", "f", "small_n"), ("heterogeneity", "f", "small_n")}
    assert set(found) == flagged | {("subgroups", "m", None), ("heterogeneity", "m", None)}


@pytest.mark.parametrize(
    ("least", "declared_by", "ci", "expected"),
    [
        (0.0, False, (-0.1, 0.3), "individuals not told apart"),
        (0.0, False, (0.1, 0.3), "no baseline"),
        (0.0, True, (0.1, 0.3), "individuals told apart"),
        (0.2, True, (0.1, 0.3), "individuals not told apart"),
        (0.2, True, (None, None), "not evaluated"),
    ],
)
def test_individuals_are_fit_only_above_a_declared_correlation(rules, least, declared_by, ci, expected):
    arguments = [0.2, *ci, N, N, 30, least, declared_by, None, None]
    got = rules.execute("SELECT verdict_on_individuals(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", arguments).fetchone()[0]
    assert got == expected


@pytest.mark.parametrize(
    ("estimate", "n", "evaluated", "expected"),
    [
        (None, 0, True, "undefined"),
        (0.2, 1, True, "too few respondents"),
        (0.2, 100, True, "undefined"),
        (0.2, 1, False, "not evaluated"),
        (None, 0, False, "not evaluated"),
    ],
)
def test_what_was_evaluated_is_not_said_to_wait(rules, estimate, n, evaluated, expected):
    arguments = ["not evaluated", evaluated, estimate, n, N, 30]
    assert rules.execute("SELECT once_evaluated(?, ?, ?, ?, ?, ?)", arguments).fetchone()[0] == expected
    arguments[0] = "at the floor"
    assert rules.execute("SELECT once_evaluated(?, ?, ?, ?, ?, ?)", arguments).fetchone()[0] == "at the floor"


def test_an_evaluated_panel_without_answers_is_undefined_and_says_why(made):
    made.panel("silent", reference="h", pilot_n=100, tables={"cells": count("mood", {"9": 100})})
    for name in ("silent", "tuned"):
        made.evaluation(f"e-{name}", name, tables={"estimates": [], "fits": []})
    with made.open() as con:
        rows = card(con)
    row = rows["silent", "marginals"]
    assert (row["verdict"], row["fit"], row["reason"]) == ("undefined", "undecided", "undefined for every asked item")
    assert rows["base", "marginals"]["verdict"] == "not evaluated"
    # Its regressions wait for those of the people.
    assert rows["silent", "inference"]["verdict"] == "not evaluated"
    made.evaluation("e-s", "silent", tables={"fits": [fit("s", "all") | {"panel_id": "silent"}]}, day=2)
    with made.open() as con:
        row = card(con)["silent", "inference"]
    assert (row["verdict"], row["reason"]) == ("not evaluated", "reference not evaluated")


def test_people_split_in_half_are_a_panel_of_their_own(made):
    split = {"floor": None, "floor_q95": None, "n_h": 50, "n_s": 50}
    made.evaluation("e0", "h", tables=distance(0.02, 0.2, **split, estimate=0.1))
    made.evaluation("e1", "tuned", tables=distance(0.05, 0.12))
    with made.open() as con:
        rows = card(con)
    row = rows["h", "marginals"]
    assert (row["verdict"], row["fit"], row["reference_id"]) == ("people against people", None, "h")
    assert (row["estimate"], row["ci_low"], row["ci_high"], row["n_h"]) == (0.1, 0.02, 0.2, 50)
    assert (row["base_panel_id"], row["baseline_panel_id"]) == (None, None)
    assert {verdict["verdict"] for (panel, _), verdict in rows.items() if panel == "h"} == {"people against people"}
    assert rows["tuned", "marginals"]["baseline_panel_id"] == "chain"
