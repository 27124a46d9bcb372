"""Published studies on the product's own road: a study file, the data read in place, import, evaluate, SQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from simframe.cli import main
from simframe.warehouse import Warehouse

STUDIES = Path(__file__).with_name("studies")


def command(*words: object) -> str:
    """Run a command of simframe and return what it prints; fail with its error."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def publish(root: Path, study: str, data: Path, *options: object) -> str:
    """Import a data file under one of the studies here, and return the panel's id."""
    told = command("import", STUDIES / f"{study}.toml", data, *options, "-w", root)
    panel_id, _, rest = told.partition(":")
    assert rest.startswith(" published")
    return panel_id


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the warehouse of one module is."""
    return tmp_path_factory.mktemp("published") / "warehouse"


def evaluated(root: Path, *options: object) -> Warehouse:
    """Evaluate every panel of a warehouse, and return it."""
    command("evaluate", *options, "-w", root)
    return Warehouse.open(root)
