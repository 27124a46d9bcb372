"""Every road of scoring against plain forwards, one option and one respondent at a time, over several architectures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch
from scoring_worlds import ARCHITECTURES, VOCABULARY, network, option_logp, question, step_logp

from simframe.errors import ModelError
from simframe.simulate import draws, scoring
from simframe.simulate.scoring.cache import attention

SINGLE = [(1,), (2,), (3,), (4,)]
TRIE = [(1,), (2, 5), (2, 6), (3, 7, 8), (3, 7, 9)]
OPENING = tuple(range(45, 85))


def world(seed: int, n: int, opening: tuple[int, ...]):
    """Personas of different lengths, two of them equal; questions of one token and of several, in any order."""
    random = np.random.default_rng(seed)
    leaves = {"a": SINGLE, "b": TRIE, "c": SINGLE[:2], "d": TRIE[1:3]}
    asked = {name: [question(name, random, some) for _ in range(2)] for name, some in leaves.items()}
    prefixes = [tuple(random.integers(40, VOCABULARY, size=random.integers(1, 12)).tolist()) for _ in range(n)]
    prefixes[-1] = prefixes[0]
    sheets = [[asked[name][random.integers(2)] for name in random.permutation(list(leaves))] for _ in range(n)]
    return leaves, asked, prefixes, sheets, random.random((n, len(leaves)))


def assert_equals_reference(model, opening, leaves, prefixes, sheets, uniforms, answers, *, chained, pools=None):
    for row, sheet in enumerate(sheets):
        context = [*opening, *prefixes[row]]
        assert len(answers.said[row]) == len(sheet)
        for step, asked in enumerate(sheet):
            found, labels = answers.said[row][step], leaves[asked.item.id]
            assert found.question is asked
            logp = option_logp(model, context, asked, labels)
            pool = [option_logp(model, context, one, labels) for one in (pools or {}).get(id(asked), ())]
            mean = np.mean([one - np.logaddexp.reduce(one) for one in (logp, *pool)], axis=0)
            np.testing.assert_allclose(found.probabilities, np.exp(mean - np.logaddexp.reduce(mean)), atol=1e-5)
            np.testing.assert_allclose(found.mass, np.exp(np.logaddexp.reduce(logp)), rtol=1e-4, atol=1e-9)
            assert found.choice == draws.choose(found.probabilities[None], uniforms[row, step, None])[0]
            if chained:
                context += [*asked.cue, *asked.answers[found.choice]]


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("opening", [(), OPENING], ids=["no_opening", "shared_opening"])
def test_chained_sheets_of_any_order_score_exactly(name: str, opening: tuple[int, ...]):
    model = network(name)
    leaves, _, prefixes, sheets, uniforms = world(3, 5, opening)
    answers = scoring.answer(model, opening, prefixes, sheets, uniforms)
    assert_equals_reference(model, opening, leaves, prefixes, sheets, uniforms, answers, chained=True)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("forward", [12, 256], ids=["many_forwards", "one_forward"])
def test_independent_questions_score_exactly(name: str, forward: int, monkeypatch: pytest.MonkeyPatch):
    from simframe.simulate.scoring import tree

    monkeypatch.setattr(tree, "FORWARD", forward)
    model = network(name)
    scoring.check_tree(model)
    leaves, _, prefixes, sheets, uniforms = world(4, 5, OPENING)
    answers = scoring.answer_independent(model, OPENING, prefixes, sheets, uniforms)
    assert_equals_reference(model, OPENING, leaves, prefixes, sheets, uniforms, answers, chained=False)


@pytest.mark.parametrize("chained", [True, False], ids=["chained", "independent"])
def test_averages_over_orders_are_of_log_probabilities(chained: bool):
    """Reference: each order scored by itself in the same context; only the shown order is read by what follows."""
    model = network("qwen3")
    leaves, asked, prefixes, sheets, uniforms = world(5, 4, OPENING)
    pools = {id(one): [other for other in pair if other is not one] for pair in asked.values() for one in pair}
    way = scoring.answer if chained else scoring.answer_independent
    answers = way(model, OPENING, prefixes, sheets, uniforms, others=lambda one: pools[id(one)])
    assert_equals_reference(model, OPENING, leaves, prefixes, sheets, uniforms, answers, chained=chained, pools=pools)


def test_equal_personas_are_read_once():
    model = network("llama")
    random = np.random.default_rng(0)
    sheet = [question("a", random, SINGLE), question("b", random, TRIE)]
    uniforms = random.random((50, 2))
    many = scoring.answer_independent(model, OPENING, [(41, 42)] * 50, [sheet] * 50, uniforms)
    one = scoring.answer_independent(model, OPENING, [(41, 42)], [sheet], uniforms[:1])
    assert many.tokens == one.tokens
    assert len({row[0].choice for row in many.said}) > 1, "each draws for themselves"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 4), opening=st.integers(0, 40), chained=st.booleans())
def test_any_world_scores_exactly(seed: int, n: int, opening: int, chained: bool):
    model = network("llama", seed=seed % 5)
    leaves, _, prefixes, sheets, uniforms = world(seed, n, OPENING[:opening])
    way = scoring.answer if chained else scoring.answer_independent
    answers = way(model, OPENING[:opening], prefixes, sheets, uniforms)
    assert_equals_reference(model, OPENING[:opening], leaves, prefixes, sheets, uniforms, answers, chained=chained)


DIGITS = {str(digit): 10 + digit for digit in range(10)}


def number_leaves(limit: int) -> list[tuple[int, ...]]:
    """Numbers as digits and an end: "1" begins "10", so what ends a number is part of its way down."""
    return [(*(DIGITS[digit] for digit in str(number)), 39) for number in range(limit + 1)]


@pytest.mark.parametrize("way", [scoring.answer, scoring.answer_independent], ids=["chained", "independent"])
def test_numbers_are_drawn_from_the_distribution_over_all_of_them(way):
    """Reference: the inverse of the cumulative distribution over all numbers, in the trie's order, one draw each."""
    model, random = network("qwen3"), np.random.default_rng(1)
    leaves = number_leaves(120)
    asked = question("n", random, leaves, numbers=tuple(map(float, range(121))))
    asked = type(asked)(asked.item, asked.cue, 1, tuple(leaves), asked.paths, asked.routes, numbers=asked.numbers)
    after = question("a", random, SINGLE)
    prefixes = [(41, 42), (43,), (44, 45, 46), (41, 42)] * 5
    uniforms = random.random((len(prefixes), 2))
    answers = way(model, OPENING, prefixes, [[asked, after]] * len(prefixes), uniforms, temperature=1.3)
    for row, prefix in enumerate(prefixes):
        context = [*OPENING, *prefix]
        probability: dict[tuple[int, ...], float] = {(): 1.0}
        cumulative, order = [], []

        def visit(path: tuple[int, ...], context=context, probability=probability, order=order) -> None:
            if path in leaves:
                order.append(path)
                return
            following = list(dict.fromkeys(leaf[len(path)] for leaf in leaves if leaf[: len(path)] == path))
            steps = step_logp(model, [*context, *asked.cue, *path])[-1][following] / 1.3
            for token, logp in zip(following, steps - np.logaddexp.reduce(steps), strict=True):
                probability[*path, token] = probability[path] * np.exp(logp)
                visit((*path, token))

        if row < 4:
            visit(())
            cumulative = np.cumsum([probability[leaf] for leaf in order])
            expected = order[int(np.searchsorted(cumulative, uniforms[row, 0] * cumulative[-1], side="right"))]
            said = answers.said[row][0]
            assert leaves[said.choice] == expected
            assert said.probabilities is None
            follow = [*context, *asked.cue, *expected] if way is scoring.answer else context
            logp = option_logp(model, follow, after, SINGLE) / 1.3
            expected_next = np.exp(logp - np.logaddexp.reduce(logp))
            np.testing.assert_allclose(answers.said[row][1].probabilities, expected_next, atol=1e-5)
    assert len({row[0].choice for row in answers.said}) > 3


