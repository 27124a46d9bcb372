"""What a chart draws as one series, and what its legend calls it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from simframe.report.findings import Findings
from simframe.report.labels import Names, strategy_name


def series_of(findings: Findings, panel_ids: Iterable[str]) -> dict[str, str]:
    """Return the series of each panel: its strategy; of several panels of one strategy each a series of its own."""
    seen: Counter[str] = Counter()
    found = {}
    for panel_id in panel_ids:
        strategy = findings.panel(panel_id).strategy
        seen[strategy] += 1
        found[panel_id] = strategy if seen[strategy] == 1 else f"{strategy} {seen[strategy]}"
    return found


def legend_of(findings: Findings, series: dict[str, str], names: Names) -> dict[str, str]:
    """Return what each series is called: its strategy, with the name of the panel where a strategy has several."""
    often = Counter(findings.panel(panel_id).strategy for panel_id in series)
    found = {}
    for panel_id, one in series.items():
        strategy = findings.panel(panel_id).strategy
        name = strategy_name(strategy)
        found[one] = f"{name}: {names.panel(panel_id)}" if often[strategy] > 1 else name
    return found


def legend_of_strategies(strategies: Iterable[str]) -> dict[str, str]:
    """Return what strategies are called, each once."""
    return {strategy: strategy_name(strategy) for strategy in strategies}
