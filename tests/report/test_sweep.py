"""What the report says of a plan's grid: the mean over seeds, their reach, and only where there is one."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from simframe.report import collect
from simframe.report.charts import svg
from simframe.report.content import Figure
from simframe.report.findings import Findings
from simframe.report.html import html
from simframe.report.labels import Names
from simframe.report.sections import learning, sweep
from simframe.warehouse.layout import write_table
from simframe.warehouse.tables import ADAPTER

from .conftest import SIZES, Stages, fill, larger_pilot

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def swept(
    tmp_path_factory: pytest.TempPathFactory, park_text: str, park_people: Callable[..., pl.DataFrame]
) -> Findings:
    """Two temperatures, two pilot sizes and three seeds of a tuned model, beside its base and a baseline."""
    planter = fill(tmp_path_factory.mktemp("swept"), larger_pilot(park_text), park_people(160, 5))
    of_model = {"plan_hash": "x", "prompt": "interview", "template_hash": "t", "engine": "transformers"}
    draw = iter(range(100))
    for temperature in (0.5, 1.0):
        for seed in SEEDS:
            shared = of_model | {"temperature": temperature, "seed": seed}
            for size in SIZES:
                name = {"panel_id": f"park-t{size}-{temperature}-{seed}", "label": f"tuned {size} {temperature} {seed}"}
                extra = (
                    shared | name | {"tune": "{}", "pilot_selection": "random", "adapter_fingerprint": f"a{size}{seed}"}
                )
                planter.publish("tuned", size, planter.people(0.2 * temperature, next(draw)), **extra)
            name = {"panel_id": f"park-b-{temperature}-{seed}"}
            planter.publish("base", None, planter.people(0.9, next(draw)), **shared | name)
    for size in SIZES:
        extra = {"plan_hash": "y", "pilot_selection": "random", "seed": 1}
        planter.publish("pilot_marginals", size, planter.people(0.5, next(draw)), **extra)
    looks = [("mean of folds", *at, None) for at in ((0, 1.5), (5, 1.4), (10, 1.3), (15, 1.35))]
    looks += [("refit", s, None, 1.4 - 0.02 * s) for s in (5, 10)]
    columns = [name for name in ADAPTER["learning_curve"].names if name in ("fit", "step", "held_loss", "train_loss")]
    frame = pl.DataFrame(looks, schema=columns, orient="row").with_columns(
        adapter_id=pl.lit("adapter-x"),
        adapter_fingerprint=pl.lit(f"a{SIZES[0]}1"),
        base_fingerprint=pl.lit("b0"),
        study_id=pl.lit("park"),
        study_hash=pl.lit(planter.humans.study.study_hash),
        pilot_n=pl.lit(SIZES[0]),
        seed=pl.lit(1),
        steps=pl.lit(10),
    )
    folder = planter.warehouse.layout.models / "adapter-x"
    folder.mkdir(parents=True)
    write_table(folder / "learning_curve.parquet", frame, ADAPTER["learning_curve"])
    planter.warehouse.rebuild()
    return collect(planter.warehouse.layout.root)


def test_a_condition_is_the_mean_and_reach_of_its_seeds(swept: Findings) -> None:
    """Held to Python's own statistics of the panels' single figures."""
    single = {n.panel_id: n.estimate for n in swept.curves if n.metric == "js_distance" and n.attribute == "all"}
    found = 0
    for row in swept.sweep:
        if row.metric == "js_distance" and row.strategy == "tuned":
            estimates = [single[f"park-t{row.pilot_n}-{row.temperature}-{seed}"] or 0.0 for seed in SEEDS]
            told = (row.mean, row.sd, row.least, row.most)
            assert told == pytest.approx(
                (statistics.mean(estimates), statistics.stdev(estimates), min(estimates), max(estimates))
            )
            assert row.seeds == list(SEEDS)
            found += 1
    assert found == 2 * len(SIZES)


def test_each_condition_has_a_chart_with_its_base_and_a_baseline_on_the_same_axis(swept: Findings) -> None:
    section = sweep.section(swept, Names(swept))
    assert section is not None
    block = next(block for block in section.blocks if block.title == "js_distance")
    assert [figure.title for figure in block.figures] == ["temperature 0.5", "temperature 1"]
    for figure in block.figures:
        points = figure.data["points"]
        assert [(p["strategy"], p["pilot"]) for p in points] == [
            *(("tuned", size) for size in SIZES),
            ("base", 0),
            *(("pilot_marginals", size) for size in SIZES),
        ]
        assert all(p["low"] <= p["estimate"] <= p["high"] for p in points if p["strategy"] != "pilot_marginals")
        assert {(p["low"], p["high"]) for p in points if p["strategy"] == "pilot_marginals"} == {(None, None)}
        assert "<svg" in svg(figure, "c", [])
    spans = [figure.data["span"] for figure in block.figures]
    assert spans[0] == spans[1]
    assert 'id="sweep"' in html(swept)


def test_without_seeds_or_settings_there_is_nothing_to_compare(stages: Stages) -> None:
    assert sweep.section(stages.findings, Names(stages.findings)) is None
    assert learning.section(stages.findings, Names(stages.findings)) is None


def test_a_learning_curve_names_its_panel_and_where_tuning_ended(swept: Findings) -> None:
    section = learning.section(swept, Names(swept))
    assert section is not None
    (figure,) = section.blocks[0].figures
    assert figure.title == f"tuned {SIZES[0]} 0.5 1"
    assert figure.data["steps"] == 10
    held = [(row["step"], row["loss"]) for row in figure.data["rows"] if row["line"] == "people held out"]
    assert held == [(0, 1.5), (5, 1.4), (10, 1.3), (15, 1.35)]
    assert section.blocks[0].table is not None
    assert section.blocks[0].table.rows == [[figure.title, str(SIZES[0]), "1", "10", "1.500", "1.300"]]
    assert "<svg" in svg(figure, "c", [])


@pytest.mark.parametrize(
    "losses", [(1.5, 1.4, 1.3, 1.35), (2.0, 1.7, 1.4, 1.1), (1.5, 1.2, 1.6, 1.1), (1.1, 1.2), (1.4, 1.1), (1.3,)]
)
def test_the_name_of_a_learning_curve_stands_clear_of_its_line(losses: tuple[float, ...]) -> None:
    rows = [{"line": "people held out", "step": 5 * k, "loss": loss} for k, loss in enumerate(losses)]
    drawn = svg(Figure("learning", "t", "a", {"rows": rows, "steps": 5}), "c", [])
    text = re.search(r"<text [^>]*translate\(([-\d.]+),([-\d.]+)\)[^>]*>people held out<", drawn)
    path = re.search(r'<path [^>]*stroke="#0072b2"[^>]*>', drawn)
    assert text is not None
    assert path is not None
    line = np.array(re.findall(r"[ML]([-\d.]+),([-\d.]+)", path[0]), dtype=float)
    assert len(line) == len(losses)
    under = np.linspace(float(text[1]) - 80, float(text[1]))
    assert (np.interp(under, *line.T) > float(text[2])).all()
