"""Post-exposure stances of people and of six language models (arXiv 2607.28347), as panels of a warehouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from simframe.warehouse import Warehouse

from .conftest import evaluated, publish

# From the counts, computed elsewhere: total variation, Jensen-Shannon divergence in bits, Wasserstein-1, sd.
REFERENCE = {
    "GPT-5.2": (0.1526, 0.03392, 0.2924, 1.107),
    "GPT-5-Mini": (0.0878, 0.00751, 0.0963, 1.329),
    "Gemini-3-Flash-Preview": (0.0875, 0.00939, 0.0875, 1.342),
    "Claude-Opus-4.6": (0.0827, 0.00884, 0.1347, 1.250),
    "Qwen-3-32B": (0.1108, 0.01724, 0.2003, 1.179),
    "Llama-3.3-70B-Instruct": (0.1023, 0.01552, 0.1628, 1.198),
}
HUMAN_SD = 1.345


@pytest.fixture(scope="module")
def published(shared_data: Callable[[str], Path]) -> pl.DataFrame:
    return pl.read_csv(shared_data("belief_update/published.csv"))


@pytest.fixture(scope="module")
def warehouse(root: Path, shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """People, and each model as a panel of its own, one row a stance."""
    folder = tmp_path_factory.mktemp("stances")
    people = ""
    for source, *counts in pl.read_csv(shared_data("belief_update/post_stance_counts.csv")).iter_rows():
        stances = ("strongly_disagree", "disagree", "neutral", "agree", "strongly_agree")
        data = folder / f"{source}.csv"
        pl.DataFrame({"stance": [s for s, n in zip(stances, counts, strict=True) for _ in range(n)]}).write_csv(data)
        if source == "Human":
            people = publish(root, "belief_update", data)
        else:
            publish(root, "belief_update", data, "--kind", "simulated", "--reference", people, "--model", source)
    return evaluated(root, "--replicates", 500)


def test_sizes(warehouse: Warehouse) -> None:
    found = warehouse.sql("SELECT coalesce(model, kind), n_respondents FROM panels")
    gemini = {"Gemini-3-Flash-Preview": 1172}
    assert dict(found.iter_rows()) == {source: gemini.get(source, 1173) for source in ("human", *REFERENCE)}


def figures(warehouse: Warehouse, metric: str) -> dict[str, float]:
    found = warehouse.sql(
        """
        SELECT model, estimate FROM alignment JOIN panels USING (panel_id)
        WHERE family = 'divergence' AND metric = ? AND item_id = 'stance' AND attribute = 'all'
            AND panel_id <> alignment.reference_id
        """,
        [metric],
    )
    return dict(found.iter_rows())


def test_six_chi_squares_to_three_decimals(warehouse: Warehouse, published: pl.DataFrame) -> None:
    found = {model: round(chi2, 3) for model, chi2 in figures(warehouse, "chi2").items()}
    assert found == dict(published.select("model", "chi2").iter_rows())
    assert figures(warehouse, "chi2_df") == dict.fromkeys(REFERENCE, 4.0)


@pytest.mark.parametrize(("metric", "place", "digits"), [
    ("total_variation", 0, 4), ("js_divergence", 1, 5), ("wasserstein", 2, 4),
])  # fmt: skip
def test_distances(warehouse: Warehouse, metric: str, place: int, digits: int) -> None:
    found = {model: round(estimate, digits) for model, estimate in figures(warehouse, metric).items()}
    assert found == {model: row[place] for model, row in REFERENCE.items()}


def test_spread(warehouse: Warehouse) -> None:
    found = warehouse.sql(
        """
        SELECT model, round(sqrt(variance_h), 3), round(sqrt(variance_s), 3)
        FROM cell_statistics JOIN panels USING (panel_id) WHERE item_id = 'stance' AND attribute = 'all'
        """
    )
    assert {model: (h, s) for model, h, s in found.iter_rows()} == {
        model: (HUMAN_SD, row[3]) for model, row in REFERENCE.items()
    }


def test_no_model_is_told_from_people_by_chance(warehouse: Warehouse, published: pl.DataFrame) -> None:
    """Every published p-value is below 0.0001: the permutation test and the floor have to say the same."""
    assert published["chi2_p"].max() < 1e-4
    found = warehouse.sql(
        """
        SELECT model, p_value, estimate > floor_q95, ci_low <= estimate AND estimate <= ci_high
        FROM alignment JOIN panels USING (panel_id)
        WHERE family = 'divergence' AND metric = 'js_divergence' AND item_id = 'stance' AND attribute = 'all'
            AND panel_id <> alignment.reference_id
        """
    )
    assert found.height == len(REFERENCE)
    for _, p, above, inside in found.iter_rows():
        assert p == pytest.approx(1 / 501)
        assert above
        assert inside
