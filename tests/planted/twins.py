"""The planted world of twins: every human beside a simulated respondent who answers as like them as is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from bonds import joint
from populations import Block, Floats, answers, draw_block, draw_people, respondents
from worlds import Key, World, codes, item_text, key, study_of

from simframe.inference import Panel

RHO = {"null": (0.0, 0.0), "near": (0.2, 0.4), "local": (0.5, 0.7), "far": (0.9, 0.95)}
"""Correlation of the normal variables behind both answers to either item; nought where twins are strangers."""
ARMS = ("control", "treated")
ARM_SHARES = np.array([0.6, 0.4])
OPTIONS = 5
VALUES = tuple(float(k) for k in range(1, OPTIONS + 1))


def _shifted(law: Floats) -> Floats:
    """Return the law with both answers one option up, those at the top staying there."""
    up = np.zeros_like(law)
    up[1:, 1:] += law[:-1, :-1]
    up[1:, -1] += law[:-1, -1]
    up[-1, 1:] += law[-1, :-1]
    up[-1, -1] += law[-1, -1]
    return up


def correlation(table: Floats) -> tuple[float, float, float]:
    """Return covariance and both variances of a table of human by twin."""
    value = np.array(VALUES)
    row, column = table.sum(axis=1), table.sum(axis=0)
    y, yhat = value - row @ value / row.sum(), value - column @ value / column.sum()
    return float(y @ table @ yhat), float(row @ y**2), float(column @ yhat**2)


@cache
def twins(scenario: str) -> World:
    """Two items of five options, in two treatment arms."""
    arm = item_text("arm", "nominal", ARMS, "arm")
    names = ("first", "second")
    study = study_of("twins", arm, *(item_text(name, "ordinal", codes(OPTIONS)) for name in names))
    fixed: dict[Key, float] = {}
    sums: dict[str, list[float]] = {}
    blocks = []
    apart = np.abs(np.subtract.outer(np.array(VALUES), np.array(VALUES)))
    for name, rho in zip(names, RHO[scenario], strict=True):
        control = joint(OPTIONS, OPTIONS, rho)
        law = np.stack([control, control if scenario == "null" else _shifted(control)])
        blocks.append(Block(names, law, (codes(OPTIONS),) * 2, (VALUES,) * 2))
        table = np.einsum("a,ahs->hs", ARM_SHARES, law)
        cross, y2, yhat2 = correlation(table)
        within = ARM_SHARES @ np.array([correlation(each) for each in law])
        own = {
            "pearson_r": cross / np.sqrt(y2 * yhat2),
            "demeaned_r": within[0] / np.sqrt(within[1] * within[2]),
            "accuracy": 1 - float((table * apart).sum()) / (OPTIONS - 1),
            "exact_match_rate": float(np.trace(table)),
        }
        fixed |= {key(metric, name): float(figure) for metric, figure in own.items()}
        for metric, figure in own.items():
            sums.setdefault(metric, []).append(float(figure))
    fixed |= {key(metric): float(np.mean(each)) for metric, each in sums.items()}

    def draw(rng: np.random.Generator, n: int, design: str) -> tuple[Panel, Panel]:
        weight, lean, cluster = draw_people(rng, n, design, human=True)
        people = respondents("h", weight, cluster)
        simulated = respondents("s", np.ones(n), twins=list(people["respondent_id"]))
        arms = rng.choice(2, n, p=ARM_SHARES)
        rows: tuple[list[pl.DataFrame], list[pl.DataFrame]] = ([], [])
        both = (people, simulated)
        for side, table in zip(rows, both, strict=True):
            side.append(answers(table["respondent_id"], "arm", np.array(ARMS, dtype=object)[arms], arms + 1.0))
        for name, block in zip(names, blocks, strict=True):
            for side, table, place in zip(rows, both, draw_block(rng, block, arms, lean), strict=True):
                given = np.array(codes(OPTIONS), dtype=object)[place]
                side.append(answers(table["respondent_id"], name, given, place + 1.0))
        return (
            Panel("h", "human", people, pl.concat(rows[0])),
            Panel("s", "simulated", simulated, pl.concat(rows[1])),
        )

    return World("twins", scenario, study, draw, lambda _n, _design: fixed, dict.fromkeys(names, (OPTIONS, "twins")))
