"""A local model through vLLM (extra ``vllm``): the questionnaire of ``prompted``, scored by vLLM's own batching.

vLLM wants a GPU. Everything but the calls to vLLM itself is tested with another scorer; see ``docs/guides/engines.md``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from simframe.errors import ModelError, install_extra
from simframe.simulate.engines.prompted import PromptedEngine, Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from simframe.simulate.prompts import Template, Tokens
    from simframe.study import Study

IDS = 128
"""Token ids that one vLLM request may ask for (``MAX_LOGPROB_TOKEN_IDS``)."""


def load(
    base_dir: Path,
    adapter_dir: Path | None,
    study: Study,
    *,
    template: Template,
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> PromptedEngine:
    """Load a model into vLLM; ``options`` go to ``vllm.LLM`` as they are, ``settings`` to the engine.

    Raises:
        PlanError, ModelError: where vLLM is not installed, the model may not be loaded, or the study does not fit it.
    """
    from simframe.simulate.prompts import compile_script

    scorer = VllmScorer(base_dir, adapter_dir, **(options or {}))
    engine = PromptedEngine(compile_script(study, template, scorer.tokenizer), scorer, **settings)
    engine.context, engine.name = scorer.context, str(base_dir)
    return engine


class VllmScorer:
    """vLLM as a scorer: one token is generated and thrown away, the log probabilities of the wanted ones are kept."""

    def __init__(self, base_dir: Path, adapter_dir: Path | None, **options: Any) -> None:
        from simframe.simulate import models

        vllm = need_vllm()
        models.check_base(base_dir)
        self._base = models.fingerprint(base_dir)
        noted = None if adapter_dir is None else models.check_adapter(adapter_dir, self._base)
        self._adapter = noted and noted["adapter_fingerprint"]
        self._params, self._lora = vllm.SamplingParams, None
        given: dict[str, Any] = {"enable_prefix_caching": True, "trust_remote_code": False, "seed": 0}
        # Raw: before temperature and before anything else touches the logits.
        given |= {"logprobs_mode": "raw_logprobs", "load_format": "safetensors", "generation_config": "vllm"}
        if adapter_dir is not None:
            from vllm.lora.request import LoRARequest

            rank = int(models.read_json(adapter_dir / "adapter_config.json")["r"])
            given |= {"enable_lora": True, "max_lora_rank": max(8, 1 << (rank - 1).bit_length())}
            self._lora = LoRARequest("adapter", 1, str(adapter_dir))
        self._where = str(base_dir)
        with _told(self._where):
            self._llm = vllm.LLM(model=str(base_dir), **(given | options))
            self.tokenizer = self._llm.get_tokenizer()
            config = self._llm.llm_engine.model_config
        self._dtype = str(config.dtype).removeprefix("torch.")
        self.context = int(config.max_model_len) - 1  # a token at least is generated after each prompt
        self._version = vllm.__version__

    def identity(self) -> dict[str, Any]:
        """Return what shapes its numbers."""
        known = {"engine": "vllm", "version": self._version, "dtype": self._dtype}
        return known | {"base": self._base, "adapter": self._adapter}

    def score(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return log P of the wanted tokens under the full vocabulary."""
        parts = split(requests)
        prompts = [{"prompt_token_ids": list(prompt)} for prompt, _ in parts]
        params = [self._params(**scoring_params(wanted)) for _, wanted in parts]
        outputs = self._generate(prompts, params)
        told = [read(output, wanted) for output, (_, wanted) in zip(outputs, parts, strict=True)]
        return joined(requests, told)

    def write(
        self, prompts: Sequence[Tokens], *, stop: frozenset[int], most: int, temperature: float, seeds: Sequence[int]
    ) -> list[Tokens]:
        """Return what is written after each prompt."""
        common = {"max_tokens": most, "temperature": temperature, "stop_token_ids": sorted(stop), "detokenize": False}
        params = [self._params(**common, seed=seed) for seed in seeds]
        tokens = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        outputs = self._generate(tokens, params)
        return [until(output.outputs[0].token_ids, stop) for output in outputs]

    def _generate(self, prompts: list[dict[str, Any]], params: list[Any]) -> Sequence[Any]:
        with _told(self._where):
            outputs: Sequence[Any] = self._llm.generate(prompts, params, use_tqdm=False, lora_request=self._lora)
        return outputs

    def close(self) -> None:
        """Let vLLM go; the memory comes back when its workers end."""
        del self._llm


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Turn what vLLM raises, out of memory included, into an error that names the model and says the same."""
    try:
        yield
    except Exception as err:  # ValueError, RuntimeError, of torch OutOfMemoryError, and errors of its own
        lines = [line.strip() for line in str(err).splitlines() if line.strip()]
        mend = 'do what vLLM asks for, use a smaller model or a GPU with more memory, or set engine = "transformers"'
        message = f"vLLM stopped: {type(err).__name__}: {lines[0] if lines else ''}"
        raise ModelError(message, where=where, mend=mend) from err


def need_vllm() -> Any:
    """Import vLLM.

    Raises:
        ModelError: where it is missing, or too old to score chosen tokens.
    """
    mend = f'{install_extra("vllm")}, on a machine with a GPU; or set engine = "transformers"'
    try:
        import vllm
    except ImportError as err:
        raise ModelError(f"engine 'vllm' needs vLLM ({err})", mend=mend) from err
    if not hasattr(vllm.SamplingParams, "logprob_token_ids"):
        raise ModelError(f"vLLM {vllm.__version__} cannot score chosen tokens", mend=mend)
    return vllm


def scoring_params(wanted: Tokens) -> dict[str, Any]:
    """Return the sampling parameters that tell the log probabilities of some tokens."""
    return {"max_tokens": 1, "temperature": 0.0, "logprob_token_ids": list(wanted), "detokenize": False}


def split(requests: Sequence[Request]) -> list[Request]:
    """Part requests for more tokens than one may ask for."""
    return [
        (prompt, wanted[start : start + IDS])
        for prompt, wanted in requests
        for start in range(0, max(1, len(wanted)), IDS)
    ]


def joined(requests: Sequence[Request], told: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Put together what ``split`` parted."""
    each = iter(told)
    return [np.concatenate([next(each) for _ in range(0, max(1, len(wanted)), IDS)]) for _, wanted in requests]


def read(output: Any, wanted: Tokens) -> np.ndarray:
    """Return the log probabilities of the wanted tokens from one of vLLM's outputs.

    Raises:
        ModelError: where it tells none of them: an older vLLM ignores what it does not know.
    """
    told = output.outputs[0].logprobs
    if not told or any(token not in told[0] for token in wanted):
        mend = 'use a newer vLLM, or set engine = "transformers"'
        raise ModelError("vLLM does not tell the log probabilities asked for", mend=mend)
    return np.array([float(told[0][token].logprob) for token in wanted])


def until(tokens: Sequence[int], stop: frozenset[int]) -> Tokens:
    """Return tokens up to the first that stops, without it."""
    kept: list[int] = []
    for token in tokens:
        if token in stop:
            break
        kept.append(token)
    return tuple(kept)
