"""What tuning lowers: every option of it on truths that were planted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats
from engine_worlds import COHERENT, LONG_OPENING, coherent_people, coherent_study, long_frame

pytest.importorskip("torch")

import torch

from simframe.errors import PlanError
from simframe.simulate import models
from simframe.simulate.embedded import build_embedded
from simframe.simulate.engine import likelihood
from simframe.simulate.prompts import Script, compile_script
from simframe.simulate.tuning import TuneSettings, tune
from simframe.simulate.tuning.adapters import Adapter
from simframe.simulate.tuning.aggregate import Aggregate, option_probabilities
from simframe.simulate.tuning.examples import Answer, Example, examples
from simframe.simulate.tuning.groups import WorstGroup, groups_of, subsampled, weighted
from simframe.simulate.tuning.learning import learn
from simframe.simulate.tuning.loss import log_likelihood, scores, shares, transcripts
from simframe.simulate.tuning.objectives import Answers
from simframe.simulate.tuning.schedule import Schedule
from simframe.simulate.tuning.targets import mixed, ordinal
from simframe.study import parse_study

FAST = TuneSettings(steps=60, cross_validate=0)


def probabilities(base: Path, adapter: Path | None, item: str, sides: tuple[str, ...] = ("n", "s")) -> np.ndarray:
    """What the model thinks of an item straight after the persona of somebody aged 40 on each side of the river."""
    model = models.load(base, adapter)
    script = compile_script(coherent_study(), model.template, model.tokenizer)
    place = [question.item.id for question in script.questions].index(item)
    personas = [
        [script.field(script.study.item("age"), None, 40.0), script.field(script.study.item("side"), side, None)]
        for side in sides
    ]
    return option_probabilities(model, script, personas, {place: script.questions[place]})[place]


def opposed(n: int, north: float, *, share_north: float = 0.5, seed: int = 0) -> pl.DataFrame:
    """People of whom ``north`` in the north sign and as many in the south do not; nothing else tells them apart."""
    random = np.random.default_rng(seed)
    rows = []
    for place in range(n):
        who, side = f"p{place:05d}", "n" if place < share_north * n else "s"
        signs = random.random() < (north if side == "n" else 1 - north)
        rows += [
            (who, "age", None, 40.0, False),
            (who, "side", side, None, False),
            (who, "trust", str(random.integers(1, 4)), None, False),
            (who, "sign", "yes" if signs else "no", None, False),
        ]
    return pl.DataFrame(rows, schema=["respondent_id", "item_id", "code", "value", "missing"], orient="row")


@pytest.fixture(scope="module")
def long_labels(qwen: Path) -> tuple[models.Model, Script]:
    """A study whose eleven options are of one and of two tokens, in a model that never saw it."""
    model = models.load(qwen)
    return model, compile_script(coherent_study(LONG_OPENING, days=11), model.template, model.tokenizer)


def test_a_soft_target_of_labels_of_several_tokens_costs_what_its_leaves_do(
    long_labels: tuple[models.Model, Script],
) -> None:
    """The oracle: full log probability of each label, one prompt a label, from the network's own logits."""
    model, script = long_labels
    place = [question.item.id for question in script.questions].index("days")
    question = script.questions[place]
    assert len(question.paths) > 1, "the test needs labels of several tokens"
    persona = script.personas(coherent_people(1, seed=0, days=11), ["p00000"])[0]
    logp = np.log(option_probabilities(model, script, [persona], {place: question})[place][0])
    head = [*script.opening, *(token for field in persona for token in field), *question.cue]
    for option, route in enumerate(question.routes):
        with torch.no_grad():
            logits = model.network(torch.tensor([[*head, *(token for _, token in route)]])).logits[0].double()
        expected = 0.0
        for depth, (node, token) in enumerate(route):
            at = logits[len(head) - 1 + depth]
            expected += float(at[token] - at[list(question.allowed[node])].logsumexp(0))
        assert logp[option] == pytest.approx(expected, abs=1e-4)
    target = np.random.default_rng(3).dirichlet(np.ones(len(question.routes)))
    counts = []
    for choice in range(len(question.routes)):
        example = Example("p", persona, (Answer(place, choice, tuple(target.tolist())),))
        prompts = transcripts(script, example, persona)
        counts.append(len(prompts))
        with torch.no_grad():
            gains, _ = log_likelihood(model, prompts)
        assert sum(float(gain.sum()) for gain in gains) == pytest.approx(float(target @ logp), abs=1e-4)
    assert set(counts) == {1, 2}, "labels that begin alike need no further prompt, others do"


