"""What the default run promises: the right panels, nobody tuned on who judges, done once, textbook regressions."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from simframe.warehouse import Warehouse, examine

from .conftest import Command


def test_the_default_panels_are_there(default_warehouse: Warehouse) -> None:
    found = default_warehouse.sql("SELECT kind, strategy, pilot_n, n_respondents FROM panels ORDER BY ALL")
    assert found.rows() == [
        *(("baseline", "logit_chain", n, 292) for n in (30, 100, 300)),
        *(("baseline", "pilot_marginals", n, 292) for n in (30, 100, 300)),
        ("human", "survey", None, 944),
        ("simulated", "base", None, 292),
        *(("simulated", "tuned", n, 292) for n in (30, 100, 300)),
    ]


def test_running_again_does_nothing_and_says_so(default_warehouse: Warehouse, simframe: Command) -> None:
    root = default_warehouse.layout.root
    before = {
        path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and "_staging" not in path.parts
    }
    done = simframe("simulate", "-w", root)
    assert done.returncode == 0, done.stderr
    assert "10 panels already there: nothing to do" in done.stdout
    after = {
        path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and "_staging" not in path.parts
    }
    assert after == before


def test_the_doctor_finds_nothing(default_warehouse: Warehouse) -> None:
    assert examine(default_warehouse) == []


def test_nobody_who_judges_was_tuned_on(default_warehouse: Warehouse) -> None:
    people = default_warehouse.sql(
        "SELECT respondent_id, split, draw FROM respondents JOIN panels USING (panel_id) WHERE kind = 'human'"
    )
    twins = default_warehouse.sql("SELECT DISTINCT twin_of FROM respondents WHERE twin_of IS NOT NULL")["twin_of"]
    holdout = set(people.filter(pl.col("split") == "holdout")["respondent_id"])
    assert set(twins) == holdout
    from simframe.simulate.chunks import digest

    noted = [
        json.loads(path.read_text("utf-8"))
        for path in default_warehouse.layout.models.glob("adapter-anes96-*/provenance.json")
    ]
    adapters = {each["adapter_fingerprint"]: each for each in noted}
    for panel in default_warehouse.sql("SELECT * FROM panels WHERE strategy = 'tuned'").to_dicts():
        adapter = adapters[panel["adapter_fingerprint"]]
        pilot = people.filter((pl.col("split") == "pilot") & (pl.col("draw") < panel["pilot_n"]))["respondent_id"]
        assert adapter["pilot_ids_sha256"] == digest(sorted(pilot))
        assert not set(pilot) & holdout


# The estimates that statsmodels publishes for these data in its discrete-choice and ordinal examples.
TEXTBOOK = {
    "vote_logit": {
        "Intercept": -7.6442, "PID": 1.0448, "selfLR": 0.6065, "age": 0.0103, "educ": 0.0467, "income": 0.0409,
        "logpopul": -0.0868,
    },
    "vote_spatial": {"Intercept": -3.8523, "prox": -0.9256, "PID": 0.9157},
    "pid_ologit": {"logpopul": -0.0707, "selfLR": 1.0192, "age": -0.0042, "educ": 0.1777, "income": 0.0472},
    "pid_mnlogit": {
        **{f"{k}:selfLR": b for k, b in enumerate((0.2977, 0.3917, 0.5735, 1.2788, 1.3470, 2.0701), 1)},
        **{f"{k}:Intercept": b for k, b in enumerate((-0.3734, -2.2509, -3.6656, -7.6138, -7.0605, -12.1058), 1)},
        **{f"{k}:logpopul": b for k, b in enumerate((-0.0115, -0.0888, -0.1060, -0.0916, -0.0933, -0.1409), 1)},
        **{f"{k}:age": b for k, b in enumerate((-0.0249, -0.0229, -0.0149, -0.0087, -0.0179, -0.0094), 1)},
        **{f"{k}:educ": b for k, b in enumerate((0.0825, 0.1810, -0.0072, 0.1998, 0.2169, 0.3219), 1)},
        **{f"{k}:income": b for k, b in enumerate((0.0052, 0.0479, 0.0576, 0.0845, 0.0810, 0.1089), 1)},
    },
}  # fmt: skip
LOG_LIKELIHOOD = {"pid_mnlogit": -1461.9227, "pid_ologit": -1494.6195, "vote_logit": -245.3887}


@pytest.mark.parametrize("regression", TEXTBOOK)
def test_textbook_regressions_come_out_of_sql_to_four_decimals(default_warehouse: Warehouse, regression: str) -> None:
    found = default_warehouse.sql(
        """
        SELECT term, estimate FROM coefficients c JOIN panels p USING (panel_id)
        WHERE attribute = 'all' AND p.kind = 'human' AND split = 'all' AND regression_id = ? AND c.kind <> 'threshold'
        """,
        [regression],
    )
    assert {term: round(estimate, 4) for term, estimate in found.rows()} == TEXTBOOK[regression]


@pytest.mark.parametrize("regression", LOG_LIKELIHOOD)
def test_log_likelihoods_are_the_published_ones(default_warehouse: Warehouse, regression: str) -> None:
    found = default_warehouse.sql(
        """
        SELECT n, llf FROM fits JOIN panels USING (panel_id)
        WHERE attribute = 'all' AND panels.kind = 'human' AND split = 'all' AND regression_id = ?
        """,
        [regression],
    )
    n, llf = found.row(0)
    assert n == 944
    assert round(llf, 4) == LOG_LIKELIHOOD[regression]


def test_every_compared_number_has_floor_or_reason(default_warehouse: Warehouse) -> None:
    """People split in half have intervals; they are themselves what floors are taken from."""
    bare = default_warehouse.sql(
        """
        SELECT DISTINCT panel_id, item_id FROM alignment LEFT JOIN items USING (study_id, item_id)
        WHERE family = 'divergence' AND metric = 'js_distance' AND attribute = 'all' AND coalesce(asked, true)
            AND (ci_low IS NULL OR panel_id <> reference_id AND (floor IS NULL OR p_value IS NULL))
            AND reason IS NULL
        """
    )
    assert bare.is_empty()


def test_undefined_is_null_with_a_reason_never_nan(default_warehouse: Warehouse) -> None:
    odd = default_warehouse.sql(
        "SELECT * FROM alignment WHERE isnan(estimate) OR (estimate IS NULL AND reason IS NULL)"
    )
    assert odd.is_empty(), odd


def test_at_the_floor_in_subgroups_means_every_group_of_thirty(default_warehouse: Warehouse) -> None:
    found = default_warehouse.sql(
        """
        SELECT s.panel_id, s.verdict, count(*) FILTER (a.estimate > a.floor_q95) AS beyond
        FROM scorecard s JOIN alignment a USING (panel_id)
        WHERE s.axis = 'subgroups' AND a.family = 'subgroups' AND a.metric = 'js_distance' AND a.item_id IS NULL
            AND a.n_h >= 30 AND a.n_s >= 30
        GROUP BY ALL
        """
    )
    assert found.filter(pl.col("beyond") > 0).height > 0
    assert found.filter((pl.col("beyond") > 0) & (pl.col("verdict") == "at the floor")).is_empty()


TWO_PANELS = """
[plan]
id = "default"
study = "anes96"

