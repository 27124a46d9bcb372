"""The planted worlds: a study, how its people and its simulated respondents answer, and every figure's true value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import truths
from populations import Block, Floats, draw_panel
from scipy import stats

from simframe.inference import Panel
from simframe.study import Study, parse_study

SCENARIOS = ("null", "near", "local", "far")
"""S as H; all options a little off; one option's people moved to one other; far off."""
OPTIONS = (2, 3, 5, 7, 11)
SHAPES = ("uniform", "skewed", "empty")

Key = tuple[str, str | None, str | None, str, str, str | None]
"""metric, item_id, item_id_2, attribute, level, term"""
Draw = Callable[[np.random.Generator, int, str], tuple[Panel, Panel]]


@dataclass(frozen=True)
class World:
    """One study and its two populations. ``truth`` gives the true figures of samples of a size and a design; ``shape``
    the number of options and the shape of the laws of an item."""

    name: str
    scenario: str
    study: Study
    draw: Draw
    truth: Callable[[int, str], dict[Key, float]]
    shape: dict[str, tuple[int, str]]


def key(metric: str, item: str | None = None, other: str | None = None, level: str = "all", term: str | None = None,
        attribute: str | None = None) -> Key:  # fmt: skip
    """Return the key of one figure."""
    return metric, item, other, attribute or ("all" if level == "all" else "region"), level, term


