"""Planted worlds of several items at once: belief and action, regressions, twins."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import truths
from populations import Block, Floats, answers, draw_people, respondents
from scipy import stats
from worlds import Key, World, codes, drawn, item_text, key, study_of

from simframe.inference import Panel

SIZES = ((2, 2), (3, 2), (5, 5))
RHO = {"null": 0.4, "near": 0.5, "local": 0.4, "far": 0.8}
"""Correlation of the normal variables behind belief and action. Locally the actions alone shift."""


def joint(rows: int, columns: int, rho: float, shift: float = 0.0) -> Floats:
    """Return the law of two normal variables of correlation ``rho``, cut into options."""
    edges = [np.concatenate([[-8], stats.norm.ppf(np.arange(1, k) / k), [8]]) for k in (rows, columns)]
    edges[1] = edges[1] + shift
    below = stats.multivariate_normal(cov=[[1, rho], [rho, 1]]).cdf(np.dstack(np.meshgrid(*edges, indexing="ij")))
    law = np.maximum(np.diff(np.diff(below, axis=0), axis=1), 0.0)
    return law / law.sum()


@cache
def pairs(scenario: str) -> World:
    """Three pairs of belief and action, from two by two to five by five, and a block of two of them."""
    texts, fixed, blocks = [], {}, ([], [])
    laws: list[tuple[Floats, Floats]] = []
    for rows, columns in SIZES:
        belief, action = f"belief_{rows}{columns}", f"action_{rows}{columns}"
        law = (joint(rows, columns, RHO["null"]), joint(rows, columns, RHO[scenario], -0.4 * (scenario == "local")))
        laws.append(law)
        implied = {code: codes(columns)[0 if k < rows / 2 else -1] for k, code in enumerate(codes(rows))}
        against = np.array([[action != implied[belief] for action in codes(columns)] for belief in codes(rows)])
        texts += [item_text(belief, "ordinal", codes(rows)), item_text(action, "ordinal", codes(columns), "action")]
        table = ", ".join(f'{a} = "{b}"' for a, b in implied.items())
        texts.append(
            f'[[pair]]\nid = "p{rows}{columns}"\nlabel = "p"\nbelief = "{belief}"\naction = "{action}"\n'
            f"implies = {{ {table} }}\n"
        )
        own = truths.of_pair(*law, against)
        own |= {"polychoric_h": RHO["null"], "polychoric_s": RHO[scenario]}
        own["polychoric_inflation"] = own["polychoric_s"] - own["polychoric_h"]
        fixed |= {
            key(metric, belief, action, term=f"p{rows}{columns}"): float(figure) for metric, figure in own.items()
        }
        values = tuple(tuple(float(k) for k in range(1, m + 1)) for m in (rows, columns))
        for side, each in zip(blocks, law, strict=True):
            side.append(Block((belief, action), each[None], (codes(rows), codes(columns)), values))
    texts.append(
        '[[structure]]\nid = "views"\nlabel = "v"\nitems = ["belief_32", "action_32", "belief_55", "action_55"]\n'
    )
    both = [np.multiply.outer(laws[1][side], laws[2][side]) for side in (0, 1)]

    def truth(n: int, design: str) -> dict[Key, float]:
        if design == "weighted":  # weights tie the pairs together
            return fixed
        # Both sides have one size, so that nothing is lost where the larger is set back to the smaller.
        seen = dict(zip("hs", (truths.distinct(law, n) for law in both), strict=True))
        counts = {f"{each}_structures_{side}": x for each in ("unique", "rarefied") for side, x in seen.items()}
        counts["structure_ratio"] = seen["s"] / seen["h"]
        return fixed | {key(metric, term="views"): figure for metric, figure in counts.items()}

    shape = {f"belief_{rows}{columns}": (rows * columns, f"{rows}x{columns}") for rows, columns in SIZES}
    return World("pairs", scenario, study_of("pairs", *texts), drawn(*blocks), truth, shape)


SLOPES = {"null": (0.5, -0.4, 0.0), "near": (0.4, -0.4, 0.15), "local": (0.1, -0.4, 0.0), "far": (0.9, 0.4, 0.3)}
"""Of a normal and a binary predictor, and of one that says nothing to people."""
FAMILIES = ("ols", "logit", "ologit", "mnlogit", "poisson")


def _study(*, weighted: bool) -> str:
    # Robust ones without weights; with them, what nobody need declare. Ordered and multinomial logits are plain.
    robust = {"ols": "HC3", "poisson": "HC3", "logit": "HC1"}
    return "".join(
        f'[[regression]]\nid = "{family}"\nlabel = "{family}"\nfamily = "{family}"\n'
        f'formula = "y_{family} ~ a + b + c"\n'
        + ("weighted = true\n" if weighted else f'covariance = "{robust.get(family, "nonrobust")}"\n')
        for family in FAMILIES
    )


def _outcomes(rng: np.random.Generator, x: Floats, slopes: Floats) -> dict[str, Floats]:
    linear = x @ slopes
    logistic = rng.logistic(size=(3, len(x)))
    gumbel = rng.gumbel(size=(len(x), 3)) + np.outer(linear, [0, 1, -1]) + [0, 0.2, 0.0]
    return {
        "ols": 1 + linear + rng.normal(size=len(x)),
        "logit": (0.3 + linear + logistic[0] > 0) + 1.0,
        "ologit": np.digitize(linear + logistic[1], [-0.6, 0.8]) + 1.0,
        "mnlogit": gumbel.argmax(axis=1) + 1.0,
        "poisson": rng.poisson(np.exp(0.5 + linear * 0.5)).astype(float),
    }


@cache
def models(scenario: str, *, weighted: bool) -> World:
    """Five families of regressions on three predictors."""
    wide = "range = [-1000, 1000]\n"
    texts = [item_text(name, "interval", (), "persona", wide) for name in ("a", "b", "c")]
    for family in FAMILIES:
        options = {"logit": codes(2), "ologit": codes(3), "mnlogit": codes(3)}.get(family, ())
        scale = {"ologit": "ordinal", "ols": "interval", "poisson": "interval"}.get(family, "nominal")
        texts.append(item_text(f"y_{family}", scale, options, "outcome", "" if options else wide))
    study = study_of("models", *texts, _study(weighted=weighted))

    def side(rng: np.random.Generator, n: int, design: str, slopes: tuple[float, ...], *, human: bool) -> Panel:
        weight, lean, cluster = draw_people(rng, n, design, human=human)
        people = respondents("h" if human else "s", weight, cluster)
        # Weights go with a predictor: slopes stay, intercepts and means would not.
        x = np.column_stack([rng.normal(size=n) + lean, rng.integers(0, 2, n), rng.normal(size=n)])
        rows = [answers(people["respondent_id"], name, [None] * n, x[:, k]) for k, name in enumerate("abc")]
        for family, y in _outcomes(rng, x, np.array(slopes)).items():
            chosen = study.item(f"y_{family}").valid_options
            code = [str(int(v)) for v in y] if chosen else [None] * n
            rows.append(answers(people["respondent_id"], f"y_{family}", code, y))
        return Panel("h" if human else "s", "human" if human else "simulated", people, pl.concat(rows))

    def draw(rng: np.random.Generator, n: int, design: str) -> tuple[Panel, Panel]:
        return (
            side(rng, n, design, SLOPES["null"], human=True),
            side(rng, n, design, SLOPES[scenario], human=False),
        )

    fixed: dict[Key, float] = {}
    factors = {"ols": (1.0,), "logit": (1.0,), "ologit": (1.0,), "mnlogit": (1.0, -1.0), "poisson": (0.5,)}
    for family, factor in factors.items():
        h, s = (np.concatenate([np.array(SLOPES[name]) * each for each in factor]) for name in ("null", scenario))
        fixed[key("coefficient_distance", term=family)] = float(np.linalg.norm(h - s))
        fixed[key("coefficient_correlation", term=family)] = float(np.corrcoef(h, s)[0, 1])
        names = [f"{k + 2}:{term}" if family == "mnlogit" else term for k in range(len(factor)) for term in "abc"]
        fixed |= {key(f"coefficient of {family}", name): float(b) for name, b in zip(names, s, strict=True)}
    return World("models", scenario, study, draw, lambda _n, _design: fixed, {})
