"""How fast panels would be made, timed on a few people: for a plan of which nothing is there yet."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path

import polars as pl

from simframe.simulate import embedded, engines, prompts
from simframe.simulate.answering import Answering
from simframe.simulate.bases import EMBEDDED, need_libraries
from simframe.simulate.plans import Condition, PanelSpec, tune_settings
from simframe.simulate.plans.cost import Rates, work

FEW, MORE = 4, 64
"""People who answer; the second where the first take less than ``PATIENCE`` seconds."""
PATIENCE = 1.0
STEPS = 4
"""Steps of learning that are timed."""


class _EnoughError(Exception):
    """Ends a piece of work once it is timed; never leaves this module."""


class _Clock:
    """Takes the place of a progress bar, and ends the work after a few steps."""

    def __init__(self) -> None:
        self._at: list[float] = []

    def __call__(self, done: int, total: int) -> None:
        self._at.append(time.perf_counter())
        if len(self._at) > STEPS:
            raise _EnoughError

    @property
    def step(self) -> float:
        """Seconds a step; the first bears what is done once."""
        return (self._at[-1] - self._at[0]) / max(1, len(self._at) - 1)


class Calibration:
    """Times what a plan's panels take, each kind of work once, and leaves nothing behind."""

    def __init__(self, answering: Answering) -> None:
        self._answering, self._humans = answering, answering.humans
        self._temporary = tempfile.TemporaryDirectory(prefix="simframe-calibration-")
        self._folder = Path(self._temporary.name)
        self._known: dict[tuple[object, ...], Rates] = {}

    def close(self) -> None:
        """Remove what was written."""
        self._temporary.cleanup()

    def folder_of(self, condition: Condition) -> Path:
        """Return where a base stands, or one of its size and speed."""
        return self._base(condition)[0]

    def rates(self, spec: PanelSpec) -> Rates:
        """Return the rates of a panel that is behind no endpoint: there every try has its price."""
        condition = spec.condition
        return self._simulated(condition) if condition.about.uses_model else self._baseline(condition)

    def _baseline(self, condition: Condition) -> Rates:
        from simframe.simulate.baselines import BASELINES

        key = (condition.strategy, condition.pilot_n, condition.fields, condition.wave)
        if key not in self._known:
            people, answers = self._humans.fitted_on(condition)
            respondents, personas = self._humans.personas()
            some = respondents.head(MORE)
            began = time.perf_counter()
            BASELINES[condition.strategy].simulate(
                self._humans.study,
                answers,
                people["weight"].to_numpy(),
                personas.join(some.select("respondent_id"), on="respondent_id", maintain_order="left"),
                seed=condition.seed,
                people=some["respondent_id"].to_list(),
                fields=condition.fields,
            )
            # Nearly all of it is fitting, which is done once.
            self._known[key] = Rates(_origin(some.height), answering=0.0, tuning=time.perf_counter() - began)
        return self._known[key]

    def _simulated(self, condition: Condition) -> Rates:
        need_libraries()
        folder, base = self._base(condition)
        template = self._answering.template(condition)
        key = (folder, template.template_hash, condition.mode, condition.order_average)
        if key not in self._known:
            self._known[key] = self._answer(folder, template, condition)
        known = self._known[key]
        tuning = self._tuning(folder, template, condition) if condition.strategy == "tuned" else None
        return Rates(known.origin, known.tokens, known.answering, known.loading, tuning, base)

    def _base(self, condition: Condition) -> tuple[Path, float]:
        """Return where a base stands, or one of its size and speed, and the seconds of building it."""
        base = self._answering.bases.of(condition)
        if base.name != EMBEDDED or (base.folder is not None and base.folder.is_dir()):
            return base.folder or Path(), 0.0
        study, wave, sketch = self._humans.study, self._humans.wave(), self._folder / EMBEDDED
        if (sketch,) not in self._known:
            embedded.sketch(study, sketch)
            clock = _Clock()
            with suppress(_EnoughError):
                embedded.build_embedded(study, wave, self._folder / "base", progress=clock)
            people = 0 if wave is None else wave["respondent_id"].n_unique()
            self._known[(sketch,)] = Rates("", base=clock.step * sum(embedded.most_steps(people)))
        return sketch, self._known[(sketch,)].base

    def _answer(self, folder: Path, template: prompts.Template, condition: Condition) -> Rates:
        from simframe.simulate.engines.local import LocalEngine

        began = time.perf_counter()
        engine = LocalEngine.load(
            folder,
            None,
            self._humans.study,
            template=template,
            temperature=condition.temperature,
            mode=condition.mode,
            order_average=condition.order_average,
        )
        loading = time.perf_counter() - began
        respondents, personas = self._humans.personas()
        engine.personas(personas, respondents["respondent_id"].to_list())  # everybody's prompts, not those of a few
        for people in (FEW, MORE):
            some = respondents.head(people).select("respondent_id", pl.lit(None, pl.String).alias("twin_of"))
            began = time.perf_counter()
            chunks = self._folder / f"chunks-{len(self._known)}-{people}"
            answers = engines.run(engine, personas, some, chunk_dir=chunks)
            took = time.perf_counter() - began
            if took > PATIENCE or some.height < people:
                break
        return Rates(_origin(some.height), answers.notes["tokens"] / some.height, took / some.height, loading)

    def _tuning(self, folder: Path, template: prompts.Template, condition: Condition) -> float:
        from simframe.simulate.tuning import tune

        settings = tune_settings(condition.tune, "plan")
        size = min(condition.pilot_n or 0, settings.batch)
        key = (folder, template.template_hash, repr(settings), size)
        if key not in self._known:
            people, answers = self._humans.tuned_on(condition)
            clock, weights = _Clock(), people.select("respondent_id", "weight")
            out = self._folder / f"adapter-{len(self._known)}"
            with suppress(_EnoughError):
                tune(
                    folder,
                    self._humans.study,
                    answers,
                    weights,
                    out,
                    settings=settings,
                    template=template,
                    progress=clock,
                )
            self._known[key] = Rates("", tuning=clock.step / size)
        return (self._known[key].tuning or 0.0) * work(condition, condition.pilot_n or 0)


def _origin(people: int) -> str:
    return f"calibration on {people} people"
