"""Berke et al. 2024 (CSCW, doi 10.1145/3687005): who shares the own purchase history, by treatment and belief."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simframe.warehouse import Warehouse

from .conftest import evaluated, publish


@pytest.fixture(scope="module")
def warehouse(root: Path, shared_data: Callable[[str], Path]) -> Warehouse:
    publish(root, "amazon_disclosure", shared_data("amazon_disclosure/survey.parquet"))
    return evaluated(root)


ARMS = {
    "0": {
        "control": (636, 0.763), "bonus-05": (647, 0.720), "bonus-20": (648, 0.765), "bonus-50": (624, 0.830),
        "altruism": (653, 0.767),
    },
    "1": {
        "control": (639, 0.779), "bonus-05": (618, 0.785), "bonus-20": (602, 0.834), "bonus-50": (616, 0.888),
        "altruism": (642, 0.816),
    },
}  # fmt: skip


def test_shares_of_every_arm(warehouse: Warehouse) -> None:
    found = warehouse.sql(
        """
        SELECT attribute, level, sum(n), round(sum(n) FILTER (code = '1') / sum(n), 3)
        FROM cells WHERE item_id = 'share' AND attribute IN ('all', 'incentive', 'showdata*incentive') GROUP BY ALL
        """
    )
    arms = {(attribute, level): (int(n), share) for attribute, level, n, share in found.iter_rows()}
    assert arms["all", "all"] == (6325, 0.794)
    assert arms["incentive", "control"] == (1275, 0.771)
    crossed = {level: row for (attribute, level), row in arms.items() if "*" in attribute}
    assert crossed == {f"{shown}*{arm}": row for shown, rows in ARMS.items() for arm, row in rows.items()}


TREATMENTS = {
    "Intercept": 1.0617, "incentive[T.altruism]": 0.1224, "incentive[T.bonus-05]": -0.1022,
    "incentive[T.bonus-20]": 0.1694, "incentive[T.bonus-50]": 0.5957, "showdata": 0.3171,
}  # fmt: skip
MAIN = {
    "Intercept": 0.9989, "showdata": 0.3737,
    "incentive[T.altruism]": 0.0393, "incentive[T.bonus-05]": -0.1518, "incentive[T.bonus-20]": 0.0796,
    "incentive[T.bonus-50]": 0.5840,
    "bin(gender)[T.female]": 0.3665, "bin(age)[T.18-34]": -0.1761, "bin(age)[T.55+]": -0.0624,
    "bin(income)[T.low]": 0.1450, "bin(income)[T.high]": 0.0461,
    "bin(education)[T.graduate]": 0.1269, "bin(education)[T.school]": 0.1598,
    "race[T.asian]": -0.5611, "race[T.black]": -0.0716, "race[T.other]": 0.0208,
    "C(order_frequency)[T.<5]": -0.0345, "C(order_frequency)[T.>10]": -0.1782,
}  # fmt: skip


@pytest.mark.parametrize(
    ("regression", "coefficients", "n", "llf"),
    [("treatments", TREATMENTS, 6325, -3178.1), ("main", MAIN, 5995, -2916.5)],
)
def test_both_published_logits_to_four_decimals(
    warehouse: Warehouse, regression: str, coefficients: dict[str, float], n: int, llf: float
) -> None:
    where = "WHERE split = 'all' AND attribute = 'all' AND regression_id = ?"
    found = warehouse.sql(f"SELECT term, round(estimate, 4) FROM coefficients {where}", [regression])
    assert dict(found.iter_rows()) == coefficients
    fit = warehouse.sql(f"SELECT n, round(llf, 1), reason FROM fits {where}", [regression])
    assert fit.row(0) == (n, llf, None)


def test_odds_ratio_and_pseudo_r2(warehouse: Warehouse) -> None:
    odds = warehouse.sql(
        "SELECT round(exp(estimate), 3) FROM coefficients "
        "WHERE split = 'all' AND attribute = 'all' AND regression_id = 'treatments' AND term = 'showdata'"
    )
    assert odds.item() == 1.373
    fit = warehouse.sql(
        "SELECT round(fit, 3) FROM fits WHERE split = 'all' AND attribute = 'all' AND regression_id = 'main'"
    )
    assert fit.item() == 0.028


@pytest.mark.parametrize(
    ("pair", "shares"),
    [
        ("research_share", {"no": 0.646, "dk": 0.731, "yes": 0.872}),
        ("sale_share", {"no": 0.715, "dk": 0.852, "profit": 0.864, "yes": 0.890}),
    ],
)
def test_action_by_belief(warehouse: Warehouse, pair: str, shares: dict[str, float]) -> None:
    found = warehouse.sql(
        """
        SELECT belief_code, round(sum(n) FILTER (action_code = '1') / sum(n), 3)
        FROM crosstabs WHERE pair_id = ? AND attribute = 'all' GROUP BY ALL
        """,
        [pair],
    )
    assert dict(found.iter_rows()) == shares


@pytest.mark.parametrize(
    ("item", "counts"),
    [
        ("sell_own", {"no": 2988, "yes": 219, "profit": 2936, "dk": 182}),
        ("research", {"no": 1456, "yes": 3697, "dk": 1172}),
    ],
)
def test_marginals(warehouse: Warehouse, item: str, counts: dict[str, int]) -> None:
    found = warehouse.sql(
        "SELECT code, sum(n)::INT FROM cells WHERE item_id = ? AND attribute = 'all' GROUP BY ALL", [item]
    )
    assert dict(found.iter_rows()) == counts


def test_hypothetical_amounts_in_the_wide_view(warehouse: Warehouse) -> None:
    found = warehouse.sql(
        """
        SELECT round(avg(greatest(share, would_05)), 3), round(avg(greatest(share, would_05, would_20)), 3),
            round(avg(greatest(share, would_05, would_20, would_50)), 3),
            round(avg(greatest(share, would_05, would_20, would_50, would_100)), 3),
            round(avg(greatest(share, would_05, would_20, would_50, would_100, would_any)), 3)
        FROM wide_amazon_disclosure WHERE incentive = 'control' GROUP BY showdata ORDER BY showdata
        """
    )
    assert found.rows() == [(0.781, 0.785, 0.792, 0.818, 0.939), (0.806, 0.811, 0.818, 0.834, 0.961)]
    never = warehouse.sql("SELECT count(*) FROM wide_amazon_disclosure WHERE would_any_label = 'no'")
    assert never.item() == 330
