"""Polychoric correlations of the declared pairs: an estimate that no view can compute, and its uncertainty.

A likelihood is too dear to be maximised for thousands of replicates. So the correlation, on Fisher's scale, is drawn
with the variance of its linearisation: what one more respondent of each kind would change (the infinitesimal
jackknife, Efron 1982), summed over whole clusters within strata. That variance is itself estimated, and too small with
few respondents: the law is Student's, with as many degrees of freedom as there are clusters, or respondents by their
effective number (Kish 1965), less one; and no error is smaller than Fisher's for the normal variables themselves,
1 / sqrt(n - 3), as options say less of them than they would.

- intervals: both sides drawn from their own law; the difference joins the intervals of both sides (Zou 2007).
- floors: both drawn from the law of the people's correlation, S's with a variance for its own size.
- p-values: both drawn from one law, that of the answers of both panels put together, each with the variance that its
  own respondents have there. Errors at a panel's own correlation are small where it is large by chance: drawing from
  the people's rejected 12 % of weighted samples of 30 that do not differ. The ratio has the p-value of the difference:
  both ask whether the correlations are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from simframe.inference.drawing.resample import Design, effective, stream
from simframe.inference.families.crosstab import Table, changes_of, correlations, variance
from simframe.inference.judging.halving import HALVES, half_against_half
from simframe.inference.judging.joined import difference
from simframe.inference.judging.laws import student
from simframe.inference.judging.methods import SUFFIXES
from simframe.inference.judging.pending import Pending, settle
from simframe.inference.panels.memory import remembered
from simframe.inference.panels.roster import Place, columns, named, roster
from simframe.inference.panels.sample import Panel
from simframe.metrics.arrays import Floats
from simframe.study import Item, Pair, Study

_NO_ORDER = "nominal item without values"


@dataclass(frozen=True)
class _Side:
    """The correlation of one side, its standard error on Fisher's scale, and how many respondents' worth is in it.

    ``df`` are the degrees of freedom of that error; ``answers`` and ``design`` are those of whoever answered both.
    """

    n: int
    worth: float
    rho: float | None
    error: float | None
    reason: str | None
    df: float = 1.0
    answers: Floats | None = None
    design: Design | None = None

    def draws(self, rng: np.random.Generator, replicates: int, scale: float = 1.0) -> Floats:
        """Draw the correlation from its law, with its standard error times ``scale``."""
        assert self.rho is not None
        assert self.error is not None
        drawn = np.arctanh(self.rho) + self.error * scale * rng.standard_t(self.df, replicates)
        return np.asarray(np.tanh(drawn), dtype=np.float64)

    def ends(self) -> tuple[Floats, Floats, Floats]:
        """Return the correlation and the ends of its interval."""
        assert self.rho is not None
        assert self.error is not None
        reach = self.error * student(np.array([self.df])) * np.array([0.0, -1.0, 1.0])
        centre, low, high = np.tanh(np.arctanh(self.rho) + reach)[:, None]
        return centre, low, high

    def changed(self, table: Table, change: Floats, rho: float) -> _Side:
        """Return this side at a correlation ``rho``, with the error of what its respondents change there."""
        assert self.answers is not None
        assert self.design is not None
        spread = variance(self.design, table.change(self.answers, change))
        least = 1 / np.sqrt(self.worth - 3) if self.worth > 4 else 0.0
        return replace(self, rho=rho, error=float(max(np.sqrt(spread) / (1 - rho**2), least)))


def polychoric_rows(
    study: Study, reference: Panel, panel: Panel, replicates: int, seed: int
) -> list[dict[str, object]]:
    """Return four rows of ``estimates`` for every declared pair and subgroup: H, S, difference and quotient."""
    waiting: list[Pending] = []
    for pair in study.pairs:
        people, others = _sides_of_people(study, reference, pair.id), _sides(study, panel, pair.id)
        together = _together(people, others)
        for place, h in people.items():
            rng, sides = stream(seed, *named(panel.panel_id, place), pair.id, "polychoric"), (h, others[place])
            waiting += _figures(_key(pair) | columns(place), sides, together.get(place, sides), replicates, rng)
    return list(settle(waiting))


def polychoric_halves(study: Study, panel: Panel, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates`` that compare people with themselves, half against half.

    On Fisher's scale two halves lie as far on either side of all: by an error of the same variance.
    """
    rows: list[dict[str, object]] = []
    for pair in study.pairs:
        for place, people in _sides_of_people(study, panel, pair.id).items():
            common = _key(pair) | columns(place)
            if people.error is None or people.rho is None:
                rows += [
                    common | half_against_half(f"polychoric{each}", None, people.n, people.worth, people.reason)
                    for each in SUFFIXES
                ]
                continue
            rng = stream(seed, *named(panel.panel_id, place), pair.id, "polychoric", "halves")
            centre, error = np.arctanh(people.rho), people.error * rng.standard_normal(HALVES)
            h, s = np.tanh(centre + error), np.tanh(centre - error)
            found = zip(SUFFIXES, (h, s, s - h, s / h), strict=True)
            rows += [common | half_against_half(f"polychoric{each}", x, people.n, people.worth) for each, x in found]
    return rows