def test_shares_are_the_targets_mass_at_every_node(long_labels: tuple[models.Model, Script]) -> None:
    _, script = long_labels
    question = next(q for q in script.questions if len(q.paths) > 1)
    target = np.random.default_rng(0).dirichlet(np.ones(len(question.routes)))
    found = shares(question, target.tolist())
    assert sum(found[0]) == pytest.approx(1)
    for node, share in found.items():
        below = [place for place, route in enumerate(question.routes) if node in dict(route)]
        assert sum(share) == pytest.approx(target[below].sum())
    one = shares(question, [float(place == 2) for place in range(len(question.routes))])
    assert set(one) == {node for node, _ in question.routes[2]}


def test_ordinal_targets_are_a_normal_kernel_and_teach_neighbours(built: Path, tmp_path: Path) -> None:
    model = models.load(built)
    script = compile_script(coherent_study(), model.template, model.tokenizer)
    days, sign = (next(q for q in script.questions if q.item.id == name) for name in ("days", "sign"))
    kernel = scipy.stats.norm(loc=0, scale=0.7).pdf([0, 1, 2])
    assert ordinal(days, 0, 0.7) == pytest.approx(kernel / kernel.sum())
    assert ordinal(sign, 1, 0.7) == (0.0, 1.0), "a nominal item has no neighbours"
    assert ordinal(days, 1, 1e-3) == pytest.approx((0.0, 1.0, 0.0))
    people = opposed(120, 0.9)
    never = people.filter(item_id="sign").with_columns(item_id=pl.lit("days"), code=pl.lit("0"))
    people = pl.concat([people, never])
    plain, smooth = (
        tune(built, coherent_study(), people, None, tmp_path / kind, settings=replace(FAST, targets=kind, width=0.7))
        for kind in ("one_hot", "ordinal")
    )
    # Everybody said 0 days. Smoothing gives 1 day more than 2; learning of answers alone tells neither apart.
    found = {a: probabilities(built, a, "days").mean(axis=0) for a in (plain, smooth)}
    assert found[smooth][1] > 3 * found[smooth][2]
    assert found[smooth][1] > 3 * found[plain][1]


def planted_shares(people: pl.DataFrame) -> np.ndarray:
    """The share of each side that signs."""
    side = dict(people.filter(item_id="side").select("respondent_id", "code").iter_rows())
    signs = people.filter(item_id="sign").with_columns(side=pl.col("respondent_id").replace_strict(side))
    said = dict(signs.group_by("side").agg((pl.col("code") == "yes").mean()).iter_rows())
    return np.array([said["n"], said["s"]])


def test_aggregate_tuning_recovers_the_groups_histograms(built: Path, tmp_path: Path) -> None:
    people = opposed(160, 0.8)
    truth = planted_shares(people)
    # Nobody held out, and steps enough: where the objective leads to.
    model = models.load(built)
    script = compile_script(coherent_study(), model.template, model.tokenizer)
    some = examples(script, people)
    Adapter(model.network, TuneSettings(), seed=0)
    groups = groups_of(script.study, people, some, "side")
    objective = Aggregate(model, script, some, batch=32, field_dropout=0.0, groups=groups)
    learn(model, objective, Schedule(steps=120, rate=2e-3, batch=32), seed=0)
    place = [question.item.id for question in script.questions].index("sign")
    found = option_probabilities(model, script, [e.fields for e in some], {place: script.questions[place]})[place][:, 0]
    means = np.array([found[[name == side for name in groups]].mean() for side in ("n", "s")])
    assert np.abs(means - truth).max() < 0.03
    # And on the whole road, where steps are chosen on a few people held out.
    settings = replace(FAST, objective="aggregate", by="side")
    adapter = tune(built, coherent_study(), people, None, tmp_path / "a", settings=settings)
    before, after = (probabilities(built, a, "sign")[:, 0] for a in (None, adapter))
    assert (np.abs(after - truth) < np.abs(before - truth) / 2).all()


