"""``simframe prompt show``: what the model reads, as a person asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simframe.cli import main
from simframe.ingest import import_panel
from simframe.warehouse import Warehouse

STUDY = "anes96"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prompt") / "w"
    import_panel(Warehouse.create(root), STUDY)
    return root


def show(root: Path, *words: object) -> Result:
    return CliRunner().invoke(main, ["prompt", "show", STUDY, "-w", str(root), *map(str, words)])


def refused(result: Result) -> str:
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.stderr.startswith("error: ")
    return result.stderr


def test_the_text_alone_needs_no_model(root: Path) -> None:
    result = show(root, "--respondent", "r003", "--fields", "educ")
    assert result.exit_code == 0
    people = Warehouse.open(root)
    panel = people.sql("SELECT panel_id FROM panels")["panel_id"][0]
    own = people.table(panel, "responses").filter(respondent_id="r003")
    codes = dict(own.select("item_id", "code").iter_rows())
    assert result.stdout.startswith("It is autumn 1996.")
    assert result.stdout.count('Asked "') == 1
    assert f"Answer: {'ABCDEFG'[int(codes['selfLR']) - 1]}\n" in result.stdout
    assert "version" in result.stderr
    assert "r003" in result.stderr


def test_orders_are_those_of_the_respondents_twin(root: Path) -> None:
    from simframe.simulate.engines.base import RunSettings, ask
    from simframe.study import load_study

    study = load_study(STUDY)
    shown = show(root, "--respondent", "r003", "--option-order", "random", "--item-order", "random", "--seed", 5).stdout
    (twin,) = ask(study.questions, ["r003.twin"], [None], RunSettings(5, item_order="random", option_order="random"))
    asked = [study.questions[place] for place in twin.items]
    places = [shown.index(item.wording) for item in asked]
    assert places == sorted(places)
    vote = study.item("vote")
    labels = [vote.valid_options[place].label for place in twin.orders[study.questions.index(vote)]]
    block = shown[shown.index(vote.wording) :]
    assert f"A. {labels[0]}\nB. {labels[1]}\n" in block


def test_tokens_are_those_of_the_embedded_model(root: Path) -> None:
    pytest.importorskip("torch")
    text = show(root, "--respondent", "r003", "--model", "embedded")
    assert text.stdout.startswith("[BOS] age.1 educ.6 ")
    listed = show(root, "--respondent", "r003", "--model", "embedded", "--tokens")
    assert listed.exit_code == 0
    lines = [line.split() for line in listed.stdout.splitlines()]
    assert ["persona", "age", "1", "age.1"] in lines
    assert sum(line[:1] == ["vote"] for line in lines) == 2, "a line an option"
    total = sum(int(line[1] if line[0] == "opening" else line[2]) for line in lines
                if line and line[0] in ("opening", "persona", "question", "answer"))  # fmt: skip
    assert f"{total} tokens of embedded" in listed.stderr


def test_turns_of_a_chat_are_shown_as_the_model_sees_them(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from simframe.study import load_study

    model = chat_model(tmp_path / "model")
    shown = show(root, "--respondent", "r003", "--model", model)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("<|im_start|>system\nIt is autumn 1996.")
    assert shown.stdout.count("<|im_start|>user\n") == len(load_study(STUDY).questions) + 1
    assert "in the turns of its chat template" in shown.stderr
    plain = show(root, "--respondent", "r003", "--model", model, "--chat", "false").stdout
    assert "<|im_start|>" not in plain
    assert plain == show(root, "--respondent", "r003").stdout, "the text of the tokens is the text"


def chat_model(directory: Path) -> Path:
    """A model's folder as far as a prompt needs it: a byte-level tokenizer with a chat template, weights of nothing."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers
    from tokenizers.decoders import ByteLevel
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(letters)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|im_end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = (
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    tokenizer.save_pretrained(directory)
    (directory / "config.json").write_text(json.dumps({"model_type": "llama"}))
    save_file({"nothing": torch.zeros(1)}, directory / "model.safetensors")
    return directory


def test_a_plans_panel_is_shown(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[plan]\nid = "p"\nshots = [0, 1]\n[[panel]]\nstrategy = "base"\n'
        '[[panel]]\nstrategy = "pilot_marginals"\npilot = 30\n'
    )
    first, second = (show(root, "--plan", plan, "--panel", place) for place in (1, 2))
    assert first.exit_code == second.exit_code == 0, first.output + second.output
    assert second.stdout.startswith("[BOS] age.")
    assert second.stdout.endswith(first.stdout.removeprefix("[BOS]").lstrip())
    assert second.stdout.count("vote?") == 2
    assert "is pilot_marginals, which reads no prompt" in refused(show(root, "--plan", plan, "--panel", 3))
    assert "has 3 panels, not 4" in refused(show(root, "--plan", plan, "--panel", 4))
    both = show(root, "--plan", plan, "--prompt", "table")
    assert both.exit_code == 2
    assert "--prompt and --plan" in both.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--respondent", "r9999"], ["no respondent 'r9999'"]),
        (["--fields", "agee"], ["'agee' is no persona item", "did you mean 'age'"]),
        (["--prompt", "tabel"], ["no template is called 'tabel'", "did you mean 'table'"]),
        (["--shots", "5000"], ["5000", "300"]),
        (["--chat", "true"], ["no chat template"]),
    ],
)
def test_what_is_wrong_is_told(root: Path, words: list[str], told: list[str]) -> None:
    error = refused(show(root, *words))
    for part in told:
        assert part in error


