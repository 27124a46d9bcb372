"""sweep: panels that differ in their seed alone are one row, with the spread beside the mean."""

import datetime as dt
import json

import pytest

from .conftest import CREATED, count

VIEW = "sweep"

H = count("mood", {"1": 50, "2": 50})
PLANNED = {"plan_hash": "x", "pilot_n": 30, "temperature": 1.0, "prompt": "auto", "template_hash": "t"}


def answers(ones):
    """Total variation to the people is (ones - 50) / 100."""
    return count("mood", {"1": ones, "2": 100 - ones})


@pytest.fixture
def made(warehouse):
    made = warehouse()
    made.panel("h", tables={"cells": H})
    return made


def rows(con, columns="seeds, defined, mean, sd, least, most", where="true"):
    one = "family = 'divergence' AND metric = 'total_variation' AND item_id = 'mood'"
    query = f"SELECT {columns} FROM sweep WHERE {one} AND {where} ORDER BY ALL"
    return con.execute(query).fetchall()


def test_seeds_of_one_condition_are_one_row(made):
    for seed, ones in ((3, 80), (1, 60), (2, 70)):
        made.panel(f"s{seed}", reference="h", tables={"cells": answers(ones)}, **PLANNED, seed=seed)
    with made.open() as con:
        assert rows(con) == [
            ([1, 2, 3], 3, pytest.approx(0.2), pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.3))
        ]


def test_examples_drawn_by_the_seed_part_no_seeds_and_templates_do(made):
    for panel_id, bare, seed in (("a", "t", 1), ("b", "t", 2), ("c", "u", 1)):
        row = PLANNED | {"shots": 2, "template_hash": panel_id, "seed": seed}
        row["settings"] = json.dumps({"template_without_shots": bare})
        made.panel(panel_id, reference="h", tables={"cells": answers(60)}, **row)
    with made.open() as con:
        assert rows(con, "template_hash, seeds") == [("t", [1, 2]), ("u", [1])]


def test_of_a_seed_made_again_the_latest_counts(made):
    for panel_id, ones, day in (("old", 90, 1), ("new", 60, 2), ("other", 70, 1)):
        seed = 2 if panel_id == "other" else 1
        created = CREATED + dt.timedelta(days=day)
        made.panel(panel_id, reference="h", tables={"cells": answers(ones)}, **PLANNED, seed=seed, created_at=created)
    with made.open() as con:
        assert rows(con, "seeds, mean, panels") == [([1, 2], pytest.approx(0.15), 2)]


def test_two_models_of_one_name_are_two_and_the_embedded_one_is_one(made):
    for panel_id, model, base, seed in (("a", "m", "x", 1), ("b", "m", "y", 2), ("c", "embedded", "x", 1)):
        row = PLANNED | {"model": model, "base_fingerprint": base, "seed": seed}
        made.panel(panel_id, reference="h", tables={"cells": answers(60)}, **row)
    made.panel("d", reference="h", tables={"cells": answers(60)}, **row | {"base_fingerprint": "y", "seed": 2})
    with made.open() as con:
        assert rows(con, "model, base_fingerprint, seeds") == [
            ("embedded", None, [1, 2]),
            ("m", "x", [1]),
            ("m", "y", [2]),
        ]


def test_one_seed_has_no_spread(made):
    made.panel("s", reference="h", tables={"cells": answers(70)}, **PLANNED, seed=1)
    with made.open() as con:
        assert rows(con, "mean, sd, panels") == [(pytest.approx(0.2), None, 1)]


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        *(("pilot_n", 30, 100), ("temperature", 0.5, 1.0), ("prompt", "table", "auto"), ("template_hash", "a", "b")),
        *(("fields", '["sex"]', None), ("shots", 0, 5), ("mode", "chained", "independent"), ("engine", "vllm", None)),
        *(("tune", "{}", '{"rank": 4}'), ("pilot_selection", "random", "balanced"), ("pilot_by", "sex", None)),
        *(("pilot_arm", '{"letter": "warm"}', None), ("strategy", "tuned", "logit_chain"), ("model", "a", "b")),
        *(("item_order", "random", "declared"), ("option_order", "random", "declared"), ("order_average", 1, 3)),
        *(("chat", "true", "false"), ("copies", 1, 2), ("wave", True, False)),
    ],
)
def test_every_other_setting_parts_conditions(made, column, one, other):
    for panel_id, value, seed in (("a", one, 1), ("b", other, 2)):
        made.panel(panel_id, reference="h", tables={"cells": answers(60)}, **PLANNED | {column: value, "seed": seed})
    with made.open() as con:
        assert sorted(rows(con, "seeds"), key=str) == [([1],), ([2],)]


def test_panels_that_no_plan_made_are_never_taken_for_seeds_of_one_another(made):
    for panel_id, ones in (("a", 60), ("b", 70)):
        made.panel(panel_id, reference="h", tables={"cells": answers(ones)}, strategy="imported")
    with made.open() as con:
        assert rows(con, "panel_id, mean") == [("a", pytest.approx(0.1)), ("b", pytest.approx(0.2))]


def test_an_undefined_figure_is_counted_and_not_averaged(made):
    made.panel("a", reference="h", tables={"cells": answers(60)}, **PLANNED, seed=1)
    made.panel("b", reference="h", tables={"cells": count("party", {"x": 3})}, **PLANNED, seed=2)
    with made.open() as con:
        assert rows(con, "panels, defined, mean, sd") == [(2, 1, pytest.approx(0.1), None)]


def test_floors_are_averaged_over_seeds(made):
    for seed, floor in ((1, 0.1), (2, 0.3)):
        made.panel(f"s{seed}", reference="h", tables={"cells": answers(70)}, **PLANNED, seed=seed)
        row = {
            "family": "divergence",
            "metric": "total_variation",
            "item_id": "mood",
            "attribute": "all",
            "level": "all",
        }
        row |= {"floor": floor, "floor_q95": 2 * floor}
        made.evaluation(f"e{seed}", f"s{seed}", tables={"estimates": [row]})
    with made.open() as con:
        assert rows(con, "floor, floor_q95") == [(pytest.approx(0.2), pytest.approx(0.4))]
