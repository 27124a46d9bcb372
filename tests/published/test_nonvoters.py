"""The Ipsos/FiveThirtyEight non-voters poll of 2020: weighted shares, a weighted logit, action by belief."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simframe.warehouse import Warehouse

from .conftest import evaluated, publish

SHARES = {"always": 0.290354, "sporadic": 0.429314, "rarely": 0.280333}


@pytest.fixture(scope="module")
def warehouse(root: Path, shared_data: Callable[[str], Path]) -> Warehouse:
    """The people, and once more as a baseline: at no distance from themselves."""
    data = shared_data("nonvoters538/survey.parquet")
    people = publish(root, "nonvoters", data)
    warehouse = evaluated(root)
    publish(root, "nonvoters", data, "--kind", "baseline", "--reference", people)
    return warehouse


def test_sizes(warehouse: Warehouse) -> None:
    found = warehouse.sql(
        "SELECT count(*), round(sum(weight), 4) FROM respondents JOIN panels USING (panel_id) WHERE kind = 'human'"
    )
    assert found.row(0) == (5836, 5783.6123)
    counts = warehouse.sql(
        """
        SELECT code, sum(n)::INT FROM cells JOIN panels USING (panel_id)
        WHERE kind = 'human' AND item_id = 'voter' AND attribute = 'all' GROUP BY ALL
        """
    )
    assert dict(counts.iter_rows()) == {"always": 1811, "sporadic": 2574, "rarely": 1451}


def test_weighted_shares(warehouse: Warehouse) -> None:
    found = warehouse.sql(
        "SELECT code, round(p, 6), round(q, 6) FROM shares WHERE item_id = 'voter' AND attribute = 'all'"
    )
    assert {code: (p, q) for code, p, q in found.iter_rows()} == {code: (p, p) for code, p in SHARES.items()}


def test_weighted_logit_to_four_decimals(warehouse: Warehouse) -> None:
    found = warehouse.sql(
        "SELECT term, round(estimate, 4) FROM coefficients "
        "WHERE split = 'all' AND attribute = 'all' AND regression_id = 'always'"
    )
    coefficients = dict(found.iter_rows())
    assert {term: coefficients[term] for term in ("importance", "age")} == {"importance": 1.3887, "age": 0.0208}
    assert set(coefficients) == {
        *("Intercept", "importance", "age", "gender[T.male]", "C(educ)[T.school]", "C(educ)[T.some]"),
        *("C(race)[T.white]", "C(race)[T.hispanic]", "C(race)[T.other]"),
    }


def test_very_important_by_turnout(warehouse: Warehouse) -> None:
    found = warehouse.sql(
        """
        SELECT action_code, round(sum(n) FILTER (belief_code = 'very') / sum(n), 4)
        FROM crosstabs JOIN panels USING (panel_id)
        WHERE kind = 'human' AND pair_id = 'duty' AND attribute = 'all' GROUP BY ALL
        """
    )
    assert dict(found.iter_rows()) == {"always": 0.9426, "sporadic": 0.8827, "rarely": 0.5369}
