"""How good the embedded model is on real voters, tuned and untuned, with baselines on the same pilots beside it.

Run it with ``python benchmarks/quality.py [--splits 1 2 3] [--pilots 100 300] [--copies 10] [--model FOLDER]``. Of the
voters of anes96, those in places of 50,000 and more stand for an earlier wave; of the others, 300 drawn anew for each
split may be tuned on, a pilot being the first of them, and the rest judge. Panels are ten twins of each of these: with
one, drawing alone adds two hundredths to MAE. Figures are means over splits, ± their standard error: three splits alone
leave MAE uncertain by about one hundredth.

- ``NLL``: negative log likelihood of an answer of the people who judge, in nats, given persona and earlier answers;
- ``JS``, ``W1``: Jensen-Shannon divergence (bits) and Wasserstein distance (share of the scale), means over questions;
- ``MAE``: mean absolute error of the share that votes for Dole, over the seven levels of party;
- ``known``: the same of the mean probability to vote for Dole, given all that people answered before: without drawing,
  and without what earlier answers of the panel's own add;
- ``r``: correlation of party and vote in the panel; that of people stands below the table;
- ``TV 3``, ``TV 4``: total variation between people and panel over left-right pictures of self, Clinton and Dole (as
  left, middle, right), and with party (as one of three);
- ``kinds``: distinct left-right pictures in the panel, of one twin each, for each in people.

Two rows say what sampling alone makes of each figure: those who judge, drawn anew from themselves, are what an endless
panel of a perfect simulator would score; the pilot's people, what one of 300 respondents would.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import statsmodels.api as sm
from rich.console import Console
from rich.table import Table
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from simframe.simulate.baselines import BASELINES
from simframe.simulate.embedded import build_embedded
from simframe.simulate.engine import SimulateSettings, likelihood, simulate
from simframe.simulate.tuning import TuneSettings, tune
from simframe.study import Study, load_study

PILOT = 300
ANEW = 200
"""Times that people are drawn anew from themselves."""
PICTURE = ("selfLR", "ClinLR", "DoleLR")
FIGURES = ("NLL", "JS", "W1", "MAE", "known", "r", "TV 3", "TV 4", "kinds")
TUNED: dict[str, dict[str, Any]] = {"tuned": {}, "tuned, ordinal targets": {"targets": "ordinal", "width": 0.7}}
FITTED = {
    "logit chain": ("logit_chain", False),
    "logit chain, wave too": ("logit_chain", True),
    "pilot marginals": ("pilot_marginals", False),
}
"""The name of a row, the baseline, and whether it sees the people of the wave as well, as the model did."""


def voters(study: Study) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Return long answers, the ids of those in places of 50,000 and more, and the ids of all others."""
    data = sm.datasets.anes96.load_pandas().data
    rows: list[tuple[str, str, str | None, float, bool]] = []
    for place, record in enumerate(data.to_dict("records")):
        for item in (*study.persona, *study.questions):
            value = float(record[item.id])
            rows.append((f"v{place:04d}", item.id, str(int(value)) if item.options else None, value, False))
    columns = {"respondent_id": pl.String, "item_id": pl.String, "code": pl.String, "value": pl.Float64}
    people = pl.DataFrame(rows, schema=columns | {"missing": pl.Boolean}, orient="row")
    ids, wave = np.array([f"v{place:04d}" for place in range(len(data))]), (data["popul"] >= 50).to_numpy()
    return people, ids[wave], ids[~wave]


def shares(people: pl.DataFrame, item: str, codes: list[str]) -> np.ndarray:
    """Return the share of each answer."""
    given = people.filter(item_id=item)["code"]
    return np.array([(given == code).mean() for code in codes])


def wide(people: pl.DataFrame) -> pl.DataFrame:
    """Return one row a respondent, one column an item, values."""
    return people.pivot(on="item_id", index="respondent_id", values="value").sort("respondent_id")


