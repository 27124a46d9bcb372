"""Warehouses to report on, filled as the product fills them: imported people, planted answers, baselines, evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simframe.inference import evaluate_panels
from simframe.ingest import import_panel
from simframe.report import collect
from simframe.report.findings import Findings
from simframe.report.html import html
from simframe.simulate.baselines import BASELINES
from simframe.simulate.runner import Humans, find_humans
from simframe.warehouse import Provenance, Warehouse
from simframe.warehouse.publish import publish_panel

EVIL = "<script>alert(1)</script>\"'&|`"
SIZES = (20, 60)


@dataclass(frozen=True)
class Planter:
    """Publishes panels of twins whose answers were planted."""

    warehouse: Warehouse
    text: str
    humans: Humans
    mark: str = ""

    def people(self, wrong: float, seed: int) -> pl.DataFrame:
        """Return every holdout person's own answers, a share ``wrong`` of them swapped for random ones."""
        rng = np.random.default_rng(seed)
        study = self.humans.study
        twins, _ = self.humans.personas()
        _, answers = self.humans.part("holdout")
        rows = []
        for twin, person in twins.select("respondent_id", "twin_of").iter_rows():
            own = dict(answers.filter(pl.col("respondent_id") == person).select("item_id", "code").iter_rows())
            for place, item in enumerate(study.questions):
                valid = [code for code, _, _ in item.grid]
                code = own.get(item.id)
                if code not in valid or rng.random() < wrong:
                    code = str(rng.choice(valid))
                value = next(value for option, _, value in item.grid if option == code)
                rows.append((twin, item.id, code, value, False, place))
        names = ["respondent_id", "item_id", "code", "value", "missing", "position"]
        return pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"value": pl.Float64})

    def publish(self, strategy: str, size: int | None, responses: pl.DataFrame, **extra: object) -> str:
        study, kind = self.humans.study, "baseline" if strategy in BASELINES else "simulated"
        respondents, personas = self.humans.personas()
        panel_id = f"{study.id}-{strategy.replace('_', '-')}-n{size or 0}-{extra.get('seed', 1)}"
        simulated = {"model": f"planted{self.mark}", "base_fingerprint": "b0"} if kind == "simulated" else {}
        provenance = Provenance(
            **{
                "panel_id": panel_id,
                "kind": kind,
                "label": f"{strategy} {size or ''}{self.mark}",
                "source": f"planted{self.mark}",
                "strategy": strategy,
                "plan_id": "test",
                "reference_id": self.humans.panel_id,
                "reference_split": "holdout",
                "pilot_n": size,
                "seed": 1,
                "settings": {"plan": {"id": f"test{self.mark}"}},
                **simulated,
                **extra,
            }
        )
        together = pl.concat([personas, responses], how="diagonal_relaxed")
        return publish_panel(self.warehouse.layout, study, provenance, respondents, together)

    def everything(self) -> None:
        """Publish an untuned model that guesses, tuned ones that err less with a larger pilot, and two baselines."""
        self.publish("base", None, self.people(1.0, 1))
        _, personas = self.humans.personas()
        for size, wrong in zip(SIZES, (0.4, 0.1), strict=True):
            self.publish("tuned", size, self.people(wrong, size), adapter_fingerprint=f"a{size}")
            people, answers = self.humans.part("pilot", size)
            for name in ("pilot_marginals", "logit_chain") if size == SIZES[-1] else ():
                drawn = BASELINES[name](self.humans.study, answers, people["weight"].to_numpy(), personas, seed=3)
                self.publish(name, size, drawn)
        self.warehouse.rebuild()


def larger_pilot(text: str) -> str:
    """Return the park study with a pilot that tuning can be tried on."""
    return text.replace("pilot = 12", "pilot = 60").replace("rectify = 6\n", "")


def spoiled(text: str) -> str:
    """Return a study every text of which is markup."""
    text = text.replace('label = "a house"', 'label = "a flat"')  # codes are shown where labels do not tell apart
    text = re.sub(
        r'\b(label|title) = "([^"]*)"', lambda m: f"{m[1]} = {json.dumps(m[2] + EVIL, ensure_ascii=False)}", text
    )
    evil = json.dumps('fl"at<b>')
    return text.replace('code = "flat"', f"code = {evil}").replace('"apartment"', '"apartment", "flat"')


def fill(folder: Path, text: str, people: pl.DataFrame, mark: str = "") -> Planter:
    """Import the people of one study into a warehouse."""
    folder.mkdir(exist_ok=True)
    (folder / "study.toml").write_text(text, "utf-8")
    people.write_csv(folder / "people.csv")
    warehouse = Warehouse.create(folder / "warehouse")
    import_panel(warehouse, folder / "study.toml", folder / "people.csv", label=f"people{mark}")
    return Planter(warehouse, text, find_humans(warehouse, None), mark)


@dataclass(frozen=True)
class Stages:
    """One warehouse, and what the report found in it on the way."""

    warehouse: Warehouse
    people_alone: Findings
    unevaluated: Findings
    findings: Findings


@pytest.fixture(scope="session")
def stages(
    tmp_path_factory: pytest.TempPathFactory, park_text: str, park_people: Callable[..., pl.DataFrame]
) -> Stages:
    """A warehouse with every kind of panel, and markup in every text that data or a study can bring."""
    planter = fill(tmp_path_factory.mktemp("planted"), spoiled(larger_pilot(park_text)), park_people(220, 5), EVIL)
    root = planter.warehouse.layout.root
    people_alone = collect(root)
    planter.everything()
    unevaluated = collect(root)
    evaluate_panels(planter.warehouse, None, lambda done, total: None, replicates=100)
    return Stages(planter.warehouse, people_alone, unevaluated, collect(root))


@pytest.fixture(scope="session")
def planted(stages: Stages) -> Warehouse:
    """The warehouse at its end. Shared: read it, never write to it."""
    return stages.warehouse


@pytest.fixture(scope="session")
def findings(stages: Stages) -> Findings:
    return stages.findings


@pytest.fixture(scope="session")
def scorecard(planted: Warehouse) -> pl.DataFrame:
    """The view itself, as anybody would ask for it."""
    return planted.sql("SELECT * FROM scorecard")


@pytest.fixture(scope="session")
def page(findings: Findings) -> str:
    return html(findings)
