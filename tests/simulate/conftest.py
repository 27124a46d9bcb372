"""Small models that several tests share, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_worlds import LONG_OPENING, coherent_people, coherent_study, make_qwen


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded model of the coherent study, without an earlier wave."""
    pytest.importorskip("torch")
    from simframe.simulate.embedded import build_embedded

    return build_embedded(coherent_study(), None, tmp_path_factory.mktemp("embedded") / "base", seed=3)


@pytest.fixture(scope="session")
def tuned(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter on it, tuned on 160 people whose trust determines what they sign."""
    from simframe.simulate.tuning import tune

    people = coherent_people(160, seed=11)
    return tune(built, coherent_study(), people, None, tmp_path_factory.mktemp("adapter") / "a", seed=5)


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 with random weights and a tokenizer of its own."""
    pytest.importorskip("torch")
    return make_qwen(tmp_path_factory.mktemp("qwen") / "base", coherent_study(LONG_OPENING, days=11))
