"""What an evaluation says of the figures that a world knows: the parts of `evaluate` that find them, and no others.

Every part draws from streams of its own, so that its rows are those of a whole evaluation; a test holds them to that.
"""

from __future__ import annotations

from collections.abc import Callable

from worlds import Key, World, key

from simframe.inference import Panel
from simframe.inference.counted.bootstrap import estimates
from simframe.inference.families.fidelity import fidelity_rows
from simframe.inference.families.polychoric import polychoric_rows
from simframe.inference.families.prediction import prediction_rows
from simframe.inference.families.recovery import beside, recovery_rows
from simframe.inference.families.structures import structure_rows
from simframe.inference.panels.roster import EVERYBODY
from simframe.inference.panels.sample import code
from simframe.inference.regressions.fits import fits_of

Rows = list[dict[str, object]]
Part = Callable[[World, Panel, Panel, int, int], Rows]


def _counts(world: World, h: Panel, s: Panel, replicates: int, seed: int) -> Rows:
    return estimates(code(world.study, h, s), replicates, seed, s.panel_id).to_dicts()


def _structures(world: World, h: Panel, s: Panel, replicates: int, seed: int) -> Rows:
    return structure_rows(world.study, h, s, replicates, seed)


def _polychoric(world: World, h: Panel, s: Panel, replicates: int, seed: int) -> Rows:
    return polychoric_rows(world.study, h, s, replicates, seed)


def _predictability(world: World, h: Panel, s: Panel, replicates: int, seed: int) -> Rows:
    # Its true value is not known: there are p-values to judge, where nothing differs.
    return prediction_rows(world.study, h, s, replicates, seed) if world.scenario == "null" else []


def _twins(world: World, h: Panel, s: Panel, replicates: int, seed: int) -> Rows:
    return fidelity_rows(world.study, h, s, replicates, seed)


def _regressions(world: World, h: Panel, s: Panel, replicates: int, seed: int) -> Rows:
    people, own = (fits_of(world.study, side, subgroups=False)[EVERYBODY] for side in (h, s))
    rows = recovery_rows(people, own, replicates, seed, s.panel_id)
    for at, of in zip(people, own, strict=True):
        table = beside(at, of, of.rows(panel_id=s.panel_id, split="all"))
        metric = f"coefficient of {of.regression_id}"
        rows += [row | {"metric": metric, "floor": None, "floor_q95": None} for row in table.iter_rows(named=True)]
    return rows


COLUMNS = ("estimate", "ci_low", "ci_high", "floor", "floor_q95", "p_value")
PARTS: dict[str, dict[str, Part]] = {
    "items": {"counts": _counts},
    "groups": {"counts": _counts},
    "pairs": {
        "counts": _counts,
        "structures": _structures,
        "polychoric": _polychoric,
        "predictability": _predictability,
    },
    "models": {"regressions": _regressions},
    "twins": {"twins": _twins},
}


def figures(
    world: World, h: Panel, s: Panel, replicates: int, seed: int, parts: tuple[str, ...] = ()
) -> dict[Key, dict[str, object]]:
    """Return estimate, interval, floor and p-value of every figure that such a world is about, by some parts or all."""
    found: dict[Key, dict[str, object]] = {}
    for name, part in PARTS[world.name].items():
        for row in part(world, h, s, replicates, seed) if not parts or name in parts else ():
            found[_key(row)] = dict.fromkeys(COLUMNS) | row
    return found


def _key(row: dict[str, object]) -> Key:
    metric = str(row["metric"])
    if metric.startswith("coefficient of "):
        return key(metric, str(row["term"]))
    # Which group is the worst is itself seen by chance.
    level = "all" if metric.startswith("worst_group") else row["level"]
    return metric, row.get("item_id"), row.get("item_id_2"), row["attribute"], level, row.get("term")  # type: ignore[return-value]
