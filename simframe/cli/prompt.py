"""``simframe prompt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import polars as pl

from simframe.cli._common import print_table, warehouse_option
from simframe.errors import placed

if TYPE_CHECKING:
    from simframe.simulate.humans import Humans
    from simframe.simulate.plans import Condition
    from simframe.simulate.prompts.showing import Part

CHATS = {"auto": "auto", "true": True, "false": False}


@click.group("prompt")
def command() -> None:
    """Show what a model reads of a respondent."""


@command.command("show")
@click.argument("study")
@click.option("--respondent", help="Whom to show.  [default: the first person of the holdout]")
@click.option(
    "--plan", type=click.Path(path_type=Path), help="Plan that sets what is read, instead of the options below."
)
@click.option("--panel", type=click.IntRange(1), default=1, show_default=True, help="Which panel of the plan.")
@click.option("--prompt", help="Template: a name, or the path of a .toml file.  [default: the model's own]")
@click.option("--fields", help="Persona items shown, joined by commas; none for no persona.")
@click.option("--shots", type=click.IntRange(0), help="People of the pilot shown as examples.")
@click.option("--chat", type=click.Choice(list(CHATS)), help="Whether the model's chat template is used.")
@click.option("--option-order", type=click.Choice(["declared", "random", "reversed"]), help="Order of the options.")
@click.option("--item-order", type=click.Choice(["declared", "random"]), help="Order of the questions.")
@click.option("--seed", type=click.IntRange(0), help="Seed of orders and examples.")
@click.option("--model", help="Folder of a local Hugging Face model, or embedded; without one, the text alone.")
@click.option("--tokens", is_flag=True, help="List the parts with their tokens, and the tokens of every option.")
@warehouse_option
def show(
    study: str, plan: Path | None, panel: int, root: Path, respondent: str | None, tokens: bool, **keys: Any
) -> None:
    """Show what a model reads of one respondent of STUDY, exactly, with the answers that this person gave.

    The text goes to standard output; what it is made of, to standard error. With a model, it is the text of the very
    tokens, the turns of a chat included; questions and options stand in the order that this person's simulated twin is
    shown them. [no answer] stands where the person gave none: there, the model reads what the twin answers.
    """
    from simframe.simulate.humans import find_humans
    from simframe.warehouse import Warehouse

    humans = find_humans(Warehouse.open(root), study)
    given = {name: value for name, value in keys.items() if value is not None}
    condition = _planned(plan, panel, given, humans) if plan is not None else _named(given)
    with_model = plan is not None or "model" in given
    who = respondent or humans.part("holdout")[0]["respondent_id"][0]
    with placed(condition.where):
        parts, about = _parts(humans, condition, who, root, with_model=with_model)
    click.echo(f"{about}\nThe answers are those that {who} gave.", err=True)
    if not tokens:
        click.echo("".join(part.shown for part in parts), nl=False)
        return
    rows = [
        {"part": part.kind, "item": part.item_id, "tokens": part.tokens, "text": _visible(part.text), "note": part.note}
        for part in parts
    ]
    print_table(pl.DataFrame(rows, schema_overrides={"tokens": pl.Int64}))
    labels = [
        {
            "item": part.item_id,
            "option": label.code,
            "says": _visible(label.text),
            "tokens": " ".join(map(str, label.tokens)),
        }
        for part in parts
        for label in part.labels
    ]
    if labels:
        click.echo()
        print_table(pl.DataFrame(labels))


def _planned(plan: Path, panel: int, given: dict[str, Any], humans: Humans) -> Condition:
    from simframe.errors import PlanError
    from simframe.simulate.plans import conditions, load_plan

    if given:
        name = next(iter(given)).replace("_", "-")
        raise click.UsageError(f"--{name} and --plan: the plan says it")
    found = conditions(load_plan(plan), humans.available, humans.panel_id)
    if panel > len(found):
        mend = f"use 1 to {len(found)}; simframe plan show {plan} lists them"
        raise PlanError(f"has {len(found)} panels, not {panel}", where=str(plan), mend=mend)
    condition = found[panel - 1]
    if not condition.about.uses_model:
        mend = "choose a panel of strategy base or tuned"
        raise PlanError(f"panel {panel} is {condition.strategy}, which reads no prompt", where=str(plan), mend=mend)
    return condition


def _named(given: dict[str, Any]) -> Condition:
    from simframe.simulate.plans import Condition

    if "fields" in given:
        named = [name.strip() for name in given["fields"].split(",")]
        given["fields"] = () if given["fields"].strip() in ("", "none") else tuple(named)
    if "chat" in given:
        given["chat"] = CHATS[given["chat"]]
    return Condition("base", pilot_n=given.get("shots") or None, **given)


def _parts(humans: Humans, condition: Condition, who: str, root: Path, *, with_model: bool) -> tuple[list[Part], str]:
    """Return what is read of a respondent, and a line about it."""
    from simframe.simulate import prompts
    from simframe.simulate.bases import EMBEDDED
    from simframe.simulate.engines.base import RunSettings, ask
    from simframe.simulate.prompts.showing import answers_of, show_text, show_tokens

    study = humans.study
    answers = answers_of(humans.responses, who)
    tokenizer, template = _loaded(humans, condition, root) if with_model else (None, _plain(humans, condition))
    asked = [item for item in study.simulated if template.text or item.answered_with != "text"]
    settings = RunSettings(condition.seed, item_order=condition.item_order, option_order=condition.option_order)
    (twin,) = ask(asked, [f"{who}.twin"], [None], settings)
    sheet = [asked[place] for place in twin.items]
    orders = {item.id: order for item, order in zip(asked, twin.orders, strict=True)}
    about = f"Template {template.name}, version {template.template_hash}"
    if tokenizer is None:
        return show_text(study, template, answers, sheet, orders), f"{about}; text alone, no model given."
    from simframe.simulate.models import context_of  # imports torch

    parts = show_tokens(prompts.compile_script(study, template, tokenizer), answers, sheet, orders)
    turns = "" if template.chat is None else ", in the turns of its chat template"
    read = sum(part.tokens or 0 for part in parts)
    context = None if condition.model == EMBEDDED else context_of(Path(condition.model).expanduser())
    beyond = f", more than its context of {context:,}" if context is not None and read > context else ""
    return parts, f"{about}; {read:,} tokens of {condition.model}{beyond}{turns}."


def _plain(humans: Humans, condition: Condition) -> Any:
    from simframe.simulate import prompts

    pilot = humans.pilot(max(2, condition.shots), condition.pilot) if condition.shots else None
    return prompts.resolve(condition, humans.study, None, None, pilot)


def _loaded(humans: Humans, condition: Condition, root: Path) -> tuple[Any, Any]:
    """Return a condition's tokenizer, None where it is behind an endpoint, and its template."""
    from simframe.simulate.answering import Answering
    from simframe.simulate.bases import EMBEDDED, need_libraries
    from simframe.simulate.models.tokenizer import load_tokenizer
    from simframe.simulate.vocabulary import make_tokenizer
    from simframe.warehouse.layout import Layout

    need_libraries()
    template = Answering(Layout(root), humans, lambda _: lambda done, total: None).template(condition)
    if condition.engine == "openai":
        return None, template
    if condition.model == EMBEDDED:
        return make_tokenizer(humans.study), template
    return load_tokenizer(Path(condition.model).expanduser()), template


def _visible(text: str) -> str:
    """Return a text on one line, line ends and other control characters spelled out."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
