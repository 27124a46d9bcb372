"""How fast respondents answer: scoring with a key-value cache against what one would otherwise write.

Same model, questionnaire and machine; printed as ratios. Run ``python benchmarks/engine.py [respondents [rounds]]``.

Three shapes: a bare questionnaire; one as it is asked, with an introduction that all share and a persona of several
fields; and that of ``engine_gpu.py``: some 400 tokens of introduction, 80 of persona, 60 an item. The most that can be
gained by reading nothing twice follows from the tokens, and is printed beside.

- chained: this package, earlier answers condition later ones, one cache a respondent;
- codebook: the same under the prompt ``codebook``, which holds the same questions in the opening and then asks each by
  its name. It is another prompt, with other answers: for who has seen that it answers as well;
- independent: this package, questions that do not hear of each other, as branches of one tree;
- per item: one forward a question over the whole transcript so far, logits read off its last place, nothing kept;
- per item alone: the same without the transcript, what ``independent`` computes;
- generate: ``model.generate`` four tokens a question on the transcript so far, decode, parse the first letter;
- generate text: the same, with room for a whole option as it is listed, for who parses the answer's words.

The rivals are written as transformers' documentation shows them: left padding, the logits of a plain call, no cache
from one question to the next.

The least time of all rounds counts; let nothing else run meanwhile. The last lines compare probabilities with one
respondent at a time, unpadded and uncached.
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
from simframe.simulate.prompts import TEMPLATES, Script, Template, compile_script
from simframe.study import Study, parse_study

ITEMS, OPTIONS, BATCH = 10, 7, 32

Prefixes = list[tuple[int, ...]]
Outcome = tuple[list[list[int]], list[np.ndarray]]
"""Choices by respondent, and by batch the probabilities (respondents, items, options)."""


INTRODUCTION = (
    "You take part in a survey on how people in this country see the economy, their town and those who govern. "
    "There are no right or wrong answers: what counts is how you see things yourself. Some questions may be hard to "
    "answer; then choose what comes closest. Your answers stay anonymous and serve research alone. "
)


def questionnaire(introduction: str, fields: int, label: str = "agree at degree {k} of 7") -> Study:
    options = ", ".join(f'{{ code = {k}, label = "{label.format(k=k)}" }}' for k in range(1, OPTIONS + 1))
    items = [
        f'[[item]]\nid = "q{k}"\nlabel = "Item {k}"\nwording = "How far do you agree with statement number {k}?"\n'
        f'scale = "ordinal"\nrole = "attitude"\noptions = [{options}]\n'
        for k in range(ITEMS)
    ]
    persona = [
        f'[[item]]\nid = "p{k}"\nlabel = "Field {k}"\nscale = "interval"\nrole = "persona"\nrange = [18, 99]\n'
        for k in range(fields)
    ]
    head = f'[study]\nid = "bench"\ntitle = "Bench"\nintroduction = "{introduction}"\n'
    return parse_study(head + "\n".join(persona + items), "benchmark")


def small_model(directory: Path, study: Study) -> Path:
    """A Llama of about five million weights with a byte-level tokenizer."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    core = Tokenizer(BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1000, initial_alphabet=alphabet, show_progress=False)
    template = Template()
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
            logits = model.network(**given, position_ids=positions).logits[:, -1]
            columns.append(logits[:, list(question.allowed[0])].float().softmax(-1).double().cpu().numpy())
            for row, choice in enumerate(draws.choose(columns[-1], uniform[start : start + batch, index])):
                choices[row].append(int(choice))
                if chained:
                    prompts[row] += [*question.cue, *question.answers[choice]]
        answered += choices
        probabilities.append(np.stack(columns, axis=1))
    return answered, probabilities


