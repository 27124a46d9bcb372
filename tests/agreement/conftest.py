"""One warehouse of random panels, filled through the product's own door, and what its views say."""

from __future__ import annotations

import polars as pl
import pytest

from simframe.inference.record import evaluate_panels
from simframe.study import parse_study
from simframe.warehouse import Warehouse

from .count import Tables
from .people import Case, cases, publish
from .study import STUDY


@pytest.fixture(scope="session")
def worlds() -> list[Case]:
    return cases()


@pytest.fixture(scope="session")
def warehouse(worlds, tmp_path_factory) -> Warehouse:
    warehouse = Warehouse.create(tmp_path_factory.mktemp("agreement") / "warehouse")
    study = parse_study(STUDY, "agreement.toml")
    for reference_id, people in {case.reference_id: case.h for case in worlds}.items():
        publish(warehouse, study, people, reference_id, "human")
    for case in worlds:
        row = {name: getattr(case, name) for name in ("reference_id", "reference_split", "pilot_n")}
        publish(warehouse, study, case.s, case.panel_id, "simulated", **row)
    warehouse.rebuild()
    # Views read fitted coefficients; intervals are not the matter here, so two replicates do.
    evaluate_panels(warehouse, None, lambda done, of: None, replicates=2)
    return warehouse


@pytest.fixture(scope="session")
def alignment(warehouse) -> pl.DataFrame:
    """What the views say of every compared panel; people against themselves stand in estimates alone."""
    return warehouse.sql("SELECT * FROM alignment WHERE panel_id <> reference_id")


@pytest.fixture(scope="session")
def tables(worlds) -> Tables:
    return Tables(worlds)
