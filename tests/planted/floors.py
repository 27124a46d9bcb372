"""The true floors of single items: what two samples of people are apart, by drawing many pairs of them."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
import truths
import worlds
from populations import LEANS, SHARES, WEIGHTS, Floats, tilted

DRAWS = 20_000


def sampled(rng: np.random.Generator, law: Floats, n: int, design: str, draws: int) -> Floats:
    """Return the weighted shares that ``draws`` samples of ``n`` people give."""
    if design != "weighted":
        return rng.multinomial(n, law, draws) / n
    by_class = np.stack([chance * tilted(law[None], lean)[0] for chance, lean in zip(SHARES, LEANS, strict=True)])
    counts = rng.multinomial(n, by_class.ravel() / by_class.sum(), draws).reshape(draws, len(WEIGHTS), len(law))
    weight = np.einsum("c,dck->dk", WEIGHTS, counts)
    return weight / weight.sum(axis=1, keepdims=True)


def true_floors(sizes: tuple[int, ...], designs: tuple[str, ...] = ("plain", "weighted")) -> pl.DataFrame:
    """Return mean and 95 % quantile of every metric between two samples of people, an item, size and design a row."""
    rows = []
    for name, (options, shape) in worlds.items("null").shape.items():
        if shape == "interval" or name == "skipped":
            continue
        law, value = worlds.shares(options, shape), np.arange(1.0, options + 1)
        for n in sizes:
            for design in designs:
                seed = hashlib.sha256(f"{name} {n} {design}".encode()).digest()
                rng = np.random.default_rng(int.from_bytes(seed[:8], "big"))
                h, s = (sampled(rng, law, n, design, DRAWS) for _ in range(2))
                with np.errstate(all="ignore"):
                    own = truths.of_options(h, s) | truths.of_values(h, s, value, options - 1.0, interval=False)
                for metric, drawn in own.items():
                    finite = drawn[np.isfinite(drawn)]
                    rows.append(
                        {
                            "item_id": name,
                            "n": n,
                            "design": design,
                            "metric": metric,
                            "true_floor": float(finite.mean()),
                            "true_se": float(finite.std() / np.sqrt(len(finite))),
                            "true_q95": float(np.quantile(finite, 0.95)),
                        }
                    )
    return pl.DataFrame(rows)
