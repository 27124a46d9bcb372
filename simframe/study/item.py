"""One question, persona attribute, treatment arm or derived quantity of a study, and its options."""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from simframe.errors import SimframeError
from simframe.study import expression
from simframe.study.base import ITEM_ID, Code, Part, check_id, wrong

Scale = Literal["nominal", "ordinal", "interval", "text"]
Role = Literal["persona", "arm", "belief", "attitude", "action", "outcome"]
Missing = Literal["exclude", "category"]
Answering = Literal["option", "number", "text"]
EXCLUDE, CATEGORY = "exclude", "category"

RESERVED = {
    *("respondent_id", "panel_id", "panel_label", "twin_of", "weight", "split", "draw", "stratum", "cluster", "kind"),
    "all",  # the attribute that groups everybody
}


class Option(Part):
    """One allowed answer."""

    code: Code
    label: str = Field(min_length=1)
    value: float | None = None
    missing: bool = False
    aliases: tuple[Code, ...] = ()
    """Further spellings of this answer in the data file, for instance its label."""
    text: str = ""
    """Of a treatment arm, what people in it read; nothing where left out."""


class Bin(Part):
    """One level of a grouping: a closed range of values, or a list of option codes."""

    code: Code
    label: str = Field(min_length=1)
    min: float | None = None
    max: float | None = None
    codes: tuple[Code, ...] = ()


