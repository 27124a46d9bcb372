"""What tests of regressions share: small studies, a formula as a declared regression, planted numbers."""

import numpy as np
import polars as pl

from simframe.study import Regression, load_study, parse_study


def study_of(**items: str):
    """Make a study from TOML fragments, one an item."""
    parts = [f'[[item]]\nid = "{name}"\nlabel = "{name}"\n{text}' for name, text in items.items()]
    return parse_study('[study]\nid = "t"\ntitle = "t"\n' + "\n".join(parts), "test")


def choice(codes: list[str], role: str = "persona") -> str:
    options = ", ".join(f'{{ code = "{code}", label = "{code}" }}' for code in codes)
    return f'scale = "nominal"\nrole = "{role}"\noptions = [{options}]'


NUMBER = 'scale = "interval"\nrole = "persona"\nrange = [-1000, 1000]'
YES_NO = choice(["0", "1"], "action")


def model(formula: str, family: str, **more: object) -> Regression:
    return Regression(id="m", label="m", formula=formula, family=family, **more)


def estimates(found) -> dict[str, float]:
    assert found.reason is None, found.reason
    return dict(found.coefficients.select("term", "estimate").iter_rows())


def declared(regression_id: str) -> Regression:
    return next(r for r in load_study("anes96").regressions if r.id == regression_id)


def numbers(n: int = 300) -> pl.DataFrame:
    """Two predictors, a measurement with uneven spread, a count and a choice that depend on them."""
    rng = np.random.default_rng(20)
    x, z = rng.normal(size=n), rng.normal(size=n)
    return pl.DataFrame(
        {
            "x": x,
            "z": z,
            "y": 1 + 2 * x - z + rng.normal(size=n) * (1 + x**2),
            "count": rng.poisson(np.exp(0.3 + 0.4 * x)).astype(float),
            "yes": np.where(rng.random(n) < 1 / (1 + np.exp(-x + 0.5 * z)), "1", "0"),
            "w": rng.gamma(3, 1 / 3, n),
            "block": rng.integers(0, 25, n),
        }
    )


FIVE = study_of(x=NUMBER, z=NUMBER, y=NUMBER, count=NUMBER, yes=YES_NO)
