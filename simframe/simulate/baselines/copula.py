"""Persona and answers as one joint distribution: Gaussian copulas in a vine, margins from the pilot.

Vines of discrete variables: A. Panagiotelis, C. Czado and H. Joe (2012), Pair copula constructions for multivariate
discrete data, Journal of the American Statistical Association 107:1063-1072. Of numbers without ties the vine is the
multivariate Gaussian copula; of options it is its discrete counterpart, in which answers are predicted from answers,
without latent variables to be drawn. docs/decisions/0009-baselines.md weighs the libraries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from simframe.errors import PlanError, install_extra
from simframe.simulate.baselines.asking import Array, Asked, Outcome, Task, ask, spread
from simframe.simulate.baselines.chain import standardised
from simframe.simulate.draws import choose, uniforms

if TYPE_CHECKING:
    from simframe.study import Item

BLOCK = 4096
"""Respondents whose answers are predicted together."""


@dataclass(frozen=True)
class Margin:
    """One variable of the vine: where each of its answers lies between 0 and 1."""

    outcome: Outcome
    order: Array
    """Answers in the order in which the copula sees them."""
    continuous: bool
    """Whether an answer is a point, as of a number, or an interval."""

    @cached_property
    def edges(self) -> Array:
        """Cumulative shares of the answers in their order, from 0 to 1."""
        total = np.concatenate([[0.0], np.cumsum(self.outcome.shares[self.order])])
        edges: Array = total / total[-1]
        return edges

    def ends(self, place: Array) -> Array:
        """Return upper and lower end of answers, shape (2, respondents); NaN where there is none (-1)."""
        rank = np.argsort(self.order)[place]
        ends = np.stack([self.edges[rank + 1], self.edges[rank]])
        ends = np.repeat(ends.mean(axis=0)[None], 2, axis=0) if self.continuous else ends
        return np.where(place < 0, np.nan, ends)

    def between(self, values: Array) -> Array:
        """Return the ends of numbers that the pilot need not have given; NaN where there is none."""
        middle = (self.edges[1:] + self.edges[:-1]) / 2
        points = np.interp(values, np.array(self.outcome.values, dtype=float), middle)
        return np.stack([points, points])


@dataclass(frozen=True)
class Vine:
    """A D-vine of Gaussian copulas, in the order of its margins."""

    margins: tuple[Margin, ...]
    model: Any

    def predict(self, known: Array) -> Array:
        """Return the probabilities of the next variable's answers.

        Args:
            known: ends of all variables before it, shape (2, respondents, variables before it).

        Returns:
            shape (respondents, answers), in declared order.
        """
        margin, place, n = self.margins[known.shape[2]], known.shape[2], known.shape[1]
        if place == 0 or n > BLOCK:
            blocks = [known[:, start : start + BLOCK] for start in range(0, n, BLOCK)]
            return np.vstack([self.predict(block) for block in blocks]) if place else spread(margin.outcome.shares, n)
        inner = margin.edges[1:-1]
        below = np.repeat(margin.edges[:-2] if not margin.continuous else inner, n)
        # One row a respondent and edge; variables that come later are all of 0 to 1, and play no part.
        ends = np.zeros((2, n * len(inner), len(self.margins)))
        ends[0] = 1.0
        ends[:, :, :place] = np.tile(known, (1, len(inner), 1))
        ends[:, :, place] = np.repeat(inner, n), below
        wide = np.asfortranarray(np.hstack([ends[0], ends[1]]))
        inside = self.model.rosenblatt(wide, randomize_discrete=False)[:, place].reshape(len(inner), n).T
        cumulative = np.maximum.accumulate(np.hstack([np.zeros((n, 1)), inside, np.ones((n, 1))]), axis=1)
        p = np.empty((n, len(margin.order)))
        p[:, margin.order] = np.diff(cumulative, axis=1)
        return p


def gaussian_copula(task: Task) -> pl.DataFrame:
    """Answer each question by its distribution given persona and earlier answers in a vine of Gaussian copulas.

    The vine is a D-vine in the order of persona and questions. Each pair of variables, given those between them, takes
    a Gaussian copula fitted by weighted maximum likelihood to those who answered both, or independence where Akaike's
    criterion prefers it. Ordered answers follow one another in their order, nominal ones in the order of their means
    on the first principal component of everything else. A missing persona answer is drawn given the fields before it.

    Raises:
        PlanError: where simframe was installed without pyvinecopulib.
    """
    personas = [margin for item in task.persona if (margin := _margin(task, item))]
    questions = [margin for item in task.questions if (margin := _margin(task, item))]
    vine = _fit(task, (*personas, *questions))
    known = np.empty((2, len(task.ids), 0))
    for margin in personas:
        known = np.dstack([known, _persona(task, margin, vine, known)])
    column = {margin.outcome.item.id: place for place, margin in enumerate(vine.margins)}

    def probabilities(outcome: Outcome, asked: Asked) -> Array:
        if outcome.item.id not in column:
            return spread(outcome.shares, len(task.ids))
        answers = [vine.margins[column[o.item.id]].ends(place) for o, place in asked if o.item.id in column]
        return vine.predict(np.dstack([known, *answers]))

    return ask(task, probabilities)


def _margin(task: Task, item: Item) -> Margin | None:
    """Return an item as a variable of the vine, or None where the pilot gave it fewer than two answers."""
    outcome = task.outcome(item)
    if np.count_nonzero(outcome.counts) < 2:
        return None
    return Margin(outcome, _order(task, outcome), continuous=item in task.persona and not item.valid_options)


def _order(task: Task, outcome: Outcome) -> Array:
    """Return the answers in the order the copula sees them: as declared, unless the item is nominal with several."""
    count = len(outcome.codes)
    if outcome.item.scale != "nominal" or count < 3:
        return np.arange(count)
    others = [item for item in (*task.persona, *task.questions) if item.id != outcome.item.id]
    columns = [standardised(task.answers, task.answers, item)[0] for item in others]
    x = np.hstack([np.zeros((len(task.weights), 1)), *columns])
    x = (x - np.average(x, axis=0, weights=task.weights)) * np.sqrt(task.weights / task.weights.sum())[:, None]
    score = x @ np.linalg.svd(x, full_matrices=False)[2][0]
    means = np.zeros(count)  # an answer nobody gave stands in the middle
    sums = np.bincount(outcome.place[outcome.seen], score[outcome.seen], minlength=count)
    np.divide(sums, outcome.counts, out=means, where=outcome.counts > 0)
    return np.argsort(means, kind="stable")


def _fit(task: Task, margins: tuple[Margin, ...]) -> Vine:
    if len(margins) < 2:
        return Vine(margins, None)
    try:
        import pyvinecopulib
    except ImportError as err:
        message = f"gaussian_copula needs pyvinecopulib, which cannot be imported ({err})"
        raise PlanError(message, mend=install_extra("copula")) from err
    families = pyvinecopulib.families
    ends = np.dstack([margin.ends(margin.outcome.place) for margin in margins])
    controls = pyvinecopulib.FitControlsVinecop(
        family_set=[families.indep, families.gaussian],
        selection_criterion="aic",
        weights=np.ascontiguousarray(task.weights, dtype=float),
    )
    model = pyvinecopulib.Vinecop.from_data(
        np.asfortranarray(np.hstack([ends[0], ends[1]])),
        controls,
        structure=pyvinecopulib.DVineStructure(list(range(len(margins), 0, -1))),  # the last named is drawn first
        var_types=["c" if margin.continuous else "d" for margin in margins],
    )
    return Vine(margins, model)


def _persona(task: Task, margin: Margin, vine: Vine, known: Array) -> Array:
    """Return the ends of everybody's answer to a persona item; a missing one is drawn given those before it."""
    outcome = margin.outcome
    given = task.given[outcome.item.id]
    if margin.continuous:
        ends = margin.between(given.cast(pl.Float64).fill_null(np.nan).to_numpy())
    else:
        ends = margin.ends(outcome.places(given))
    lost = np.isnan(ends[0])
    if lost.any():
        draws = uniforms(task.seed, task.ids.filter(pl.Series(lost)).to_list(), [outcome.item.id], purpose="persona")
        ends[:, lost] = margin.ends(choose(vine.predict(known[:, lost]), draws[:, 0]))
    return ends
