"""What a tuning that is killed leaves behind, so that the next one goes on from there to the same bytes.

One safetensors file holds the fit under way (weights, moments of AdamW, generator, order) and, as metadata, the
learning curves of the fits before it. It is written at most every ``EVERY`` seconds: a tuning that takes less writes
nothing, and begins anew.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from simframe.simulate.chunks import replace_file
from simframe.simulate.tuning.learning import Begun, Point

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from simframe.simulate.tuning.objectives import Objective

EVERY = 30.0
"""Seconds of work that may be lost."""
MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class Checkpoints:
    """The state of one tuning in one file; a torn or foreign one counts as none."""

    def __init__(self, path: Path | None, key: str, every: float = EVERY) -> None:
        """Take up what is kept.

        Args:
            path: where the state is kept; nowhere where None.
            key: of the adapter: another adapter's state is none of this one's.
            every: seconds between two writings.
        """
        self.path, self.key, self.every = path, key, every
        self._written = time.monotonic()
        self._tensors, self._noted = self._read()
        self.done: list[list[Point]] = [_points(curve) for curve in self._noted.get("done", [])]
        """Learning curves of the fits that are finished."""

    def _read(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        from safetensors import SafetensorError, safe_open

        try:
            if self.path is None or not self.path.is_file():
                return {}, {}
            with safe_open(self.path, framework="pt") as file:
                noted = json.loads((file.metadata() or {}).get("state", "{}"))
                if noted.get("key") != self.key:
                    return {}, {}
                return {name: file.get_tensor(name) for name in file.keys()}, noted  # noqa: SIM118 - no mapping
        except (OSError, ValueError, SafetensorError):
            return {}, {}

    def fit(self) -> Keeper:
        """Return what keeps the next fit."""
        return Keeper(self)

    def finished(self, curve: list[Point]) -> None:
        """Note that a fit ended with this learning curve."""
        self.done.append(curve)
        self._tensors, self._noted = {}, {}

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return self.path is not None and time.monotonic() - self._written >= self.every

    def write(self, tensors: dict[str, torch.Tensor], noted: dict[str, Any]) -> None:
        """Write the state of the fit under way."""
        from safetensors.torch import save_file

        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = json.dumps(noted | {"key": self.key, "done": self.done})
        replace_file(self.path, lambda path: save_file(tensors, str(path), metadata={"state": state}))
        self._written = time.monotonic()

    def take(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return the state of the fit under way, once."""
        found = self._tensors, self._noted
        self._tensors, self._noted = {}, {}
        return found

    def clear(self) -> None:
        """Forget everything."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


class Keeper:
    """Keeps and restores one fit."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def keep(
        self,
        begun: Begun,
        trained: list[torch.Tensor],
        optimiser: torch.optim.Optimizer,
        random: np.random.Generator,
        objective: Objective,
    ) -> None:
        """Keep the state after a step, where it is time to."""
        if not self._checkpoints.due:
            return
        tensors = {f"weight.{i}": weight.detach().contiguous() for i, weight in enumerate(trained)}
        tensors |= {f"best.{i}": weight for i, weight in enumerate(begun.best)}
        for i, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}.{i}": state[name].contiguous() for name in MOMENTS}
        noted = {
            "step": begun.step,
            "micro": begun.micro,
            "since": begun.since,
            "curve": begun.curve,
            "random": _plain(random.bit_generator.state),
            "objective": objective.state(),
        }
        self._checkpoints.write(tensors, noted)

    def restore(
        self,
        trained: list[torch.Tensor],
        optimiser: torch.optim.Optimizer,
        random: np.random.Generator,
        objective: Objective,
    ) -> Begun | None:
        """Bring everything back to the state that was kept; None where the fit begins."""
        tensors, noted = self._checkpoints.take()
        if "step" not in noted:
            return None
        for i, weight in enumerate(trained):
            weight.data.copy_(tensors[f"weight.{i}"])
        whole = optimiser.state_dict()
        whole["state"] = {i: {name: tensors[f"{name}.{i}"] for name in MOMENTS} for i in range(len(trained))}
        optimiser.load_state_dict(whole)
        random.bit_generator.state = noted["random"]
        objective.restore(noted["objective"])
        best = [tensors[f"best.{i}"].to(w.device) for i, w in enumerate(trained) if f"best.{i}" in tensors]
        return Begun(noted["step"], noted["micro"], noted["since"], _points(noted["curve"]), best)


def _points(raw: list[Any]) -> list[Point]:
    return [Point(*point) for point in raw]


def _plain(state: Any) -> Any:
    """Return the state of a generator as JSON content."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state