def test_open_answers_are_drawn_token_by_token_and_read_by_what_follows():
    model, random = network("llama"), np.random.default_rng(2)
    stop = frozenset(range(30))
    open_ = question("o", random, [(1,)], stop=stop, end=(39,))
    after = question("a", random, SINGLE)
    prefixes, limit = [(41, 42), (43,), (44, 45, 46), (50,), (51, 52)], 6
    uniforms, tokens = random.random((5, 2)), random.random((5, limit))
    answers = scoring.answer(model, (), prefixes, [[open_, after]] * 5, uniforms, words=lambda row, _: tokens[row])
    for row, prefix in enumerate(prefixes):
        context, text, cut = [*prefix, *open_.cue], [], True
        for step in range(limit):
            cumulative = np.exp(step_logp(model, context)[-1]).cumsum()
            token = int(np.searchsorted(cumulative, tokens[row, step] * cumulative[-1], side="right"))
            if token in stop:
                cut = False
                break
            text.append(token)
            context.append(token)
        said = answers.said[row][0]
        assert (list(said.text), said.cut) == (text, cut)
        logp = option_logp(model, [*context, 39], after, SINGLE)
        np.testing.assert_allclose(
            answers.said[row][1].probabilities, np.exp(logp - np.logaddexp.reduce(logp)), atol=1e-5
        )
    assert {row[0].cut for row in answers.said} == {True, False}, "some are cut, some end by themselves"


