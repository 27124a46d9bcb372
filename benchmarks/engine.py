"""How fast respondents answer: chained scoring with a key-value cache against what one would otherwise write.

Same model, same questionnaire, same machine; printed as ratios. Run: ``python benchmarks/engine.py [respondents]``.

- chained: this package, one cache a respondent, only the option rows of the output matrix;
- per item: one forward a question over the whole prompt so far, option logits read off, nothing kept;
- generate: ``model.generate`` four tokens a question, decode, parse the first letter.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from simframe.simulate import draws, models, scoring
from simframe.simulate.prompts import Script, Template, compile_script
from simframe.study import Study, parse_study

ITEMS, OPTIONS, BATCH = 10, 7, 32

Prefixes = list[tuple[int, ...]]


def questionnaire() -> Study:
    options = ", ".join(f'{{ code = {k}, label = "agree at degree {k} of {OPTIONS}" }}' for k in range(1, OPTIONS + 1))
    items = [
        f'[[item]]\nid = "q{k}"\nlabel = "Item {k}"\nwording = "How far do you agree with statement number {k}?"\n'
        f'scale = "ordinal"\nrole = "attitude"\noptions = [{options}]\n'
        for k in range(ITEMS)
    ]
    age = '[[item]]\nid = "age"\nlabel = "Age"\nscale = "interval"\nrole = "persona"\nrange = [18, 99]\n'
    return parse_study('[study]\nid = "bench"\ntitle = "Bench"\n' + age + "\n".join(items), "benchmark")


def small_model(directory: Path) -> Path:
    """A Llama of about five million weights with a byte-level tokenizer."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    core = Tokenizer(BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1000, initial_alphabet=alphabet, show_progress=False)
    template, study = Template(), questionnaire()
    texts = [template.render_cue(item) + mark for item in study.questions for mark in template.render_answers(item)]
    core.train_from_iterator([template.render_opening(study), *texts], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core)
    torch.manual_seed(0)
    shape = {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=4096, eos_token_id=None, **shape)
    with models.quiet():
        LlamaForCausalLM(config).save_pretrained(directory)
        tokenizer.save_pretrained(directory)
    return directory


def chained(model: models.Model, script: Script, prefixes: Prefixes, uniform: np.ndarray) -> list[list[int]]:
    answered = []
    for start in range(0, len(prefixes), BATCH):
        u = uniform[start : start + BATCH]

        def choose(index: int, p: np.ndarray, u: np.ndarray = u) -> np.ndarray:
            return draws.choose(p, u[:, index])

        answers = scoring.answer(model, script, prefixes[start : start + BATCH], choose)
        answered += np.stack(answers.choices, axis=1).tolist()
    return answered


def _left_padded(prompts: list[list[int]], device: torch.device) -> dict[str, torch.Tensor]:
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    return {"input_ids": ids, "attention_mask": mask}


@torch.inference_mode()
def per_item(model: models.Model, script: Script, prefixes: Prefixes, uniform: np.ndarray) -> list[list[int]]:
    answered = []
    for start in range(0, len(prefixes), BATCH):
        prompts = [[*script.opening, *prefix] for prefix in prefixes[start : start + BATCH]]
        choices: list[list[int]] = [[] for _ in prompts]
        for index, question in enumerate(script.questions):
            given = _left_padded([p + list(question.cue) for p in prompts], model.device)
            positions = (given["attention_mask"].cumsum(1) - 1).clamp(min=0)
            logits = model.network(**given, position_ids=positions, logits_to_keep=1, use_cache=False).logits[:, -1]
            p = logits[:, list(question.allowed[0])].float().softmax(-1).double().cpu().numpy()
            for row, choice in enumerate(draws.choose(p, uniform[start : start + BATCH, index])):
                choices[row].append(int(choice))
                prompts[row] += [*question.cue, *question.answers[choice]]
        answered += choices
    return answered


@torch.inference_mode()
def generate(model: models.Model, script: Script, prefixes: Prefixes, uniform: np.ndarray) -> list[list[int]]:
    answered = []
    for start in range(0, len(prefixes), BATCH):
        prompts = [[*script.opening, *prefix] for prefix in prefixes[start : start + BATCH]]
        choices: list[list[int]] = [[] for _ in prompts]
        for question in script.questions:
            given = _left_padded([p + list(question.cue) for p in prompts], model.device)
            out = model.network.generate(**given, max_new_tokens=4, do_sample=True, pad_token_id=0)
            texts = model.tokenizer.batch_decode(out[:, given["input_ids"].shape[1] :])
            for row, text in enumerate(texts):
                found = re.search(rf"[A-{chr(64 + OPTIONS)}]", text)
                choice = ord(found[0]) - 65 if found else 0
                choices[row].append(choice)
                prompts[row] += [*question.cue, *question.answers[choice]]
        answered += choices
    return answered


def main(n: int) -> None:
    study = questionnaire()
    with tempfile.TemporaryDirectory() as folder:
        model = models.load(small_model(Path(folder) / "base"), template=Template(), dtype=torch.float32)
    script = compile_script(study, model.template, model.tokenizer)
    (age,) = study.persona
    prefixes = [script.field(age, None, float(18 + k % 80)) for k in range(n)]
    uniform = draws.uniforms(0, [str(k) for k in range(n)], [item.id for item in study.questions])
    tokens = len(script.opening) + len(prefixes[0]) + sum(len(q.cue) + len(q.answers[0]) for q in script.questions)
    weights = sum(weight.numel() for weight in model.network.parameters())
    print(f"{weights / 1e6:.1f} M weights on {model.device}, {n} respondents, {ITEMS} items, {tokens} tokens each")
    ways: dict[str, Callable[[models.Model, Script, Prefixes, np.ndarray], list[list[int]]]] = {
        "chained": chained,
        "per item": per_item,
        "generate": generate,
    }
    rates, answers = {}, {}
    for name, way in ways.items():
        way(model, script, prefixes[:2], uniform[:2])
        began = time.perf_counter()
        answers[name] = way(model, script, prefixes, uniform)
        rates[name] = n / (time.perf_counter() - began)
    for name, rate in rates.items():
        print(f"{name:9} {rate:8.1f} respondents/s   chained is {rates['chained'] / rate:5.1f} x")
    same = np.mean(np.array(answers["chained"]) == np.array(answers["per item"]))
    print(f"chained and per item give the same answer in {same:.1%} of cases")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
