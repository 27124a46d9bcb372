"""The registry as a page: ``docs/metrics.md`` is what this prints, and a test holds it to that."""

from __future__ import annotations

from simframe.metrics.registry import METRICS, Metric

__all__ = ["page"]

HEAD = """# Metrics

Made from `simframe/metrics/registry.py` by `make docs`; edit it there. `simframe metrics show NAME` prints one, and the
table `metrics` of every warehouse holds all of them for SQL.

H is the reference (people), S the compared panel; p_k and q_k are their weighted shares of the declared options, P and
Q the cumulative shares in declared order, v_k the options' values. An option that nobody chose has share 0, it does
not vanish. An undefined metric is NULL with a reason, never NaN and never a silent 0.

In the view `alignment` most metrics stand under their own name. One that describes each side alone stands there with
endings: `cramers_v_h` of people, `cramers_v_s` of the panel, `cramers_v_inflation` their difference (S - H) and
`cramers_v_inflation_ratio` their quotient; `simframe metrics show NAME` lists the names in SQL. `excess` is
`estimate - floor` of its rows; `z_difference` and `standardised_bias` are columns of the view `coefficient_pairs`.

`n_h` and `n_s` count who stands behind a figure; `effective_h` and `effective_s` say how many of equal weight would
tell as much, (sum w)^2 / sum w^2 (Kish 1965). `small_n` and verdicts go by these. Figures that count everybody once,
whatever the weights (structures, twins, regressions without weights), have all that are counted. Clusters are left out
of it: they widen intervals.

## How sure

`simframe evaluate` sets three things beside an estimate; the second table of every family says how each is obtained.

- The interval (`ci_low`, `ci_high`) holds what would be found with as many people and simulated respondents as one
  likes, 95 times in 100. It rests on respondents drawn anew, each with all their answers, with weights, and with
  clusters within strata where the study declares them. Noise pushes distances away from 0, so the draws' percentiles
  would be too high: instead, the interval keeps the true distances under which the one observed would not be rare, when
  squares of distances follow a noncentral chi-squared law (`noncentral chi-squared inversion`). It often begins at 0,
  and it is stretched to hold the estimate, which therefore often stands at its upper end. Counts and rates of
  significant coefficients have no such truth: their interval is where they would fall were both samples drawn afresh.
  No interval knows of errors other than sampling: of coverage, of nonresponse, of the wording of questions or prompts.
- The floor (`floor`) is the mean of the figure between two samples of people of these sizes (the median of ratios,
  which may have no mean), what a perfect simulator would score; its edge (`floor_q95`) is what 5 % of such samples
  are beyond, on the worse side. A figure at its floor was not told apart from people. That does not show that it is
  alike, least of all with few people.
- The p-value (`p_value`) asks how often a difference as large would be seen were both sides samples of the same people.
  Each stands for one test: of 100 true hypotheses 5 fall below 0.05, and nothing corrects for how many rows are read.
"""


def page() -> str:
    """Return the reference of all metrics as Markdown, one section a family."""
    parts = [HEAD]
    families: dict[str, list[Metric]] = {}
    for metric in METRICS.values():
        families.setdefault(metric.family, []).append(metric)
    for family, metrics in families.items():
        parts.append(f"\n## {family.capitalize()}\n")
        parts.append("| metric | definition | range, unit | ideal | scales | in Polars | source |")
        parts.append("|---|---|---|---|---|---|---|")
        parts += [_row(metric) for metric in metrics]
        parts.append("\n| metric | interval | floor | p-value |")
        parts.append("|---|---|---|---|")
        parts += [_line((f"`{metric.name}`", metric.interval, metric.floor, metric.p_value)) for metric in metrics]
    return "\n".join(parts) + "\n"


def _row(metric: Metric) -> str:
    cells = (
        f"`{metric.name}`",
        metric.formula,
        metric.range + ("" if metric.unit == "1" else f", {metric.unit}"),
        "" if metric.ideal is None else f"{metric.ideal:g}",
        ", ".join(metric.scales),
        ", ".join(f"`{name}`" for name in metric.functions),
        metric.source,
    )
    return _line(cells)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(page(), end="")
