"""subgroups: distances group by group, the worst, the spread."""

import pytest

from .conftest import count

VIEW = "subgroups"


def sex(item, groups):
    return [row for level, counts in groups.items() for row in count(item, counts, attribute="sex", level=level)]


@pytest.fixture
def con(warehouse):
    h = [
        *sex("party", {"f": {"x": 40, "y": 40}, "m": {"x": 10, "y": 10}, "d": {"z": 5}}),
        *sex("mood", {"f": {"1": 40, "3": 40}, "m": {"1": 20}, "d": {"2": 5}}),
    ]
    s = [
        *sex("party", {"f": {"x": 30, "y": 10}, "m": {"z": 4}}),
        *sex("mood", {"f": {"1": 20, "3": 20}, "m": {"2": 4}}),
    ]
    with warehouse().compare(h, s) as con:
        yield con


def rows(con, item, *metrics):
    return con.execute(
        """SELECT metric, level, estimate, n_h, n_s, reason FROM subgroups
        WHERE item_id IS NOT DISTINCT FROM ? AND attribute = 'sex' AND metric IN (SELECT unnest(?)) ORDER BY ALL""",
        [item, list(metrics)],
    ).fetchall()


def test_each_level_stands_for_itself(con):
    assert rows(con, "party", "total_variation") == [
        ("total_variation", "d", None, 5, 0, "not simulated"),
        ("total_variation", "f", 0.25, 80, 40, None),
        ("total_variation", "m", 1.0, 20, 4, "small_n"),
    ]
    assert rows(con, "mood", "wasserstein_norm") == [
        ("wasserstein_norm", "d", None, 5, 0, "not simulated"),
        ("wasserstein_norm", "f", 0.0, 80, 40, None),
        ("wasserstein_norm", "m", 0.5, 20, 4, "small_n"),
    ]


def test_a_few_simulated_respondents_are_flagged_as_few_people_are(warehouse):
    h, s = (sex("party", {"f": {"x": n, "y": n}}) for n in (40, 2))
    with warehouse().compare(h, s) as few:
        assert rows(few, "party", "total_variation")[1] == ("total_variation", "f", 0.0, 80, 4, "small_n")


def test_nominal_items_have_no_wasserstein(con):
    assert {(row[2], row[5]) for row in rows(con, "party", "wasserstein_norm")} == {(None, "nominal item")}


def test_the_worst_group_and_the_spread(con):
    worst, spread = (
        rows(con, "party", "worst_group_js_distance")[0],
        rows(con, "party", "spread_js_distance")[0],
    )
    assert worst == ("worst_group_js_distance", "m", 1.0, 20, 4, "small_n")
    women = rows(con, "party", "js_distance")[1][2]
    assert (spread[1], spread[2]) == ("all", pytest.approx(1.0 - women))


def test_a_null_item_is_the_mean_of_the_level_and_its_worst_level(con):
    means = {row[1]: (row[2], row[5]) for row in rows(con, None, "total_variation")}
    assert means == {"d": (None, "not simulated"), "f": (0.125, "mean of 2 of 3 asked items"), "m": (1.0, "small_n")}
    assert rows(con, None, "worst_group_js_distance")[0][1:4] == ("m", 1.0, 20)


def test_persona_items_and_arms_are_given_not_answered(con):
    items = {row[0] for row in con.execute("SELECT DISTINCT item_id FROM subgroups").fetchall()}
    assert items == {None, "mood", "party", "vote", "income", "hours"}


def test_an_attribute_without_simulated_groups_says_so(warehouse):
    with warehouse().compare(sex("party", {"f": {"x": 40}}), count("party", {"x": 1})) as con:
        assert rows(con, "party", "worst_group_js_distance", "spread_js_distance") == [
            ("spread_js_distance", "all", None, 0, 0, "not simulated"),
            ("worst_group_js_distance", "all", None, 40, 0, "not simulated"),
        ]


def test_people_of_unequal_weights_count_for_fewer(warehouse):
    """Forty people, one of whom weighs as much as all others: they tell as much as four of equal weight."""
    equal = sex("party", {"f": {"x": 20, "y": 20}})
    uneven = [row | {"w": 39.0 + 19, "w2": 39.0**2 + 19} if row["code"] == "x" else row for row in equal]
    for people, flag in ((equal, None), (uneven, "small_n")):
        with warehouse().compare(people, sex("party", {"f": {"x": 20, "y": 20}})) as con:
            assert rows(con, "party", "js_distance")[1][3:] == (40, 40, flag)
            assert rows(con, "party", "worst_group_js_distance")[0][5] == (flag or "worst of 1 of 3 groups")
            assert {row[5] for row in rows(con, None, "js_distance") if row[1] == "f"} == {
                flag or "mean of 1 of 3 asked items"
            }