@torch.inference_mode()
def generate(
    model: models.Model, script: Script, prefixes: Prefixes, _: np.ndarray, *, whole_option: bool = False
) -> Outcome:
    answered = []
    listed = [len(model.tokenizer(f" C. {option.label}")["input_ids"]) for option in script.questions[0].item.options]
    room = max(listed) if whole_option else 4
    for start in range(0, len(prefixes), BATCH):
        prompts = [[*script.opening, *prefix] for prefix in prefixes[start : start + BATCH]]
        choices: list[list[int]] = [[] for _ in prompts]
        for question in script.questions:
            given = _left_padded([p + list(question.cue) for p in prompts], model.device)
            out = model.network.generate(**given, max_new_tokens=room, do_sample=True, pad_token_id=0)
            texts = model.tokenizer.batch_decode(out[:, given["input_ids"].shape[1] :])
            for row, text in enumerate(texts):
                found = re.search(rf"[A-{chr(64 + OPTIONS)}]", text)
                choice = ord(found[0]) - 65 if found else 0
                choices[row].append(choice)
                prompts[row] += [*question.cue, *question.answers[choice]]
        answered += choices
    return answered, []


WAYS = {
    "chained": partial(scored, independent=False),
    "codebook": partial(scored, independent=False),
    "independent": partial(scored, independent=True),
    "per item": per_item,
    "per item alone": partial(per_item, chained=False),
    "generate": generate,
    "generate text": partial(generate, whole_option=True),
}


def compare(title: str, study: Study, n: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = models.load(small_model(Path(folder) / "base", study), template=Template(), dtype=torch.float32)
    script = compile_script(study, model.template, model.tokenizer)
    fields = [[script.field(item, None, float(18 + k % 80)) for item in study.persona] for k in range(n)]
    prefixes = [tuple(token for field in some for token in field) for some in fields]
    scripts = dict.fromkeys(WAYS, script)
    scripts["codebook"] = compile_script(study, TEMPLATES["codebook"], model.tokenizer)
    uniform = draws.uniforms(0, [str(k) for k in range(n)], [item.id for item in study.questions])
    each = len(script.questions[0].cue) + len(script.questions[0].answers[0])
    whole = sum(len(script.opening) + len(prefixes[0]) + each * k for k in range(1, ITEMS + 1))
    most = whole / (len(script.opening) / min(n, BATCH) + len(prefixes[0]) + each * ITEMS)
    weights = sum(weight.numel() for weight in model.network.parameters())
    print(f"{title}: {weights / 1e6:.1f} M weights on {model.device}, {n} respondents, {ITEMS} items")
    shape = f"opening {len(script.opening)} tokens, persona {len(prefixes[0])}, item {each}"
    print(f"{shape}; chained reads {most:.1f} x less than per item")
    for name, way in WAYS.items():
        way(model, scripts[name], prefixes[:2], uniform[:2])
    seconds = dict.fromkeys(WAYS, float("inf"))
    for _ in range(rounds):
        for name, way in WAYS.items():
            began = time.perf_counter()
            way(model, scripts[name], prefixes, uniform)
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    for name, took in seconds.items():
        ratios = "   ".join(f"{of} {took / seconds[of]:5.1f} x" for of in ("chained", "codebook", "independent"))
        print(f"{name:15} {n / took:8.1f} respondents a second   {ratios}")
    few = slice(0, min(n, 4))
    for name, chained in (("chained", True), ("codebook", True), ("independent", False)):
        _, expected = per_item(model, scripts[name], prefixes[few], uniform[few], chained=chained, batch=1)
        _, found = WAYS[name](model, scripts[name], prefixes[few], uniform[few])
        print(f"{name}: probabilities within {np.abs(np.concatenate(found) - np.concatenate(expected)).max():.1e}")


def main(n: int, rounds: int) -> None:
    compare("bare", questionnaire("", 1), n, rounds)
    compare("introduced", questionnaire(INTRODUCTION * 5, 4), n, rounds)
    compare("as engine_gpu.py asks", questionnaire(INTRODUCTION * 6, 3, "to degree {k}"), n, rounds)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(given[0] if given else 16, given[1] if len(given) > 1 else 3)