[[panel]]
strategy = "base"

[[panel]]
strategy = "tuned"
pilot = 30
"""


def test_interrupted_at_any_moment_it_resumes_to_the_same_answers(
    default_warehouse: Warehouse, simframe: Command, tmp_path: Path
) -> None:
    """Ctrl-C and kill -9 while the model is built, tuned, and asked; the answers equal those of the unbroken run."""
    plan, root = tmp_path / "plan.toml", tmp_path / "w"
    plan.write_text(TWO_PANELS, "utf-8")
    program = [Path(sys.executable).with_name("simframe"), "simulate", plan, "--no-evaluate", "-w", root]
    for seconds, how in ((4, signal.SIGINT), (9, signal.SIGKILL), (7, signal.SIGINT)):
        running = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(seconds)
        finished = running.poll() is not None
        running.send_signal(how)
        _, told = running.communicate()
        if how is signal.SIGINT and not finished and running.returncode != 0:
            assert running.returncode == 130
            assert "Traceback" not in told
            assert "run the same command again to resume" in told
    done = simframe("simulate", plan, "--no-evaluate", "-w", root)
    assert done.returncode == 0, done.stderr
    resumed = Warehouse.open(root)
    query = """
        SELECT panel_id, files::JSON->>'$."responses.parquet".sha256' FROM panels
        WHERE kind = 'simulated' AND coalesce(pilot_n, 30) = 30 ORDER BY 1
    """
    assert resumed.sql(query).rows() == default_warehouse.sql(query).rows()
    assert resumed.sql(query).height == 2
    assert not list((root / "_staging" / "chunks").glob("*"))
    assert [finding for finding in examine(resumed) if "_staging" not in finding.where] == []


def test_a_copy_answers_plain_duckdb_from_another_folder_after_rebuild(
    default_warehouse: Warehouse, simframe: Command, tmp_path: Path
) -> None:
    copy = tmp_path / "moved here"
    shutil.copytree(default_warehouse.layout.root, copy)
    assert simframe("rebuild", "-w", copy).returncode == 0
    code = (
        "import sys, duckdb\n"
        "assert 'simframe' not in sys.modules and 'torch' not in sys.modules\n"
        "con = duckdb.connect(sys.argv[1], read_only=True)\n"
        "con.execute('SET enable_progress_bar = false')\n"  # a busy machine takes long enough for one
        'print(con.execute("SELECT count(*) FROM scorecard").fetchone()[0])\n'
    )
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, copy / "simframe.duckdb"],
        capture_output=True,
        text=True,
        cwd=lonely,
        check=True,
    )
    assert int(done.stdout) == default_warehouse.sql("SELECT count(*) FROM scorecard").item()


def test_a_few_rows_of_every_view_come_back(default_warehouse: Warehouse) -> None:
    # What shows a table asks for its first rows. In a process that can be killed, for a query that DuckDB never returns
    # from cannot be interrupted either: an empty catalog, or a tiny one, does not show it.
    asked = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as con:
    views = con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY view_name").fetchall()
    for (view,) in views:
        print(view, flush=True)
        con.execute(f"SELECT * FROM {view} LIMIT 1").fetchall()
        con.execute(f"SELECT x.* FROM {view} AS x CROSS JOIN studies LIMIT 10000").fetchall()
"""
    catalog = str(default_warehouse.layout.catalog)
    done = subprocess.run(
        [sys.executable, "-c", asked, catalog], capture_output=True, text=True, timeout=300, check=True
    )
    assert {"alignment", "scorecard", "sweep"} <= set(done.stdout.split())