def test_aggregate_tuning_looks_at_nobodys_joint_answers(built: Path) -> None:
    """Answers exchanged among people of one side leave every histogram, and so every prompt and target, as it was."""
    people = opposed(160, 0.8)
    side = dict(people.filter(item_id="side").select("respondent_id", "code").iter_rows())
    random = np.random.default_rng(5)
    parts = []
    asked = pl.col("item_id").is_in(["sign", "trust"])
    for _, part in people.filter(asked).group_by(
        "item_id", pl.col("respondent_id").replace_strict(side).alias("side"), maintain_order=True
    ):
        parts.append(
            part.select(people.columns).with_columns(code=part["code"].gather(random.permutation(part.height)))
        )
    swapped = pl.concat([people.filter(~asked), *parts])
    by = ["respondent_id", "item_id"]
    assert not swapped.sort(by).equals(people.sort(by))
    model = models.load(built)
    script = compile_script(coherent_study(), model.template, model.tokenizer)
    steps = []
    for panel in (people, swapped):
        some = examples(script, panel)
        groups = groups_of(script.study, panel, some, "side")
        objective = Aggregate(model, script, some, batch=32, field_dropout=0.15, groups=groups)
        steps.append(objective.step(np.random.default_rng(0)))
    assert steps[0] == steps[1]


def test_the_step_of_aggregate_tuning_is_the_gradient_of_the_divergence(built: Path) -> None:
    """Against autograd on the divergence written out: minus the histogram times the log of the mean probability."""
    model = models.load(built)
    script = compile_script(coherent_study(), model.template, model.tokenizer)
    people = opposed(12, 0.8).filter(pl.col("item_id").is_in(["age", "side", "sign"]))
    some = examples(script, people, {f"p{place:05d}": 1.0 + place % 3 for place in range(12)})
    objective = Aggregate(model, script, some, batch=12, field_dropout=0.0, groups=["all"] * 12)
    step = objective.step(np.random.default_rng(0))
    head = model.network.get_output_embeddings().weight.requires_grad_(True)
    ours = -sum(
        (gain * torch.tensor([step.weights[row] for row, _ in where])).sum()
        for gain, where in zip(*log_likelihood(model, step.prompts), strict=True)
    )
    (found,) = torch.autograd.grad(ours, head)
    place = [question.item.id for question in script.questions].index("sign")
    prompts = [transcripts(script, replace(e, answers=(Answer(place, 0),)), e.fields)[0] for e in some]
    ((logp, _, where),) = list(scores(model, prompts))
    weights = torch.tensor([some[row].weight for row, _ in where])
    mean = (logp.exp() * weights[:, None]).sum(0) / weights.sum()
    histogram = torch.tensor(objective.cells["all", place][0])
    (expected,) = torch.autograd.grad(-(histogram * mean.log()).sum(), head)
    assert found.abs().max() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_group_targets_teach_the_groups_share_at_every_member(built: Path, tmp_path: Path) -> None:
    settings = replace(FAST, targets="group", by="side")
    adapter = tune(built, coherent_study(), opposed(160, 0.75, seed=2), None, tmp_path / "a", settings=settings)
    found = probabilities(built, adapter, "sign")[:, 0]
    assert found[0] - found[1] > 0.25


def test_dro_lowers_the_worst_groups_loss(built: Path, tmp_path: Path) -> None:
    """One in twenty lives in the south and signs where the north does not: on average, they hardly count."""
    people = opposed(200, 0.9, share_north=0.95, seed=3)
    unseen = opposed(200, 0.9, seed=4)
    side = dict(unseen.filter(item_id="side").select("respondent_id", "code").iter_rows())
    settings = replace(FAST, steps=25, patience=99)
    worst = {}
    for name, more in (("plain", {}), ("dro", {"dro": {"by": "side", "step": 0.5}})):
        adapter = tune(built, coherent_study(), people, None, tmp_path / name, settings=replace(settings, **more))
        found = likelihood(built, adapter, coherent_study(), unseen).filter(item_id="sign")
        loss = found.group_by(pl.col("respondent_id").replace_strict(side)).agg(-pl.col("log_probability").mean())
        worst[name] = max(loss["log_probability"])
    assert worst["dro"] < worst["plain"] - 0.1


