"""Plans: every error names key, value and mend; ids depend on what shapes a panel, and on nothing else."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from simframe.errors import ModelError, PlanError
from simframe.simulate.plans import Condition, Plan, conditions, fit_to, load_plan, specify
from simframe.simulate.runner import columns
from simframe.study import Study

ONE = '[[panel]]\nstrategy = "logit_chain"\npilot = [4, 8]\n'
TUNED = '[[panel]]\nstrategy = "tuned"\npilot = 4\n'


def known(condition: Condition) -> dict[str, Any]:
    """A model is its name, and a template what the plan says of it."""
    return {"model": condition.model, "template": [condition.prompt, condition.fields, condition.shots, condition.chat]}


def written(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.toml"
    path.write_text(text, "utf-8")
    return load_plan(path)


def test_the_default_plan_has_the_base_three_tuned_panels_and_two_baselines_on_the_same_pilots(park: Study) -> None:
    specs = specify(load_plan(), park, "people", 300, identify=known)
    assert [(s.strategy, s.pilot_n) for s in specs] == [
        ("base", None),
        *(("tuned", n) for n in (30, 100, 300)),
        *(("pilot_marginals", n) for n in (30, 100, 300)),
        *(("logit_chain", n) for n in (30, 100, 300)),
    ]
    assert len({s.panel_id for s in specs}) == 10


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["panel", "is missing"]),
        ("panel = 3", ["panel", "3"]),
        ("[plan]\nid = 'Ö'\n" + ONE, ["id", "'Ö'", "mend"]),
        ("[plan]\ntemperature = 0\n" + ONE, ["temperature", "0"]),
        ("[plan]\ntemperature = 1e-39\n" + ONE, ["temperature", "1e-39", "1e-06"]),
        ("[[panel]]\nstrategy = 'tunde'", ["panel[1].strategy", "'tunde'", "'tuned'"]),
        ("[[panel]]\nstrategy = 'tuned'\npilots = [3]", ["pilots", "unknown key"]),
        ("[plan.tune]\nrnak = 3\n" + ONE, ["tune.rnak", "unknown key", "'rank'"]),
        ("[plan.tune]\nrank = 0\n" + ONE, ["tune.rank", "0"]),
        ("[plan.tune]\nrank = 100000000\n" + ONE, ["tune.rank", "1024"]),
        ("[plan]\nseed = -1\n" + ONE, ["seed", "-1"]),
        (f"[plan]\nseed = {2**63}\n" + ONE, ["seed", "less than"]),
        ("plan = 'x'\n" + ONE, ["plan: 'x' is no table", "[plan]"]),
        ("seed = 2\n[plan]\nseed = 1\n" + ONE, ["seed: stands both"]),
        (
            "[[panel]]\nstrategy = 'tuned'\npilot = [30, 100, 30]",
            ["panel[1].pilot.size: 30 stands twice", "once"],
        ),
        (ONE + ONE, ["panel 'logit_chain' on a pilot of 4 stands twice"]),
        ("[[panel]]\nstrategy = 'base'\n[[panel]]\nstrategy = 'base'", ["panel 'base' stands twice"]),
        (
            "[[panel]]\nstrategy = 'base'\npilot = [3]",
            ["panel[1] 'base': an untuned model takes no pilot", "mend: leave pilot out"],
        ),
        ("[[panel]]\nstrategy = 'tuned'\npilot = [1]", ["panel[1].pilot.size[1]: pilot of 1 people", "2 or more"]),
        ("[[panel]]\nstrategy = 'tuned'\npilot = 1.5", ["panel[1].pilot.size", "1.5 is no share of the pilot"]),
        ("[[panel]]\nstrategy = 'tuned'\npilot = true", ["panel[1].pilot", "True"]),
        ("[plan]\ntemperature = []\n" + ONE, ["temperature", "the list is empty"]),
        ("[plan]\nmode = 'chaind'\n" + ONE, ["mode", "'chaind'", "'chained'"]),
        ("[plan]\nchat = 'maybe'\n" + ONE, ["chat", "'maybe' is not allowed", "'auto', true or false"]),
        ("[plan]\nwave = 'yes'\n" + ONE, ["wave", "'yes' is not allowed", "true or false"]),
        ("[plan]\nwave = [true, 0]\n" + ONE, ["wave[2]", "0 is not allowed"]),
        ("[plan]\nfields = ['age', 'age']\n" + ONE, ["fields", "'age' stands twice"]),
        ("[plan]\nseed = [1, 2, 1]\n" + ONE, ["seed: 1 stands twice"]),
        ("[plan.pilot]\nselection = 'stratified'\n" + ONE, ["pilot", "looks at no item", "add by"]),
        ("[plan.pilot]\nby = 'home'\n" + ONE, ["pilot: by is 'home', and selection 'random'", "add selection = "]),
        (
            "[[panel]]\nstrategy = 'tuned'\npilot = 'all'",
            ["panel[1].pilot.size", "'all' is no", "1.0 for all"],
        ),
        ("[plan.tune]\nrank = [4, 'many']\n" + ONE, ["tune.rank", "'many'", "whole number"]),
        ("[plan]\nseed = '1'\n" + ONE, ["seed[1]: '1' is no whole number", "write a whole number"]),
        ("[plan]\nseed = [2, true]\n" + ONE, ["seed[2]: True is no whole number"]),
        ("[plan]\ntemperature = '1'\n" + ONE, ["temperature[1]: '1' is no number"]),
        ("[plan.endpoint]\nretries = true\n" + ONE, ["endpoint.retries: True is no whole number"]),
        ("[plan.tune]\nrank = '8'\n" + ONE, ["tune.rank: '8' is no whole number"]),
        ("[plan.tune]\nrank = true\n" + ONE, ["tune.rank: True is no whole number"]),
        ("[plan.tune]\ndora = 1\n" + ONE, ["tune.dora: 1 is no truth value", "true or false"]),
        ("[plan.tune]\ndora = 'yes'\n" + ONE, ["tune.dora: 'yes' is no truth value"]),
        ("[plan]\nengine = 'openai'\nmodel = 'gpt'\n[[panel]]\nstrategy = 'base'", ["no endpoint", "plan.endpoint"]),
        (
            "[plan]\nengine = 'openai'\nmodel = 'gpt'\n[[panel]]\nstrategy = 'tuned'\npilot = 9",
            ["behind an endpoint cannot be tuned"],
        ),
        (f"[plan]\nseed = {list(range(200))}\ntemperature = {[1 + t / 100 for t in range(99)]}\n" + ONE, ["39,600"]),
        (f"engine = 'vllm'\n[plan.tune]\ndora = [false, true]\n{TUNED}", ["DoRA", "leave dora out"]),
        (f"engine = 'vllm'\n[plan.tune]\nrank = 513\n{TUNED}", ["rank: 513", "512 at most", "512 or less"]),
        (
            f"engine = ['vllm', 'transformers']\n[plan.tune]\nrank = 512\npissa = true\n{TUNED}",
            ["rank: 512, which pissa doubles", "use a rank of 256 or less"],
        ),
        ("[plan", ["not valid TOML", "plan.toml"]),
    ],
)
def test_a_bad_plan_is_refused_with_key_value_and_mend(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(PlanError) as refused:
        written(tmp_path, text)
    for part in parts:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    "keys",
    [
        "engine = 'vllm'\n[plan.tune]\nrank = 256\npissa = true",
        "engine = 'transformers'\n[plan.tune]\nrank = 1024\ndora = true",
    ],
)
def test_adapters_that_the_engine_loads_are_not_refused(tmp_path: Path, keys: str) -> None:
    written(tmp_path, f"{keys}\n{TUNED}")


@pytest.mark.parametrize(
    "text",
    [
        '[plan.pilot]\nsplit = "holdout"\n' + ONE,
        '[plan.pilot]\nselection = "holdout"\n' + ONE,
        '[plan.tune]\nsplit = ["pilot", "rectify"]\n' + ONE,
        '[[panel]]\nstrategy = "tuned"\npilot = "holdout"',
        '[[panel]]\nstrategy = "tuned"\npilot = { size = 3, from = "rectify" }',
        '[[panel]]\nstrategy = "tuned"\npilot = 3\nsplit = "wave"',
    ],
)
def test_whoever_judges_is_never_tuned_on(tmp_path: Path, text: str) -> None:
    with pytest.raises(PlanError, match="only the pilot is tuned on"):
        written(tmp_path, text)


def test_every_list_is_an_axis_and_a_panel_overrides_the_plan(tmp_path: Path, park: Study) -> None:
    plan = written(
        tmp_path,
        """
        [plan]
        seed = [1, 2]
        temperature = [0.5, 1.0]
        fields = [["age", "home"], "all"]
        pilot = [4, 0.5, 1.0]
        tune.rank = [2, 4]
        tune.steps = 9
        [[panel]]
        strategy = "tuned"
        fields = ["age"]
        temperature = 0.7
        [[panel]]
        strategy = "tuned"
        seed = 3
        pilot = { size = 6, selection = ["random", "balanced"], by = "home" }
        tune.rank = 8
        [[panel]]
        strategy = "base"
        """,
    )
    found = conditions(plan, 12)
    first, second, base = found[:12], found[12:20], found[20:]
    assert {(c.seed, c.pilot_n, c.tune["rank"]) for c in first} == set(product((1, 2), (4, 6, 12), (2, 4)))
    assert {(c.fields, c.temperature, c.tune["steps"]) for c in first} == {(("age",), 0.7, 9)}
    assert {(c.temperature, c.fields, c.pilot.selection, c.pilot.by) for c in second} == {
        (t, f, *s)
        for t in (0.5, 1.0)
        for f in (("age", "home"), None)
        for s in (("random", None), ("balanced", "home"))
    }
    assert {(c.seed, c.pilot_n, c.tune["rank"]) for c in second} == {(3, 6, 8)}
    assert len(base) == 2 * 2 * 2
    assert {(c.pilot_n, *c.tune) for c in base} == {(None,)}
    ids = [spec.panel_id for spec in specify(plan, park, "people", 12, identify=known)]
    assert len(set(ids)) == len(found) == len(ids)


def test_a_value_that_plays_no_part_makes_no_panel_of_its_own(tmp_path: Path) -> None:
    plan = written(
        tmp_path,
        """
        [plan]
        temperature = [0.5, 1.0]
        mode = ["chained", "independent"]
        fields = [["age"], "all"]
        [[panel]]
        strategy = "logit_chain"
        pilot = [4]
        [[panel]]
        strategy = "pilot_marginals"
        pilot = [4]
        """,
    )
    assert [(c.strategy, c.fields) for c in conditions(plan, 12)] == [
        ("logit_chain", ("age",)),
        ("logit_chain", None),
        ("pilot_marginals", None),
    ]


def test_one_panel_asked_for_in_two_ways_has_one_id(tmp_path: Path, park: Study) -> None:
    """What a plan names and leaves at its default, and how it spells a pilot's size, change no number."""
    plain = '[[panel]]\nstrategy = "tuned"\npilot = 6'
    spelt = """
        [plan]
        id = "other"
        temperature = 1
        mode = "chained"
        [plan.endpoint]
        timeout = 3
        [[panel]]
        strategy = "tuned"
        pilot = { size = 0.5, selection = "random" }
    """
    ids = [specify(written(tmp_path, text), park, "people", 12, identify=known)[0].panel_id for text in (plain, spelt)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    "line",
    [
        *("temperature = 0.5", 'mode = "independent"', 'prompt = "interview"', 'fields = ["age"]', "fields = []"),
        *("shots = 2", 'item_order = "random"', 'option_order = "reversed"', "order_average = 2", "chat = false"),
        *("copies = 2", "seed = 2", "tune = { rank = 4 }", 'tune = { targets = "ordinal" }', 'engine = "vllm"'),
        'pilot = { size = 4, selection = "stratified", by = "home" }',
        'pilot = { size = 4, arm = { home = "flat" } }',
    ],
)
def test_whatever_can_change_a_number_changes_the_id_and_the_label(tmp_path: Path, park: Study, line: str) -> None:
    pilot = "" if line.startswith("pilot") else "pilot = 4\n"
    plan = written(tmp_path, f'[[panel]]\nstrategy = "tuned"\npilot = 4\n[[panel]]\nstrategy = "tuned"\n{pilot}{line}')
    one, other = specify(plan, park, "people", 12, identify=known)
    assert one.panel_id != other.panel_id
    assert other.label.startswith(one.label + ", ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "rank = 8, alpha = 16"),
        ("", 'targets = "one_hot", mixup = 0, dora = false, weights = {}'),
        ("", "width = 2.5"),
        ("rank = 4", "rank = 4, steps = 200"),
        ("mixup = 1", "mixup = 1.0"),
        ('weights = { by = "home", flat = 2 }', 'weights = { by = "home", flat = 2.0 }'),
        ('dro = { by = "home" }', 'dro = { by = "home", step = 0.1 }'),
    ],
)
def test_a_tuning_has_one_id_and_label_however_it_is_spelt(tmp_path: Path, park: Study, one: str, other: str) -> None:
    text = '[[panel]]\nstrategy = "tuned"\npilot = 6\ntune = {{ {} }}\n'
    found = [specify(written(tmp_path, text.format(t)), park, "people", 12, identify=known)[0] for t in (one, other)]
    assert found[0].panel_id == found[1].panel_id
    assert found[0].label == found[1].label
    assert columns(found[0]) == columns(found[1])
    with pytest.raises(PlanError, match="stands twice"):
        written(tmp_path, text.format(one) + text.format(other))


