"""Every file builds on an empty warehouse, explains itself, and answers from any database, folder and process."""

from __future__ import annotations

import math
import re

import duckdb
import pytest

from simframe.metrics import METRICS
from simframe.warehouse.catalog import rebuild, sql_files
from simframe.warehouse.tables import RESULT

from .conftest import Warehouse, count

VIEWS = [
    name
    for file in sql_files()
    for name in re.findall(r"CREATE OR REPLACE (?:VIEW|TABLE) (\w+)", file.read_text("utf-8"))
]
PUBLIC = {
    "panels", "respondents", "responses", "cells", "crosstabs", "structures", "studies", "items", "options", "levels",
    "blocks", "pairs", "implications", "regressions", "evaluations", "estimates", "fits", "coefficients", "comparisons",
    "shares", "divergence", "heterogeneity", "subgroups", "coherence", "coefficient_pairs", "recovery", "fidelity",
    "alignment", "sweep", "scorecard", "learning_curves",
}  # fmt: skip
METRIC_VIEWS = ["divergence", "heterogeneity", "subgroups", "coherence", "recovery", "fidelity"]
WITHOUT_INTERVALS = [name for name in RESULT if name not in ("ci_low", "ci_high", "floor", "floor_q95", "p_value")]


def publish(made: Warehouse) -> Warehouse:
    made.panel("h", tables={"cells": count("mood", {"1": 1, "2": 1})})
    made.panel("s", reference="h", tables={"cells": count("mood", {"1": 1, "3": 3})})
    return made


@pytest.fixture
def small(warehouse):
    return publish(warehouse())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """One catalog that tests only read."""
    made = publish(Warehouse(tmp_path_factory.mktemp("built") / "warehouse"))
    with made.open() as con:
        yield made, con


def test_every_view_reads_an_empty_warehouse(warehouse):
    made = warehouse()
    with made.open() as con:
        empty = {view: con.execute(f"SELECT count(*) FROM {view}").fetchone()[0] for view in VIEWS}
    own = {"studies", "items", "options", "levels", "blocks", "pairs", "implications", "regressions"}
    own |= {"thresholds", "study_thresholds", "verdict_rules", "fit_rules", "code_places", "groupings"}
    assert {view for view, rows in empty.items() if rows} == own


def test_the_public_views_are_there():
    assert set(VIEWS) >= PUBLIC


def test_every_file_says_what_it_is_for():
    for file in sql_files():
        assert file.read_text("utf-8").startswith("-- "), file.name


def test_every_view_has_a_comment(built):
    comments = dict(
        built[1]
        .execute("""
            SELECT view_name, comment FROM duckdb_views() WHERE NOT internal
            UNION ALL
            SELECT table_name, comment FROM duckdb_tables()
        """)
        .fetchall()
    )
    assert not [view for view in VIEWS if not (comments.get(view) or "").strip()]


