"""Loading a model's tokenizer alone: what a prompt needs. Nothing here imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simframe.errors import ModelError
from simframe.simulate.models.files import check_base, read_json

CHAT_FILES = ("chat_template.jinja", "chat_template.json")


def load_tokenizer(directory: Path) -> Any:
    """Return the tokenizer of a local model.

    Raises:
        ModelError: where the directory is incomplete or unsafe, or holds no tokenizer that transformers knows.
    """
    check_base(directory)
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(directory), local_files_only=True, trust_remote_code=False)
    except Exception as err:  # transformers, tokenizers and json raise what they like on broken files
        told = str(err).strip().splitlines()
        mend = "save the model's tokenizer beside it: tokenizer.save_pretrained(directory)"
        message = f"its tokenizer cannot be loaded: {type(err).__name__}: {told[0] if told else ''}"
        raise ModelError(message, where=str(directory), mend=mend) from err


def has_chat_template(directory: Path) -> bool:
    """Whether a model's files hold a chat template; nothing is loaded to tell."""
    if any((directory / name).exists() for name in CHAT_FILES):
        return True
    config = directory / "tokenizer_config.json"
    return config.exists() and bool(read_json(config).get("chat_template"))
