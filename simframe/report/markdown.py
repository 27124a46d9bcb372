"""The report as Markdown: the same words and tables, without the charts."""

from __future__ import annotations

import html
import re

from simframe.report.content import Block, Page, Section, Table, trimmed
from simframe.report.findings import Findings
from simframe.report.sections import compose

SPECIAL = re.compile(r"([\\`*_\[\]#|~])")


def markdown(findings: Findings) -> str:
    """Return the report as text."""
    page = compose(findings)
    parts = [*_head(page)]
    for section in page.sections:
        parts += _section(findings, section)
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(page: Page) -> list[str]:
    parts = [f"# {_text(page.title)}", _text(page.subtitle)]
    parts.append("\n".join(f"- {_text(name)}: {_text(value)}" for name, value in page.facts))
    parts.append("## The answer")
    parts.append(_text(page.answer.lead))
    parts += [f"**{_text(question)}** {_text(text)}" for question, text in page.answer.findings]
    parts += [f"> {_text(text)}" for text in page.answer.caveats]
    for _, heading, axes in page.answer.uses:
        parts.append(f"{_text(heading)}:\n\n" + "\n".join(f"- {_text(axis)}" for axis in axes))
    if page.answer.cards:
        rows = [[card.title, card.verdict, card.sentence] for card in page.answer.cards]
        table = Table(["Axis", "Verdict", "Figure"], rows, page.answer.about, text=(0, 1, 2))
        parts += [f"### {_text(page.answer.about)}", _table(table)]
    return parts


def _section(findings: Findings, section: Section) -> list[str]:
    parts = [f"## {_text(section.title)}", *map(_text, section.intro)]
    for block in section.blocks:
        parts += _block(block)
    if section.queries:
        parts.append("SQL behind this section:")
        parts.append(_code("\n\n".join(f"{findings.queries[name]};" for name in section.queries), "sql"))
    return parts


def _block(block: Block) -> list[str]:
    parts = [f"### {_text(block.title)}"] if block.title else []
    parts += [_text(text) for text in block.text]
    if block.table and block.table.rows:
        parts.append(_table(block.table))
    if block.code:
        parts.append(_code(block.code))
    return parts


def _table(table: Table) -> str:
    table = trimmed(table)
    columns = (["Group"] if table.groups else []) + table.columns
    shift = 1 if table.groups else 0
    words = {0} | {n + shift for n in table.text} if shift else set(table.text)
    rule = [":---" if n in words else "---:" for n in range(len(columns))]
    rows = [[table.groups[n], *row] for n, row in enumerate(table.rows)] if shift else table.rows
    lines = [columns, rule, *([_text(str(cell)) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str, language: str = "") -> str:
    """Return a code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _text(text: str) -> str:
    """Return text that no reader of Markdown takes for markup, on one line."""
    return SPECIAL.sub(r"\\\1", html.escape(re.sub(r"\s*\n\s*", "; ", text), quote=False))
