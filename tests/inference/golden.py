"""What evaluations of fixed panels come to, and under which name of the method: ``python tests/inference/golden.py``.

Evaluations are kept by their settings, the name of the method among them. Whoever changes what they say has to change
that name as well, or the old ones stay. So the figures stand in a file beside it, and are written again under another
name alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from planted import STUDY, draw, make_panel

from simframe.inference import Evaluation, Panel, evaluate
from simframe.inference.judging.interval import METHOD
from simframe.study import parse_study

FILE = Path(__file__).with_suffix(".csv")
MORE = """
[[item]]
id = "letter"
label = "letter"
scale = "nominal"
role = "arm"
options = [{ code = "warm", label = "warm" }, { code = "cold", label = "cold" }]

[[pair]]
id = "trusts"
label = "trusts in a mood, alike in sex"
belief = "mood"
action = "trust"
implies = { 1 = "1", 5 = "5" }
controls = ["sex"]

[[regression]]
id = "amount"
label = "how much"
formula = "size ~ mood + trust"
family = "ols"
weighted = true

[[regression]]
id = "buying"
label = "who buys"
formula = "buys ~ mood + trust + size"
family = "logit"

[[regression]]
id = "trusting"
label = "who trusts"
formula = "trust ~ mood + size"
family = "ologit"
"""
NUMBERS = ("estimate", "ci_low", "ci_high", "floor", "floor_q95", "p_value", "n_h", "n_s", "effective_h", "effective_s")


def evaluations() -> dict[str, Evaluation]:
    """Return evaluations that go through every method: weights, clusters, a pilot, twins, halves."""
    study, rng, n = parse_study(STUDY + MORE, "golden"), np.random.default_rng(11), 90
    people, weight = draw(rng, n) | {"letter": ["warm", "cold"] * (n // 2)}, rng.gamma(3, 1 / 3, n)
    people["size"] = [None if k % 9 == 0 else size for k, size in enumerate(people["size"])]
    cluster = [f"c{k // 3}" for k in range(n)]
    told = {"panel_id": "h", "kind": "human"}
    plain, weighted, clustered = (
        make_panel(study, people, **told, **own) for own in ({}, {"weight": weight}, {"cluster": cluster})
    )
    answers = draw(rng, 80, 0.5) | {"letter": ["warm", "cold"] * 40}
    panel = make_panel(study, answers, panel_id="s")
    twins = [f"h{k:05d}" for k in range(80)]
    of_twins = Panel("s", "simulated", panel.respondents.with_columns(twin_of=pl.Series(twins)), panel.responses)
    pilot = make_panel(study, {name: given[:20] for name, given in answers.items()}, panel_id="p", kind="human")
    return {
        "plain": evaluate(study, plain, of_twins, pilot=pilot, replicates=40),
        "weighted": evaluate(study, weighted, panel, pilot=pilot, replicates=40),
        "clustered": evaluate(study, clustered, panel, replicates=40),
        "halves": evaluate(study, None, weighted),
    }


def figures() -> pl.DataFrame:
    """Return the sum of every column over the rows of a metric (or coefficient), and how many have a reason."""
    parts = []
    for name, found in evaluations().items():
        terms = found.coefficients.select(
            pl.concat_str(pl.lit("coefficients of "), "regression_id").alias("metric"),
            *("estimate", "ci_low", "ci_high", "p_value"),
            # What an evaluation says of coefficients beside their interval, in columns that estimates have.
            floor="se",
            floor_q95="p_difference",
        )
        rows = pl.concat([found.estimates, terms], how="diagonal")
        parts.append(
            rows.group_by("metric")
            .agg(
                pl.len().alias("rows"),
                pl.col("reason").count().alias("reasons"),
                *(pl.col(column).sum().cast(pl.Float64) for column in NUMBERS),
            )
            .select(pl.lit(name).alias("evaluation"), pl.all())
        )
    return pl.concat(parts).sort("evaluation", "metric")


def read() -> tuple[str, pl.DataFrame]:
    """Return the name of the method and the figures as they stand in the file."""
    head, _, body = FILE.read_text("utf-8").partition("\n")
    return head.removeprefix("# "), pl.read_csv(body.encode(), schema=figures_schema())


def figures_schema() -> dict[str, type[pl.DataType]]:
    """Return the columns of the file."""
    whole: dict[str, type[pl.DataType]] = dict.fromkeys(("rows", "reasons"), pl.UInt32)
    return {"evaluation": pl.String, "metric": pl.String} | whole | dict.fromkeys(NUMBERS, pl.Float64)


def main() -> None:
    """Write the file again, under another name of the method than the one it bears."""
    if FILE.exists() and read()[0] == METHOD:
        sys.exit(f"{FILE.name} bears the method {METHOD!r}: give METHOD another name first (judging/interval.py)")
    FILE.write_text(f"# {METHOD}\n" + figures().write_csv(float_precision=10), "utf-8")


if __name__ == "__main__":
    main()
