"""The page of the study: every rate beside its band, and every miss by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import reasons
import summary
from floors import true_floors
from populations import DESIGNS
from repetitions import gathered

from simframe.metrics import METRICS

FAMILIES = ("divergence", "heterogeneity", "subgroups", "coherence", "recovery", "fidelity")


def write(folder: Path, replicates: int) -> str:
    """Return the page, in Markdown."""
    table = gathered(folder).with_columns(family=pl.col("metric").replace_strict(_families(), default="recovery"))
    table = table.with_columns(family=pl.when(attribute="region").then(pl.lit("subgroups")).otherwise("family"))
    sizes = sorted(table["n"].unique())
    true = true_floors(tuple(sizes))
    regular, edge = summary.regular(table), summary.on_edge(table)
    runs = table.group_by("world", "scenario", "n", "design").agg(pl.col("seen").max())["seen"]
    parts = [
        INTRODUCTION.format(
            least=int(runs.min()), most=int(runs.max()), total=f"{int(runs.sum()):,}", replicates=replicates
        ),
        "## Intervals\n",
        INTERVALS,
        *_by_family(summary.coverage(regular, ["family", "metric", "n", "design"]), regular, sizes),
        "## Intervals where the truth is the edge of the range\n",
        EDGE,
        _grid(summary.coverage(edge, ["metric", "n", "design"]), sizes),
        "## p-values\n",
        TESTS,
        _grid(summary.type_i(table, ["metric", "n", "design"]), sizes),
        "## Floors\n",
        FLOORS,
        _floors(summary.floors(table, true), sizes),
        BEYOND,
        _grid(summary.beyond(table, ["metric", "n", "design"]), sizes),
        "## Every miss\n",
        MISSES,
        _misses(regular),
    ]
    return "\n".join(parts)


def _families() -> dict[str, str]:
    return {row: each.family for each in METRICS.values() for row in each.rows}


def _lines(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(header)
    body = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(body) + "\n"


def _percent(rate: float | None, *, outside: bool = False) -> str:
    if rate is None:
        return ""
    text = f"{100 * rate:.1f}"
    return f"**{text}**" if outside else text


def _cell(rates: pl.DataFrame, n: int) -> str:
    """Return the rates of all designs at one size, with a slash between them."""
    found = {row["design"]: row for row in rates.filter(n=n).iter_rows(named=True)}
    texts = [_percent(row["rate"], outside=row["outside"]) if (row := found.get(d)) else "" for d in DESIGNS]
    while texts and not texts[-1]:
        texts.pop()
    return " / ".join(texts)


def _grid(rates: pl.DataFrame, sizes: list[int]) -> str:
    rows = [
        [f"`{metric}`", *(_cell(part, n) for n in sizes)]
        for (metric,), part in rates.partition_by("metric", as_dict=True, maintain_order=True).items()
    ]
    return _lines(["metric", *(f"n = {n}" for n in sizes)], rows)


def _by_family(rates: pl.DataFrame, table: pl.DataFrame, sizes: list[int]) -> list[str]:
    each = summary.coverage(table, ["metric", "n", "design", "scenario", "item_id", "item_id_2", "level", "term"])
    methods = {row: metric.interval for metric in METRICS.values() for row in metric.rows}
    parts = []
    for family in FAMILIES:
        own = rates.filter(family=family)
        if own.is_empty():
            continue
        rows = []
        for (metric,), part in own.partition_by("metric", as_dict=True, maintain_order=True).items():
            cells = each.filter(metric=metric)
            inside = f"{cells.filter(~pl.col('outside')).height} of {cells.height}"
            rows.append([f"`{metric}`", *(_cell(part, n) for n in sizes), inside, methods.get(metric, "the fit's own")])
        header = ["metric", *(f"n = {n}" for n in sizes), "cells", "interval"]
        parts += [f"### {family.capitalize()}\n", _lines(header, rows)]
    return parts


def _floors(floors: pl.DataFrame, sizes: list[int]) -> str:
    """Return the mean bias of the floors of distances, and the worst item's."""
    edged = floors.filter(
        pl.col("metric").is_in(summary.edged()),
        pl.col("target") > 1e-9,
        pl.col("bias_se") < 0.05,
        pl.col("family") != "recovery",
    )
    rows = []
    for (metric,), part in edged.partition_by("metric", as_dict=True, maintain_order=True).items():
        row = [f"`{metric}`"]
        for n in sizes:
            texts = []
            for design in DESIGNS:
                own = part.filter(n=n, design=design)
                if own.height:
                    mean, worst = own["bias"].mean(), own["bias"][own["bias"].abs().arg_max()]
                    texts.append(f"{100 * mean:+.1f} ({100 * worst:+.0f})")
            row.append(" / ".join(texts))
        rows.append(row)
    return _lines(["metric", *(f"n = {n}" for n in sizes)], rows)


