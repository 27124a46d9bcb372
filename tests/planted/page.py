"""The page of the study: every rate beside its band, and every miss by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import polars as pl
import reasons
import summary
from floors import true_floors
from populations import DESIGNS
from repetitions import gathered

from simframe.metrics import METRICS

ITEM = ["item_id", "item_id_2", "level", "term"]
WHY = tuple(dict.fromkeys(reasons.TESTS.values()))
Rate = Callable[[pl.DataFrame, list[str]], pl.DataFrame]
FAMILIES = ("divergence", "heterogeneity", "subgroups", "coherence", "recovery", "fidelity")


def write(folder: Path, replicates: int, sizes: Sequence[int] = ()) -> str:
    """Return the page, in Markdown, with a column for each of ``sizes``: those in the folder where left out."""
    table = gathered(folder).with_columns(family=pl.col("metric").replace_strict(_families(), default="recovery"))
    table = table.with_columns(family=pl.when(attribute="region").then(pl.lit("subgroups")).otherwise("family"))
    sizes = sorted(sizes or table["n"].unique())
    true = true_floors(tuple(sizes))
    regular, edge = summary.regular(table), summary.on_edge(table)
    runs = table.group_by("world", "scenario", "n", "design").agg(pl.col("seen").max())["seen"]
    parts = [
        INTRODUCTION.format(
            least=int(runs.min()),
            most=int(runs.max()),
            total=f"{int(runs.sum()):,}",
            replicates=replicates,
            error=100 * (0.95 * 0.05 / runs.min()) ** 0.5,
        ),
        "## Which method covers where\n",
        METHODS,
        "## Intervals\n",
        INTERVALS,
        *_by_family(regular, sizes),
        "## Intervals where the truth is the edge of the range\n",
        EDGE,
        _grid(summary.coverage, edge, sizes),
        "## p-values\n",
        TESTS,
        _grid(summary.type_i, table, sizes),
        *(f"- {', '.join(f'`{m}`' for m, why in reasons.TESTS.items() if why == each)}: {each}" for each in WHY),
        "",
        "## Floors\n",
        FLOORS,
        _floors(summary.floors(table, true), sizes),
        BEYOND,
        _grid(summary.beyond, table, sizes),
        "## Every miss\n",
        MISSES,
        _misses(regular),
    ]
    return "\n".join(parts)


def runs(folder: Path) -> str:
    """Return how many pairs of panels the counts in a folder come from, in words."""
    seen = gathered(folder).group_by("world", "scenario", "n", "design").agg(pl.col("seen").max())["seen"]
    least, most = int(seen.min()), int(seen.max())
    each = f"{least}" if least == most else f"{least} to {most}"
    return f"{each} pairs of panels a cell, {int(seen.sum()):,} in all."


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


def _whole(rates: pl.DataFrame, metric: str) -> str:
    """Return the rate of a metric over all sizes and designs."""
    row = rates.row(by_predicate=pl.col("metric") == metric, named=True)
    return _percent(row["rate"], outside=row["outside"])


def _grid(rate: Rate, table: pl.DataFrame, sizes: list[int]) -> str:
    """Return a rate by size and design, and over all of them."""
    rates, whole = rate(table, ["metric", "n", "design"]), rate(table, ["metric"])
    rows = [
        [f"`{metric}`", *(_cell(part, n) for n in sizes), _whole(whole, metric)]
        for (metric,), part in rates.partition_by("metric", as_dict=True, maintain_order=True).items()
    ]
    return _lines(["metric", *(f"n = {n}" for n in sizes), "all"], rows)


def _by_family(table: pl.DataFrame, sizes: list[int]) -> list[str]:
    rates, whole = (summary.coverage(table, ["family", "metric", *more]) for more in (["n", "design"], []))
    each = summary.coverage(table, ["family", "metric", "n", "design", "scenario", *ITEM])
    methods = {row: metric.interval for metric in METRICS.values() for row in metric.rows}
    parts = []
    for family in FAMILIES:
        own = rates.filter(family=family)
        if own.is_empty():
            continue
        rows = []
        for (metric,), part in own.partition_by("metric", as_dict=True, maintain_order=True).items():
            cells = each.filter(metric=metric, family=family)
            inside = f"{cells.filter(~pl.col('outside')).height} of {cells.height}"
            overall = _whole(whole.filter(family=family), metric)
            method = methods.get(metric, "the fit's own")
            rows.append([f"`{metric}`", *(_cell(part, n) for n in sizes), overall, inside, method])
        header = ["metric", *(f"n = {n}" for n in sizes), "all", "cells", "interval"]
        parts += [f"### {family.capitalize()}\n", _lines(header, rows)]
    return parts


def _floors(floors: pl.DataFrame, sizes: list[int]) -> str:
    """Return the bias of the floors of distances, mean over items, with its standard error."""
    known = floors.filter(pl.col("metric").is_in(summary.edged()), pl.col("true_floor") > 1e-9)
    means = known.group_by("metric", "n", "design", maintain_order=True).agg(
        pl.col("bias").mean(), se=(pl.col("bias_se") ** 2).sum().sqrt() / pl.len()
    )
    rows = []
    for (metric,), part in means.partition_by("metric", as_dict=True, maintain_order=True).items():
        found = {(row["n"], row["design"]): row for row in part.iter_rows(named=True)}
        texts = [
            [f"{100 * row['bias']:+.1f} ± {100 * row['se']:.1f}" for d in DESIGNS if (row := found.get((n, d)))]
            for n in sizes
        ]
        rows.append([f"`{metric}`", *(" / ".join(each) for each in texts)])
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
        rows.append([f"`{metric}`", "; ".join(told), (reasons.INTERVALS | reasons.SINGLE).get(metric, "")])
    return _lines(["metric", "figures outside 93 to 97 %", "why"], rows)


def _where(row: dict[str, object]) -> str:
    item = row["item_id"] or row["term"] or "mean over items"
    return f"{item}, {row['scenario']}, n = {row['n']}, {row['design']}"


INTRODUCTION = """\
# Coverage