DAYS = ", ".join(f'{{ code = {k}, label = "{k} days" }}' for k in range(3))
ARM = """
[[item]]
id = "letter"
label = "Letter"
wording = "Which letter?"
scale = "nominal"
role = "arm"
options = [{ code = "a", label = "plain", text = "A letter came." },
  { code = "b", label = "none", text = "None came." }]
"""


@pytest.mark.parametrize("shown_as", ["text", "field"])
def test_a_treatment_is_never_left_out(qwen: Path, shown_as: str) -> None:
    head, mark, rest = (COHERENT % ("", DAYS)).partition('[[item]]\nid = "side"')
    study = parse_study(head + ARM + mark + rest, "treated.toml")
    own = models.load(qwen)
    template = own.template if shown_as == "text" else replace(own.template, arm="")
    script = compile_script(study, template, own.tokenizer)
    people = opposed(20, 0.8)
    ids = people["respondent_id"].unique(maintain_order=True).to_list()
    letters = [(who, "letter", "ab"[place % 2], None, False) for place, who in enumerate(ids)]
    panel = pl.concat([people, pl.DataFrame(letters, schema=people.schema, orient="row")])
    some = examples(script, panel)
    says = [script.field(study.item("letter"), letter, None) for _, _, letter, _, _ in letters]
    age = script.field(study.item("age"), None, 40.0)

    def holds(ids: list[int], part: tuple[int, ...]) -> bool:
        return any(tuple(ids[at : at + len(part)]) == part for at in range(len(ids)))

    random = np.random.default_rng(0)
    for dropout, least, most in ((1.0, 0, 0), (0.5, 1, 19)):
        objective = Answers(own, script, some, batch=20, field_dropout=dropout)
        prompts = [prompt.ids for prompt in objective.step(random).prompts]
        assert sum(holds(prompt, say) for prompt in prompts for say in says[:1]) == 10
        assert sum(holds(prompt, say) for prompt in prompts for say in says[1:2]) == 10
        assert least <= sum(holds(prompt, age) for prompt in prompts) <= most
    groups = [""] * len(some)
    aggregate = Aggregate(own, script, some, batch=20, field_dropout=1.0, groups=groups)
    prompts = [prompt.ids for prompt in aggregate.step(random).prompts]
    assert all(holds(prompt, says[0]) or holds(prompt, says[1]) for prompt in prompts)
    assert not any(holds(prompt, age) for prompt in prompts)
    mix = mixed(script, some[0], some[1], 0.0, np.full(1 + len(script.questions), 0.5))
    assert mix.dropped(1.0, random) == [says[1]]


def test_the_worst_groups_share_grows_by_its_loss() -> None:
    """Exponentiated gradient by hand: shares times exp(step x loss), to a sum of one."""
    some = [
        Example(name, (), (Answer(0, 0), Answer(1, 0)), weight) for name, weight in zip("abc", (1, 3, 2), strict=True)
    ]
    groups = ["x", "x", "y"]
    dro = WorstGroup(["x", "y", "z"], 0.7)
    assert dro.weigh(some, groups) == pytest.approx([1 / 3 / 8, 3 / 3 / 8, 2 / 3 / 4])
    dro.learned(some, groups, [2.0, 4.0, 6.0])
    mean = np.array([(1 * 2 + 3 * 4) / 8, 2 * 6 / 4, 0.0])
    assert dro.share == pytest.approx(scipy.special.softmax(0.7 * mean))
    dro = WorstGroup(["x", "y", "z"], 1e6)
    dro.learned(some, groups, [2.0, 4.0, 6.0])
    assert dro.share == pytest.approx([0, 1, 0]), "the worst alone, whatever the step"