@given(n=st.integers(1, 9), k=st.integers(1, 12), data=st.data())
def test_orders_averaged_over_are_balanced(n: int, k: int, data: st.DataObject):
    order = data.draw(st.permutations(range(n)))
    orders = scoring.balanced(order, k)
    assert orders[0] == tuple(order)
    assert len(set(orders)) == len(orders) == min(n, k)
    places = np.array(orders).T
    assert all(len(set(column)) == len(column) for column in places.tolist()), "no option stands twice at one place"


def test_all_cyclic_orders_take_out_what_a_place_adds():
    """Planted: log odds are content plus place. The average over all cyclic orders must give the content alone."""
    random = np.random.default_rng(7)
    content, place = random.normal(size=(3, 5)), random.normal(size=5)
    pool = []
    for order in scoring.balanced(range(5), 5):
        bias = np.empty(5)
        bias[list(order)] = place
        pool.append(torch.tensor(content + bias + random.normal()))
    found = scoring.options.distribution(pool, 1.0)
    np.testing.assert_allclose(found, np.exp(content) / np.exp(content).sum(1, keepdims=True), atol=1e-7)
    assert np.abs(scoring.options.distribution(pool[:1], 1.0) - found).max() > 0.05


def test_a_model_that_cannot_read_trees_is_refused():
    """Its positions follow from the order of tokens (ALiBi), so branches would stand at the wrong places."""
    from transformers import BloomConfig, BloomForCausalLM

    from simframe.simulate.scoring.network import Model

    config = BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4)
    made = BloomForCausalLM(config).eval().requires_grad_(False)
    with pytest.raises(ModelError, match=r"(?s)independent.*chained"):
        scoring.check_tree(Model(made, None, None, "", None))


def test_a_model_that_heeds_no_positions_is_refused_for_trees(monkeypatch: pytest.MonkeyPatch):
    """A Llama that counts tokens itself, whatever it is told."""
    model = network("llama")
    rotary = model.network.model.rotary_emb
    counted = rotary.forward

    def count(states: torch.Tensor, position_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return counted(states, torch.arange(position_ids.shape[1])[None].expand_as(position_ids))

    monkeypatch.setattr(rotary, "forward", count)
    with pytest.raises(ModelError, match=r"(?s)side by side.*chained"):
        scoring.check_tree(model)


def test_layers_of_an_unknown_kind_are_refused():
    from types import SimpleNamespace

    config = SimpleNamespace(layer_types=["chunked_attention", "full_attention"], sliding_window=4)
    with pytest.raises(ModelError, match="chunked_attention"):
        attention(config, torch.ones(1, 2, 2, dtype=torch.bool), torch.zeros(1, 2, 2), torch.float32)


def test_logits_that_are_no_numbers_name_their_respondent():
    model, random = network("llama"), np.random.default_rng(3)
    model.network.get_input_embeddings().weight[43] = float("nan")
    sheet = [question("a", random, SINGLE)]
    prefixes = [(41,), (42, 44), (43,)]
    for way in (scoring.answer, scoring.answer_independent):
        with pytest.raises(scoring.NotFiniteError, match="item a") as caught:
            way(model, (), prefixes, [sheet] * 3, random.random((3, 1)))
        assert caught.value.row == 2


BLOCKED = """
import runpy, sys

sys.modules.update(dict.fromkeys(["polars", "duckdb", "pyarrow", "pandas", "pydantic", "peft"]))
sys.argv = [sys.argv[1], "--small"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_core_needs_torch_transformers_and_numpy_alone():
    """Shown by the benchmark for GPUs, which simulates and tunes where there is nothing else."""
    script = Path(__file__).parents[2] / "benchmarks" / "engine_gpu.py"
    done = subprocess.run([sys.executable, "-c", BLOCKED, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split("  ")[0] for line in done.stdout.splitlines()[1:]] == [
        "chained",
        "codebook first",
        "fine-tuning",
    ]
