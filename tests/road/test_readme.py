"""The README's commands and queries are run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import simframe
from simframe.cli import COMMANDS
from simframe.warehouse import Warehouse

README = (Path(simframe.__file__).resolve().parents[1] / "README.md").read_text("utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", README, re.S)


def test_there_are_queries() -> None:
    assert len(QUERIES) >= 4


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_answers_on_the_default_warehouse(default_warehouse: Warehouse, query: str) -> None:
    assert default_warehouse.sql(query).height > 0


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"(?:^|`)simframe ([a-z]+)", README, re.M))
    assert named <= set(COMMANDS)
    targets = set(
        re.findall(r"^([a-z]+):", (Path(simframe.__file__).resolve().parents[1] / "Makefile").read_text(), re.M)
    )
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.M)) <= targets
