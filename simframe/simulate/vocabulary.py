"""The words of the embedded model: the study's own, and where they stand before anything is learned.

One word a question, one an answer of an item, one a persona level. The words of an ordered item begin on a line, in its
order, each a little off it. So a model knows from its first step what a scale is, and need not learn each of its levels
from the few people who are on it; without an order, words begin anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simframe.simulate.prompts import COMPACT
from simframe.simulate.prompts.numbers import parts_of

if TYPE_CHECKING:
    import torch

    from simframe.study import Item, Study

SPREAD = 0.02
"""Standard deviation of the numbers that a word begins as, along each direction."""
OFF = 0.2
"""How far a word stands off its item's line, as a share of that."""
BEND = 0.7
"""How much the likelihood of the ends of a scale begins on its own, apart from that of its sides."""


def words(study: Study) -> list[str]:
    """Return every word that the study's prompts can hold."""
    found: dict[str, None] = {}
    for item in COMPACT.shown(study):
        found |= dict.fromkeys(_levels(item))
    for item in study.simulated:
        if item.answered_with == "text":
            continue
        found |= dict.fromkeys([COMPACT.render_cue(item).strip()])
        found |= dict.fromkeys(mark.strip() for mark in COMPACT.render_answers(item))
    lengths = [f"{length}:" for length in range(10)]
    return list(found | dict.fromkeys([*"0123456789.-+e", *lengths]))


def _levels(item: Item) -> list[str]:
    """Return one word for each level of a persona item, in order."""
    if item.valid_options:
        lines = [COMPACT.render_field(item, option.code, option.value) for option in item.valid_options]
        return [line.strip() for line in lines]
    return [f"{item.id}.{part}" for part in parts_of(item)]


def make_tokenizer(study: Study) -> Any:
    """Return a tokenizer of the study's words, in transformers' fast form."""
    from tokenizers import Tokenizer, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    special = {"pad_token": "[PAD]", "bos_token": "[BOS]", "unk_token": "[UNK]"}
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys([*special.values(), *words(study)]))}
    core = Tokenizer(WordLevel(vocabulary, unk_token=special["unk_token"]))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.post_processor = processors.TemplateProcessing(single="[BOS] $A", special_tokens=[("[BOS]", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=core, padding_side="right", **special)


def scales(study: Study) -> list[tuple[list[str], list[float]]]:
    """Return the words of each ordered item, and where each stands on its scale: mean 0, standard deviation about 1."""
    found = []
    for item in COMPACT.shown(study):
        if item.scale != "nominal":
            found.append(_placed(item, _levels(item)))
    for item in study.simulated:
        if item.scale != "nominal" and item.valid_options:
            found.append(_placed(item, [mark.strip() for mark in COMPACT.render_answers(item)]))
    return found


def _placed(item: Item, levels: list[str]) -> tuple[list[str], list[float]]:
    middle, unit = (len(levels) - 1) / 2, len(levels) / 12**0.5
    if not item.valid_options and item.range is None:
        unit = 6.0  # most numbers are far smaller than the largest that has a word
    return levels, [(place - middle) / unit for place in range(len(levels))]


def lay_out(network: Any, tokenizer: Any, study: Study, seed: int) -> None:
    """Put the words of each ordered item on a line, in the rows that are read and in those that answer."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    read, said = network.get_input_embeddings().weight, network.get_output_embeddings().weight

    def some(*shape: int) -> torch.Tensor:
        return SPREAD * torch.randn(*shape, read.shape[1], generator=generator)

    with torch.no_grad():
        for levels, places in scales(study):
            rows = tokenizer.convert_tokens_to_ids(levels)
            z = torch.tensor(places)[:, None]
            read[rows] = some(1) + z * some(1) + OFF * some(len(rows))
            said[rows] = some(1) + z * some(1) + BEND * (z**2 - 1) * some(1) + OFF * some(len(rows))
