"""What a model reads: a template as data, rendered into tokens once a study.

A respondent's prompt is ``opening, persona fields, then for each question: cue, answer``.
"""

from simframe.simulate.prompts.codec import Codec, Tokens
from simframe.simulate.prompts.question import Question
from simframe.simulate.prompts.script import Script, compile_script
from simframe.simulate.prompts.template import COMPACT, Template

__all__ = ["COMPACT", "Codec", "Question", "Script", "Template", "Tokens", "compile_script"]
