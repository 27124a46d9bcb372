"""What a plan file may say: keys, types, defaults. Every list is an axis of the grid that ``grid`` unfolds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StrictFloat,
    StrictInt,
    field_validator,
    model_validator,
)

from simframe.errors import did_you_mean
from simframe.simulate.plans.strategies import STRATEGIES
from simframe.study.base import ITEM_ID, SEED_LIMIT, STUDY_ID, Code, Part, check_id, wrong

T = TypeVar("T")

Engine = Literal["transformers", "vllm", "openai"]
Mode = Literal["chained", "independent"]
ItemOrder = Literal["declared", "random"]
OptionOrder = Literal["declared", "random", "reversed"]
Selection = Literal["random", "stratified", "balanced"]


def _listed(raw: Any) -> Any:
    return raw if isinstance(raw, list | tuple) else [raw]


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise wrong("the list is empty", "give one value or more, or leave the key out")
    for place, value in enumerate(values):
        if value in values[:place]:
            raise wrong(f"{value!r} stands twice", "list each value once")
    return values


def _any(panels: tuple[T, ...]) -> tuple[T, ...]:
    # After the parts: a minimal length would be missed wherever one of them is wrong, and hide what is.
    if not panels:
        raise wrong("no panel is asked for", 'add [[panel]], strategy = "base"')
    return panels


Axis = Annotated[tuple[T, ...], BeforeValidator(_listed), AfterValidator(_each_once)]
"""One value, or a list of them: an axis of the grid."""


def _field_lists(raw: Any) -> Any:
    """Make one list of items, or ``"all"``, an axis of one value."""
    if raw == "all" or (isinstance(raw, list | tuple) and all(isinstance(each, str) and each != "all" for each in raw)):
        raw = [raw]
    return [None if isinstance(each, str) and each == "all" else each for each in raw] if _is_list(raw) else raw


def _is_list(raw: Any) -> bool:
    return isinstance(raw, list | tuple)


FieldAxis = Annotated[tuple[tuple[str, ...] | None, ...], BeforeValidator(_field_lists), AfterValidator(_each_once)]


def _size(raw: Any) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise wrong(f"{raw!r} is no pilot size", "write people (100) or a share of the pilot (0.5); use 1.0 for all")
    if isinstance(raw, float) and not 0 < raw <= 1:
        raise wrong(f"{raw!r} is no share of the pilot", "write a share above 0 and at most 1.0, or whole people")
    if isinstance(raw, int) and raw < 2:
        raise wrong(f"pilot of {raw} people", "use 2 or more; 1.0 with a point is all of the pilot")
    return raw


Size = Annotated[int | float, BeforeValidator(_size)]


def _chat(raw: Any) -> Any:
    if raw != "auto" and not isinstance(raw, bool):
        raise wrong(f"{raw!r} is not allowed", "use 'auto', true or false")
    return raw


def _truth(raw: Any) -> Any:
    if not isinstance(raw, bool):
        raise wrong(f"{raw!r} is not allowed", "use true or false, without quotes")
    return raw


def _arms(raw: Any) -> Any:
    return [raw] if isinstance(raw, dict) else raw


class Pilot(Part):
    """Who is tuned on: how many, and how they are chosen among the pilot of the human panel."""

    size: Axis[Size] | None = None
    """People (2 or more), or a share of the pilot (above 0, 1.0 is all of it)."""
    selection: Axis[Selection] = ("random",)
    by: Axis[str] | None = None
    """Item that ``stratified`` and ``balanced`` look at."""
    arm: Annotated[tuple[dict[str, Code], ...], BeforeValidator(_arms)] = ()
    """Only people with these answers, such as one treatment arm: { arm_item = "code" }; a list is an axis."""

    @model_validator(mode="after")
    def _by(self) -> Self:
        if self.by is None and set(self.selection) - {"random"}:
            raise wrong(f"selection {self.selection[-1]!r} looks at no item", 'add by = "item_id"')
        if self.by is not None and set(self.selection) == {"random"}:
            mend = 'add selection = "stratified" or "balanced", or leave by out'
            raise wrong(f"by is {self.by[-1]!r}, and selection 'random' looks at no item", mend)
        return self


class Endpoint(Part):
    """A server that speaks the OpenAI protocol, and what may be asked of it."""

    url: str | None = None
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; the key itself stands in no file."""
    requests_per_minute: StrictFloat | None = Field(default=None, gt=0)
    tokens_per_minute: StrictFloat | None = Field(default=None, gt=0)
    concurrency: StrictInt = Field(default=4, ge=1)
    retries: StrictInt = Field(default=5, ge=0)
    timeout: StrictFloat = Field(default=60.0, gt=0)
    max_spend: StrictFloat | None = Field(default=None, ge=0)
    """The most that may be spent, in the currency of the prices."""
    price_in: StrictFloat = Field(default=0.0, ge=0)
    """Price of 1,000,000 tokens read."""
    price_out: StrictFloat = Field(default=0.0, ge=0)
    """Price of 1,000,000 tokens written."""
    samples: StrictInt = Field(default=20, ge=1)
    """Answers drawn a question where the server tells no probabilities."""