def _key(pair: Pair) -> dict[str, object]:
    return {"family": "coherence", "item_id": pair.belief, "item_id_2": pair.action, "term": pair.id}


def _figures(
    key: dict[str, object],
    sides: tuple[_Side, _Side],
    alike: tuple[_Side, _Side],
    replicates: int,
    rng: np.random.Generator,
) -> Iterator[Pending]:
    h, s = sides
    reasons = [
        f"{side.reason} in the {name}" if side.reason else None for side, name in ((h, "reference"), (s, "panel"))
    ]
    both = reasons[0] or reasons[1]
    gap = ratio = None
    if h.rho is not None and s.rho is not None:
        gap, ratio = s.rho - h.rho, s.rho / h.rho if h.rho else None
    figures: dict[str, tuple[float | None, str | None]] = {
        "_h": (h.rho, reasons[0]),
        "_s": (s.rho, reasons[1]),
        "_inflation": (gap, both),
        "_inflation_ratio": (ratio, both or "no association in the reference"),
    }
    drawn, between = _draws(h, s, replicates, rng)
    null: dict[str, Floats] = {}
    known: dict[str, dict[str, float | None]] = {}
    if between:
        null["_inflation"] = alike[1].draws(rng, replicates) - alike[0].draws(rng, replicates)
        low, high = difference(h.ends(), s.ends())
        known["_inflation"] = {"ci_low": float(low[0]), "ci_high": float(high[0])}
    for suffix, (estimate, reason) in figures.items():
        kinds = {"bootstrap": drawn, "floor": between, "null": null}
        own = {kind: draws[suffix] for kind, draws in kinds.items() if suffix in draws}
        row = key | {"n_h": h.n, "n_s": s.n, "effective_h": h.worth, "effective_s": s.worth}
        row |= {"reason": reason if estimate is None or suffix not in drawn else None}
        x = np.nan if estimate is None else estimate
        yield Pending(row, f"polychoric{suffix}", x, own, known=known.get(suffix, {}))