def test_weights_by_group_and_subsampling(built: Path) -> None:
    model = models.load(built)
    script = compile_script(coherent_study(), model.template, model.tokenizer)
    people = opposed(50, 0.5, share_north=0.8)
    some = examples(script, people)
    groups = groups_of(script.study, people, some, "side")
    balanced = weighted(script.study, some, groups, {"by": "side"})
    total = {name: sum(e.weight for e, g in zip(balanced, groups, strict=True) if g == name) for name in ("n", "s")}
    assert total == pytest.approx({"n": 25, "s": 25})
    named = weighted(script.study, some, groups, {"by": "side", "s": 4.0, "n": 0.0})
    assert [e.weight for e in named] == [4.0] * 10
    half = subsampled(some, groups, seed=1)
    assert sorted(groups_of(script.study, people, half, "side")) == ["n"] * 10 + ["s"] * 10
    assert half != subsampled(some, groups, seed=2)
    with pytest.raises(PlanError, match="'w' is no level of 'side'"):
        weighted(script.study, some, groups, {"by": "side", "w": 1.0})
    with pytest.raises(PlanError, match="weight 0"):
        weighted(script.study, some, groups, {"by": "side", "n": 0.0, "s": 0.0})
    with pytest.raises(PlanError, match="'sides' is no item"):
        groups_of(script.study, people, some, "sides")
    with pytest.raises(PlanError, match="'age' has neither options nor bins"):
        groups_of(script.study, people, some, "age")


def test_mixup_mixes_targets_in_the_share_that_it_takes_what_is_read(built: Path, tmp_path: Path) -> None:
    model = models.load(built)
    script = compile_script(coherent_study(), model.template, model.tokenizer)
    one, other = examples(script, coherent_people(2, seed=8))
    random = np.random.default_rng(0)
    taken = []
    for _ in range(2000):
        both = mixed(script, one, replace(other, weight=3.0), 0.3, random.random(4))
        assert both.weight == pytest.approx(0.3 + 0.7 * 3)
        taken.append(both.fields == one.fields)
        for mine, theirs, answer in zip(one.answers, other.answers, both.answers, strict=True):
            expected = np.zeros(len(script.questions[answer.question].routes))
            expected[mine.choice] += 0.3
            expected[theirs.choice] += 0.7
            assert answer.target == pytest.approx(expected)
            assert answer.choice in (mine.choice, theirs.choice)
    assert scipy.stats.binomtest(sum(taken), 2000, 0.3).pvalue > 1e-4
    people, unseen = coherent_people(100, seed=1), coherent_people(300, seed=2, name="u")
    adapter = tune(built, coherent_study(), people, None, tmp_path / "a", settings=replace(FAST, mixup=0.2))
    before, after = (likelihood(built, a, coherent_study(), unseen)["log_probability"] for a in (None, adapter))
    assert scipy.stats.ttest_rel(after, before, alternative="greater").pvalue < 1e-6


def test_orders_are_shuffled_and_answers_still_learned(qwen: Path, tmp_path: Path) -> None:
    study = coherent_study(LONG_OPENING, days=4)
    model = models.load(qwen)
    script = compile_script(study, model.template, model.tokenizer)
    people, unseen = coherent_people(40, seed=1, days=4), coherent_people(60, seed=2, name="u", days=4)
    shuffled = TuneSettings(item_order="random", option_order="random")
    objective = Answers(model, script, examples(script, people), batch=40, field_dropout=0.0, settings=shuffled)
    prompts = objective.step(np.random.default_rng(0)).prompts
    orders = {tuple(dict.fromkeys(term.question for term in prompt.terms)) for prompt in prompts}
    assert len(orders) == 6, "three questions have six orders, and forty people see all of them"
    said = {}
    for e, prompt in zip(objective.people, prompts, strict=False):
        assert len({term.question for term in prompt.terms}) == len(e.answers)
        said[e.respondent_id] = prompt
    # The letter of an answer depends on the order shown: over forty people each option takes several places.
    days = [q.item.id for q in script.questions].index("days")
    marks = {
        term.allowed[int(np.argmax(term.target))]
        for prompt in prompts
        for term in prompt.terms
        if term.question == days
    }
    assert len(marks) == 4
    adapter = tune(qwen, study, people, None, tmp_path / "a", settings=replace(shuffled, steps=15, cross_validate=0))
    before, after = (likelihood(qwen, a, study, unseen)["log_probability"] for a in (None, adapter))
    assert scipy.stats.ttest_rel(after, before, alternative="greater").pvalue < 1e-6