def _misses(table: pl.DataFrame) -> str:
    """Return one line a metric with figures outside the band, and why."""
    each = summary.coverage(
        table, ["metric", "n", "design", "scenario", "item_id", "shape", "options", "level", "term"]
    )
    rows = []
    for (metric,), part in each.partition_by("metric", as_dict=True, maintain_order=True).items():
        missed = part.filter("outside")
        if missed.is_empty():
            continue
        under, over = missed.filter(pl.col("rate") < 0.95), missed.filter(pl.col("rate") > 0.95)
        told = []
        if under.height:
            worst = under.sort("rate").row(0, named=True)
            told.append(f"{under.height} of {part.height} under, worst {_percent(worst['rate'])} ({_where(worst)})")
        if over.height:
            told.append(f"{over.height} over")
        rows.append([f"`{metric}`", "; ".join(told), reasons.INTERVALS.get(metric, "")])
    return _lines(["metric", "figures outside 93 to 97 %", "why"], rows)


def _where(row: dict[str, object]) -> str:
    item = row["item_id"] or row["term"] or "mean over items"
    return f"{item}, {row['scenario']}, n = {row['n']}, {row['design']}"


INTRODUCTION = """\
# Coverage

Made by `make coverage`, which draws people and simulated respondents from populations whose every figure is known,
evaluates each pair of panels as `simframe evaluate` does, and counts. Between {least} and {most} repetitions a cell,
{total} in all, {replicates} replicates each; the true figures come from scipy and numpy. Monte-Carlo error: a coverage
of 95 % from 1,000 intervals has a standard error of 0.7 points.

- **Items** with 2, 3, 5, 7 and 11 options: all alike, skewed, or one of them never chosen; one that many skip; an
  interval item. Three groups that differ. Pairs of belief and action. Five families of regressions.
- **n** people and as many simulated respondents.
- **Designs**, with a slash between them: no weights / weights of 0.4 to 2.4 that go with the answers / people in
  clusters of five whose answers go together.
- **S** is like H (*null*), a little off in all options (*near*), off in one option for another (*local*), or *far* off.

A figure in **bold** is outside its band beyond Monte-Carlo error (exact binomial test, 99.9 %).
"""
INTERVALS = """\
Percent of 95 % intervals that hold the true value, over all items and the scenarios in which it is not the edge of the
metric's range; the band is 93 to 97. *Cells*: how many single figures (item, scenario, n, design) are in the band. An
infinite divergence has no interval and is not counted.
"""
EDGE = """\
Where S = H every distance is 0, which no interval can exceed from below: only the lower end can miss, so that 97.5 % is
what an exact method gives, and more is no fault. These are reported apart for that reason.
"""
TESTS = """\
Percent of p-values at or below 0.05 where S = H; the band is 3.5 to 6.5. Exact tests of few options and few people fall
short of 5 % because only few p-values are possible.
"""
FLOORS = """\
Bias of the floor in percent of the true floor: mean over items, in brackets the worst item. The target is 2 %.
"""
BEYOND = """\
Percent of panels of S = H whose distance is above `floor_q95`: 5 where that edge is right.
"""
MISSES = """\
Single figures outside the band, one line a metric.
"""