def _draws(
    h: _Side, s: _Side, replicates: int, rng: np.random.Generator
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return the figures of both panels drawn anew, and those of two samples of people, by suffix."""
    drawn = {suffix: side.draws(rng, replicates) for suffix, side in (("_h", h), ("_s", s)) if side.error is not None}
    if len(drawn) < 2:
        return drawn, {}
    people, others = h.draws(rng, replicates), h.draws(rng, replicates, np.sqrt(h.worth / s.worth))
    between = {"_inflation": others - people, "_inflation_ratio": others / people}
    return drawn | {
        "_inflation": drawn["_s"] - drawn["_h"],
        "_inflation_ratio": drawn["_s"] / drawn["_h"],
    }, between


def _sides(study: Study, panel: Panel, pair_id: str) -> dict[Place, _Side]:
    """Estimate the correlation of a pair in everybody and in every declared subgroup, all likelihoods in one call."""
    pair = next(each for each in study.pairs if each.id == pair_id)
    people, answers = roster(study, panel), _answers(study, pair, panel)
    if answers is None:
        return dict.fromkeys(people.places, _Side(0, 0.0, None, None, _NO_ORDER))
    answered = np.isfinite(answers.sum(axis=1))
    rows = {place: own[answered[own]] for place, own in people.places.items()}
    tables = {place: Table.of(answers[own], people.design.weight[own]) for place, own in rows.items()}
    rhos = correlations([(table.cells, table.n) for table in tables.values()])
    found, sure = {}, {}
    for (place, table), rho in zip(tables.items(), rhos, strict=True):
        weight = people.design.weight[rows[place]]
        worth = effective(weight)
        reason = table.no_figure if np.isnan(rho) else table.no_interval(rho)
        found[place] = _Side(len(weight), worth, None if np.isnan(rho) else float(rho), None, reason)
        if reason is None:
            sure[place], design = table, people.design.part(rows[place])
            units = np.unique(np.stack([design.stratum, design.unit])[:, weight > 0], axis=1).shape[1]
            df = max(min(worth, units) - 1, 1.0)
            found[place] = replace(found[place], df=df, answers=answers[rows[place]], design=design)
    changes = changes_of([(table, found[place].rho or 0.0) for place, table in sure.items()])
    for (place, table), change in zip(sure.items(), changes, strict=True):
        found[place] = found[place].changed(table, change, found[place].rho or 0.0)
    return found


_sides_of_people = remembered(_sides)


def _together(people: dict[Place, _Side], others: dict[Place, _Side]) -> dict[Place, tuple[_Side, _Side]]:
    """Return both sides with the correlation of all their answers together, and the errors that it has in either.

    Places where one side, or both together, have no interval are left out.
    """
    tables = {}
    for place, h in people.items():
        s = others[place]
        if h.answers is not None and s.answers is not None and h.design is not None and s.design is not None:
            weight = np.concatenate([h.design.weight, s.design.weight])
            tables[place] = Table.of(np.concatenate([h.answers, s.answers]), weight)
    rhos = correlations([(table.cells, table.n) for table in tables.values()])
    sure = {
        place: (table, float(rho))
        for (place, table), rho in zip(tables.items(), rhos, strict=True)
        if not np.isnan(rho) and table.no_interval(rho) is None
    }
    found = {}
    for (place, (table, rho)), change in zip(sure.items(), changes_of(list(sure.values())), strict=True):
        sides = people[place], others[place]
        # One respondent more is a larger part of one panel than of both.
        shares = [table.n.sum() / side.design.weight.sum() for side in sides if side.design is not None]
        h, s = (side.changed(table, change * share, rho) for side, share in zip(sides, shares, strict=True))
        found[place] = h, s
    return found


def _answers(study: Study, pair: Pair, side: Panel) -> Floats | None:
    """Return places of belief and action, a row a respondent in the order of ids; None where either has no order."""
    order = side.respondents.select("respondent_id").sort("respondent_id")
    columns = []
    for name in (pair.belief, pair.action):
        known = places(study.item(name))
        if known is None:
            return None
        answered = side.responses.filter((pl.col("item_id") == name) & ~pl.col("missing")).select(
            "respondent_id", place=pl.col("code").replace_strict(known, default=None, return_dtype=pl.Float64)
        )
        found = order.join(answered, on="respondent_id", how="left", maintain_order="left")
        columns.append(found["place"].fill_null(np.nan).to_numpy())
    return np.stack(columns, axis=1)


def places(item: Item) -> dict[str, float] | None:
    """Return where each code stands in order; None where there is no order. A missing category has no place."""
    if not item.scored_options:
        return {bin_.code: float(place) for place, bin_ in enumerate(item.bins)}
    values = {option.code: option.value for option in item.scored_options}
    if all(value is not None for value in values.values()):
        return {code: float(value) for code, value in values.items() if value is not None}
    return {code: float(place) for place, code in enumerate(values)} if item.scale != "nominal" else None
