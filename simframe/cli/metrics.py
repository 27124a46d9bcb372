"""``simframe metrics``."""

from __future__ import annotations

from dataclasses import asdict

import click
import polars as pl

from simframe.cli._common import print_table

COLUMNS = {
    "excess": "estimate - floor, of rows of view alignment",
    "z_difference": "a column of view coefficient_pairs",
    "standardised_bias": "a column of view coefficient_pairs",
}
"""Metrics that are no row of ``alignment``, and where they stand in its place."""


@click.group("metrics")
def command() -> None:
    """List the metrics, or define one."""


@command.command("ls")
@click.option("--family", help="Only this family.")
def ls(family: str | None) -> None:
    """List every metric with its family, ideal and range."""
    from simframe.errors import MetricError, did_you_mean
    from simframe.metrics.registry import METRICS

    families = {metric.family for metric in METRICS.values()}
    if family is not None and family not in families:
        raise MetricError(f"no family {family!r}", mend=did_you_mean(family, families))
    rows = [
        {"metric": m.name, "family": m.family, "ideal": m.ideal, "range": m.range, "unit": m.unit, "means": m.formula}
        for m in METRICS.values()
        if family in (None, m.family)
    ]
    print_table(pl.DataFrame(rows, schema_overrides={"ideal": pl.Float64}))


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Define one metric: formula, range, unit, scales, source."""
    from simframe.metrics.registry import metric

    found = metric(name)
    fields = asdict(found) | {
        "range": found.range,
        "scales": ", ".join(found.scales),
        "variants": ", ".join(found.rows) or COLUMNS[found.name],
        "evaluated": "simframe evaluate" if found.evaluated else "a view",
        "functions": ", ".join(f"simframe.metrics.{function}" for function in found.functions),
    }
    titles = {"variants": "in SQL", "evaluated": "computed by"}
    shown = {key: titles.get(key, key) for key in fields if key not in ("low", "high")}
    rows = [(label, "" if fields[key] is None else str(fields[key])) for key, label in shown.items()]
    print_table(pl.DataFrame(rows, schema=["field", "value"], orient="row"))
