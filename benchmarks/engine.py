"""How fast respondents answer: scoring with a key-value cache against what one would otherwise write.

Same model, same questionnaire, same machine; printed as ratios. Run: ``python benchmarks/engine.py [respondents]``.

- chained: this package, earlier answers condition later ones, one cache a respondent;
- independent: this package, questions that do not hear of each other, as branches of one tree;
- per item: one forward a question over the whole transcript so far, option logits read off, nothing kept;
- per item alone: the same without the transcript, what ``independent`` computes;
- generate: ``model.generate`` four tokens a question on the transcript so far, decode, parse the first letter.

On the CPU it is CPU time that is compared, the least of three rounds: other work on the machine counts little. The last
lines compare probabilities with one respondent at a time, unpadded and uncached.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from simframe.simulate import draws, models, scoring
from simframe.simulate.prompts import Script, Template, compile_script
from simframe.study import Study, parse_study

ITEMS, OPTIONS, BATCH, ROUNDS = 10, 7, 32, 3

Prefixes = list[tuple[int, ...]]
Outcome = tuple[list[list[int]], list[np.ndarray]]
"""Choices by respondent, and by batch the probabilities (respondents, items, options)."""


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


def scored(
    model: models.Model, script: Script, prefixes: Prefixes, uniform: np.ndarray, *, independent: bool
) -> Outcome:
    way = scoring.answer_independent if independent else scoring.answer
    answered, probabilities = [], []
    for start in range(0, len(prefixes), BATCH):
        some = prefixes[start : start + BATCH]
        answers = way(model, script.opening, some, [script.questions] * len(some), uniform[start : start + BATCH])
        answered += [[one.choice for one in row] for row in answers.said]
        probabilities.append(np.array([[one.probabilities for one in row] for row in answers.said]))
    return answered, probabilities


def _left_padded(prompts: list[list[int]], device: torch.device) -> dict[str, torch.Tensor]:
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    return {"input_ids": ids, "attention_mask": mask}


@torch.inference_mode()
def per_item(
    model: models.Model,
    script: Script,
    prefixes: Prefixes,
    uniform: np.ndarray,
    *,
    chained: bool = True,
    batch: int = BATCH,
) -> Outcome:
    answered, probabilities = [], []
    for start in range(0, len(prefixes), batch):
        prompts = [[*script.opening, *prefix] for prefix in prefixes[start : start + batch]]
        choices: list[list[int]] = [[] for _ in prompts]
        columns = []
        for index, question in enumerate(script.questions):
            given = _left_padded([p + list(question.cue) for p in prompts], model.device)
            positions = (given["attention_mask"].cumsum(1) - 1).clamp(min=0)
            logits = model.network(**given, position_ids=positions, logits_to_keep=1, use_cache=False).logits[:, -1]
            columns.append(logits[:, list(question.allowed[0])].float().softmax(-1).double().cpu().numpy())
            for row, choice in enumerate(draws.choose(columns[-1], uniform[start : start + batch, index])):
                choices[row].append(int(choice))
                if chained:
                    prompts[row] += [*question.cue, *question.answers[choice]]
        answered += choices
        probabilities.append(np.stack(columns, axis=1))
    return answered, probabilities


@torch.inference_mode()
def generate(model: models.Model, script: Script, prefixes: Prefixes, _: np.ndarray) -> Outcome:
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
    return answered, []


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
    ways = {
        "chained": partial(scored, independent=False),
        "independent": partial(scored, independent=True),
        "per item": per_item,
        "per item alone": partial(per_item, chained=False),
        "generate": generate,
    }
    clock = time.process_time if model.device.type == "cpu" else time.perf_counter
    for way in ways.values():
        way(model, script, prefixes[:2], uniform[:2])
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = clock()
            way(model, script, prefixes, uniform)
            seconds[name] = min(seconds[name], clock() - began)
    for name, took in seconds.items():
        ratios = f"chained {took / seconds['chained']:5.1f} x   independent {took / seconds['independent']:5.1f} x"
        print(f"{name:15} {n / took:8.1f} respondents a second   {ratios}")
    few = slice(0, min(n, 8))
    for name, chained in (("chained", True), ("independent", False)):
        _, expected = per_item(model, script, prefixes[few], uniform[few], chained=chained, batch=1)
        _, found = ways[name](model, script, prefixes[few], uniform[few])
        print(f"{name}: probabilities within {np.abs(np.concatenate(found) - np.concatenate(expected)).max():.1e}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
