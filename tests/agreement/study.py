"""The study that everything here is tried on: an item of every kind, as data, and the study file written from it."""

from __future__ import annotations

from dataclasses import dataclass

ABSENT = object()
"""The answer of a respondent who was never asked: no row at all, where None is a row without an answer."""


@dataclass(frozen=True)
class Item:
    """One item. ``options`` maps codes to values; ``bins`` are (code, lowest, highest)."""

    id: str
    scale: str
    role: str
    options: dict[str, float | None] | None = None
    missing: tuple[str, ...] = ()
    bins: tuple[tuple[str, float, float], ...] = ()
    range: tuple[float, float] | None = None
    expression: str | None = None
    subgroup: bool = False

    @property
    def grid(self) -> list[str]:
        return list(self.options or [code for code, _, _ in self.bins])

    @property
    def asked(self) -> bool:
        return self.options is not None and self.role not in ("persona", "arm")

    @property
    def judged(self) -> bool:
        return self.role not in ("persona", "arm")

    @property
    def ordered(self) -> bool:
        return self.scale != "nominal"

    @property
    def width(self) -> float | None:
        if self.range:
            return self.range[1] - self.range[0]
        known = [value for value in (self.options or {}).values() if value is not None]
        return max(known) - min(known) if known else None

    @property
    def numeric(self) -> bool:
        return self.options is None or None not in self.options.values()

    def read(self, raw: object) -> tuple[str | None, float | None, bool]:
        """Return (code, value, missing) of an answer."""
        if raw is None or raw in self.missing:
            return raw, None, True
        if self.options is not None:
            return str(raw), self.options[str(raw)], False
        inside = [code for code, low, high in self.bins if low <= raw <= high]
        return (inside[0] if inside else None), float(raw), False

    def toml(self) -> str:
        lines = [f'id = "{self.id}"', f'label = "{self.id}"', f'scale = "{self.scale}"', f'role = "{self.role}"']
        options = [
            f'{{ code = "{code}", label = "{code}"' + ("" if value is None else f", value = {value}") + " }"
            for code, value in (self.options or {}).items()
        ] + [f'{{ code = "{code}", label = "{code}", missing = true }}' for code in self.missing]
        if options:
            lines.append(f"options = [{', '.join(options)}]")
        bins = [f'{{ code = "{code}", label = "{code}", min = {low}, max = {high} }}' for code, low, high in self.bins]
        if bins:
            lines.append(f"bins = [{', '.join(bins)}]")
        if self.range:
            lines.append(f"range = [{self.range[0]}, {self.range[1]}]")
        if self.expression:
            lines.append(f'expression = "{self.expression}"')
        if self.subgroup:
            lines.append("subgroup = true")
        return "[[item]]\n" + "\n".join(lines)


ITEMS = {
    item.id: item
    for item in (
        Item("sex", "nominal", "persona", {"f": None, "m": None, "d": None}, subgroup=True),
        Item(
            "age",
            "interval",
            "persona",
            bins=(("young", 18, 39), ("old", 40, 99)),
            range=(18, 99),
            missing=("NA",),
            subgroup=True,
        ),
        Item("arm", "nominal", "arm", {"a": None, "b": None, "c": None}),
        # Nobody chooses z, and nobody's mood is 4.
        Item("party", "nominal", "attitude", {"r": None, "z": None, "g": None, "b": None}, missing=("99",)),
        Item("mood", "ordinal", "belief", {"1": -3, "2": 0, "3": 0.5, "4": 4, "5": 10}, missing=("9",)),
        Item("trust", "ordinal", "belief", {"1": 1, "2": 2, "3": 3, "4": 4}),
        Item("vote", "nominal", "action", {"0": 0, "1": 1, "2": 2}),
        Item("acts", "nominal", "action", {"no": None, "yes": None}),
        Item("dose", "interval", "outcome", {"low": 0.1, "mid": 0.7, "top": 50}),
        # 20.5 falls between the bins: a value without a code.
        Item("hours", "interval", "outcome", bins=(("few", 0, 20), ("many", 21, 100)), range=(0, 100)),
        Item("spend", "interval", "outcome", range=(-50, 500)),
        Item(
            "score", "interval", "outcome", bins=(("low", -99, 4), ("high", 4.001, 99)), expression="hours / 4 + mood"
        ),
    )
}
BLOCKS = {"views": ("mood", "trust", "party"), "deeds": ("vote", "acts")}
PAIRS = {
    # mood 3 and 4 imply nothing; codes of party have no order; hours has bins, whose order is the declared one.
    "walk": ("mood", "acts", {"1": "no", "2": "no", "5": "yes"}),
    "back": ("party", "vote", {"r": "0", "g": "2"}),
    "work": ("hours", "dose", {"few": "low", "many": "top"}),
}
# A subgroup item; an item that is none; a crossing that is declared the other way round.
CONTROLS = {"walk": ("sex",), "back": ("arm",), "work": ("sex", "age")}
MODELS = {
    "line": ("hours ~ trust + mood + C(arm)", "ols", False),
    "survey": ("hours ~ trust + mood", "ols", True),
    "odds": ("acts ~ trust + mood", "logit", False),
}
ATTRIBUTES = {
    "sex": ["f", "m", "d"],
    "age": ["young", "old"],
    "age*sex": [f"{age}*{sex}" for age in ("young", "old") for sex in ("f", "m", "d")],
}


def _implies(pairs: dict[str, str]) -> str:
    return "{ " + ", ".join(f'"{belief}" = "{action}"' for belief, action in pairs.items()) + " }"


STUDY = "\n\n".join(
    [
        '[study]\nid = "agreement"\ntitle = "agreement"',
        *(item.toml() for item in ITEMS.values()),
        *(f'[[structure]]\nid = "{b}"\nlabel = "{b}"\nitems = {list(items)}' for b, items in BLOCKS.items()),
        *(
            f'[[pair]]\nid = "{p}"\nlabel = "{p}"\nbelief = "{b}"\naction = "{a}"\nimplies = {_implies(implied)}\n'
            f"controls = {list(CONTROLS[p])}"
            for p, (b, a, implied) in PAIRS.items()
        ),
        '[[crossing]]\nattributes = ["age", "sex"]',
        *(
            f'[[regression]]\nid = "{r}"\nlabel = "{r}"\nformula = "{formula}"\nfamily = "{family}"\n'
            f"weighted = {str(weighted).lower()}"
            for r, (formula, family, weighted) in MODELS.items()
        ),
    ]
)
