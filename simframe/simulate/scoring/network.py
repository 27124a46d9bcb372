"""A causal language model, ready to score: its hidden states, and how they become logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from simframe.simulate.prompts import Template

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Head:
    """How a model's last hidden state becomes logits: rows of one matrix, scaled or capped where it does so."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    scale: float
    cap: float | None

    def logits(self, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return float32 logits of a few tokens: hidden (n, d), tokens (k,) -> (n, k)."""
        bias = None if self.bias is None else self.bias[tokens].float()
        return self._shape(torch.nn.functional.linear(hidden.float(), self.weight[tokens].float(), bias))

    def full(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return float32 logits of the whole vocabulary: hidden (n, d) -> (n, v)."""
        return self._shape(torch.nn.functional.linear(hidden.to(self.weight.dtype), self.weight, self.bias).float())

    def partition(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the float32 log-sum-exp over the full vocabulary: hidden (n, d) -> (n,)."""
        return self.full(hidden).logsumexp(-1)

    def _shape(self, logits: torch.Tensor) -> torch.Tensor:
        logits = logits * self.scale
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


@dataclass(frozen=True)
class Model:
    """A causal language model, ready to score options."""

    network: Any
    tokenizer: Any
    template: Template
    base_fingerprint: str
    adapter_fingerprint: str | None
    context: int | None = None
    """Tokens that it can read; None where there is no limit."""
    alone: bool = False
    """Whether respondents must be read one at a time: padding between what they read would change what it sees."""
    name: str = "model"
    """What errors call it."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        device: torch.device = next(self.network.parameters()).device
        return device

    @property
    def head(self) -> Head:
        """Its output matrix, read anew each time because tuning moves it."""
        output, config = self.network.get_output_embeddings(), self.network.config
        scale = getattr(config, "logit_scale", None) or 1.0 / (getattr(config, "logits_scaling", None) or 1.0)
        cap = getattr(config, "final_logit_softcapping", None)
        return Head(output.weight, getattr(output, "bias", None), scale, cap)

    def hidden(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor | dict[str, torch.Tensor] | None,
        positions: torch.Tensor,
        cache: Any = None,
    ) -> torch.Tensor:
        """Return the last hidden state: ids and positions (n, t), mask (n, past + t) or 4D or none -> (n, t, d).

        Positions are always explicit: the default ones are wrong where padding follows a cached prefix.
        """
        backbone = self.network.get_decoder()
        state: torch.Tensor = backbone(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        return state