Made by `make coverage`, which draws people and simulated respondents from populations whose every figure is known,
evaluates each pair of panels as `simframe evaluate` does, and counts: {least} to {most} pairs of panels a cell,
{total} in all, {replicates} replicates each; the true figures come from scipy and numpy. Monte-Carlo error: a coverage
of 95 % from 1,000 intervals has a standard error of 0.7 points; from {least}, of {error:.1f}. Sizes and designs that
would say the same as others, at length, are left out: their places are empty.

- **Items** with 2, 3, 5, 7 and 11 options: all alike, skewed, or one of them never chosen; one that many skip; an
  interval item. Three groups that differ. Pairs of belief and action. Five families of regressions.
- **n** people and as many simulated respondents.
- **Designs**, with a slash between them: no weights / weights of 0.4 to 2.4 that go with the answers / people in
  clusters of five whose answers go together.
- **S** is like H (*null*), a little off in all options (*near*), off in one option for another (*local*), or *far* off.

A figure in **bold** is outside its band by more than Monte-Carlo error (exact binomial test at 0.1 %).
"""
METHODS = """\
- **Distances and divergences** (inversion of a noncentral chi-squared law): cover at every size, shape and design, near
  zero as far from it. Simulated beside it on the same populations, the basic bootstrap covered 81 to 90 % at n = 30,
  and down to 62 % at any size where the truth is about one standard error of a single difference: its upper end falls
  together with the estimate. The percentile interval covered 12 % (js_distance, n = 100, a skewed item of five options,
  weighted, S a little off): it adds the bias of the estimate instead of taking it off.