class Item(Part):
    """One question, persona attribute, treatment arm or derived quantity."""

    id: str
    label: str = Field(min_length=1)
    wording: str = ""
    scale: Scale
    role: Role
    column: str | None = None
    """Column of the data file; the id where left out."""
    options: tuple[Option, ...] = ()
    """Allowed answers in order; of an interval item with a range, its special codes such as "refused"."""
    missing: Missing = "exclude"
    """Options declared missing ("don't know"): set aside, or a ``category`` among the answers, without a value. Blank
    cells are missing under both."""
    range: tuple[float, float] | None = None
    step: float | None = Field(default=None, gt=0)
    """Distance between the numbers that an answer may be, from the lowest of the range on; the whole numbers within it
    where left out."""
    unit: str = ""
    bins: tuple[Bin, ...] = ()
    expression: str | None = None
    """Derived items: arithmetic over other items, computed for people and simulated respondents alike."""
    subgroup: bool = False

    @field_validator("id")
    @classmethod
    def _id(cls, text: str) -> str:
        if text.lower() in RESERVED:
            raise wrong(f"{text!r} is a name the warehouse uses itself", "choose another id")
        return check_id(ITEM_ID, "item", text)

    @model_validator(mode="before")
    @classmethod
    def _default_values(cls, raw: Any) -> Any:
        """Give ordered options without a value their code as a number, else their place."""
        if not isinstance(raw, dict) or raw.get("scale") not in ("ordinal", "interval"):
            return raw
        options = raw.get("options")
        if not isinstance(options, list | tuple) or not all(isinstance(o, dict) and "code" in o for o in options):
            return raw
        kept = [o for o in options if not o.get("missing")]
        if any("value" in o for o in kept):
            return raw
        numbers = [_number(o["code"]) for o in kept]
        if any(number is None for number in numbers):
            numbers = [float(place) for place in range(1, len(kept) + 1)]
        values = iter(numbers)
        return raw | {"options": [o if o.get("missing") else o | {"value": next(values)} for o in options]}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.scale == "text":
            self._check_text()
        elif self.expression is not None:
            self._check_derived()
        elif self.scale != "interval" and not self.options:
            raise wrong(f"{self.scale} item {self.id!r} has no options", "list its options, with code and label")
        elif self.scale == "interval" and not self.options and self.range is None:
            raise wrong(f"interval item {self.id!r} has neither options nor range", "add range = [lowest, highest]")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise wrong(f"range {list(self.range)} of {self.id!r} is empty", "write range = [lowest, highest]")
        if self.range is not None and (self.scored_options or self.scale != "interval"):
            mend = "drop the range: the options say what is allowed"
            raise wrong(f"{self.scale} item {self.id!r} has range {list(self.range)} beside its options", mend)
        if self.step is not None and self.range is None:
            raise wrong(f"{self.id!r} has a step of {self.step:g} and no range", "add range = [lowest, highest]")
        if self.role != "arm" and any(option.text for option in self.options):
            raise wrong(f"an option of {self.role} item {self.id!r} has a text", "only arms have: its label is shown")
        self._check_options()
        self._check_bins()
        if self.subgroup and not self.bins and not self.valid_options:
            raise wrong(f"subgroup item {self.id!r} has no levels", "add bins, or set subgroup = false")
        return self

    def _check_derived(self) -> None:
        if self.options or self.column:
            raise wrong(f"derived item {self.id!r} has options or a column", "a derived item has expression and bins")
        if self.scale != "interval":
            raise wrong(f"derived item {self.id!r} is {self.scale}", 'write scale = "interval"; its bins give codes')
        try:
            expression.names(self.expression or "")
        except SimframeError as err:
            raise wrong(err.message, err.mend or "") from err

    def _check_text(self) -> None:
        given = [key for key in ("options", "range", "bins", "expression", "subgroup") if getattr(self, key)]
        if given:
            raise wrong(f"text item {self.id!r} has {given[0]}", f"drop {given[0]}: any text is an answer")
        if self.role not in ("attitude", "outcome"):
            mend = 'write role = "attitude" or "outcome": no metric looks at texts'
            raise wrong(f"text item {self.id!r} has role {self.role!r}", mend)

    def _check_options(self) -> None:
        seen: dict[str, int] = {}
        for place, option in enumerate(self.options):
            for code in (option.code, *option.aliases):
                if seen.setdefault(code, place) != place:
                    raise wrong(f"code {code!r} of {self.id!r} stands for two options", "give each option its own code")
        if self.missing == CATEGORY and not any(option.missing for option in self.options):
            mend = 'mark one with missing = true, or drop missing = "category"'
            raise wrong(f"{self.id!r} counts missing options as a category, and has none", mend)
        if self.missing == CATEGORY and not self.scored_options:
            mend = 'drop missing = "category": special codes of a range stand outside its bins'
            raise wrong(f"{self.id!r} counts missing options as a category beside no options", mend)
        if self.missing == CATEGORY and any(option.missing and option.value is not None for option in self.options):
            mend = "drop its value: a category that is missing on the scale has none"
            raise wrong(f"a missing option of {self.id!r} has a value", mend)
        values = [option.value for option in self.scored_options]
        if not self.scored_options:
            if self.options and self.range is None:
                raise wrong(f"every option of {self.id!r} is missing", "list at least one answer that counts")
            return  # an interval item: its options are special codes such as "refused"
        if self.scale != "nominal":
            if len(values) < 2:
                raise wrong(f"{self.scale} item {self.id!r} has fewer than two valid options", "list the whole scale")
            known = [v for v in values if v is not None]
            if len(known) < len(values) or any(a >= b for a, b in itertools.pairwise(known)):
                mend = "order the options from lowest to highest value, each value given once"
                raise wrong(f"values {values} of {self.id!r} do not rise", mend)

    def _check_bins(self) -> None:
        codes = [b.code for b in self.bins]
        if len(set(codes)) < len(codes):
            raise wrong(f"bins of {self.id!r} repeat a code: {codes}", "give each bin its own code")
        known = {option.code for option in self.valid_options}
        taken: set[str] = set()
        last: float | None = None
        for bin_ in self.bins:
            if self.valid_options:
                for code in bin_.codes:
                    if code not in known:
                        raise wrong(
                            f"bin {bin_.code!r} of {self.id!r} names no option: {code!r}", f"known: {sorted(known)}"
                        )
                    if code in taken:
                        raise wrong(f"option {code!r} of {self.id!r} stands in two bins", "put it in one")
                    taken.add(code)
                if not bin_.codes or bin_.min is not None or bin_.max is not None:
                    raise wrong(f"bin {bin_.code!r} of {self.id!r} needs codes", "list the option codes it gathers")
                continue
            low = float("-inf") if bin_.min is None else bin_.min
            high = float("inf") if bin_.max is None else bin_.max
            if bin_.codes or low > high or (last is not None and low <= last):
                mend = "write bins in rising order as closed ranges: { code, label, min, max }"
                raise wrong(f"bin {bin_.code!r} of {self.id!r} overlaps its neighbour or is empty", mend)
            last = high

    @property
    def valid_options(self) -> tuple[Option, ...]:
        """The options that count as answers, in declared order: missing ones too where they are a category."""
        return tuple(option for option in self.options if self.counts(option))

    @property
    def scored_options(self) -> tuple[Option, ...]:
        """The options that are not missing: those that regressions and the order of the scale know."""
        return tuple(option for option in self.options if not option.missing)

    def counts(self, option: Option) -> bool:
        """Whether an option counts as an answer."""
        return not option.missing or self.missing == CATEGORY

    @property
    def grid(self) -> tuple[tuple[str, str, float | None], ...]:
        """The cells a distribution is taken over: (code, label, value) of valid options, or of bins."""
        if self.valid_options:
            return tuple((o.code, o.label, o.value) for o in self.valid_options)
        return tuple((b.code, b.label, None) for b in self.bins)

    @property
    def levels(self) -> tuple[tuple[str, str], ...]:
        """The levels (code, label) this item groups respondents into."""
        if self.bins:
            return tuple((b.code, b.label) for b in self.bins)
        return tuple((o.code, o.label) for o in self.valid_options)

    def bin_of(self, value: float) -> str | None:
        """Return the code of the bin that ``value`` falls in, or None between bins."""
        for bin_ in self.bins:
            if (bin_.min is None or value >= bin_.min) and (bin_.max is None or value <= bin_.max):
                return bin_.code
        return None

    @property
    def numeric(self) -> bool:
        """Whether every answer on the scale has a number, so that regressions may use the item as one."""
        if self.scale == "text":
            return False
        return self.scale == "interval" or all(option.value is not None for option in self.scored_options)

    @property
    def answerable(self) -> bool:
        """Whether a respondent can be asked it as a closed question."""
        return self.answered_with == "option"

    @property
    def answered_with(self) -> Answering | None:
        """What a respondent answers with who is asked it; None for what is given or derived."""
        if self.role in ("persona", "arm") or self.expression is not None:
            return None
        return "option" if self.valid_options else "text" if self.scale == "text" else "number"


def _number(raw: Any) -> float | None:
    try:
        number = float(raw)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
