"""What may not be loaded: incomplete, unsafe and foreign models, each refused with its name and a mend."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from simframe.errors import ModelError
from simframe.simulate import models


@pytest.fixture
def base(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "base"))


@pytest.fixture
def adapter(tuned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tuned, tmp_path / "adapter"))


def refused(match: str, base: Path, adapter: Path | None = None) -> None:
    with pytest.raises(ModelError, match=f"(?s){match}") as caught:
        models.load(base, adapter)
    assert str(base.parent) in str(caught.value), "the error should say where"
    assert caught.value.mend


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_missing_directory(tmp_path: Path):
    refused("is no directory", tmp_path / "nowhere")


def test_no_config(base: Path):
    (base / "config.json").unlink()
    refused("no config.json; it holds .*model.safetensors", base)


def test_pickled_weights_are_not_loaded(base: Path):
    (base / "model.safetensors").unlink()
    torch.save({"a": torch.zeros(1)}, base / "pytorch_model.bin")
    refused("no .*safetensors; it holds .*pytorch_model.bin.*mend: convert", base)


def test_no_tokenizer(base: Path):
    (base / "tokenizer.json").unlink()
    refused("no tokenizer", base)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_models_own_code_is_not_run(base: Path, name: str):
    (base / "evil.py").write_text(f"open({str(base / 'ran')!r}, 'w')")
    edit(
        base / name,
        auto_map={"AutoConfig": "evil.X", "AutoModelForCausalLM": "evil.X", "AutoTokenizer": ["evil.X", None]},
    )
    refused("auto_map", base)
    assert not (base / "ran").exists()


def test_torn_weights(base: Path):
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-64])
    refused("cannot be loaded", base)


def test_missing_weights_are_not_filled_with_random_ones(base: Path):
    from safetensors.torch import load_file, save_file

    kept = load_file(base / "model.safetensors")
    del kept["lm_head.weight"]
    save_file(kept, base / "model.safetensors", metadata={"format": "pt"})
    refused("missing or misshapen, first lm_head.weight", base)


def test_weights_of_another_architecture_are_not_left_out(base: Path):
    from safetensors.torch import load_file, save_file

    held = load_file(base / "model.safetensors")
    width = held["model.norm.weight"].shape[0]
    held["model.layers.0.self_attn.foreign_norm.weight"] = torch.ones(width)
    save_file(held, base / "model.safetensors", metadata={"format": "pt"})
    refused("holds 1 weights that .* has no place for, first model.layers.0.self_attn.foreign_norm.weight", base)


def test_a_model_without_a_head_is_told_by_what_it_was_saved_as(base: Path):
    from transformers import BertConfig, BertModel

    shape = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    with models.quiet():
        BertModel(BertConfig(**shape, intermediate_size=32)).save_pretrained(base)
    refused("missing or misshapen, .* saved as BertModel", base)


def test_an_encoder_is_no_simulator(base: Path, tmp_path: Path):
    from transformers import BertConfig, BertLMHeadModel

    config = BertConfig(
        vocab_size=99,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        is_decoder=False,
    )
    with models.quiet():
        BertLMHeadModel(config).save_pretrained(base)
    refused("cannot be|other logits", base)


def test_an_unknown_architecture(base: Path):
    edit(base / "config.json", model_type="never_heard_of", architectures=["NeverHeardOf"])
    refused("cannot be loaded", base)


def test_the_fingerprint_follows_weights_tokenizer_and_config(built: Path, base: Path):
    assert models.fingerprint(base) == models.fingerprint(built)
    (base / "README.md").write_text("no part of the model")
    assert models.fingerprint(base) == models.fingerprint(built)
    edit(base / "config.json", rms_norm_eps=1e-3)
    assert models.fingerprint(base) != models.fingerprint(built)


def test_a_pickled_adapter(base: Path, adapter: Path):
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    refused("no adapter_model.safetensors; it holds .*adapter_model.bin", base, adapter)


@pytest.mark.parametrize(
    ("key", "value"),
    [("megatron_core", "evil"), ("auto_mapping", {"parent_library": "evil"}), ("target_parameters", ["x"]), ("new", 1)],
)
def test_an_adapter_may_not_name_modules(base: Path, adapter: Path, key: str, value: object):
    edit(adapter / "adapter_config.json", **{key: value})
    refused(f"sets {key} = ", base, adapter)


def test_an_adapter_of_another_kind(base: Path, adapter: Path):
    edit(adapter / "adapter_config.json", peft_type="PREFIX_TUNING")
    refused("PREFIX_TUNING", base, adapter)


def test_an_adapter_of_another_base(base: Path, adapter: Path):
    edit(base / "config.json", rms_norm_eps=1e-3)
    refused("was tuned on another base", base, adapter)


def test_an_adapter_without_provenance(base: Path, adapter: Path):
    (adapter / "provenance.json").unlink()
    refused("another base .unknown", base, adapter)


def test_an_adapter_that_was_swapped(base: Path, adapter: Path):
    from safetensors.torch import load_file, save_file

    other = {name: weight * 2 for name, weight in load_file(adapter / "adapter_model.safetensors").items()}
    save_file(other, adapter / "adapter_model.safetensors")
    refused("not what was tuned", base, adapter)


def test_an_adapter_of_another_template(base: Path, adapter: Path):
    from simframe.simulate.prompts import Template

    with pytest.raises(ModelError, match="tuned with template"):
        models.load(base, adapter, template=Template())


def reseal(adapter: Path) -> None:
    """Give an adapter the provenance of what it holds now, as somebody with ill intent would."""
    edit(adapter / "provenance.json", adapter_fingerprint=models.fingerprint(adapter))


def test_an_adapter_that_is_cut_short(base: Path, adapter: Path):
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-64])
    reseal(adapter)
    refused("cannot be loaded", base, adapter)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("more", "holds a tensor that belongs nowhere, base_model.model.model.layers.7"),
        ("fewer", "lacks tensor base_model"),
        ("renamed", "lacks tensor|belongs nowhere"),
        ("shape", "cannot be loaded: RuntimeError"),
        ("nan", "holds what is no number"),
    ],
)
def test_an_adapter_with_tensors_that_do_not_belong(base: Path, adapter: Path, change: str, match: str):
    """peft alone would load the first three: what it lacks stays untrained, what it does not know is left out."""
    from safetensors.torch import load_file, save_file

    held = load_file(adapter / "adapter_model.safetensors")
    name = sorted(held)[0]
    if change == "more":
        held[name.replace("layers.0", "layers.7")] = held[name].clone()
    elif change == "fewer":
        del held[name]
    elif change == "renamed":
        held["base_model.model.elsewhere.lora_A.weight"] = held.pop(name)
    elif change == "shape":
        held[name] = torch.zeros(held[name].shape[0], held[name].shape[1] + 1)
    else:
        held[name][0, 0] = float("nan")
    save_file(held, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    reseal(adapter)
    refused(match, base, adapter)


@pytest.mark.parametrize("rank", [3, 16])
def test_an_adapter_whose_configuration_says_another_rank(base: Path, adapter: Path, rank: int):
    edit(adapter / "adapter_config.json", r=rank)
    reseal(adapter)
    refused("cannot be loaded", base, adapter)


def test_an_encoder_and_decoder_is_no_simulator(base: Path):
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=99, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_decoder_layers=1, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    with models.quiet():
        T5ForConditionalGeneration(config).save_pretrained(base)
    refused("cannot be loaded", base)


def test_weights_that_are_no_numbers(base: Path):
    from safetensors.torch import load_file, save_file

    held = load_file(base / "model.safetensors")
    held["model.norm.weight"][0] = float("nan")
    save_file(held, base / "model.safetensors", metadata={"format": "pt"})
    refused("logits that are no numbers", base)


def unreadable(base: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> Path:
    weights = base / "model.safetensors"
    if kind == "forbidden":
        opened = Path.open

        def refuse(path: Path, *how: object, **more: object) -> object:
            if path == weights:
                raise PermissionError(13, "Permission denied", str(path))
            return opened(path, *how, **more)

        monkeypatch.setattr(Path, "open", refuse)
        return weights
    weights.unlink()
    if kind == "dangling":
        weights.symlink_to(base / "blobs" / "gone")
    else:
        weights.mkdir()
    return weights


@pytest.mark.parametrize(
    ("kind", "message", "mend"),
    [
        ("dangling", "is a link to .*gone, which is not there", "download the model again"),
        ("folder", "cannot be read: Is a directory", "copy the model"),
        ("forbidden", "cannot be read: Permission denied", "chmod"),
    ],
)
def test_weights_that_cannot_be_opened(base: Path, monkeypatch: pytest.MonkeyPatch, kind: str, message: str, mend: str):
    from simframe.simulate.bases import LocalBase

    weights = unreadable(base, monkeypatch, kind)
    for look in (models.load, models.fingerprint, LocalBase):
        with pytest.raises(ModelError, match=message) as caught:
            look(base)
        assert caught.value.where == str(weights)
        assert mend in str(caught.value.mend)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (5, "template: 5 is no template"),
        ([], r"template: \[\] is no template"),
        ({"colour": "red"}, "template: a template has no key 'colour'"),
        ({"opening": 5}, "template: opening: 5 is not allowed"),
        ({"fields": 5}, "template: fields: 5 is not allowed"),
        ({"shots": None}, "template: shots: None is not allowed"),
        ({"chat": {"system": True}}, "template: chat: .* is not allowed"),
        ({"text_tokens": "many"}, "template: text_tokens: 'many' is not allowed"),
        ({"marks": "runes"}, "template: marks: 'runes' is not allowed"),
    ],
)
def test_a_provenance_whose_template_is_none(base: Path, template: object, message: str):
    from simframe.simulate.bases import LocalBase

    edit(base / "provenance.json", template=template)
    for look in (models.load, LocalBase):
        with pytest.raises(ModelError, match=message) as caught:
            look(base)
        assert caught.value.where == str(base / "provenance.json")
        assert caught.value.mend


def test_an_adapter_whose_provenance_names_no_template(base: Path, adapter: Path):
    noted = json.loads((adapter / "provenance.json").read_text())
    del noted["template_hash"]
    (adapter / "provenance.json").write_text(json.dumps(noted))
    refused("was tuned with template unknown", base, adapter)