- **Shares and their differences** (Wilson, Newcombe): cover from n = 30, where a normal interval covered 86 %.
- **Shifts, ratios of variances, slopes of group means** (bootstrap normal with Student's reach): cover from n = 30.
- **Entropy** (the bias taken off): covers; the ratio of entropies errs on the wide side, as entropy is flat where
  options are alike. In **subgroups** of fewer than about fifty it falls short (88 to 92 %), at the upper end: an option
  that one of twenty chooses is chosen by nobody in many such groups, and no bootstrap draws what the sample lacks. In
  groups of six to fifteen, which n = 30 leaves of three groups, ratios of variances fall short as well (87 to 94 %).
  Groups of fewer than 30 lie outside of what is promised, 30 to 3,000 people a figure: their rows carry `small_n`,
  which counts what people are worth.
- **Associations** (inversion; Fisher): cover. The law where nothing is associated is known, so that their noise is
  known where a bootstrap sees empty cells only. Their differences and *ratios* join the intervals of both sides: a
  bootstrap of the ratio covered 4 to 60 % in tables of 25 cells on 30 or 100 people. Such a ratio often has no upper
  end, as people's own association may be none: no bounded interval of a ratio covers there (Gleser and Hwang 1987).
- **Counts of structures** (jackknife, no narrower than a bootstrap) cover, and are wide: a jackknife errs on that side
  (Efron and Stein 1981). Alone it gave intervals without width where every structure had been seen, which held 28 % of
  true counts at n = 3000. With the variances of Colwell et al. (2012) and Chao et al. (2014), simulated beside it,
  intervals covered 85 % at worst, where few structures are common and many rare.
- **Spread over groups** joins the intervals of the groups: a bootstrap of the spread covered 73 % where one group is
  like people, as its distance is all noise, and 84 % where eleven groups are equally far off.
- **Total variation** and the **modal share**, where options tie: intervals reach as far as they would were all options
  alike that may be. A bootstrap covered 40 % of means over items (one option moved, the rest alike), 69 % of modal
  shares (eleven options alike).
- **Coefficients** over robust errors (Student's law; HC3 for ols and poisson, HC1 for logits, as an evaluation takes
  them where weights ask for robust errors and none are declared): cover from n = 30. Simulated beside it at n = 30, HC1
  with the normal law rejected 9 to 10 % (poisson) and 9 to 11 % (ols) of what is nought, 7 to 9 % with Student's law
  alone; in weighted logits 7 %, 5 % with Student's law. HC3 in logits rejected 1 to 2 %.
- Their **distance**, **twins**: cover. The **correlation** of coefficients covers, and is wide where they are noise;
  taking noise off twice covered 50 to 80 %.
- **Polychoric correlations** (Student's law on Fisher's scale, no error below Fisher's): cover from n = 30. With the
  normal law and the linearised error alone they covered 90 to 92 % of weighted samples of 30.
- **p-values** hold 5 %: by permutation with and without weights, by draws from people's population under clusters; of
  polychoric correlations by draws at the correlation of both panels together (at the people's, 12 % of weighted samples
  of 30 were rejected). Those of counts of terms are conservative: they take few values. Were ties counted by half
  (mid-p), 0.2 to 6 % would be rejected at n = 30 and 300, most still under 3.5; the exact ones never reject too often.
- **Floors** are scaled by how much further halves of the people lie apart than samples of that size drawn with
  replacement; without that they were 7 % too low at n = 30, 20 % at worst, for what nobody in a sample happened to
  answer. At n = 30 that ratio, which is of halves, makes up for a little too much: 1 to 2 % of a distance, and twice
  that of its square. `kl_divergence` is infinite between most samples of 30 where options are many or rare: its floor
  is of those draws that are not, which in a sample of people are others than in the population. `kl_smoothed` always
  is finite.

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
Bias of the floor in percent of the true floor, mean over items of all numbers of options and shapes, with the standard
error of the simulation. The target is 2 %. True floors come from 20,000 pairs of samples of the population.
"""
BEYOND = """\
Percent of panels of S = H whose distance is above `floor_q95`: 5 where that edge is right. At n = 30 it
is a little low.
"""
MISSES = """\
Single figures outside the band, one line a metric.
"""