def columns(con: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE {view}").fetchall()}


def test_result_views_explain_their_columns(built):
    """COMMENT ON COLUMN fails on a column that is not there, so that what is counted here exists."""
    rows = built[1].execute("SELECT table_name, count(comment) FROM duckdb_columns() GROUP BY ALL").fetchall()
    commented = {name for name, n in rows if n}
    assert commented >= {"panels", "items", "cells", "shares", "alignment", "sweep", "scorecard", *METRIC_VIEWS}


@pytest.mark.parametrize("view", METRIC_VIEWS)
def test_comments_list_the_metrics_of_the_registry(built, view):
    """Not by hand: the file names the family, and the catalog holds the names. test_complete holds rows to them."""
    (comment,) = (
        built[1]
        .execute("SELECT comment FROM duckdb_columns() WHERE table_name = ? AND column_name = 'metric'", [view])
        .fetchone()
    )
    own = [metric for metric in METRICS.values() if metric.family == view and metric.variants and not metric.evaluated]
    said = [f"{metric.name}{'/'.join(metric.variants)}" for metric in own]
    places = [re.search(rf"(^|[ ,]){re.escape(each)}($|[ ,;])", comment) for each in said]
    assert said
    assert all(places), comment
    (file,) = (f for f in sql_files() if f"CREATE OR REPLACE VIEW {view} AS" in f.read_text("utf-8"))
    (line,) = (x for x in file.read_text("utf-8").splitlines() if x.startswith(f"COMMENT ON COLUMN {view}.metric IS"))
    assert f"${{METRICS:{view}}}" in line


def test_no_placeholder_is_left(built):
    comments = built[1].execute("SELECT comment FROM duckdb_columns() UNION ALL SELECT comment FROM duckdb_views()")
    assert not [text for (text,) in comments.fetchall() if "${" in (text or "")]


@pytest.mark.parametrize("view", METRIC_VIEWS)
def test_metric_views_share_one_schema(built, view):
    assert list(columns(built[1], view)) == WITHOUT_INTERVALS


def test_alignment_has_exactly_the_result_columns(built):
    described = columns(built[1], "alignment")
    assert tuple(described) == RESULT
    texts = ("study_id", "panel_id", "reference_id", "family", "metric", "item_id", "item_id_2", "attribute", "level")
    assert {described[name] for name in texts} == {"VARCHAR"}
    assert {described[n] for n in ("estimate", "ci_low", "ci_high", "floor", "floor_q95", "p_value")} == {"DOUBLE"}
    assert {described["n_h"], described["n_s"]} == {"BIGINT"}


def test_views_answer_when_attached_to_another_database(small, tmp_path, monkeypatch):
    small.open().close()
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(str(small.layout.catalog), read_only=True) as con:
        own = {view: con.execute(f"SELECT * FROM {view} ORDER BY ALL").fetchall() for view in VIEWS}
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{small.layout.catalog}' AS theirs (READ_ONLY)")
        for view in VIEWS:
            assert con.execute(f"SELECT * FROM theirs.{view} ORDER BY ALL").fetchall() == own[view], view


def test_two_warehouses_join(small, warehouse):
    other = warehouse()
    other.panel("h", tables={"cells": count("mood", {"1": 2, "2": 2})})
    other.panel("s", reference="h", tables={"cells": count("mood", {"1": 2, "2": 2})})
    small.open().close()
    other.open().close()
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{small.layout.catalog}' AS a (READ_ONLY)")
        con.execute(f"ATTACH '{other.layout.catalog}' AS b (READ_ONLY)")
        both = con.execute("""
            SELECT a.estimate, b.estimate FROM a.alignment a JOIN b.alignment b USING (panel_id, metric, item_id)
            WHERE metric = 'total_variation' AND item_id = 'mood' AND a.attribute = 'all' AND b.attribute = 'all'
        """).fetchall()
    assert both == [(0.75, 0.0)]


def test_a_root_with_a_quote_in_its_name_works(tmp_path):
    made = Warehouse(tmp_path / "people's answers")
    made.panel("h", tables={"cells": count("mood", {"1": 1})})
    with made.open() as con:
        assert con.execute("SELECT sum(n) FROM cells").fetchone() == (1,)


def test_the_warehouse_answers_from_its_new_place_after_a_rebuild(small, tmp_path):
    small.open().close()
    moved = tmp_path / "moved"
    small.layout.root.rename(moved)
    rebuild(moved)
    with duckdb.connect(str(moved / "simframe.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM comparisons").fetchone() == (1,)


def contents(con):
    """Return every view, macro, table and comment of a catalog, and the rows of its tables."""
    told = [
        con.execute(f"SELECT * EXCLUDE ({left_out}) FROM {kind}() WHERE NOT internal ORDER BY ALL").fetchall()
        for kind, left_out in (
            ("duckdb_views", "view_oid, database_oid, schema_oid, database_name, sql"),  # EXCLUDE has no order there
            ("duckdb_tables", "table_oid, database_oid, schema_oid, database_name"),
            ("duckdb_columns", "table_oid, database_oid, schema_oid, database_name"),
            ("duckdb_functions", "function_oid, database_oid, database_name"),
        )
    ]
    tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
    return told, {name: con.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in tables}


def test_a_rebuild_that_keeps_its_views_comes_to_one_that_makes_them_anew(small):
    small.open().close()
    small.panel("late", reference="h", tables={"cells": count("mood", {"1": 5})})
    found = []
    for anew in (False, True):
        rebuild(small.layout.root, anew=anew)
        with duckdb.connect(str(small.layout.catalog), read_only=True) as con:
            found.append(contents(con))
    assert found[0] == found[1]
    assert [row[0] for row in found[0][1]["panels"]] == ["h", "late", "s"]


def test_views_of_another_simframe_and_of_a_study_that_is_gone_are_not_kept(small):
    small.open().close()
    with duckdb.connect(str(small.layout.catalog)) as con:
        con.execute("CREATE VIEW of_old AS SELECT 1 AS one")
    rebuild(small.layout.root)
    for gone in ("UPDATE warehouse SET views = 'other'", "INSERT INTO published_studies VALUES ('gone', '0')"):
        with duckdb.connect(str(small.layout.catalog)) as con:
            con.execute("CREATE OR REPLACE VIEW of_old AS SELECT 1 AS one")
            con.execute(gone)
        rebuild(small.layout.root)
        with duckdb.connect(str(small.layout.catalog), read_only=True) as con:
            assert con.execute("SELECT count(*) FROM duckdb_views() WHERE view_name = 'of_old'").fetchone() == (0,)


def test_a_query_keeps_to_what_was_published_when_the_catalog_was_built(small):
    con = small.open()
    small.panel("late", reference="h", tables={"cells": count("mood", {"1": 5})})
    with con:
        assert con.execute("SELECT DISTINCT panel_id FROM cells ORDER BY 1").fetchall() == [("h",), ("s",)]
        assert con.execute("SELECT panel_id FROM comparisons").fetchall() == [("s",)]


def test_undefined_is_null_with_a_reason_and_never_nan(built):
    rows = built[1].execute("SELECT metric, estimate, reason FROM alignment").fetchall()
    assert rows
    assert not [row for row in rows if row[1] is None and not row[2]]
    assert not [row for row in rows if row[1] is not None and math.isnan(row[1])]
