from __future__ import annotations

import numpy as np
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from simframe.simulate.draws import balanced, choose, descend, uniforms

IDS = [f"r{i}" for i in range(2000)]
ITEMS = ["a", "b", "c"]


def test_a_draw_belongs_to_its_respondent_and_item():
    whole = uniforms(7, IDS, ITEMS)
    order = np.random.default_rng(0).permutation(len(IDS))
    np.testing.assert_array_equal(uniforms(7, [IDS[i] for i in order], ITEMS), whole[order])
    np.testing.assert_array_equal(uniforms(7, IDS[50:60], ["new", "c", "a"])[:, 1:], whole[50:60][:, [2, 0]])


def test_draws_equal_numpys_philox_at_the_documented_key_and_counter():
    import hashlib
    import json

    def integer(text: str, size: int) -> int:
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "little")

    philox = np.random.Philox(key=integer(json.dumps([7, "r3", 2]), 16), counter=integer("b", 32))
    assert uniforms(7, ["r3"], ["b"], replicate=2)[0, 0] == np.random.Generator(philox).random()


def test_draws_are_uniform_and_independent():
    whole = uniforms(1, IDS, ITEMS)
    assert scipy.stats.kstest(whole.ravel(), "uniform").pvalue > 1e-3
    for a, b in (
        (whole[:, 0], whole[:, 1]),
        (whole[:-1, 0], whole[1:, 0]),
        (whole[:, 0], uniforms(2, IDS, ITEMS)[:, 0]),
    ):
        assert scipy.stats.spearmanr(a, b).pvalue > 1e-3
    assert not np.intersect1d(whole, uniforms(1, IDS, ITEMS, replicate=1)).size


def test_choosing_inverts_the_cumulative_distribution():
    p = np.array([[0.2, 0.0, 0.5, 0.3]] * 5)
    np.testing.assert_array_equal(choose(p, np.array([0.0, 0.1999, 0.2, 0.71, 1 - 2**-53])), [0, 0, 2, 3, 3])
    u = uniforms(3, IDS, ["x"])[:, 0]
    counts = np.bincount(choose(np.repeat(p[:1], len(u), 0), u), minlength=4)
    assert counts[1] == 0
    assert scipy.stats.chisquare(counts[[0, 2, 3]], len(u) * p[0, [0, 2, 3]]).pvalue > 1e-3


@settings(max_examples=200, deadline=None)
@given(
    weights=st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=4), min_size=1, max_size=4),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_one_draw_serves_every_node(weights: list[list[float]], draw: float):
    """Two levels walked down with one draw fall on the leaf at which the joint distribution first exceeds it."""
    joint = np.array([w for some in weights for w in some])
    if joint.sum() < 1e-3:
        return
    joint = joint / joint.sum()
    edges = np.cumsum(joint)
    if np.abs(edges - draw).min() < 1e-9:
        return
    top = np.array([[sum(some) for some in weights]])
    first, rest = descend(top / top.sum(), np.array([draw]))
    second, _ = descend(np.array([weights[first[0]]]) / sum(weights[first[0]]), rest)
    found = sum(len(some) for some in weights[: first[0]]) + second[0]
    assert found == np.searchsorted(edges, draw, side="right")


@given(n=st.integers(1, 9), k=st.integers(1, 12), data=st.data())
def test_orders_averaged_over_are_balanced(n: int, k: int, data: st.DataObject):
    order = data.draw(st.permutations(range(n)))
    orders = balanced(order, k)
    assert orders[0] == tuple(order)
    assert len(set(orders)) == len(orders) == min(n, k)
    places = np.array(orders).T
    assert all(len(set(column)) == len(column) for column in places.tolist()), "no option stands twice at one place"
