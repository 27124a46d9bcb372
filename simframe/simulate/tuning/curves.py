"""Learning curves beside the adapter they belong to, where SQL finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from simframe.warehouse.layout import write_table
from simframe.warehouse.tables import ADAPTER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from simframe.simulate.tuning.learning import Point

FILE = "learning_curve.parquet"


def best(curves: Sequence[Sequence[Point]], weights: Sequence[float]) -> tuple[int, list[tuple[int, float]]]:
    """Return the steps of the least mean loss over folds, and that mean curve.

    A fold that ended early keeps its last loss: leaving it out would favour late steps, where only slow folds are left.
    """
    held = [[(point.step, point.held_loss) for point in curve if point.held_loss is not None] for curve in curves]
    at = sorted({step for curve in held for step, _ in curve})
    mean = []
    for step in at:
        losses = [next(loss for seen, loss in reversed(curve) if seen <= step) for curve in held]
        mean.append((step, float(np.average(losses, weights=weights if sum(weights) > 0 else None))))
    return min(mean, key=lambda point: (point[1], point[0]))[0], mean


def write_curves(
    directory: Path,
    folds: Sequence[Sequence[Point]],
    mean: Sequence[tuple[int, float]],
    refit: Sequence[Point],
    **of: Any,
) -> None:
    """Write the curves of all fits of an adapter; ``of`` fills the columns that are the same in all rows."""
    rows = [
        {"fit": f"fold {fold}", "step": point.step, "held_loss": point.held_loss, "train_loss": point.train_loss}
        for fold, curve in enumerate(folds, 1)
        for point in curve
    ]
    rows += [{"fit": "mean of folds", "step": step, "held_loss": loss, "train_loss": None} for step, loss in mean]
    rows += [{"fit": "refit", "step": point.step, "held_loss": None, "train_loss": point.train_loss} for point in refit]
    frame = pl.DataFrame(rows, schema_overrides={"held_loss": pl.Float64, "train_loss": pl.Float64})
    schema = ADAPTER["learning_curve"]
    write_table(directory / FILE, frame.with_columns(**{name: pl.lit(value) for name, value in of.items()}), schema)
