"""A warehouse written row by row, so that a test's input is what stands in the test and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from simframe.study import parse_study
from simframe.warehouse import catalog
from simframe.warehouse.catalog import write_anchors
from simframe.warehouse.layout import Layout, write_table
from simframe.warehouse.studies import add_study
from simframe.warehouse.tables import EVALUATION, PANEL

TINY = """
[study]
id = "tiny"
title = "A study to compute by hand"

[[item]]
id = "sex"
label = "Sex"
scale = "nominal"
role = "persona"
subgroup = true
options = [{ code = "f", label = "female" }, { code = "m", label = "male" }, { code = "d", label = "diverse" }]

[[item]]
id = "letter"
label = "Letter shown"
scale = "nominal"
role = "arm"
options = [{ code = "warm", label = "warm" }, { code = "cold", label = "cold" }]

[[item]]
id = "mood"
label = "Mood"
scale = "ordinal"
role = "belief"
options = [
  { code = 1, label = "low" }, { code = 2, label = "middle" }, { code = 3, label = "high" },
  { code = 9, label = "refused", missing = true },
]

[[item]]
id = "party"
label = "Party"
scale = "nominal"
role = "attitude"
options = [{ code = "x", label = "X" }, { code = "y", label = "Y" }, { code = "z", label = "Z" }]

[[item]]
id = "vote"
label = "Vote"
scale = "nominal"
role = "action"
options = [{ code = 0, label = "no", value = 0 }, { code = 1, label = "yes", value = 1 }]

[[item]]
id = "income"
label = "Income"
scale = "interval"
role = "outcome"
range = [0, 100]

[[item]]
id = "hours"
label = "Hours"
scale = "interval"
role = "outcome"
range = [0, 24]
bins = [{ code = "few", label = "few", max = 8 }, { code = "many", label = "many", min = 9 }]

[[structure]]
id = "views"
label = "Views"
items = ["mood", "party"]

[[pair]]
id = "acts"
label = "Acts on the mood"
belief = "mood"
action = "vote"
implies = { 1 = 0, 3 = 1 }

[[pair]]
id = "nameless"
label = "A belief without an order"
belief = "party"
action = "vote"
implies = { x = 1 }