def test_the_id_of_a_tuning_that_sets_nothing_stays(tmp_path: Path, park: Study) -> None:
    plan = written(tmp_path, '[[panel]]\nstrategy = "tuned"\npilot = 6\n')
    (spec,) = specify(plan, park, "people", 12, identify=lambda _: {"model": "m", "template": "t"})
    assert spec.panel_id == "park-tuned-n6-c1a6e611"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('pilot = { size = 4, selection = "stratified", by = "home" }', "stratified by home"),
        ('pilot = { size = 4, arm = { home = "flat" } }', "home=flat"),
        ('tune = { weights = { flat = 3, by = "home" } }', "weights by home, flat 3"),
        ("tune = { dora = true, rank = 4, mixup = 0.5 }", "dora, mixup 0.5, rank 4"),
        ('prompt = "mine/short.toml"', "prompt mine/short.toml"),
        ('prompt = "/plans/theirs/short.toml"', "prompt theirs/short.toml"),
    ],
)
def test_a_label_says_what_departs_as_people_would(tmp_path: Path, park: Study, line: str, said: str) -> None:
    pilot = "" if line.startswith("pilot") else "pilot = 4\n"
    plan = written(tmp_path, f'[[panel]]\nstrategy = "tuned"\n{pilot}{line}')
    (spec,) = specify(plan, park, "people", 12, identify=known)
    assert spec.label == f"model, tuned on 4, {said}"


