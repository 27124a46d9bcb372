"""Uncertainty of individual fidelity: each twin beside their own human, drawn as pairs.

Everything here is a sum over pairs, so thousands of draws are one matrix product.

- intervals: humans drawn with replacement with all their answers and their twins', whole clusters within strata.
- floors: a random other human in the twin's place. That is what chance gives; the upper edge is what has to be beaten.
- p-values: the twins' answers handed out anew over the pairs.

``demeaned_r`` asks whether individuals are told apart within their treatment arm, so its floor and its p-value stay
within the arm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from simframe.inference.drawing.resample import Design, Whole, bootstrap, portions, stream
from simframe.inference.judging.pending import Pending, settle
from simframe.inference.panels.roster import columns, named, roster
from simframe.inference.panels.sample import Panel
from simframe.metrics.arrays import Floats
from simframe.study import Item, Study

KINDS = ("bootstrap", "floor", "null")
ANSWERED = 7
"""Place of ``answered`` among the fields of :class:`_Sums`."""
_FLAT = 1e-12
"""A sum of squares about the mean that is smaller than this, beside that about nought, is rounding."""


@dataclass(frozen=True)
class _Question:
    """One item: what all humans of the part answered, and what the twins did, as places among the distinct answers.

    ``table`` has what a pair adds to each of the sums, by the human's and the twin's answer.
    """

    item_id: str
    humans: Whole
    twins: Whole
    table: Floats
    width: float


@dataclass(frozen=True)
class _Sums:
    """Sums over pairs, one entry a draw. Numbers first, of pairs that both have one; then codes."""

    n: Floats
    y: Floats
    yhat: Floats
    y2: Floats
    yhat2: Floats
    product: Floats
    error: Floats
    answered: Floats
    same: Floats

    @property
    def about_means(self) -> Floats:
        """Return products and squares about the means: a row each of covariance, variance of y and of yhat."""
        n = np.where(self.n > 0, self.n, 1.0)
        squares = np.stack([self.y2 - self.y**2 / n, self.yhat2 - self.yhat**2 / n])
        flat = squares <= _FLAT * np.stack([self.y2, self.yhat2])
        return np.vstack([self.product - self.y * self.yhat / n, np.where(flat, 0.0, squares)])


def fidelity_rows(study: Study, reference: Panel, panel: Panel, replicates: int, seed: int) -> list[dict[str, object]]:
    """Return the rows of ``estimates``: every figure of every asked item, and its mean over them; none without twins.

    In everybody, and in every declared subgroup of the humans.

    Args:
        study: which items are asked, and their scales.
        reference: the humans that the panel is judged by; only twins of theirs count.
        panel: the panel.
        replicates: draws behind every interval, floor and p-value.
        seed: of the draws; they depend on it, on the panel and on who its twins are, and on nothing else.
    """
    if "twin_of" not in panel.respondents.columns:
        return []
    people = roster(study, reference)
    humans = pl.Series("respondent_id", people.ids, dtype=pl.String)
    places = pl.DataFrame({"twin_of": humans}).with_row_index("human")
    twins = panel.respondents.sort("respondent_id").join(places, on="twin_of", how="inner", maintain_order="left")
    if twins.is_empty():
        return []
    questions = [
        _question(item, (reference, humans), (panel, twins["respondent_id"])) for item in study.items if item.answerable
    ]
    own, arms = twins["human"].to_numpy().astype(np.int64), _arms(study, reference, humans)
    everybody = _Pairs(questions, own, people.design, arms)
    waiting: list[Pending] = []
    for place, rows in people.places.items():
        pairs, kept = everybody.part(rows)
        if len(kept):
            rng = stream(seed, *named(panel.panel_id, place), "fidelity", twins["respondent_id"].gather(kept).to_list())
            with np.errstate(all="ignore"):
                waiting += pairs.figures(columns(place), replicates, rng)
    return list(settle(waiting))


@dataclass(frozen=True)
class _Pairs:
    """All pairs: the questions, the human of each pair, how humans were drawn, and every human's arm (-1 for none)."""

    questions: list[_Question]
    own: Whole
    people: Design
    arm: Whole

    @cached_property
    def design(self) -> Design:
        """How the pairs were drawn: the human's cluster and stratum; twins of one human are drawn together."""
        return Design(np.ones(len(self.own)), self.people.unit[self.own], self.people.stratum[self.own])

    def part(self, humans: Whole) -> tuple[_Pairs, Whole]:
        """Return the pairs of some humans, whatever the twins say of themselves, and which these are."""
        kept = np.flatnonzero(np.isin(self.own, humans))
        questions = [replace(q, humans=q.humans[humans], twins=q.twins[kept]) for q in self.questions]
        own = np.searchsorted(humans, self.own[kept])
        return _Pairs(questions, own, self.people.part(humans), self.arm[humans]), kept

    def figures(self, common: dict[str, object], replicates: int, rng: np.random.Generator) -> Iterator[Pending]:
        """Yield every figure that is defined, of items and of means over them."""
        observed = {key: float(x[0]) for key, x in self._weighted(np.ones((len(self.own), 1)))}
        draws: dict[tuple[str, str], dict[str, list[Floats]]] = {key: {kind: [] for kind in KINDS} for key in observed}
        widest = max((question.table[0].size for question in self.questions), default=1)
        for size, alike in portions(replicates, max(len(self.own), widest)):
            drawn = {"bootstrap": self._weighted(bootstrap(rng, self.design, size))}
            if alike:
                drawn["floor"] = self._exchanged(*self._strangers(alike, rng), of_humans=True)
                drawn["null"] = self._exchanged(*self._shuffled(alike, rng), of_humans=False)
            for kind, figures in drawn.items():
                for key, x in figures:
                    draws[key][kind].append(x)
        sizes = {q.item_id: int(q.table[ANSWERED, q.humans[self.own], q.twins].sum()) for q in self.questions}
        means: dict[str, list[tuple[str, float, dict[str, Floats]]]] = {}
        for (metric, item_id), estimate in observed.items():
            if np.isfinite(estimate):
                own = {kind: np.concatenate(parts) for kind, parts in draws[metric, item_id].items()}
                n = sizes[item_id]
                yield Pending(_row(common, item_id, n), metric, estimate, own, self._worth(metric, n))
                means.setdefault(metric, []).append((item_id, estimate, own))
        for metric, parts in means.items():
            names, estimates, each = zip(*parts, strict=True)
            mean = {kind: _mean(np.stack([one[kind] for one in each])) for kind in KINDS}
            n = min(sizes[name] for name in names)
            yield Pending(_row(common, None, n), metric, float(np.mean(estimates)), mean)

    def _worth(self, metric: str, n: int) -> int:
        """Return the sample size of a share: clusters answer as one where all their shares are 0 or 1."""
        return n if metric in ("pearson_r", "demeaned_r") else min(n, len(np.unique(self.design.unit)))

    def _by_arm(self) -> list[Whole]:
        armed = self.arm[self.own]
        return [np.flatnonzero(armed == each) for each in np.unique(armed[armed >= 0])]

    def _weighted(self, times: Floats) -> Iterator[tuple[tuple[str, str], Floats]]:
        """Yield every figure with pair i counted ``times[i]`` times, one column a draw."""
        arms = self._by_arm()
        for question in self.questions:
            table = question.table[:, question.humans[self.own], question.twins]
            yield from _figures(
                question, _Sums(*(table @ times)), [_Sums(*(table[:, arm] @ times[arm])) for arm in arms]
            )

    def _exchanged(
        self, anybody: Whole, within: Whole | None, *, of_humans: bool
    ) -> Iterator[tuple[tuple[str, str], Floats]]:
        """Yield every figure with others in the twins' places: humans, or twins; one row of places a draw."""
        arms = self._by_arm()
        for question in self.questions:
            humans, others = question.humans[self.own], question.humans if of_humans else question.twins
            parts = [] if within is None else [(humans[arm], others[within[:, arm]]) for arm in arms]
            sums = [_exchange(question.table, *part) for part in ((humans, others[anybody]), *parts)]
            yield from _figures(question, sums[0], sums[1:])

    def _strangers(self, size: int, rng: np.random.Generator) -> tuple[Whole, Whole | None]:
        """Draw another human for every twin's place: any, and one of the same arm where there are arms."""
        anybody, arms = _other(rng, self.own, len(self.arm), size), self._by_arm()
        if not arms:
            return anybody, None
        within = np.tile(self.own, (size, 1))
        for pairs in arms:
            humans = np.flatnonzero(self.arm == self.arm[self.own[pairs[0]]])
            within[:, pairs] = humans[_other(rng, np.searchsorted(humans, self.own[pairs]), len(humans), size)]
        return anybody, within

    def _shuffled(self, size: int, rng: np.random.Generator) -> tuple[Whole, Whole | None]:
        """Hand the twins out anew over the pairs: over all, and over those of one arm where there are arms."""
        places = np.arange(len(self.own))
        anybody, arms = rng.permuted(np.tile(places, (size, 1)), axis=1), self._by_arm()
        if not arms:
            return anybody, None
        within = np.tile(places, (size, 1))
        for pairs in arms:
            within[:, pairs] = rng.permuted(np.tile(pairs, (size, 1)), axis=1)
        return anybody, within


