"""The templates that a plan may name."""

from __future__ import annotations

from dataclasses import replace

from simframe.simulate.prompts.template import LATER, Template

FIRST_PERSON = Template()
"""Who the respondent is, as they would say it, then a questionnaire with lettered options."""

INTERVIEW = replace(
    FIRST_PERSON,
    name="interview",
    person="An interview. The interviewer asks, the respondent answers.\n\n",
    field="Interviewer: $wording\nRespondent: $answer\n",
    number="Interviewer: $wording\nRespondent: $answer $unit\n",
    arm="Interviewer: $text\n",
    question="Interviewer: $wording\n${options}Respondent:",
    option="($mark) $answer\n",
    answer=" ($mark)",
)
"""Persona and questions as one conversation."""

TABLE = replace(
    FIRST_PERSON,
    name="table",
    person="A person, as a table, and what they answer in a survey.\n\n| asked | answered |\n|---|---|\n",
    field="| $label | $answer |\n",
    number="| $label | $answer $unit |\n",
    arm="$text\n",
)
"""Persona as a table of two columns."""

NO_PERSONA = replace(
    FIRST_PERSON,
    name="no_persona",
    person="A person answers a survey.\n\n",
    instruction="Answer each question with nothing but the mark of one option, or the number or words asked for.",
    fields=(),
)
"""Nothing about the respondent but their treatment."""

CODEBOOK = replace(
    FIRST_PERSON,
    name="codebook",
    opening="$introduction\n\nA questionnaire. Each question begins with the name that it is asked by.\n\n$codebook",
    entry="$item. $wording\n${options}\n",
    question="$item:",
)
"""All questions in the opening, which is read once for everybody; each is then asked by its name alone."""

COMPACT = Template(
    **LATER,
    name="compact",
    opening="",
    field="$item.$place ",
    number="$item.$part ",
    question="$item?",
    option="",
    answer=" $item.$mark",
    end=" ",
    joint=" ",
    marks="numbers",
)
"""One word a question and one word an answer, each of its own item: the template of the embedded model."""

TEMPLATES = {each.name: each for each in (FIRST_PERSON, INTERVIEW, TABLE, NO_PERSONA, CODEBOOK, COMPACT)}
"""The templates that a plan may name."""