def thirds(values: pl.Series) -> pl.Series:
    """Return -1, 0, 1: the side of the middle of the scale from 1 to 7."""
    return (values - 4).sign()


def judge(study: Study, people: pl.DataFrame, panel: pl.DataFrame) -> dict[str, float]:
    """Return the figures of a panel against people; NLL is no business of the panel's."""
    js, w1 = [], []
    for item in study.questions:
        values = np.array(
            [option.value if option.value is not None else k for k, option in enumerate(item.valid_options)]
        )
        p, q = (shares(frame, item.id, [option.code for option in item.valid_options]) for frame in (people, panel))
        js.append(jensenshannon(p, q, base=2) ** 2)
        w1.append(wasserstein_distance(values, values, p, q) / np.ptp(values))
    us, them = wide(people), wide(panel)
    by_party = [frame.group_by("PID").agg(pl.col("vote").mean()).sort("PID") for frame in (us, them)]
    both = by_party[0].join(by_party[1], on="PID", suffix="_panel")
    found = {
        "JS": np.mean(js),
        "W1": np.mean(w1),
        "MAE": np.mean(np.abs((both["vote"] - both["vote_panel"]).to_numpy())),
    }
    found["r"] = float(np.corrcoef(them["PID"], them["vote"])[0, 1])
    for name, more in (("TV 3", ()), ("TV 4", ("PID",))):
        pictures = []
        for frame in (us, them):
            sides = [thirds(frame[item]) for item in PICTURE] + [(frame[item] - 3).sign() for item in more]
            pictures.append(pl.DataFrame(sides).rows())
        every = set(pictures[0]) | set(pictures[1])
        apart = (abs(pictures[0].count(x) / len(pictures[0]) - pictures[1].count(x) / len(pictures[1])) for x in every)
        found[name] = sum(apart) / 2
    one = them.filter(pl.col("respondent_id").str.contains("-[1-9]").not_())  # more people have more pictures
    found["kinds"] = one.select(PICTURE).n_unique() / us.select(PICTURE).n_unique()
    return {name: float(value) for name, value in found.items()}


def known(people: pl.DataFrame, logp: pl.DataFrame) -> float:
    """Return the error of the probability to vote for Dole, by party, given what people answered before."""
    found = logp.filter(item_id="vote").select("respondent_id", p=pl.col("log_probability").exp())
    both = wide(people).join(found, on="respondent_id")
    dole = pl.when(pl.col("vote") == 1).then("p").otherwise(1 - pl.col("p"))
    apart = both.group_by("PID").agg((pl.col("vote").mean() - dole.mean()).abs().alias("apart"))
    return float(apart["apart"].mean())  # type: ignore[arg-type]