def shares(options: int, shape: str) -> Floats:
    """Return the shares of people; the empty option, one that nobody chooses, is the middle one."""
    p = np.ones(options)
    if shape == "skewed":
        p = np.array([0.85, 0.15]) if options == 2 else (0.55 if options <= 5 else 0.7) ** np.arange(options)
    if shape == "empty":
        p = np.linspace(1, 2, options)
        p[options // 2] = 0
    return p / p.sum()


def moved(p: Floats, scenario: str) -> Floats:
    """Return the shares of simulated respondents."""
    if scenario == "local":
        q, order = p.copy(), np.flatnonzero(p)
        largest = int(p.argmax())
        other = order[(list(order).index(largest) + 1) % len(order)]
        q[largest] -= 0.4 * p[largest]
        q[other] += 0.4 * p[largest]
        return q
    slope, wave = {"null": (0.0, 0.0), "near": (0.25, 0.1), "far": (0.9, 0.4)}[scenario]
    q = p * np.exp(slope * np.linspace(-1, 1, len(p)) + wave * np.cos(3 * np.arange(len(p))))
    if scenario == "far":  # somebody chooses what no human does
        q = np.where(p == 0, 0.05 * q.sum(), q)
    return q / q.sum()


def _options(codes: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'{{ code = "{code}", label = "{code}" }}' for code in codes) + "]"


def item_text(item_id: str, scale: str, codes: tuple[str, ...], role: str = "belief", extra: str = "") -> str:
    """Return one item of a study file."""
    head = f'[[item]]\nid = "{item_id}"\nlabel = "{item_id}"\nscale = "{scale}"\nrole = "{role}"\n'
    return head + (f"options = {_options(codes)}\n" if codes else "") + extra + "\n"


def study_of(name: str, *parts: str) -> Study:
    """Return a study made of its items and other tables."""
    return parse_study(f'[study]\nid = "{name}"\ntitle = "{name}"\n\n' + "\n".join(parts), name)


def codes(options: int) -> tuple[str, ...]:
    return tuple(str(k) for k in range(1, options + 1))


def one(item_id: str, p: Floats, missing: float = 0.0) -> Block:
    """Return a block of one ordinal item; ``p`` has a row a group, or is one law."""
    law = np.atleast_2d(p)
    values = tuple(float(k) for k in range(1, law.shape[1] + 1))
    return Block((item_id,), law, (codes(law.shape[1]),), (values,), missing)


def drawn(h: list[Block], s: list[Block], attribute: tuple[str, tuple[str, ...], Floats] | None = None) -> Draw:
    """Return how both panels are drawn."""

    def draw(rng: np.random.Generator, n: int, design: str) -> tuple[Panel, Panel]:
        return (
            draw_panel(rng, h, n, design, human=True, attribute=attribute),
            draw_panel(rng, s, n, design, human=False, attribute=attribute),
        )

    return draw


MISSING = (0.15, 0.25)
AMOUNTS = np.arange(21.0)
_BINS = np.digitize(AMOUNTS, (5, 10, 15))


@cache
def items(scenario: str) -> World:
    """Fourteen ordinal items of every number of options and shape, one that many skip, and an interval item."""
    laws = {f"{shape}_{k}": (k, shape) for k in OPTIONS for shape in SHAPES if k > 2 or shape != "empty"}
    pairs = {name: (shares(*of), moved(shares(*of), scenario)) for name, of in laws.items()}
    gone = (MISSING[0], MISSING[0] if scenario == "null" else MISSING[1])
    pairs["skipped"] = pairs["uniform_3"]
    amount = stats.nbinom(4, 0.4).pmf(AMOUNTS)
    pairs["amount"] = (amount / amount.sum(), moved(amount / amount.sum(), scenario))
    bins = (
        "range = [0, 20]\nbins = [{ code = '0', label = 'a', max = 4.5 }, { code = '1', label = 'b', min = 4.6, "
        "max = 9.5 }, { code = '2', label = 'c', min = 9.6, max = 14.5 }, { code = '3', label = 'd', min = 14.6 }]\n"
    )
    texts = [item_text(name, "ordinal", codes(len(pair[0]))) for name, pair in pairs.items() if name != "amount"]
    study = study_of("items", *texts, item_text("amount", "interval", (), extra=bins))
    blocks = []
    for side in (0, 1):
        ordinal = [
            one(name, pair[side], gone[side] if name == "skipped" else 0.0)
            for name, pair in pairs.items()
            if name != "amount"
        ]
        binned = tuple(str(place) for place in _BINS)
        blocks.append([*ordinal, Block(("amount",), pairs["amount"][side][None], (binned,), (tuple(AMOUNTS),))])
    fixed = {key("nonresponse_gap", "skipped"): gone[1] - gone[0]}
    sums: dict[str, list[float]] = {}
    for name, (p, q) in pairs.items():
        value = AMOUNTS if name == "amount" else np.arange(1.0, len(p) + 1)
        grid = [np.bincount(_BINS, weights=side) for side in (p, q)] if name == "amount" else [p, q]
        width = 20.0 if name == "amount" else len(p) - 1.0
        own = truths.of_options(*grid) | truths.of_values(p, q, value, width, interval=name == "amount")
        fixed |= {key(metric, name): float(figure) for metric, figure in own.items()}
        if name != "amount":
            for metric in ("total_variation", "js_distance", "wasserstein_norm", "variance_ratio", "entropy_ratio"):
                sums.setdefault(metric, []).append(float(own[metric]))
    fixed |= {key(metric): float(np.mean(each)) for metric, each in sums.items()}

    def truth(n: int, _design: str) -> dict[Key, float]:
        smooth = {key("kl_smoothed", name): truths.smoothed(*pairs[name], n) for name in laws}
        return fixed | smooth

    shape = laws | {"skipped": (3, "uniform"), "amount": (21, "interval")}
    return World("items", scenario, study, drawn(*blocks), truth, shape)


REGIONS = ("north", "middle", "south")
REGION_SHARES = np.array([0.5, 0.3, 0.2])


@cache
def groups(scenario: str) -> World:
    """Three regions that differ in one item of five options, and do not in another."""
    centre = {"null": (2.2, 3.0, 3.8), "near": (2.4, 3.0, 3.7), "local": (2.2, 3.0, 3.0), "far": (3.4, 3.0, 2.6)}
    law = [
        np.array([stats.binom(4, (mean - 1) / 4).pmf(np.arange(5)) for mean in centre[name]])
        for name in ("null", scenario)
    ]
    alike = (shares(5, "skewed"), moved(shares(5, "skewed"), scenario))
    level = "".join(f'{{ code = "{name}", label = "{name}" }},' for name in REGIONS)
    region = (
        '[[item]]\nid = "region"\nlabel = "region"\nscale = "nominal"\nrole = "persona"\nsubgroup = true\n'
        f"options = [{level}]\n"
    )
    study = study_of(
        "groups", region, item_text("differs", "ordinal", codes(5)), item_text("alike", "ordinal", codes(5))
    )
    value = np.arange(1.0, 6)
    fixed: dict[Key, float] = {}
    for name, (h, s) in (("differs", law), ("alike", [np.tile(side, (3, 1)) for side in alike])):
        overall = [REGION_SHARES @ side for side in (h, s)]
        cells = [("all", *overall), *zip(REGIONS, h, s, strict=True)]
        for group, p, q in cells:
            own = truths.of_options(p, q) | truths.of_values(p, q, value, 4.0, interval=False)
            fixed |= {key(metric, name, level=group): float(figure) for metric, figure in own.items()}
        for metric, figure in truths.of_groups(h, s, value, REGION_SHARES).items():
            if name == "differs" or metric in ("worst_group_js_distance", "within_variance_ratio"):
                fixed[key(metric, name, attribute="region")] = figure
    blocks = [[one("differs", law[k]), one("alike", alike[k])] for k in (0, 1)]
    draw = drawn(*blocks, attribute=("region", REGIONS, REGION_SHARES))
    return World(
        "groups", scenario, study, draw, lambda _n, _design: fixed, {"differs": (5, "groups"), "alike": (5, "skewed")}
    )
