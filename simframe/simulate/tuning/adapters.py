"""A LoRA adapter on every linear layer: put on, taken back to its beginning, and saved for the base as it is."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from simframe.simulate import models

if TYPE_CHECKING:
    from pathlib import Path

    from simframe.simulate.tuning.settings import TuneSettings


class Adapter:
    """A fresh adapter on a network, whose weights alone require gradients."""

    def __init__(self, network: Any, settings: TuneSettings, seed: int) -> None:
        from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

        # The exact decomposition takes minutes a matrix of a large model; the randomised one seconds.
        principal = "pissa" if models.is_tiny(network) else "pissa_niter_16"
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
            lora_dropout=0.0,
            use_dora=settings.dora,
            use_rslora=settings.rslora,
            init_lora_weights=principal if settings.pissa else True,
        )
        with torch.random.fork_rng(), models.quiet():
            torch.manual_seed(seed)
            if settings.four_bit:
                network = prepare_model_for_kbit_training(network, use_gradient_checkpointing=False)
            self.peft = get_peft_model(network, config)
        self.trained = [weight for weight in network.parameters() if weight.requires_grad]
        self._start = [weight.detach().clone() for weight in self.trained]
        self._initial = self._state() if settings.pissa else {}

    def _state(self) -> dict[str, torch.Tensor]:
        from peft import get_peft_model_state_dict

        found = get_peft_model_state_dict(self.peft, save_embedding_layers=False)
        return {name: weight.detach().cpu().clone().contiguous() for name, weight in found.items()}

    def reset(self) -> None:
        """Bring the weights back to where they began."""
        for weight, value in zip(self.trained, self._start, strict=True):
            weight.data.copy_(value)

    def save(self, directory: Path, base: str) -> None:
        """Write ``adapter_model.safetensors`` and ``adapter_config.json``, for the base with this fingerprint.

        PiSSA takes the principal part A0 B0 out of the base and trains A B in its place. What is saved is their
        difference AB - A0 B0, an adapter of twice the rank on the base as it was (Meng et al. 2024, appendix C).
        """
        from safetensors.torch import save_file

        config, state = copy.deepcopy(self.peft.peft_config["default"]), self._state()
        if self._initial:
            for name, weight in state.items():
                rows = "lora_A" in name
                initial = self._initial[name] if rows else -self._initial[name]
                state[name] = torch.cat([weight, initial], dim=0 if rows else 1).contiguous()
            config.init_lora_weights = True
            config.r *= 2
            config.lora_alpha *= 2**0.5 if config.use_rslora else 2
        # The base is named by its fingerprint: a path would differ between machines and tell where people keep files.
        config.base_model_name_or_path = base
        config.inference_mode = True
        config.target_modules = sorted(config.target_modules)  # a set has another order in every process
        save_file(state, directory / "adapter_model.safetensors", metadata={"format": "pt"})
        with models.quiet():
            config.save_pretrained(str(directory))
