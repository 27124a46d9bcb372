"""``simframe tune``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from simframe.cli._common import progress_bars, warehouse_option


def _size(_: click.Context, __: click.Parameter, text: str) -> int | float:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise click.BadParameter("write people (100) or a share of the pilot (0.5)") from None


def _pairs(_: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if any(not (name and equals) for name, equals, _ in pairs):
        raise click.BadParameter(f"write {parameter.metavar}")
    names = [name.strip() for name, _, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise click.BadParameter(f"{twice} stands twice; name each once")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _value(text: str) -> Any:
    """Return a value as TOML has it; a word without quotes is a text."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


@click.command("tune")
@click.argument("study", required=False)
@click.option("--panel", "panel_id", help="Human panel to tune on.  [default: the study's newest]")
@click.option(
    "--pilot", required=True, callback=_size, metavar="N", help="People (100), or a share of the pilot (0.5)."
)
@click.option(
    "--selection",
    type=click.Choice(["random", "stratified", "balanced"]),
    default="random",
    show_default=True,
    help="How they are chosen among the pilot.",
)
@click.option("--by", metavar="ITEM", help="Item that stratified and balanced pilots look at.")
@click.option(
    "--arm", multiple=True, callback=_pairs, metavar="ITEM=CODE", help="Tune only on people who gave this answer."
)
@click.option("--model", default="embedded", show_default=True, help="Folder of a local Hugging Face model.")
@click.option("--prompt", default="auto", show_default=True, help="Template that people are shown by.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of everything random.")
@click.option(
    "--set", "settings", multiple=True, callback=_pairs, metavar="KEY=VALUE",
    help="Setting of the tuning, as under [plan.tune]: rank=16, targets=ordinal, 'dro={by = \"educ\"}'.",
)  # fmt: skip
@warehouse_option
def command(
    study: str | None,
    panel_id: str | None,
    pilot: float,
    selection: str,
    by: str | None,
    arm: dict[str, str],
    model: str,
    prompt: str,
    seed: int,
    settings: dict[str, str],
    root: Path,
) -> None:
    """Tune an adapter on a pilot, and leave it in the warehouse; nothing is simulated.

    A plan with the same model, pilot, seed and settings finds the adapter there. STUDY is a study of the warehouse, or
    the built-in anes96; without it, the study of --panel or the only one.
    """
    from simframe.ingest import import_panel
    from simframe.simulate.answering import Answering
    from simframe.simulate.beforehand import panels
    from simframe.simulate.humans import find_humans
    from simframe.simulate.models import provenance
    from simframe.simulate.plans.load import plan_of
    from simframe.study.loader import builtin_names
    from simframe.warehouse import Warehouse

    choice = {"size": pilot, "selection": selection, "arm": arm} | ({"by": by} if by else {})
    tune = {name: _value(text) for name, text in settings.items()}
    panel = {"strategy": "tuned", "pilot": choice, "tune": tune}
    plan = plan_of({"id": "tune", "seed": seed, "model": model, "prompt": prompt, "panel": [panel]}, "simframe tune")
    warehouse = Warehouse.create(root)
    if study in builtin_names() and panel_id is None:
        import_panel(warehouse, str(study))
    humans = find_humans(warehouse, study, panel_id)
    with progress_bars() as bars:
        answering = Answering(warehouse.layout, humans, bars)
        made = [answering.adapter(spec) for spec in panels(answering, plan)]
    warehouse.refresh()
    for folder in made:
        noted = provenance(folder)
        loss = dict(map(tuple, noted["learning_curve"]))[noted["steps"]]
        click.echo(
            f"{folder.name}: {noted['pilot_n']} people, {noted['steps']} steps, "
            f"{loss:.3f} nats an answer of people held out. Next: simframe models show {folder.name} -w {root}"
        )
