"""Tables of counts to try metrics on."""

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="session")
def tables() -> pl.DataFrame:
    """Sixty pairs of answer counts over 2 to 11 options, some never chosen, with uneven option values."""
    rng = np.random.default_rng(20251121)
    rows = []
    for g in range(60):
        k = int(rng.integers(2, 12))
        p, q = rng.dirichlet(np.full(k, 0.7)), rng.dirichlet(np.full(k, 0.7))
        value = np.sort(rng.choice(np.arange(-20, 21) / 2, size=k, replace=False))
        h, s = rng.multinomial(rng.integers(20, 900), p), rng.multinomial(rng.integers(20, 900), q)
        rows.extend({"g": g, "h": int(a), "s": int(b), "v": float(v)} for a, b, v in zip(h, s, value, strict=True))
    return pl.DataFrame(rows)


@pytest.fixture(scope="session")
def crosstabs() -> pl.DataFrame:
    """Forty belief x action crosstabs of 2 to 5 rows and columns on both sides, with empty cells."""
    rng = np.random.default_rng(20251122)
    rows = []
    for g in range(40):
        r, c = int(rng.integers(2, 6)), int(rng.integers(2, 6))
        h = rng.multinomial(int(rng.integers(50, 600)), rng.dirichlet(np.full(r * c, 0.6))).reshape(r, c)
        s = rng.multinomial(int(rng.integers(50, 600)), rng.dirichlet(np.full(r * c, 0.6))).reshape(r, c)
        rows.extend(
            {"g": g, "b": f"belief {b}", "bv": b * b, "a": a, "h": int(h[b, a]), "s": int(s[b, a])}
            for b in range(r)
            for a in range(c)
        )
    return pl.DataFrame(rows)
