"""What tuning did to the rest of a model: planted adapters, and intervals whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from engine_worlds import coherent_people, coherent_study, make_qwen

from simframe.simulate.drift import AuditSettings, drift, load_probes
from simframe.simulate.drift.interval import interval
from simframe.simulate.drift.measures import MEASURES, Reading
from simframe.study import Study, parse_study

AGREE = ["strongly disagree", "disagree", "neither", "agree", "strongly agree"]
TOPICS = ["the river is clean", "the mill is old", "bread is dear"]


def opinions() -> Study:
    """A study of statements, none of which is a probe."""
    options = ", ".join(f'{{ code = {k + 1}, label = "{label}" }}' for k, label in enumerate(AGREE))
    items = [
        f'[[item]]\nid = "s{k}"\nlabel = "{topic}"\nwording = "How far do you agree? {topic.capitalize()}."\n'
        f'scale = "ordinal"\nrole = "attitude"\noptions = [{options}]\n'
        for k, topic in enumerate(TOPICS)
    ]
    age = '[[item]]\nid = "age"\nlabel = "Age"\nscale = "interval"\nrole = "persona"\nrange = [18, 99]\n'
    return parse_study('[study]\nid = "opinions"\ntitle = "Opinions"\n' + age + "\n".join(items), "opinions.toml")


def people(n: int, code: int) -> pl.DataFrame:
    """People who give one answer to everything."""
    ids = [f"p{i:03d}" for i in range(n)]
    ages = np.random.default_rng(1).integers(18, 99, n).astype(float)
    frames = [pl.DataFrame({"respondent_id": ids, "item_id": "age", "code": None, "value": ages, "missing": False})]
    frames += [
        pl.DataFrame(
            {"respondent_id": ids, "item_id": f"s{k}", "code": str(code), "value": float(code), "missing": False}
        )
        for k in range(len(TOPICS))
    ]
    return pl.concat(frames, how="diagonal_relaxed")


def whole(rows: pl.DataFrame, scope: str) -> dict[str, dict[str, object]]:
    return {row["measure"]: row for row in rows.filter(pl.col("item_id").is_null(), scope=scope).iter_rows(named=True)}


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that answers in words: what it learns of a label holds wherever the label stands."""
    pytest.importorskip("torch")
    return make_qwen(tmp_path_factory.mktemp("speaker") / "base", opinions(), seed=1)


def adapter(base: Path, code: int, folder: Path, **settings: object) -> Path:
    from simframe.simulate.prompts import Template
    from simframe.simulate.tuning import TuneSettings, tune

    words = Template(name="words", option="- $answer\n", answer=" $answer")
    how = TuneSettings(option_order="random", cross_validate=0, batch=16, **settings)  # type: ignore[arg-type]
    return tune(base, opinions(), people(40, code), None, folder / "adapter", settings=how, seed=2, template=words)


def audited(base: Path, tuned: Path) -> pl.DataFrame:
    return drift(base, tuned, opinions(), people(12, 1), settings=AuditSettings(people=12, replicates=500, seed=3))


def test_whoever_learns_from_people_who_always_agree_agrees_with_a_statement_and_its_opposite(
    speaker: Path, tmp_path: Path
) -> None:
    rows = audited(speaker, adapter(speaker, 4, tmp_path, steps=40, rate=5e-3))
    probes = whole(rows, "probes")
    assert probes["acquiescence"]["ci_low"] > 0.05  # type: ignore[operator]
    assert probes["total_variation"]["ci_low"] > 0  # type: ignore[operator]
    assert whole(rows, "study")["total_variation"]["change"] > 0.3  # type: ignore[operator]


def test_whoever_learns_from_people_of_extremes_drifts_to_the_ends(speaker: Path, tmp_path: Path) -> None:
    probes = whole(audited(speaker, adapter(speaker, 1, tmp_path, steps=40, rate=5e-3)), "probes")
    assert probes["extremity"]["ci_low"] > 0.05  # type: ignore[operator]


def test_an_adapter_that_learnt_nothing_drifts_nowhere(speaker: Path, tmp_path: Path) -> None:
    rows = audited(speaker, adapter(speaker, 4, tmp_path, steps=1, rate=1e-12))
    told = rows.filter(pl.col("reason").is_null())
    assert told["change"].abs().max() < 1e-6  # type: ignore[operator] # float32
    assert set(told.filter(scope="probes")["measure"]) == {"total_variation", *MEASURES}
    probes = load_probes()
    assert set(told.filter(scope="probes", measure="total_variation")["item_id"].drop_nulls()) == {
        item.id for item in probes.questions
    }
    assert set(told.filter(scope="probes", measure="acquiescence")["item_id"].drop_nulls()) == {
        p.id for p in probes.pairs
    }


