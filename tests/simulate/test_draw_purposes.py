from __future__ import annotations

import hashlib
import json

import numpy as np

from simframe.simulate.draws import uniforms


def test_draws_for_another_purpose_are_others_and_those_without_one_stay():
    ids, items = [f"r{i}" for i in range(200)], ["a", "b"]
    plain, order = uniforms(3, ids, items), uniforms(3, ids, items, 0, "item_order")
    assert not np.intersect1d(plain, order).size
    key = int.from_bytes(hashlib.sha256(json.dumps([3, "r5", 0, "item_order"]).encode()).digest()[:16], "little")
    counter = int.from_bytes(hashlib.sha256(b"b").digest(), "little")
    assert order[5, 1] == np.random.Generator(np.random.Philox(key=key, counter=counter)).random()