def _other(rng: np.random.Generator, own: Whole, people: int, size: int) -> Whole:
    """Draw somebody else than ``own`` among ``people``, one row a draw; nobody else is there where there is one."""
    step = rng.integers(1, people, (size, len(own))) if people > 1 else np.zeros((size, len(own)), dtype=np.int64)
    return np.asarray((own + step) % people)


def _exchange(table: Floats, humans: Whole, others: Whole) -> _Sums:
    """Sum over pairs of ``humans`` with ``others``, one row a draw: pairs of answers are counted, then added up."""
    levels, draws = table.shape[1], len(others)
    cells = others + (humans * levels + np.arange(draws)[:, None] * levels**2)
    counts = np.bincount(cells.ravel(), minlength=draws * levels**2).reshape(draws, -1)
    return _Sums(*(table.reshape(len(table), -1) @ counts.T))


def _figures(question: _Question, all_: _Sums, by_arm: list[_Sums]) -> Iterator[tuple[tuple[str, str], Floats]]:
    """Yield every figure of an item; NaN where it is undefined."""
    nothing = np.full_like(all_.n, np.nan)
    within = np.sum([arm.about_means for arm in by_arm], axis=0) if by_arm else None
    yield ("pearson_r", question.item_id), _correlation(all_.about_means)
    yield ("accuracy", question.item_id), 1 - all_.error / all_.n / question.width
    yield ("exact_match_rate", question.item_id), all_.same / all_.answered
    yield ("demeaned_r", question.item_id), nothing if within is None else _correlation(within)