def drawn_anew(study: Study, people: pl.DataFrame, seed: int) -> dict[str, float]:
    """Return the figures of people drawn with replacement from those who judge, means over draws."""
    ids = people["respondent_id"].unique(maintain_order=True)
    found = []
    for draw in range(ANEW):
        some = ids.sample(len(ids), with_replacement=True, seed=seed * ANEW + draw)
        again = pl.DataFrame({"respondent_id": some, "as": [f"{k}" for k in range(len(some))]})
        panel = again.join(people, on="respondent_id").drop("respondent_id").rename({"as": "respondent_id"})
        found.append(judge(study, people, panel))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def one_split(
    study: Study, seed: int, pilots: list[int], copies: int, model: Path | None, folder: Path
) -> tuple[dict[tuple[str, int], dict[str, float]], float]:
    """Return the figures of every model and pilot under one split, and the correlation in people."""
    people, city, rest = voters(study)
    order = np.random.default_rng(seed).permutation(rest)

    def of(ids: np.ndarray) -> pl.DataFrame:
        return people.filter(pl.col("respondent_id").is_in(list(ids)))

    judges = of(order[PILOT:])
    asked, given = ([item.id for item in items] for items in (study.questions, study.persona))
    answers = judges.filter(pl.col("item_id").is_in(asked))
    personas = judges.filter(pl.col("item_id").is_in(given))
    twin_of = judges["respondent_id"].unique(maintain_order=True)
    twins = pl.DataFrame(
        [(f"{who}-{copy}", who) for copy in range(copies) for who in twin_of],
        ["respondent_id", "twin_of"],
        orient="row",
    )
    theirs = twins.join(personas, left_on="twin_of", right_on="respondent_id").drop("twin_of")
    base = model or build_embedded(study, of(city), folder / "base", seed=seed)
    found: dict[tuple[str, int], dict[str, float]] = {}

    def put(name: str, n: int, responses: pl.DataFrame, logp: pl.DataFrame) -> None:
        likely = {"NLL": -float(logp["log_probability"].mean()), "known": known(answers, logp)}  # type: ignore[arg-type]
        found[name, n] = judge(study, answers, responses) | likely

    def modelled(name: str, n: int, adapter: Path | None) -> None:
        panel = simulate(
            base, adapter, study, personas, twins, settings=SimulateSettings(seed=seed), chunk_dir=folder / f"{name}{n}"
        )
        put(name, n, panel.responses, likelihood(base, adapter, study, judges))

    alike = of(order[:PILOT]).filter(pl.col("item_id").is_in(asked))
    nothing = {"NLL": float("nan"), "known": float("nan")}
    found["people drawn anew", 0] = drawn_anew(study, answers, seed) | nothing | {"kinds": float("nan")}
    found["people of the pilot", PILOT] = judge(study, answers, alike) | nothing
    modelled("untuned", 0, None)
    for n in pilots:
        pilot = of(order[:n])
        for name, given_settings in TUNED.items():
            settings = TuneSettings(**given_settings)
            modelled(
                name, n, tune(base, study, pilot, None, folder / f"{name}{n}.adapter", settings=settings, seed=seed)
            )
        for name, (baseline, wave_too) in FITTED.items():
            fitted = of(np.concatenate([city, order[:n]])) if wave_too else pilot
            weights = np.ones(n + len(city) * wave_too)
            responses, _ = BASELINES[baseline].simulate(study, fitted, weights, theirs, seed=seed)
            put(name, n, responses, BASELINES[baseline].likelihood(study, fitted, weights, judges, seed=seed))
    us = wide(answers)
    return found, float(np.corrcoef(us["PID"], us["vote"])[0, 1])


def over_splits(found: list[float]) -> str:
    """Return the mean, and its standard error where there are several splits; empty for what has no such figure."""
    if np.isnan(found).any():
        return ""
    error = f" ±{np.std(found, ddof=1) / len(found) ** 0.5:.3f}".replace("±0.", "±.") if len(found) > 1 else ""
    return f"{np.mean(found):.3f}{error}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, nargs="+", default=[1, 2, 3], help="seeds of splits, models and draws")
    parser.add_argument("--copies", type=int, default=10, help="twins of each of those who judge")
    parser.add_argument("--pilots", type=int, nargs="+", default=[100, 300], help=f"at most {PILOT}")
    parser.add_argument("--model", type=Path, help="folder of a local model; else the embedded one")
    options = parser.parse_args()
    study, began = load_study("anes96"), time.monotonic()
    runs, correlations = [], []
    for seed in options.splits:
        with tempfile.TemporaryDirectory() as folder:
            found, correlation = one_split(study, seed, options.pilots, options.copies, options.model, Path(folder))
        runs.append(found)
        correlations.append(correlation)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("model", "pilot", *FIGURES):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name, n in sorted(runs[0], key=lambda key: (key[1], list(runs[0]).index(key))):
        table.add_row(name, str(n), *(over_splits([run[name, n][figure] for run in runs]) for figure in FIGURES))
    console = Console(width=160)
    console.print(table)
    console.print(
        f"people's correlation of party and vote {np.mean(correlations):.2f}; "
        f"{len(options.splits)} splits in {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
