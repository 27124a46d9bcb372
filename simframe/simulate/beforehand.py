"""What is looked at before anything is built, tuned or asked: a plan that cannot be carried out ends here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from simframe.errors import placed
from simframe.simulate import prompts
from simframe.simulate.bases import EMBEDDED, need_libraries
from simframe.simulate.models.tokenizer import load_tokenizer
from simframe.simulate.plans import Condition, PanelSpec, Plan, specify, tune_settings

if TYPE_CHECKING:
    from simframe.simulate.answering import Answering


def panels(answering: Answering, plan: Plan) -> list[PanelSpec]:
    """Return the panels of a plan, in order, once every pilot was seen to be there.

    Raises:
        PlanError, ModelError: where the plan asks for what there is not, naming file, panel and key.
    """
    humans = answering.humans
    specs = specify(
        plan, humans.study, humans.panel_id, humans.available, identify=answering.identity, name_of=answering.name
    )
    seen = set()
    for condition in (spec.condition for spec in specs):
        shown = (condition.shots, condition.seed) if condition.shots else ()
        key = json.dumps([condition.pilot_n, asdict(condition.pilot), condition.wave, shown], sort_keys=True)
        if key not in seen:
            with placed(condition.where):
                humans.check(condition)
        seen.add(key)
    return specs


def check_machine(answering: Answering, condition: Condition) -> None:
    """Refuse what this machine cannot run and what the model cannot read.

    Raises:
        PlanError, ModelError: naming what is missing.
    """
    if not condition.about.uses_model:
        return
    if condition.engine == "vllm":
        from simframe.simulate.engines import vllm

        vllm.need_vllm()
    if condition.strategy == "tuned" and tune_settings(condition.tune, condition.where).four_bit:
        need_libraries()
        from simframe.simulate.models.loading import four_bit_settings

        four_bit_settings()
    with placed(f"prompt {condition.prompt!r}"):
        answering.bases.of(condition).check_reads(answering.template(condition))


def check_lengths(answering: Answering, specs: Iterable[PanelSpec]) -> None:
    """Refuse panels whose prompts their model cannot read to the end.

    Raises:
        ModelError: naming the model, its context and the longest prompt.
    """
    from simframe.simulate import models

    study, known = answering.humans.study, set()
    for condition in (spec.condition for spec in specs):
        if not condition.about.uses_model or condition.engine == "openai" or condition.model == EMBEDDED:
            continue  # an endpoint's context is its own affair; the embedded model learned what it is asked
        base, template = answering.bases.of(condition), answering.template(condition)
        key = (base.key, template.template_hash, condition.mode)
        if base.folder is None or key in known:
            continue
        known.add(key)
        need_libraries()
        if (context := models.context_of(base.folder)) is not None:
            script = prompts.compile_script(study, template, load_tokenizer(base.folder))
            respondents, answers = answering.humans.personas()
            told = script.personas(answers, respondents["respondent_id"].to_list())
            prefixes = [script.prefix(fields) for fields in told]
            script.check_length(prefixes, context, chained=condition.mode == "chained", where=str(base.folder))