LEAST_TEMPERATURE = 1e-6
"""Log probabilities over less leave float32; at this one, the likeliest option is chosen all but always."""


class Settings(Part):
    """The keys that ``[plan]`` and every ``[[panel]]`` may set."""

    seed: Axis[Annotated[StrictInt, Field(ge=0, lt=SEED_LIMIT)]] = (1,)
    temperature: Axis[Annotated[StrictFloat, Field(ge=LEAST_TEMPERATURE)]] = (1.0,)
    model: Axis[Annotated[str, Field(min_length=1)]] = ("embedded",)
    """``embedded``, the folder of a local Hugging Face model, or what an endpoint calls its model."""
    engine: Axis[Engine] = ("transformers",)
    mode: Axis[Mode] = ("chained",)
    prompt: Axis[Annotated[str, Field(min_length=1)]] = ("auto",)
    """Built-in template, path of a template file, or ``auto``: the base's own, else ``first_person``."""
    fields: FieldAxis = (None,)
    """Persona items shown; ``all`` of them where left out."""
    shots: Axis[Annotated[StrictInt, Field(ge=0, le=100)]] = (0,)
    """Respondents of the pilot whose answers stand in the opening."""
    item_order: Axis[ItemOrder] = ("declared",)
    option_order: Axis[OptionOrder] = ("declared",)
    order_average: Axis[Annotated[StrictInt, Field(ge=1, le=100)]] = (1,)
    """Option orders that probabilities are averaged over."""
    chat: Axis[Annotated[bool | str, BeforeValidator(_chat)]] = ("auto",)
    """Whether the tokenizer's chat template is used; ``auto``: where it has one."""
    copies: Axis[Annotated[StrictInt, Field(ge=1, le=1000)]] = (1,)
    """Simulated respondents a holdout person."""
    wave: Axis[Annotated[bool, BeforeValidator(_truth)]] = (False,)
    """Whether baselines are fitted to people of the earlier wave as well."""
    tune: dict[str, Any] = Field(default_factory=dict)
    """Keys of ``tuning.TuneSettings``; a list is an axis."""
    pilot: Pilot = Pilot()
    endpoint: Endpoint = Endpoint()

    @field_validator("pilot", mode="before")
    @classmethod
    def _sizes(cls, raw: Any) -> Any:
        return {"size": raw} if isinstance(raw, int | float | list | str) and not isinstance(raw, bool) else raw

    @field_validator("fields")
    @classmethod
    def _item_ids(cls, axis: tuple[tuple[str, ...] | None, ...]) -> tuple[tuple[str, ...] | None, ...]:
        for value in axis:
            for name in value or ():
                check_id(ITEM_ID, "item", name)
            if value:
                _each_once(value)
        return axis


class Rule(Settings):
    """One ``[[panel]]``: a strategy, and what it sets otherwise than ``[plan]``."""

    strategy: str

    @field_validator("strategy")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in STRATEGIES:
            raise wrong(f"{name!r} is no strategy", did_you_mean(name, STRATEGIES))
        return name


class Plan(Settings):
    """Everything that decides which panels a simulation makes, and every number in them."""

    id: str = "default"
    study: str | None = None
    """Study of the warehouse, or a built-in one, whose people are imported where they lack; any where left out."""
    panels: Annotated[tuple[Rule, ...], AfterValidator(_any)] = Field(alias="panel")
    _file: str = PrivateAttr("")

    def model_post_init(self, context: Any, /) -> None:
        """Remember the file that whoever validates names as ``where``."""
        self._file = (context or {}).get("where", "")

    @property
    def where(self) -> str:
        """The plan's file, or its id where it stands in none."""
        return self._file or f"plan {self.id!r}"

    def place(self, number: int) -> str:
        """Return where the panel of a number, counted from 1, stands: what errors say."""
        return f"{self.where}: panel[{number}] {self.panels[number - 1].strategy!r}"

    @field_validator("id")
    @classmethod
    def _id(cls, text: str) -> str:
        return check_id(STUDY_ID, "plan", text)
