"""What an endpoint offers, found out by asking it one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError
from simframe.simulate.engines.endpoint import reading
from simframe.simulate.engines.endpoint.client import RefusedError

if TYPE_CHECKING:
    from simframe.simulate.engines.endpoint.client import Client

TOP = (20, 5)
"""How many first tokens are asked for: what chat takes at most, then what the older completions do."""
LIMITS = ("max_tokens", "max_completion_tokens")
"""What endpoints call the most tokens to write, by age."""


@dataclass(frozen=True)
class Offer:
    """What an endpoint offers."""

    top: int
    """First tokens whose probabilities it tells; 0 where answers can only be sampled."""
    limit: str
    """What it calls the most tokens to write."""
    served: str | None
    """What it calls the model, where it says so."""


def asking(top: int, limit: str, *, chat: bool) -> dict[str, Any]:
    """Return the part of a request that asks for the most likely first tokens."""
    told: dict[str, Any] = {"logprobs": True, "top_logprobs": top} if chat else {"logprobs": top}
    # At temperature 1 servers tell the model's own distribution, whether they scale what they tell or not.
    return {"temperature": 1, "top_p": 1, limit: 1} | (told if top else {})


def probe(client: Client, path: str, prompt: dict[str, Any], *, chat: bool) -> Offer:
    """Ask for as much as the protocol allows, then for less.

    Raises:
        ModelError: where the endpoint takes no request at all, or serves another model.
    """

    def read(content: Any) -> tuple[str | None, bool]:
        return check_model(content, prompt["model"], None, client.url), reading.choices(content)[0].tokens is not None

    limit = LIMITS[0]
    tops = [*TOP, 0]
    while True:
        try:
            (served, tells), _ = client.post(path, prompt | asking(tops[0], limit, chat=chat), 1, read)
        except RefusedError as err:
            if LIMITS[1] in err.reply and limit == LIMITS[0]:
                limit = LIMITS[1]
            elif tops[0] and (err.status in (400, 422) or "logprob" in err.reply.lower()):
                tops.pop(0)
            else:
                raise
        else:
            return Offer(tops[0] if tells else 0, limit, served)


def check_model(content: Any, asked: str, known: str | None, url: str) -> str | None:
    """Return the model that answers, where the answer says; a longer name of the same is the same.

    Raises:
        ModelError: where it is another than the one asked for, or than the one that answered before.
    """
    served = content.get("model") if isinstance(content, dict) else None
    if not isinstance(served, str) or not served:
        return None
    one, other = asked.casefold(), served.casefold()
    if known is not None and served != known:
        message = f"model {served!r} answers, where {known!r} did before"
    elif one not in other and other not in one:
        message = f"model {asked!r} was asked and {served!r} answers"
    else:
        return served
    raise ModelError(message, where=url, mend="name the model in the plan as the endpoint names it, with its version")
