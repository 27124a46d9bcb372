"""Random panels that answer the study, the comparisons made of them, and one ordinary way to publish both."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from simframe.study import Study
from simframe.warehouse import Provenance, Warehouse

from .study import ABSENT, ITEMS, STUDY

Answers = dict[str, list]


@dataclass(frozen=True)
class People:
    """A panel before any counting: one entry a respondent in every list."""

    ids: list[str]
    weight: np.ndarray
    answers: Answers
    split: list[str | None] = field(default_factory=list)
    draw: list[int] = field(default_factory=list)
    twin_of: list[str | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, keep: list[int]) -> People:
        answers = {item: [given[k] for k in keep] for item, given in self.answers.items()}
        lists = {name: [getattr(self, name)[k] for k in keep] for name in ("ids", "split", "draw", "twin_of")}
        return People(weight=self.weight[keep], answers=answers, **lists)

    def within(self, attribute: str, level: str) -> People:
        """Return those of one group."""
        return self.part([k for k in range(len(self)) if self.level(k, attribute) == level])

    def but(self, **answers: list) -> People:
        return replace(self, answers=self.answers | answers)

    def level(self, k: int, attribute: str) -> str | None:
        """Return the group a respondent is in; None for those whose attribute is missing."""
        if attribute == "all":
            return "all"
        codes = [ITEMS[name].read(self.answers[name][k]) for name in attribute.split("*")]
        return None if any(missing or code is None for code, _, missing in codes) else "*".join(c for c, _, _ in codes)


@dataclass(frozen=True)
class Case:
    """One comparison: a panel, the human panel it is held against, and which part of that panel."""

    panel_id: str
    reference_id: str
    h: People
    s: People
    reference_split: str | None = None
    pilot_n: int | None = None

    @property
    def reference(self) -> People:
        keep = [k for k in range(len(self.h)) if self.reference_split in (None, self.h.split[k])]
        return self.h.part(keep)

    def within(self, attribute: str, level: str) -> Case:
        """Return the same comparison in one group."""
        return replace(self, h=self.h.within(attribute, level), s=self.s.within(attribute, level))


def draw(rng: np.random.Generator, name: str, n: int, shift: float = 0.0, weighted: bool = True) -> People:
    """Draw a panel with holes; ``shift`` moves its answers away from those of people."""

    def pick(codes: list, p: list[float]) -> list:
        return [codes[k] for k in rng.choice(len(codes), n, p=np.array(p) / sum(p))]

    trust = np.clip(np.round(rng.normal(2.6 + shift, 1.0, n)), 1, 4).astype(int)
    moved = np.round(rng.normal(0.5 + 0.4 * trust, 0.9)).clip(0, 3).astype(int)
    mood = [("1", "2", "3", "5")[k] for k in moved]
    value = np.array([ITEMS["mood"].options[code] for code in mood])
    arm = pick(["a", "b", "c"], [1, 1, 1])
    hours = 12 + 4 * trust + (0.5 - 0.6 * shift) * value + 3 * (np.array(arm) == "b") + rng.normal(0, 6, n)
    acts = rng.random(n) < 1 / (1 + np.exp(1.5 - 0.7 * trust - 0.15 * value))
    answers: Answers = {
        "sex": pick(["f", "m", "d", None], [5, 4 - shift, 1, 0.3]),
        "age": [age if rng.random() > 0.06 else "NA" for age in rng.integers(18, 80, n).tolist()],
        "arm": arm,
        "party": pick(["r", "g", "b", "99", None], [3, 2 + 2 * shift, 1, 0.5, 0.5]),
        "mood": mood,
        "trust": [str(t) for t in trust],
        "vote": pick(["0", "1", "2"], [2, 3 - shift, 2]),
        "acts": ["yes" if a else "no" for a in acts],
        "dose": pick(["low", "mid", "top"], [4, 3, 1 + shift]),
        "hours": [20.5 if rng.random() < 0.04 else float(np.clip(round(h), 0, 100)) for h in hours],
        "spend": [round(x, 1) for x in rng.normal(100, 60, n).clip(-50, 500).tolist()],
    }
    for item in ("mood", "trust", "vote", "acts", "dose", "hours", "spend"):
        code = rng.choice(np.array([None, *ITEMS[item].missing], dtype=object), n)
        answers[item] = [c if rng.random() < 0.05 else a for a, c in zip(answers[item], code, strict=True)]
    weight = rng.gamma(2.0, 0.5, n) if weighted else np.ones(n)
    if weighted:
        weight[rng.random(n) < 0.03] = 0.0
    ids = [f"{name}{k:04d}" for k in range(n)]
    return People(ids, weight, answers, [None] * n, [None] * n, [None] * n)


def humans(rng: np.random.Generator, name: str, n: int, weighted: bool = True) -> People:
    """Draw a human panel with a pilot (two in five), people to rectify with, and a holdout."""
    drawn = draw(rng, name, n, weighted=weighted)
    split = ["pilot" if k < 0.4 * n else "rectify" if k < 0.5 * n else "holdout" for k in range(n)]
    return replace(drawn, split=split, draw=[k - next(i for i in range(n) if split[i] == split[k]) for k in range(n)])


def copies(rng: np.random.Generator, name: str, originals: People, how_often: float, keep: tuple[str, ...]) -> People:
    """Return a panel that gives each original's answer, or with some chance another one's."""
    n = len(originals)
    answers = {
        item: given
        if item in keep
        else [given[k if rng.random() < how_often else int(rng.integers(n))] for k in range(n)]
        for item, given in originals.answers.items()
    }
    ids = [f"{name}{k:04d}" for k in range(n)]
    return People(ids, np.ones(n), answers, originals.split, originals.draw, list(originals.ids))


def cases() -> list[Case]:
    """Return every comparison: ordinary ones, and those in which something cannot be known."""
    rng = np.random.default_rng(20251121)
    h, plain = humans(rng, "h", 260), humans(rng, "p", 200, weighted=False)
    found = [
        Case("s-alike", "h", h, draw(rng, "a", 150, weighted=False), "holdout", 40),
        Case("s-weighted", "h", h, draw(rng, "w", 140, 0.6), None, 10),
        Case("s-plain", "p", plain, draw(rng, "u", 160, 0.3, weighted=False), None, None),
    ]
    # Nobody of sex d, every effect on hours reversed, and an item that was not asked leaves no rows.
    narrow = draw(rng, "n", 120, 0.9)
    sex = ["m" if code == "d" else code for code in narrow.answers["sex"]]
    hours = [None if given is None else 100 - given for given in narrow.answers["hours"]]
    narrow = narrow.but(sex=sex, hours=hours, spend=[ABSENT] * 120)
    found.append(Case("s-narrow", "p", plain, narrow, "holdout", 30))
    # One twin a person of the holdout, and a few of people who do not count.
    people = h.part([k for k in range(len(h)) if h.split[k] == "holdout" or k < 5])
    twins = copies(rng, "t", people, 0.6, keep=("sex", "age", "arm"))
    found.append(Case("s-twins", "h", h, twins, "holdout", 40))
    # Whole answer vectors of the pilot, some of them mixed.
    pilot = plain.part(list(range(30)) * 3)
    parrot = replace(copies(rng, "c", pilot, 0.95, keep=()), twin_of=[None] * 90, weight=rng.gamma(2, 0.5, 90))
    found.append(Case("s-parrot", "p", plain, parrot, "holdout", 30))
    found.append(Case("s-one", "h", h, draw(rng, "o", 1, weighted=False), "holdout", 40))
    # Nobody's mood is known, everybody trusts alike, and those who vote weigh nothing.
    silent = draw(rng, "q", 60)
    weightless = np.arange(60) < 12
    silent = replace(silent, weight=np.where(weightless, 0.0, silent.weight + 0.1)).but(
        mood=["9", None] * 30,
        trust=["2"] * 60,
        dose=["mid"] * 60,
        party=["g"] * 60,
        vote=["1" if zero else None for zero in weightless],
    )
    found.append(Case("s-silent", "h", h, silent, "holdout", 40))
    # People of one voice, some items without an answer, no women; the panel varies and has women.
    flat = humans(rng, "f", 80)
    flat = flat.but(
        sex=["m", "d"] * 40, mood=["3"] * 80, dose=["mid"] * 80, hours=[18.0] * 80, acts=["yes"] * 80, party=[None] * 80
    )
    found.append(Case("s-lively", "f", flat, draw(rng, "l", 70), "holdout", 20))
    # The reverse: a panel of one voice, a twin of each.
    one_voice = copies(rng, "v", plain, 1.0, keep=())
    voice = {"mood": "1", "dose": "mid", "trust": "3", "hours": 20.5, "acts": "no", "vote": "0", "party": "b"}
    one_voice = one_voice.but(**{item: [answer] * 200 for item, answer in voice.items()})
    found.append(Case("s-voice", "p", plain, one_voice, None, 30))
    return found


def publish(warehouse: Warehouse, study: Study, people: People, panel_id: str, kind: str, **row: object) -> None:
    """Publish a panel as a programme that has the answers in hand would."""
    respondents = pl.DataFrame(
        {
            "respondent_id": people.ids,
            "weight": people.weight,
            "split": people.split,
            "draw": people.draw,
            "twin_of": people.twin_of,
        },
        schema_overrides={"split": pl.String, "draw": pl.Int64, "twin_of": pl.String},
    )
    rows = [
        (people.ids[k], item, *ITEMS[item].read(raw))
        for item, given in people.answers.items()
        for k, raw in enumerate(given)
        if raw is not ABSENT
    ]
    names = {"respondent_id": pl.String, "item_id": pl.String, "code": pl.String, "value": pl.Float64}
    responses = pl.DataFrame(rows, schema=names | {"missing": pl.Boolean}, orient="row")
    strategy = "survey" if kind == "human" else "tuned"
    provenance = Provenance(panel_id, kind, panel_id, "test", strategy, **row)
    warehouse.publish(study, STUDY, provenance, respondents, responses, rebuild=False)