def test_a_model_of_closed_vocabulary_is_asked_its_own_questions_and_says_so(built: Path, tuned: Path) -> None:
    rows = drift(
        built, tuned, coherent_study(), coherent_people(20, 1), settings=AuditSettings(people=20, replicates=200)
    )
    probes = rows.filter(scope="probes")
    assert probes["change"].null_count() == probes.height
    assert probes["reason"].str.contains("words of its own study").all()
    study = whole(rows, "study")
    assert study["total_variation"]["ci_low"] > 0  # type: ignore[operator]
    assert study["first_place"]["reason"] == "no question tells it"  # its template lists no options
    assert "acquiescence" not in study


# --- measures and intervals ----------------------------------------------------------------------------------------


def reading(study: Study, item_id: str, p: list[list[float]], shown: list[list[int]] | None = None) -> Reading:
    found = np.array(p)
    order = np.tile(np.arange(found.shape[1]), (len(found), 1)) if shown is None else np.array(shown)
    return Reading(study.item(item_id), found, order, np.ones(len(found)))


def test_measures_of_answers_that_are_certain() -> None:
    study = load_probes()
    fully, never = [[0, 0, 0, 0, 1.0]], [[1.0, 0, 0, 0, 0]]
    both = {name: reading(study, f"probe_{name}", fully) for name in ("shops", "shops_not")}
    yes = {reading.item.id: reading for reading in both.values()}
    assert MEASURES["acquiescence"](yes, study) == {"shops": pytest.approx(0.5)}
    honest = yes | {"probe_shops_not": reading(study, "probe_shops_not", never)}
    assert MEASURES["acquiescence"](honest, study) == {"shops": pytest.approx(0.0)}
    assert MEASURES["extremity"](yes, study)["probe_shops"] == pytest.approx(1.0)
    assert MEASURES["midpoint"](yes, study)["probe_shops"] == pytest.approx(0.0)
    assert MEASURES["entropy"](yes, study)["probe_shops"] == pytest.approx(0.0, abs=1e-12)
    facts = {"probe_ice": reading(study, "probe_ice", [[0.1, 0.6, 0.2, 0.1]])}
    assert MEASURES["facts"](facts, study) == {"probe_ice": pytest.approx(0.6)}
    claims = {"probe_late": reading(study, "probe_late", [[0.3, 0.7]])}
    assert MEASURES["claims"](claims, study) == {"probe_late": pytest.approx(0.7)}
    unknown = {"probe_river": reading(study, "probe_river", [[0.2, 0.1, 0.2, 0.5]])}
    assert MEASURES["unknown"](unknown, study) == {"probe_river": pytest.approx(0.5)}


def test_places_are_those_shown() -> None:
    study = load_probes()
    p, shown = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]], [[0, 1, 2, 3], [3, 2, 1, 0]]
    found = {"probe_season": reading(study, "probe_season", p, shown)}
    np.testing.assert_allclose(MEASURES["first_place"](found, study)["probe_season"], 0.45)
    np.testing.assert_allclose(MEASURES["last_place"](found, study)["probe_season"], -0.15)


def test_every_statement_has_its_opposite_and_every_fact_one_truth() -> None:
    study = load_probes()
    for pair in study.pairs:
        codes = [option.code for option in study.item(pair.belief).valid_options]
        assert [pair.implies[code] for code in codes] == codes[::-1]
    blocks = {block.id: block.items for block in study.structures}
    for name in (*blocks["facts"], *blocks["claims"]):
        assert [option.value for option in study.item(name).valid_options].count(1.0) == 1
    true = [[o.value for o in study.item(name).valid_options].index(1.0) for name in blocks["facts"]]
    assert {true.count(place) for place in range(4)} == {2}  # no place has more truths than another


def test_intervals_cover_a_planted_change_of_people_and_items() -> None:
    """Two-way random effects: the standard error of the mean is known, and intervals must cover about as promised."""
    random = np.random.default_rng(5)
    n, k, truth, hits, widths = 40, 12, 0.1, 0, []
    for seed in range(300):
        people, items = random.normal(0, 0.1, (n, 1)), random.normal(0, 0.1, (1, k))
        low, high = interval(truth + people + items + random.normal(0, 0.2, (n, k)), replicates=400, seed=seed)
        hits += low <= truth <= high
        widths.append(high - low)
    expected = 2 * 1.96 * np.sqrt(0.01 / n + 0.01 / k + 0.04 / (n * k))
    assert hits / 300 >= 0.9  # three standard errors under 0.95 is 0.91; twelve items make percentiles a little narrow
    assert np.mean(widths) == pytest.approx(expected, rel=0.15)


def test_a_change_that_is_the_same_everywhere_has_no_width() -> None:
    assert interval(np.full((5, 3), 0.25), replicates=100, seed=1) == pytest.approx((0.25, 0.25))
