"""The loop: gradients of an objective, AdamW at a constant rate after a warm-up, an end where nothing is gained."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from simframe.simulate.tuning.loss import finite, log_likelihood

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simframe.simulate.models import Model
    from simframe.simulate.tuning.checkpoints import Keeper
    from simframe.simulate.tuning.objectives import Objective, Step
    from simframe.simulate.tuning.schedule import Schedule


@dataclass(frozen=True)
class Begun:
    """A fit under way."""

    step: int
    micro: int
    """Prompts a part of a step."""
    since: list[float]
    """Losses since the last look."""
    curve: list[Point]
    best: list[torch.Tensor]


class Average:
    """The moving average of weights while they learn (Polyak and Juditsky 1992); no average where ``kept`` is 0."""

    def __init__(self, trained: list[torch.Tensor], kept: float) -> None:
        self._trained, self._kept, self._steps = trained, kept, 0
        self._mean = _copies(trained) if kept else []

    def learned(self) -> None:
        """Take note of a step; the first ones count more, so that the beginning is soon forgotten."""
        self._steps += 1
        kept = min(self._kept, (1 + self._steps) / (10 + self._steps))
        for mean, weight in zip(self._mean, self._trained, strict=False):
            mean.mul_(kept).add_(weight.detach(), alpha=1 - kept)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Let the model have the average for a while."""
        own = _copies(self._trained) if self._mean else []
        self.keep()
        yield
        _put(self._trained, own)

    def keep(self) -> None:
        """Let the model have the average."""
        _put(self._trained, self._mean)


class Point(NamedTuple):
    """One look at a model while it learns."""

    step: int
    held_loss: float | None
    """Loss an answer of the people held out, in nats; None without any."""
    train_loss: float | None
    """Mean loss of the steps since the last look; None before the first."""


def learn(
    model: Model,
    objective: Objective,
    schedule: Schedule,
    *,
    seed: int,
    step_done: Callable[[int], None] | None = None,
    keeper: Keeper | None = None,
) -> list[Point]:
    """Move the model's trainable weights to lower an objective.

    With people held out, learning ends when their loss no longer falls, and the best weights seen are put back.

    Args:
        model: what is tuned; weights that require gradients move.
        objective: what is lowered.
        schedule: how long and how fast.
        seed: shapes order and dropout.
        step_done: called with the steps done.
        keeper: keeps the state now and then, and gives the one that was kept; it keeps no average of weights.

    Returns:
        The learning curve.

    Raises:
        ModelError: where the loss is no number.
    """
    trained = [weight for weight in model.network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=schedule.rate, weight_decay=0.01)
    random = np.random.Generator(np.random.Philox(seed))
    micro = schedule.batch
    since: list[float] = []
    curve: list[Point] = []
    best: list[torch.Tensor] = []
    average = Average(trained, schedule.average)
    begun = keeper.restore(trained, optimiser, random, objective) if keeper else None
    if begun is not None:
        micro, since, curve, best, first = begun.micro, begun.since, begun.curve, begun.best, begun.step + 1
    else:
        first = 1
        if objective.has_held:
            curve, best = [Point(0, objective.held_loss(), None)], _copies(trained)
    for step in range(first, schedule.steps + 1):
        if _is_over(curve, schedule.patience):
            break
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate * min(1.0, step / schedule.warmup)
        taken = objective.step(random)
        micro, loss, losses = _gradients(model, taken, micro, schedule.whole_vocabulary, objective.wants_losses)
        since.append(loss)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        average.learned()
        if objective.wants_losses:
            objective.learned(losses)
        if step_done is not None:
            step_done(step)
        if step % schedule.every == 0 or step == schedule.steps:
            with average.shown():
                held_loss = objective.held_loss() if objective.has_held else None
                curve.append(Point(step, held_loss, sum(since) / len(since)))
                since = []
                if held_loss is not None and held_loss == min(_held(curve)):
                    best = _copies(trained)
        if keeper is not None:
            keeper.keep(Begun(step, micro, since, curve, best), trained, optimiser, random, objective)
    average.keep()
    _put(trained, best)
    return curve


def _held(curve: list[Point]) -> list[float]:
    return [point.held_loss for point in curve if point.held_loss is not None]


def _is_over(curve: list[Point], patience: int) -> bool:
    """Return whether the last looks at people held out brought nothing."""
    losses = _held(curve)
    return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= patience


def _copies(weights: list[torch.Tensor]) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in weights]


def _put(weights: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    for weight, value in zip(weights, values, strict=False):
        weight.data.copy_(value)


def _gradients(
    model: Model, step: Step, micro: int, whole_vocabulary: bool, wants_losses: bool
) -> tuple[int, float, list[float]]:
    """Add up the gradients of one step in parts that fit the memory.

    Returns:
        The size of part that did fit, the loss, and, where wanted, the loss of each prompt.
    """
    while True:
        try:
            whole, losses = 0.0, [0.0] * (len(step.prompts) if wants_losses else 0)
            for start in range(0, len(step.prompts), micro):
                gains, places = log_likelihood(model, step.prompts[start : start + micro], whole_vocabulary)
                loss = torch.zeros((), device=model.device)
                for gain, members in zip(gains, places, strict=True):
                    weights = [step.weights[start + row] for row, _ in members]
                    loss = loss - (gain * torch.tensor(weights, device=gain.device)).sum() / step.total
                    if wants_losses:
                        for value, (row, _) in zip(gain.tolist(), members, strict=True):
                            losses[start + row] -= value
                whole += finite(loss.item())
                loss.backward()
        except torch.OutOfMemoryError:
            if micro == 1:
                raise
        else:
            return micro, whole, losses
        # Outside the except: the exception would keep the tensors of the failed part alive.
        micro = max(1, micro // 2)
        model.network.zero_grad(set_to_none=True)
        if model.device.type == "cuda":
            torch.cuda.empty_cache()
