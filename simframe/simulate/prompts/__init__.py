"""What a model reads: a template as data, rendered into tokens once a study.

- ``template``, ``builtin``: what a template is, and those that a plan may name; ``files``: one from a TOML file;
- ``codec``, ``compiling``, ``script``, ``question``: from text to tokens, checked; ``numbers``: answers in numbers;
- ``chat``: the turns of a tokenizer's chat template;
- ``shots``: answered questionnaires of the pilot as examples;
- ``resolving``: from a plan's keys to one template; ``show``: what a respondent's model reads, part by part.
"""

from simframe.simulate.prompts.builtin import COMPACT, FIRST_PERSON, INTERVIEW, NO_PERSONA, TABLE, TEMPLATES
from simframe.simulate.prompts.codec import Codec, Tokens
from simframe.simulate.prompts.files import load_template
from simframe.simulate.prompts.question import Question
from simframe.simulate.prompts.resolving import resolve
from simframe.simulate.prompts.script import Script, check_context, compile_script
from simframe.simulate.prompts.template import Chat, Template

__all__ = [
    "COMPACT",
    "FIRST_PERSON",
    "INTERVIEW",
    "NO_PERSONA",
    "TABLE",
    "TEMPLATES",
    "Chat",
    "Codec",
    "Question",
    "Script",
    "Template",
    "Tokens",
    "check_context",
    "compile_script",
    "load_template",
    "resolve",
]
