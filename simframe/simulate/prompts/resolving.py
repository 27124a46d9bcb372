"""From a plan's keys to the one template that they come to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from simframe.errors import PlanError
from simframe.simulate.prompts.builtin import FIRST_PERSON
from simframe.simulate.prompts.chat import has_chat, read_chat
from simframe.simulate.prompts.files import load_template
from simframe.simulate.prompts.shots import choose_shots

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from simframe.simulate.prompts.template import Template
    from simframe.study import Study

AUTO = "auto"


class Keys(Protocol):
    """The keys of a plan that shape what a model reads; a ``plans.Condition`` has them."""

    @property
    def prompt(self) -> str:
        """``auto``, a built-in template, or the path of a template file."""

    @property
    def fields(self) -> tuple[str, ...] | None:
        """Persona items shown; None: as the template says."""

    @property
    def shots(self) -> int:
        """People of the pilot shown as examples."""

    @property
    def chat(self) -> bool | str:
        """Whether the tokenizer's chat template is used; ``auto``: where it has one."""

    @property
    def option_order(self) -> str:
        """In which order options are shown."""

    @property
    def order_average(self) -> int:
        """Orders of options that probabilities are averaged over."""

    @property
    def tune(self) -> Mapping[str, Any]:
        """What is set of the tuning."""

    @property
    def seed(self) -> int:
        """Seed of everything random."""


def resolve(
    keys: Keys,
    study: Study,
    own: Template | None = None,
    tokenizer: Any = None,
    pilot: tuple[pl.DataFrame, pl.DataFrame] | None = None,
) -> Template:
    """Return the template that a plan's keys come to; its hash covers turns and examples.

    Args:
        keys: prompt, fields, shots, chat, option_order, order_average, seed.
        study: what is asked.
        own: the template that the base was made for; first-person text where None.
        tokenizer: the base's; None where it is not at hand, which is plain text.
        pilot: (respondents, responses) that the examples are chosen among.

    Raises:
        PlanError: where the template, or an item it shows, is not there, there are too few people to show, or options
            are to be moved about in a list that all respondents share.
        ModelError: where the tokenizer's chat template cannot be used.
    """
    template = (own or FIRST_PERSON) if keys.prompt == AUTO else load_template(keys.prompt)
    if keys.fields is not None:
        template = replace(template, fields=tuple(keys.fields))
    template.shown(study)
    if template.codebook and not template.reorders:
        _check_orders(keys, template)
    if keys.shots:
        if pilot is None:
            raise PlanError(f"shots = {keys.shots}, and no pilot", where="shots", mend="import people with a pilot")
        template = replace(template, shots=choose_shots(study, template, *pilot, k=keys.shots, seed=keys.seed))
    wanted = has_chat(tokenizer) if keys.chat == AUTO else bool(keys.chat)
    return replace(template, chat=read_chat(tokenizer)) if wanted else template


def _check_orders(keys: Keys, template: Template) -> None:
    """Refuse to move about options that all respondents read in one list.

    Raises:
        PlanError: naming the key, its value and the prompt.
    """
    given = {
        "option_order": keys.option_order,
        "order_average": keys.order_average,
        "tune.option_order": keys.tune.get("option_order", "declared"),
    }
    for key, value in given.items():
        if value not in ("declared", 1):
            message = f"{key} = {value!r} with the prompt {template.name!r}, whose codebook lists options once for all"
            mend = "leave it out, or choose a prompt that lists them at each question"
            raise PlanError(message, where="prompt", mend=mend)
