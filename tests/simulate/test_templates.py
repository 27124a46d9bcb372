"""Templates as data: built in, from a file, resolved from a plan's keys; examples of pilot people; treatments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_worlds import answers_of, coherent_people, coherent_study, long_frame
from test_chat import with_chat

pytest.importorskip("torch")

from simframe.errors import ModelError, PlanError
from simframe.simulate import models, prompts
from simframe.simulate.plans import Condition
from simframe.simulate.prompts import COMPACT, FIRST_PERSON, TEMPLATES, Template, compile_script, load_template, resolve
from simframe.simulate.prompts.shots import choose_shots
from simframe.study import Study

STUDY = coherent_study("A town by a river.")
PEOPLE = coherent_people(40, seed=8)
PILOT = pl.DataFrame({"respondent_id": PEOPLE["respondent_id"].unique(maintain_order=True)}).with_columns(
    split=pl.lit("pilot")
)


@pytest.fixture(scope="module")
def tokenizer(qwen: Path) -> Any:
    return models.load(qwen).tokenizer


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_guide_shows_every_template_as_it_is(name: str) -> None:
    guide = (Path(prompts.__file__).parents[3] / "docs/guides/prompts.md").read_text("utf-8")
    template = TEMPLATES[name]
    text = template.render_opening(STUDY)
    for item, code, value in zip(template.shown(STUDY), (None, "n"), (43.0, None), strict=False):
        text += template.render_field(item, code, value)
    for item, answer in zip(STUDY.questions[::2], (1, 0), strict=True):
        text += template.render_cue(item) + template.render_answers(item)[answer] + template.end
    assert f"```text\n{text.rstrip()}\n```" in guide


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_survives_being_stored(name: str) -> None:
    import json

    template = replace(TEMPLATES[name], shots=("a\n",), chat=prompts.Chat(True, "<a>", "<b>", "<c>", "<d>"))
    assert Template.from_dict(json.loads(json.dumps(template.content()))) == template


def test_what_a_file_leaves_out_is_as_in_the_template_it_is_like(tmp_path: Path) -> None:
    path = write(tmp_path, 'like = "interview"\nmarks = "numbers"\nfields = ["age"]\nperson = "Cost: 5 $$.\\n"\n')
    template = load_template(path)
    assert template == replace(
        TEMPLATES["interview"], name="mine", marks="numbers", fields=("age",), person="Cost: 5 $$.\n"
    )
    assert template.render_opening(STUDY) == "A town by a river.\n\nCost: 5 $.\n"
    assert load_template(str(path)).template_hash == template.template_hash
    assert template.template_hash != TEMPLATES["interview"].template_hash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("openning = ''", ["openning: unknown key", "did you mean 'opening'"]),
        ("like = 'first_persn'", ["like: 'first_persn' is no built-in template", "did you mean 'first_person'"]),
        ("like = 3", ["like: 3 is no built-in template"]),
        ("opening = 3", ["opening: 3 is no text", "in quotes"]),
        ("field = 'I am $wrding'", ["field", "no placeholder 'wrding'", "$wording"]),
        ("field = 'Costs 5 $ or so'", ["field", "a lone $", "write $$ for a dollar sign"]),
        ("option = '$options'", ["option", "no placeholder 'options'", "$mark"]),
        ("marks = 'roman'", ["marks: 'roman' is not allowed", "'letters' or 'numbers'"]),
        ("fields = 'age'", ["fields: 'age' is no list"]),
        ("fields = [1]", ["fields: [1] is no list"]),
        ("text_tokens = 0", ["text_tokens: 0 is no number of tokens"]),
        ("text_tokens = true", ["text_tokens: True is no number of tokens"]),
        ("end = ''", ["end: is empty"]),
        ("joint = 'x'", ["joint: 'x' is no space"]),
        ("question = 'How?'", ["question: 'How?' shows no options", "${options}"]),
        ("opening = '$codebook'", ["opening: has a $codebook", "entry = "]),
        ("opening = '$codebook'\nentry = '$wording'\nquestion = '$item:'", ["entry: '$wording' shows no options"]),
        ("shots = ['me']", ["shots: unknown key"]),
        ("opening = ", ["not valid TOML"]),
        ("a = " + "[" * 5000, ["not valid TOML"]),
    ],
)
def test_a_wrong_file_is_refused_by_file_key_and_mend(tmp_path: Path, text: str, told: list[str]) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PlanError) as err:
        load_template(path)
    for part in [*told, str(path)]:
        assert part in str(err.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"(?s)no template is called 'frst_person'.*did you mean 'first_person'"):
        load_template("frst_person")
    with pytest.raises(PlanError, match="no such template file"):
        load_template(tmp_path / "none.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(PlanError, match="no such template file"):
        load_template(tmp_path / "folder.toml")
    (tmp_path / "latin.toml").write_bytes(b"opening = 'Gr\xfc\xdfe'")
    with pytest.raises(PlanError, match="not UTF-8 text at byte 13"):
        load_template(tmp_path / "latin.toml")


# --- from a plan's keys to one template ------------------------------------------------------------------------------


def test_auto_is_the_bases_own_template_else_first_person() -> None:
    assert resolve(Condition("base"), STUDY) == FIRST_PERSON
    assert resolve(Condition("base"), STUDY, COMPACT) == COMPACT
    assert resolve(Condition("base", prompt="table"), STUDY, COMPACT) == TEMPLATES["table"]


def test_fields_are_those_of_the_plan() -> None:
    resolved = resolve(Condition("base", fields=("side",)), STUDY)
    assert [item.id for item in resolved.shown(STUDY)] == ["side"]
    assert resolve(Condition("base", fields=()), STUDY).shown(STUDY) == ()
    with pytest.raises(PlanError, match="did you mean 'side'"):
        resolve(Condition("base", fields=("sid",)), STUDY)


def test_a_codebook_lists_options_once_and_lets_nobody_move_them() -> None:
    for plan in (Condition("base", prompt="codebook"), Condition("base", prompt="interview", option_order="random")):
        resolve(plan, STUDY)
    asked: list[tuple[dict[str, Any], str]] = [
        ({"option_order": "random"}, "option_order = 'random'"),
        ({"order_average": 2}, "order_average = 2"),
        ({"tune": {"option_order": "random"}}, "tune.option_order = 'random'"),
    ]
    for keys, said in asked:
        with pytest.raises(PlanError, match="codebook lists options once for all") as err:
            resolve(Condition("tuned", prompt="codebook", **keys), STUDY)
        assert said in str(err.value)
    opening = TEMPLATES["codebook"].render_opening(STUDY)
    for item in STUDY.simulated:
        assert opening.count(item.wording) == 1
        assert all(f". {option.label}\n" in opening for option in item.valid_options)


def test_chat_follows_the_tokenizer_unless_the_plan_says(tokenizer: Any) -> None:
    chatty = with_chat(tokenizer, "chatml")
    assert resolve(Condition("base"), STUDY, None, tokenizer).chat is None
    assert resolve(Condition("base"), STUDY, None, chatty).chat.next == "<|im_end|>\n<|im_start|>user\n"
    assert resolve(Condition("base", chat=False), STUDY, None, chatty).chat is None
    with pytest.raises(ModelError, match="no chat template"):
        resolve(Condition("base", chat=True), STUDY, None, tokenizer)


# --- examples ---------------------------------------------------------------------------------------------------------


def test_examples_are_whole_questionnaires_as_their_people_gave_them() -> None:
    shots = choose_shots(STUDY, FIRST_PERSON, PILOT, PEOPLE, k=3, seed=1)
    assert len(set(shots)) == 3
    written = []
    for who in PILOT["respondent_id"]:
        own = {row["item_id"]: row for row in answers_of(PEOPLE, [who]).iter_rows(named=True)}
        text = FIRST_PERSON.person + f'Asked "How old are you?", I say: {own["age"]["value"]:.0f} years.\n'
        sides = {"n": "the north side", "s": "south"}
        if own["side"]["code"] in sides:
            text += f'Asked "On which side of the river do you live?", I say: {sides[own["side"]["code"]]}.\n'
        for item in STUDY.questions:
            codes = [option.code for option in item.valid_options]
            text += FIRST_PERSON.render_cue(item) + " " + "ABC"[codes.index(own[item.id]["code"])] + "\n"
        written.append(text + "\n")
    assert set(shots) <= set(written)


def test_examples_are_seeded_and_part_of_the_templates_hash() -> None:
    found = [resolve(Condition("base", shots=4, seed=seed), STUDY, None, None, (PILOT, PEOPLE)) for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0].template_hash != found[2].template_hash
    assert found[0].template_hash != FIRST_PERSON.template_hash
    shuffled = (PILOT.sample(fraction=1, shuffle=True, seed=3), PEOPLE.sample(fraction=1, shuffle=True, seed=3))
    assert resolve(Condition("base", shots=4), STUDY, None, None, shuffled) == found[0], "rows may come in any order"
    text = found[0].render_opening(STUDY)
    assert text.startswith("A town by a river.\n\nA person describes")
    assert text.count("A person describes themselves") == 5, "four examples, then the respondent"


def test_who_answered_everything_comes_first() -> None:
    gaps = PEOPLE.with_columns(
        missing=pl.col("missing") | ((pl.col("item_id") == "sign") & (pl.col("respondent_id") > "p00004"))
    )
    shots = choose_shots(STUDY, FIRST_PERSON, PILOT, gaps, k=5, seed=1)
    assert all("petition" in shot for shot in shots)
    assert sum("petition" in shot for shot in choose_shots(STUDY, FIRST_PERSON, PILOT, gaps, k=6, seed=1)) == 5


def test_nobody_but_the_pilot_is_shown() -> None:
    mixed = PILOT.with_columns(
        split=pl.when(pl.col("respondent_id") == "p00007").then(pl.lit("holdout")).otherwise("split")
    )
    with pytest.raises(PlanError, match="'p00007' is of the holdout: only the pilot may be shown"):
        choose_shots(STUDY, FIRST_PERSON, mixed, PEOPLE, k=1, seed=1)
    with pytest.raises(PlanError, match="41 shots of 40 people"):
        choose_shots(STUDY, FIRST_PERSON, PILOT, PEOPLE, k=41, seed=1)
    with pytest.raises(PlanError, match="no pilot"):
        resolve(Condition("base", shots=1), STUDY)


def test_examples_in_the_embedded_models_words(built: Path) -> None:
    template = resolve(Condition("base", shots=2), STUDY, COMPACT, None, (PILOT, PEOPLE))
    script = compile_script(STUDY, template, models.load(built).tokenizer)
    bare = compile_script(STUDY, COMPACT, models.load(built).tokenizer)
    assert script.questions == bare.questions
    assert len(script.opening) > len(bare.opening) + 2 * 2 * len(STUDY.questions)


# --- treatments -------------------------------------------------------------------------------------------------------

ARMS = {
    "id": "letter",
    "label": "Letter",
    "scale": "nominal",
    "role": "arm",
    "options": [
        {"code": "a", "label": "letter", "text": "You got a letter: the water costs $5, $wording or not."},
        {"code": "b", "label": "control"},
    ],
}


def arms_study(**changes: Any) -> Study:
    content = coherent_study("A town.").model_dump(mode="json", by_alias=True)
    content["item"].insert(0, ARMS | changes)
    return Study.model_validate(content)


def told(template: Template, study: Study, code: str) -> list[str]:
    given = {"letter": (code, None), "age": (None, 43.0), "side": ("n", None)}
    return [text for item in template.shown(study) if (text := template.render_field(item, *given[item.id]))]


def test_a_treatment_is_read_last_by_those_who_got_it_and_by_nobody_else() -> None:
    study = arms_study()
    lines = told(FIRST_PERSON, study, "a")
    assert lines[-1] == "You got a letter: the water costs $5, $wording or not.\n"
    assert told(FIRST_PERSON, study, "b") == lines[:-1]
    without = replace(FIRST_PERSON, fields=())
    assert told(without, study, "a") == lines[-1:], "a treatment is no persona"
    assert "letter" not in [item.id for item in study.simulated], "arms are given, not asked"


def test_an_arm_without_texts_is_shown_as_before() -> None:
    options = [{"code": "a", "label": "letter"}, {"code": "b", "label": "control"}]
    assert (
        told(FIRST_PERSON, arms_study(options=options, wording="Letter?"), "b")[0]
        == 'Asked "Letter?", I say: control.\n'
    )


@pytest.mark.parametrize("fields", [None, (), ("side",)])
def test_without_a_part_for_treatments_they_are_fields_that_nobody_can_leave_out(
    fields: tuple[str, ...] | None,
) -> None:
    some = replace(COMPACT, fields=fields)
    assert told(some, arms_study(), "a")[-1] == "letter.1 "
    assert told(some, arms_study(), "b")[-1] == "letter.2 "


def test_people_in_an_arm_read_its_text_in_tokens(tokenizer: Any) -> None:
    script = compile_script(arms_study(), FIRST_PERSON, tokenizer)
    people = long_frame(
        [("p", "letter", "a", None, False), ("q", "letter", "b", None, False), ("q", "age", None, 20.0, False)]
    )
    p, q = script.personas(people, ["p", "q"])
    assert tokenizer.decode([token for field in p for token in field]).startswith(
        "You got a letter: the water costs $5,"
    )
    assert "letter" not in tokenizer.decode([token for field in q for token in field])
