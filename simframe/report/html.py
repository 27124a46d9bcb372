"""The report as one HTML page that needs no network: styles and charts stand in it."""

from __future__ import annotations

from importlib import resources

import jinja2
from markupsafe import Markup

from simframe.report.charts import svg
from simframe.report.charts.style import swatch
from simframe.report.content import Figure, Section, Table, trimmed
from simframe.report.findings import Findings
from simframe.report.sections import compose
from simframe.report.tables import html_table
from simframe.wording import counted


def html(findings: Findings) -> str:
    """Return the page.

    Raises:
        ReportError: where a chart cannot be drawn.
    """
    folder = resources.files("simframe.report") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%")
    drawer = _Drawer()
    page = compose(findings)
    return environment.get_template("report.html.j2").render(
        page=page,
        findings=findings,
        contents=[(section.id, section.title) for section in page.sections],
        chart=drawer.chart,
        counted=counted,
        table=_table,
        legend=_legend,
        sql=lambda section: _sql(findings, section),
        css=Markup((folder / "report.css").read_text("utf-8")),  # noqa: S704 - our own file
    )


class _Drawer:
    """Draws figures and counts them, so that each has ids of its own."""

    def __init__(self) -> None:
        self.drawn = 0

    def chart(self, figure: Figure, section: Section) -> Markup:
        self.drawn += 1
        known = list(section.legend)
        return Markup(svg(figure, f"chart{self.drawn}", known))  # noqa: S704 - serialised by an XML writer, elements checked


def _table(table: Table) -> Markup:
    return Markup(html_table(trimmed(table)))  # noqa: S704 - escaped by great-tables, serialised again by an XML writer


def _legend(section: Section) -> list[tuple[Markup, str]]:
    """Return (mark, name) of every series in a section's charts; people are bars where panels are marks."""
    bar = section.id == "answers"
    known = list(section.legend)
    return [
        (Markup(swatch(series, known, bar=bar and series == "survey")), name)  # noqa: S704 - our own shapes
        for series, name in section.legend.items()
    ]


def _sql(findings: Findings, section: Section) -> str:
    return "\n\n".join(f"{findings.queries[name]};" for name in section.queries)
