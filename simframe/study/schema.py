"""What was asked: the study as a whole, and whether its parts fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from simframe.errors import SimframeError, did_you_mean
from simframe.study import expression, formula
from simframe.study.base import ITEM_ID, STUDY_ID, Part, check_id, wrong
from simframe.study.item import EXCLUDE, Item
from simframe.study.parts import Crossing, Data, Pair, Regression, Split, Structure
from simframe.study.thresholds import Thresholds


class Study(Part):
    """One instrument. ``study_hash`` identifies its content, whatever the layout of the file."""

    id: str
    title: str = Field(min_length=1)
    description: str = ""
    introduction: str = ""
    """What respondents read first."""
    data: Data = Data()
    split: Split = Split()
    items: tuple[Item, ...] = Field(min_length=1, alias="item")
    structures: tuple[Structure, ...] = Field(default=(), alias="structure")
    pairs: tuple[Pair, ...] = Field(default=(), alias="pair")
    crossings: tuple[Crossing, ...] = Field(default=(), alias="crossing")
    regressions: tuple[Regression, ...] = Field(default=(), alias="regression")
    thresholds: Thresholds = Thresholds()
    """What a verdict takes; no part of the hash, for it does not change what was asked."""

    @field_validator("id")
    @classmethod
    def _id(cls, text: str) -> str:
        return check_id(STUDY_ID, "study", text)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _unique("item", [item.id.lower() for item in self.items])
        for kind in ("structure", "pair", "regression"):
            ids = [part.id for part in getattr(self, f"{kind}s")]
            _unique(kind, ids)
            for text in ids:
                check_id(ITEM_ID, kind, text)
        self._check_wide_names()
        ids = self._check_expressions()
        for structure in self.structures:
            where = f"structure {structure.id!r}"
            self._check_known(structure.items, ids, where)
            for name in structure.items:
                if structure.items.count(name) > 1:
                    raise wrong(f"{where} lists {name!r} twice", "list each item once")
                if not self.item(name).grid:
                    raise wrong(f"{where}: {name!r} has neither options nor bins", "give it bins, or leave it out")
        for pair in self.pairs:
            self._check_pair(pair, ids)
        for crossing in self.crossings:
            self._check_crossing(crossing, ids)
        _unique("crossing", ["*".join(sorted(crossing.attributes)) for crossing in self.crossings])
        for regression in self.regressions:
            self._check_regression(regression, ids)
        return self

    def _check_wide_names(self) -> None:
        """Refuse item ids that would give the wide view one column twice."""
        ids = {item.id.lower(): item.id for item in self.items}
        for item in self.items:
            twin = ids.get(f"{item.id}_label".lower())
            if item.grid and twin:
                mend = f"rename {twin!r}"
                raise wrong(f"item id {twin!r} is the name of the column of labels of item {item.id!r}", mend)

    def _check_crossing(self, crossing: Crossing, ids: list[str]) -> None:
        self._check_known(crossing.attributes, ids, "crossing")
        first, second = crossing.attributes
        if first == second:
            raise wrong(f"crossing crosses {first!r} with itself", "name two different items")
        for name in crossing.attributes:
            item = self.item(name)
            if not item.subgroup:
                raise wrong(f"crossing uses {name!r}, which is no subgroup item", "set subgroup = true on it")
            for code, _ in item.levels:
                if "*" in code:
                    raise wrong(f"crossing uses {name!r}, whose level {code!r} has a *", "* joins levels: rename it")

    def _check_expressions(self) -> list[str]:
        """Check derived items, each over items declared before it, and the wave; return all item ids."""
        known: list[str] = []
        for item in self.items:
            if item.expression:
                where = f"expression of item {item.id!r}"
                used = expression.names(item.expression)
                self._check_known(used, known, where)
                for name in used:
                    if not self.item(name).numeric:
                        raise wrong(f"{where} uses {name!r}, which has no values", "give its options values")
                self._check_type(item.expression, where, numbers=True)
            known.append(item.id)
        if self.split.wave is not None:
            try:
                self._check_known(expression.names(self.split.wave), known, "split.wave")
            except SimframeError as err:
                raise wrong(f"split.wave: {err.message}", err.mend or "") from err
            self._check_type(self.split.wave, "split.wave", numbers=False)
        return known

    def _check_type(self, text: str, where: str, *, numbers: bool) -> None:
        """Refuse an expression that no data could make a number, or true or false, of."""
        try:
            found = self._type(text)
        except SimframeError as err:
            raise wrong(f"{where}: {err.message}", err.mend or "") from err
        if found != pl.Boolean and not (numbers and found.is_numeric()):
            if numbers:
                raise wrong(f"{where}: {text!r} gives no number", "compute a number, or a comparison")
            raise wrong(f"{where}: {text!r} is neither true nor false", 'write a comparison, such as "year < 2020"')

    def _type(self, text: str) -> pl.DataType:
        """Return the type that an expression over the items has."""
        columns = {item.id: pl.Float64() if item.numeric else pl.String() for item in self.items}
        return expression.result_type(text, columns)

    def _two_answers(self, item: Item) -> bool:
        """Whether an item has two answers: two options, or true and false of a comparison."""
        if item.expression is not None:
            return self._type(item.expression) == pl.Boolean
        return len(item.scored_options) == 2

    def _check_pair(self, pair: Pair, ids: list[str]) -> None:
        where = f"pair {pair.id!r}"
        self._check_known((pair.belief, pair.action, *pair.controls), ids, where)
        self._check_controls(pair, where)
        sides = ((pair.belief, pair.implies.keys(), "belief"), (pair.action, pair.implies.values(), "implied action"))
        for name, codes, kind in sides:
            grid = [code for code, _, _ in self.item(name).grid]
            if not grid:
                raise wrong(f"{where}: {kind} {name!r} has neither options nor bins", "give it options or bins")
            for code in codes:
                if code not in grid:
                    raise wrong(f"{where}: {kind} {code!r} names no option of {name!r}", did_you_mean(code, grid))

    def _check_controls(self, pair: Pair, where: str) -> None:
        if len(set(pair.controls)) < len(pair.controls):
            raise wrong(f"{where} lists a control twice", "list each once")
        for name in pair.controls:
            if name in (pair.belief, pair.action):
                raise wrong(f"{where}: control {name!r} is one of the pair", "control for another item")
            if not self.item(name).levels:
                raise wrong(f"{where}: control {name!r} has neither options nor bins", "give it bins, or leave it out")
            if len(pair.controls) > 1 and any("*" in code for code, _ in self.item(name).levels):
                raise wrong(f"{where}: a level of control {name!r} has a *", "* joins levels: rename it")

    def _check_regression(self, regression: Regression, ids: list[str]) -> None:
        where = f"regression {regression.id!r}"
        _, tilde, terms = regression.formula.partition("~")
        if not tilde or not terms.strip():
            raise wrong(f"{where}: {regression.formula!r} is no formula", 'write "outcome ~ term + term"')
        try:
            parsed = formula.parse(regression.formula)
        except SimframeError as err:
            raise wrong(f"{where}: {err.message}", err.mend or "") from err
        self._check_known(parsed.variables, ids, where)
        for (function, name), base in parsed.bases.items():
            item = self.item(name)
            if function == "bin" and not item.bins:
                raise wrong(f"{where}: bin({name}), and {name!r} has no bins", f"give it bins, or write C({name})")
            codes = [code for code, _ in item.levels] if function == "bin" else [o.code for o in item.scored_options]
            if base is not None and base not in codes:
                raise wrong(f"{where}: base {base!r} is none of {function}({name})", did_you_mean(base, codes))
        if parsed.outcome not in ids:
            raise wrong(f"{where}: outcome {parsed.outcome!r} is no item", "compute it as a derived item first")
        for name in parsed.variables:
            if name in ids and self.item(name).scale == "text":
                raise wrong(f"{where} uses {name!r}, which is a text", "use items with options or numbers")
        target = self.item(parsed.outcome)
        if regression.family == "logit" and target.numeric and not self._two_answers(target):
            raise wrong(
                f"{where}: outcome {target.id!r} has {len(target.scored_options)} options",
                f'a logit needs two: derive a comparison first, such as expression = "{target.id} >= 1"',
            )
        if regression.covariance == "cluster" and self.data.cluster is None:
            raise wrong(f"{where}: covariance is cluster, the data declare none", "set data.cluster")

    @staticmethod
    def _check_known(names: Iterable[str], ids: list[str], where: str) -> None:
        for name in names:
            if name not in ids:
                raise wrong(f"{where} names no item declared before it: {name!r}", did_you_mean(name, ids))

    def item(self, item_id: str) -> Item:
        """Return one item.

        Raises:
            KeyError: where the study has no such item.
        """
        for item in self.items:
            if item.id == item_id:
                return item
        raise KeyError(item_id)

    @property
    def persona(self) -> tuple[Item, ...]:
        """What a respondent brings along: persona items and treatment arms that are not derived."""
        return tuple(i for i in self.items if i.role in ("persona", "arm") and i.expression is None)

    @property
    def questions(self) -> tuple[Item, ...]:
        """The closed questions that a respondent is asked, in order: what means over asked items are about."""
        return tuple(i for i in self.items if i.answerable)

    @property
    def simulated(self) -> tuple[Item, ...]:
        """What a simulated respondent answers, in order: closed questions, numbers within a range, open texts."""
        return tuple(i for i in self.items if i.answered_with is not None)

    @property
    def derived(self) -> tuple[Item, ...]:
        """What is computed from other answers, in an order that can be computed."""
        return tuple(i for i in self.items if i.expression is not None)

    @property
    def attributes(self) -> tuple[tuple[str, ...], ...]:
        """The groupings of respondents: each subgroup item alone, then each declared crossing."""
        alone = tuple((i.id,) for i in self.items if i.subgroup)
        return alone + tuple(crossing.attributes for crossing in self.crossings)

    @property
    def study_hash(self) -> str:
        """First 12 hex digits of the SHA-256 of what was asked: the study's content without its thresholds."""
        asked = self.model_dump(mode="json", by_alias=True, exclude={"thresholds"})
        # Studies from before these keys keep their hash.
        for item in asked["item"]:
            if item["missing"] == EXCLUDE:
                del item["missing"]
            if item["step"] is None:
                del item["step"]
            for option in item["options"]:
                if not option["text"]:
                    del option["text"]
        content = json.dumps(asked, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def _unique(kind: str, ids: list[str]) -> None:
    for text in ids:
        if ids.count(text) > 1:
            raise wrong(f"{kind} id {text!r} stands twice (ids ignore case)", f"rename one {kind}")