def test_a_folder_without_tokenizer_is_told(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert "is no folder" in refused(show(root, "--model", tmp_path / "none"))
    model = chat_model(tmp_path / "model")
    (model / "tokenizer.json").write_text("{")
    assert "its tokenizer cannot be loaded" in refused(show(root, "--model", model))
    (model / "tokenizer.json").unlink()
    assert "has no tokenizer" in refused(show(root, "--model", model))


OPEN = """
[study]
id = "open"
title = "Open questions"
[[item]]
id = "age"
label = "Age"
wording = "How old are you?"
scale = "interval"
role = "persona"
range = [18, 99]
[[item]]
id = "why"
label = "Why"
wording = "Why so many?"
scale = "text"
role = "outcome"
[[item]]
id = "glasses"
label = "Glasses"
wording = "How many glasses?"
scale = "interval"
role = "outcome"
range = [0, 12]
[[item]]
id = "sign"
label = "Petition"
wording = "Will you sign?"
scale = "nominal"
role = "action"
options = [{ code = "yes", label = "yes" }, { code = "no", label = "no" }]
"""


def test_an_answer_not_given_is_marked_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "open.toml").write_text(OPEN)
    (tmp_path / "people.csv").write_text("age,why,glasses,sign\n" + "30,,4,\n40,thirst,,yes\n" * 10)
    import_panel(Warehouse.create(tmp_path / "w"), tmp_path / "open.toml", tmp_path / "people.csv")
    root = ["-w", str(tmp_path / "w")]
    people = Warehouse.open(tmp_path / "w").sql("SELECT respondent_id FROM responses WHERE value = 30")
    who = people["respondent_id"][0]
    shown = CliRunner().invoke(main, ["prompt", "show", "open", "--respondent", who, *root])
    assert shown.exit_code == 0, shown.output
    assert "Answer: [no answer]\nQuestion: How many glasses?" in shown.stdout
    assert shown.stdout.endswith("Answer: [no answer]\n")
    assert shown.stdout.count("[no answer]") == 2
    listed = CliRunner().invoke(main, ["prompt", "show", "open", "--respondent", who, "--tokens", *root])
    assert "[no answer]" not in listed.stdout, "the parts are what is read"