def test_two_names_of_one_template_make_one_panel(tmp_path: Path, park: Study) -> None:
    plan = written(tmp_path, '[[panel]]\nstrategy = "base"\nprompt = ["auto", "first_person", "interview"]')

    def identity(condition: Condition) -> dict[str, Any]:
        return {"template": {"auto": "first_person"}.get(condition.prompt, condition.prompt)}

    specs = specify(plan, park, "people", 12, identify=identity)
    assert [spec.condition.prompt for spec in specs] == ["auto", "interview"]


def test_a_baseline_that_saw_the_wave_is_another_and_a_models_is_not(tmp_path: Path, park: Study) -> None:
    plan = '[plan]\npilot = 4\nwave = [false, true]\n[[panel]]\nstrategy = "{}"'
    baselines = specify(written(tmp_path, plan.format("logit_chain")), park, "people", 12, identify=known)
    assert [spec.label.endswith(", wave too") for spec in baselines] == [False, True]
    assert len({spec.panel_id for spec in baselines}) == 2
    assert len(specify(written(tmp_path, plan.format("tuned")), park, "people", 12, identify=known)) == 1


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ('fields = ["agee"]', ["fields: 'agee' is no persona item", "did you mean 'age'?"]),
        ('fields = ["green"]', ["fields: 'green' is no persona item"]),
        ('pilot = { size = 4, selection = "balanced", by = "hom" }', ["pilot.by: 'hom' is no item", "'home'"]),
        ('pilot = { size = 4, arm = { home = "tent" } }', ["pilot.arm: 'tent' is no answer of 'home'", "flat"]),
        ('tune = { targets = "group", by = "hom" }', ["tune.by: 'hom' is no item", "'home'"]),
        ('tune = { weights = { by = "hom" } }', ["tune.weights.by: 'hom' is no item", "'home'"]),
        ('tune = { weights = { by = "home", tent = 2 } }', ["tune.weights: 'tent' is no level of 'home'", "flat"]),
        (
            'tune = { weights = { by = "home", flat = 0, house = 0 } }',
            ["every level of 'home' has weight 0"],
        ),
        ('tune = { dro = { by = "hom" } }', ["tune.dro.by: 'hom' is no item", "'home'"]),
        ('tune = { subsample = "hom" }', ["tune.subsample: 'hom' is no item", "'home'"]),
    ],
)
def test_what_the_study_lacks_is_named(tmp_path: Path, park: Study, line: str, parts: list[str]) -> None:
    pilot = "" if line.startswith("pilot") else "pilot = 4\n"
    plan = written(tmp_path, f'[[panel]]\nstrategy = "tuned"\n{pilot}{line}')
    with pytest.raises(PlanError) as refused:
        specify(plan, park, "people", 12, identify=known)
    for part in ("plan.toml: panel[1] 'tuned': ", *parts):
        assert part in str(refused.value)


