"""``simframe audit``."""

from __future__ import annotations

from pathlib import Path

import click

from simframe.cli._common import print_table, progress_bars, warehouse_option


@click.group("audit")
def command() -> None:
    """Measure what tuning did to the rest of a model."""


@command.command("drift")
@click.argument("names", nargs=-1, metavar="[PANEL]...")
@click.option("--base", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder of the base model.")
@click.option("--probes", "source", help="Study file of probes; else the built-in ones.")
@click.option("--people", type=click.IntRange(2), default=40, show_default=True, help="Personas asked.")
@click.option("--replicates", type=click.IntRange(100), default=2000, show_default=True, help="Bootstrap replicates.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Seed of every draw.")
@click.option("--items", is_flag=True, help="Show every probe, not only means over them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, every probe included.")
@warehouse_option
def drift(
    names: tuple[str, ...],
    base: Path | None,
    source: str | None,
    people: int,
    replicates: int,
    seed: int,
    items: bool,
    as_json: bool,
    root: Path,
) -> None:
    """Ask tuned models, and their bases, what tuning should have left alone.

    PANEL is a tuned panel, or the folder of an adapter in the warehouse's models; all tuned panels where none is named.
    Shows likelihood of options, response styles (acquiescence, extremes, midpoints, places), "don't know", facts and
    honesty before and after tuning, each with a 95 % interval of the change, and stores them for the SQL view drift. An
    embedded model knows the words of its own study alone, and is asked that study's questions only.
    """
    from simframe.simulate.bases import need_libraries

    need_libraries()
    from simframe.simulate.drift import AuditSettings, load_probes
    from simframe.simulate.drift.record import audit
    from simframe.warehouse import Warehouse

    warehouse = Warehouse.open(root)
    settings = AuditSettings(people=people, replicates=replicates, seed=seed)
    with progress_bars() as bars:
        done = audit(warehouse, names, base=base, probes=load_probes(source), settings=settings, bars=bars)
    warehouse.refresh()
    found = warehouse.sql(
        """
        SELECT audit_id, panel_id, scope, measure, item_id, base, tuned, change, ci_low, ci_high, n_items,
            n_respondents, reason
        FROM drift WHERE list_contains(?, audit_id)
        """,
        [[each.audit_id for each in done]],
    )
    if as_json:
        click.echo(found.write_json())
        return
    for each in done:
        rows = found.filter(found["audit_id"] == each.audit_id).drop("audit_id", "panel_id")
        told = rows.filter(rows["reason"].is_null() & (items | rows["item_id"].is_null()))
        print_table(told.drop("reason") if items else told.drop("reason", "item_id"), title=each.what)
        for reason, some in rows.drop_nulls("reason").group_by("reason", maintain_order=True):
            click.echo(f"{', '.join(some['scope'][0] + '.' + some['measure'])}: {reason[0]}")
    fresh = sum(each.fresh for each in done)
    click.echo(f"{fresh} of {len(done)} adapters audited, {len(done) - fresh} were already")
