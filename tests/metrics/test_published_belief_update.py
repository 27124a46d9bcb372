"""Published: post-exposure stances of 391 people and six language models (arXiv 2607.28347)."""

from pathlib import Path

import polars as pl
import pytest

import simframe.metrics as m

DATA = Path(__file__).parents[3] / "shared" / "data" / "belief_update"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the published counts are not beside this checkout")

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
def results() -> pl.DataFrame:
    counts = pl.read_csv(DATA / "post_stance_counts.csv")
    scale = counts.columns[1:]
    long = counts.unpivot(index="source", on=scale, variable_name="option", value_name="s").with_columns(
        value=pl.col("option").replace_strict({name: place for place, name in enumerate(scale, 1)})
    )
    human = long.filter(pl.col("source") == "Human").select("value", h="s")
    return (
        long.filter(pl.col("source") != "Human")
        .join(human, on="value")
        .group_by("source")
        .agg(
            m.chi2("h", "s"),
            m.total_variation("h", "s"),
            m.js_divergence("h", "s"),
            m.wasserstein("h", "s", "value"),
            m.sd_ratio("h", "s", "value"),
        )
        .unnest("chi2")
    )


def test_six_chi_squares_to_three_decimals(results):
    published = pl.read_csv(DATA / "published.csv").join(results, left_on="model", right_on="source", how="left")
    assert published["statistic"].round(3).to_list() == published["chi2"].to_list()
    assert published["df"].to_list() == [4] * 6
    for p, printed in published.select("p", "chi2_p").rows():
        assert p == pytest.approx(printed, rel=5e-4)


@pytest.mark.parametrize("model", REFERENCE)
def test_divergences_and_spread(results, model):
    row = results.row(by_predicate=pl.col("source") == model, named=True)
    tv, js, w1, sd = REFERENCE[model]
    assert row["total_variation"] == pytest.approx(tv, abs=5e-5)
    assert row["js_divergence"] == pytest.approx(js, abs=5e-6)
    assert row["wasserstein"] == pytest.approx(w1, abs=5e-5)
    assert row["sd_ratio"] == pytest.approx(sd / HUMAN_SD, abs=1.5e-3)