NUMBERS = """
[study]
id = "gifts"
title = "Gifts"
[[item]]
id = "side"
label = "Side"
scale = "nominal"
role = "persona"
options = [{ code = "n", label = "north" }, { code = "s", label = "south" }]
[[item]]
id = "gift"
label = "Gift"
wording = "How much do you give?"
scale = "interval"
role = "outcome"
range = [0, 30]
[[item]]
id = "sign"
label = "Petition"
scale = "nominal"
role = "action"
options = [{ code = "yes", label = "yes" }, { code = "no", label = "no" }]
[[item]]
id = "why"
label = "Why"
scale = "text"
role = "outcome"
"""


def givers(n: int, name: str, seed: int) -> pl.DataFrame:
    """People who give 0 to 7 in the north, 20 to 27 in the south, all alike, and sign where they give more than ten."""
    random = np.random.default_rng(seed)
    rows: list[tuple[str, str, str | None, float | None, bool]] = []
    for place in range(n):
        who, side = f"{name}{place}", "ns"[place % 2]
        gift = float(random.integers(8) + (20 if side == "s" else 0))
        rows += [(who, "side", side, None, False), (who, "gift", None, gift, False), (who, "why", None, None, False)]
        rows.append((who, "sign", "yes" if gift > 10 else "no", None, False))
    return long_frame(rows)


@pytest.fixture(scope="module")
def gifts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded model of a study that asks a number and an open text."""
    return build_embedded(parse_study(NUMBERS, "gifts.toml"), None, tmp_path_factory.mktemp("gifts") / "base", seed=1)


@pytest.mark.parametrize("given", [{}, {"targets": "ordinal", "mixup": 0.2}], ids=str)
def test_numbers_are_learned_and_open_texts_left_alone(gifts: Path, tmp_path: Path, given: dict[str, object]) -> None:
    study = parse_study(NUMBERS, "gifts.toml")
    adapter = tune(gifts, study, givers(100, "p", 1), None, tmp_path / "a", settings=replace(FAST, **given))
    loss = {}
    for which in (None, adapter):
        found = likelihood(gifts, which, study, givers(100, "u", 2)).group_by("item_id")
        loss[which] = dict(found.agg(-pl.col("log_probability").mean()).iter_rows())
    assert set(loss[adapter]) == {"gift", "sign"}
    floor, unknown = np.log(8), np.log(31)
    assert floor < loss[adapter]["gift"] < (floor + unknown) / 2 < loss[None]["gift"]
    assert loss[adapter]["sign"] < 0.2 < loss[None]["sign"]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"objective": "mean"}, "objective is 'mean'.*answers"),
        ({"targets": "soft"}, "targets is 'soft'"),
        ({"width": 0.0}, "width is 0.0"),
        ({"width": float("nan")}, "width is nan"),
        ({"rate": float("inf")}, "rate is inf"),
        ({"mixup": -1.0}, "mixup is -1.0"),
        ({"by": "side"}, "by is 'side'.*targets = "),
        ({"weights": {"n": 1}}, "weights is .*by = "),
        ({"weights": {"by": "side", "n": -1}}, "weights.n is -1"),
        ({"weights": {"by": "side", "n": "x"}}, "weights.n is 'x'"),
        ({"dro": {"by": "side", "steps": 1}}, "dro is .*'step'"),
        ({"dro": {"by": "side", "step": 0}}, "dro.step is 0"),
        ({"objective": "aggregate", "mixup": 0.5}, "mixup is 0.5.*answers"),
        ({"objective": "aggregate", "dro": {"by": "side"}}, "dro is"),
        ({"objective": "aggregate", "targets": "ordinal"}, "targets is 'ordinal'"),
        ({"pissa": True, "dora": True}, "pissa is 'True beside dora'"),
    ],
)
def test_settings_that_cannot_be(given: dict[str, object], match: str) -> None:
    with pytest.raises(PlanError, match=f"(?s){match}"):
        TuneSettings(**given)  # type: ignore[arg-type]