def test_what_stands_behind_a_name_is_looked_at_in_its_place(tmp_path: Path, park: Study) -> None:
    plan = written(tmp_path, ONE + '[[panel]]\nstrategy = "base"\nprompt = "mine"')

    def absent(condition: Condition) -> dict[str, Any]:
        raise ModelError("nothing there", where=f"prompt {condition.prompt}", mend="look again")

    with pytest.raises(ModelError) as refused:
        specify(plan, park, "people", 12, identify=absent)
    assert refused.value.where == f"{tmp_path / 'plan.toml'}: panel[2] 'base': prompt mine"
    assert refused.value.mend == "look again"


def test_an_absent_plan_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"nowhere\.toml: no such plan file"):
        load_plan(tmp_path / "nowhere.toml")


def test_a_plan_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9\n")
    with pytest.raises(PlanError, match="not UTF-8 text at byte 5"):
        load_plan(latin)
    with pytest.raises(PlanError, match="mend: give the path of a plan"):
        load_plan("x" * 5000)


@pytest.mark.parametrize("people", [0, 1])
def test_a_panel_of_hardly_anybody_has_no_pilot(people: int, park: Study) -> None:
    with pytest.raises(PlanError, match=f"people has {people} people to tune on\n  mend: import more"):
        specify(fit_to(load_plan(), people), park, "people", people, identify=known)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('strategy = "tuned"', "no pilot size"),
        ('strategy = "tuned"\npilot = [13]', "pilot of 13 people"),
        (
            'strategy = "tuned"\npilot = 4\nshots = 3',
            r"shots = 3 of a pilot of 4 leave too few to tune on\n  mend: .* 5",
        ),
    ],
)
def test_a_pilot_that_is_not_there_is_refused(tmp_path: Path, park: Study, rule: str, message: str) -> None:
    plan = written(tmp_path, f"[[panel]]\n{rule}\n")
    with pytest.raises(PlanError, match=message):
        specify(plan, park, "people", 12, identify=known)


def test_ids_change_with_seed_reference_and_model_but_a_baseline_knows_no_model(tmp_path: Path, park: Study) -> None:
    text = '[[panel]]\nstrategy = "tuned"\npilot = 4\n' + ONE
    plan, reseeded = written(tmp_path, text), written(tmp_path, "[plan]\nseed = 2\n" + text)

    def ids(plan: Plan, reference: str, model: str) -> list[str]:
        return [spec.panel_id for spec in specify(plan, park, reference, 12, identify=lambda _: {"model": model})]

    first = ids(plan, "people", "a")
    assert first == ids(plan, "people", "a")
    assert all(a != b for a, b in zip(first, ids(reseeded, "people", "a"), strict=True))
    assert all(a != b for a, b in zip(first, ids(plan, "others", "a"), strict=True))
    other_model = ids(plan, "people", "b")
    assert first[0] != other_model[0]
    assert first[1:] == other_model[1:]


def test_the_default_plan_shrinks_to_a_small_pilot() -> None:
    sizes = {rule.strategy: rule.pilot.size for rule in fit_to(load_plan(), 50).panels}
    assert sizes["tuned"] == (30, 50)
    assert sizes["base"] is None
