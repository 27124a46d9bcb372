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