[[regression]]
id = "model"
label = "Vote"
formula = "vote ~ mood + income"
family = "logit"
"""

VALUES = {"mood": {"1": 1.0, "2": 2.0, "3": 3.0}, "vote": {"0": 0.0, "1": 1.0}}
CREATED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def count(item: str, counts: Mapping[Any, float], split: str = "holdout", **over: Any) -> list[dict[str, Any]]:
    """Rows of ``cells``: a count by code, or by value for an item without codes; a None key is a missing answer."""
    rows = []
    for key, n in counts.items():
        if key is None or key == "9":
            code, value = key, None
        elif isinstance(key, str):
            code, value = key, VALUES.get(item, {}).get(key)
        else:
            code, value = over.get("code"), float(key)
        row = {"item_id": item, "split": split, "attribute": "all", "level": "all", "code": code, "value": value}
        rows.append(row | {"missing": value is None and code in (None, "9"), "n": n, "w": n, "w2": n} | over)
    return rows


def cross(
    pair: str, counts: Mapping[tuple[str, str], float], split: str = "holdout", **over: Any
) -> list[dict[str, Any]]:
    """Rows of ``crosstabs``: a count by (belief, action)."""
    return [
        {"pair_id": pair, "split": split, "attribute": "all", "level": "all"}
        | {"belief_code": belief, "action_code": action, "n": n, "w": n, "w2": n}
        | over
        for (belief, action), n in counts.items()
    ]


class Warehouse:
    """Writes tables where the product would, from rows; `open` builds the catalog by the product's own code."""

    def __init__(self, root: Path, study: str = TINY, view: str | None = None) -> None:
        self.layout = Layout(root)
        self.view = view
        write_anchors(self.layout)
        self.study = parse_study(study, "study.toml")
        add_study(self.layout, self.study, study)

    def panel(
        self, panel_id: str, *, reference: str | None = None, tables: Mapping[str, Iterable[Any]], **row: Any
    ) -> None:
        """Write one panel. Without a reference it is a human one."""
        defaults = {
            "panel_id": panel_id,
            "study_id": self.study.id,
            "study_hash": self.study.study_hash,
            "kind": "simulated" if reference else "human",
            "strategy": "tuned" if reference else "survey",
            "label": panel_id,
            "reference_id": reference,
            "reference_split": "holdout" if reference else None,
            "created_at": CREATED,
        }
        self._write(self.layout.panel(panel_id), PANEL, {"panel": [defaults | row]} | dict(tables))

    def evaluation(
        self, evaluation_id: str, panel_id: str, *, tables: Mapping[str, Iterable[Any]], day: int = 1, **row: Any
    ) -> None:
        """Write one evaluation of a panel."""
        row |= {"evaluation_id": evaluation_id, "panel_id": panel_id, "created_at": CREATED + dt.timedelta(days=day)}
        row |= {"study_id": self.study.id, "study_hash": self.study.study_hash}
        self._write(self.layout.evaluation(evaluation_id), EVALUATION, {"evaluation": [row]} | dict(tables))

    def _write(self, folder: Path, schemas: Mapping[str, pa.Schema], tables: Mapping[str, Iterable[Any]]) -> None:
        folder.mkdir(parents=True)
        for name, schema in schemas.items():
            write_table(
                folder / f"{name}.parquet", pa.Table.from_pylist(list(tables.get(name, ())), schema=schema), schema
            )

    def open(self) -> duckdb.DuckDBPyConnection:
        """Build the catalog and open it as any reader would."""
        with pytest.MonkeyPatch.context() as patch:
            files = files_up_to(self.view)
            patch.setattr(catalog, "sql_files", lambda: files)
            catalog.rebuild(self.layout.root)
        return duckdb.connect(str(self.layout.catalog), read_only=True)

    def compare(self, h: Iterable[Any], s: Iterable[Any], table: str = "cells") -> duckdb.DuckDBPyConnection:
        """Open a warehouse of one human panel `h` and one simulated panel `s`, from rows of one table."""
        self.panel("h", tables={table: h})
        self.panel("s", reference="h", tables={table: s})
        return self.open()


def files_up_to(view: str | None) -> list[Path]:
    """Return the view files that ``view`` needs, itself included; all of them where it is None."""
    files = catalog.sql_files()
    if view is None:
        return files
    places = [i for i, file in enumerate(files) if f"CREATE OR REPLACE VIEW {view} AS" in file.read_text("utf-8")]
    return files[: places[0] + 1]


@pytest.fixture
def warehouse(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Warehouse]:
    """Make warehouses whose catalogs go as far as the test module's VIEW: later views only cost time."""
    made: list[Warehouse] = []

    def make(study: str = TINY) -> Warehouse:
        view = getattr(request.module, "VIEW", None)
        made.append(Warehouse(tmp_path / f"warehouse{len(made)}", study, view))
        return made[-1]

    return make


def figures(con: duckdb.DuckDBPyConnection, view: str, **keys: str | None) -> dict[str, float | None]:
    """Return {metric: estimate} of the rows of a view with these keys, of everybody where they name no attribute."""
    rows = _rows(con, view, "metric, estimate", keys)
    assert len(rows) == len(dict(rows)), f"a metric stands twice for {keys}"
    return dict(rows)


def reasons(con: duckdb.DuckDBPyConnection, view: str, **keys: str | None) -> dict[str, str | None]:
    """Return {metric: reason} of the rows of a view with these keys."""
    return dict(_rows(con, view, "metric, reason", keys))


def _rows(
    con: duckdb.DuckDBPyConnection, view: str, columns: str, keys: Mapping[str, str | None]
) -> list[tuple[Any, ...]]:
    keys = {"attribute": "all"} | dict(keys)
    where = " AND ".join(f"{name} IS NOT DISTINCT FROM ?" for name in keys) or "true"
    return con.execute(f"SELECT {columns} FROM {view} WHERE {where}", list(keys.values())).fetchall()