def _correlation(about_means: Floats) -> Floats:
    product, y2, yhat2 = about_means
    scale = np.sqrt(y2) * np.sqrt(yhat2)
    return np.asarray(np.clip(product / np.where(scale > 0, scale, np.nan), -1.0, 1.0))


def _mean(stacked: Floats) -> Floats:
    """Average over items, in every draw over those that are defined."""
    known = np.isfinite(stacked)
    return np.asarray(np.where(known, stacked, 0.0).sum(axis=0) / known.sum(axis=0))


def _row(common: dict[str, object], item_id: str | None, n: int) -> dict[str, object]:
    return common | {"family": "fidelity", "item_id": item_id, "n_h": n, "n_s": n}


def _question(item: Item, humans: tuple[Panel, pl.Series], twins: tuple[Panel, pl.Series]) -> _Question:
    """Number the answers of both sides to one item; the numbers they stand for are centred, against rounding."""
    sides = []
    for panel, ids in (humans, twins):
        given = panel.responses.filter((pl.col("item_id") == item.id) & ~pl.col("missing"))
        given = given.select("respondent_id", answered=True, code="code", value=pl.col("value").cast(pl.Float64))
        sides.append(ids.to_frame("respondent_id").join(given, on="respondent_id", how="left", maintain_order="left"))
    answers = pl.concat([side.select("answered", "code", "value") for side in sides])
    levels = answers.unique(maintain_order=True)
    places = answers.join(levels.with_row_index("place"), on=levels.columns, nulls_equal=True, maintain_order="left")
    place = places["place"].to_numpy().astype(np.int64)
    known = [option.value for option in item.scored_options if option.value is not None]
    low, high = item.range or ((min(known), max(known)) if known else (0.0, 0.0))
    split = sides[0].height
    return _Question(item.id, place[:split], place[split:], _table(item, levels), width=high - low or np.nan)


def _table(item: Item, levels: pl.DataFrame) -> Floats:
    """Return what a pair of answers adds to each field of :class:`_Sums`: first the field, then human, then twin."""
    value = levels["value"].fill_null(np.nan).to_numpy() if item.numeric else np.full(levels.height, np.nan)
    centre = np.nanmean(value) if np.isfinite(value).any() else 0.0
    y, yhat = np.meshgrid(value - centre, value - centre, indexing="ij")
    scored = np.isfinite(y) & np.isfinite(yhat)
    y, yhat = np.where(scored, y, 0.0), np.where(scored, yhat, 0.0)
    answered = levels["answered"].is_not_null().to_numpy()
    both = answered[:, None] & answered
    code = levels["code"].rank("dense").fill_null(0).to_numpy()
    same = both & (code[:, None] == code) & (code > 0)
    return np.stack([scored, y, yhat, y * y, yhat * yhat, y * yhat, np.abs(y - yhat), both, same]).astype(np.float64)


def _arms(study: Study, reference: Panel, ids: pl.Series) -> Whole:
    """Return the arm of every human: one number a combination of their arm items' codes, -1 where there is none."""
    names = [item.id for item in study.items if item.role == "arm"]
    codes = reference.responses.filter(pl.col("item_id").is_in(names) & pl.col("code").is_not_null())
    text = pl.concat_str("item_id", "code", separator="\x1f").sort().str.join("\x1e").alias("arm")
    known = codes.group_by("respondent_id").agg(text)
    table = ids.to_frame("respondent_id").join(known, on="respondent_id", how="left", maintain_order="left")
    return table["arm"].rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
